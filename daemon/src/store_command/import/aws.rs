//! Secrets in an AWS credentials file: sections of `key = value`
//! (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html>).

use std::path::Path;

use tokend::document::{nearest, printable};
use zeroize::Zeroizing;

use super::{Complaint, Found, fit, name_of, text_of};

/// What is worth keeping.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

pub(super) fn read(path: &Path, profiles: &[String]) -> Result<Vec<Found>, Complaint> {
    found_in(&text_of(path)?, profiles)
}

fn found_in(text: &str, profiles: &[String]) -> Result<Vec<Found>, Complaint> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    let mut profile = None;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) =
            line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name.trim())
        {
            seen.push(section);
            profile = Some(section)
                .filter(|name| profiles.is_empty() || profiles.iter().any(|wanted| wanted == name));
            continue;
        }
        let (Some(profile), Some((key, value))) = (profile, line.split_once('=')) else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        let Some(short) = KEYS.contains(&key.as_str()).then(|| key.trim_start_matches("aws_")) else {
            continue;
        };
        let was = format!("{key} of {profile}");
        let secret = fit(&Zeroizing::new(value.as_bytes().to_vec()), &was)?;
        found.push(Found { name: name_of(&format!("aws-{profile}-{short}"), "another file")?, was, secret });
    }
    match profiles.iter().find(|wanted| !seen.contains(&wanted.as_str())) {
        None => Ok(found),
        Some(missing) => {
            let hint = nearest(missing, seen.iter().copied()).map_or_else(
                || "name another".to_owned(),
                |near| format!("did you mean {}?", printable(near, 100)),
            );
            Err(Complaint::unknown(
                "no-profile",
                format!("there is no profile {}", printable(missing, 100)),
                hint,
            ))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n[default]\naws_access_key_id=AKIA1\nAWS_SECRET_ACCESS_KEY = a/b+c==\n\
                        region = x\n\n\
                        [work-1]\n; s\naws_secret_access_key = w\naws_session_token = t\n";

    fn pairs(profiles: &[&str]) -> Vec<(String, String)> {
        let profiles: Vec<_> = profiles.iter().map(|&name| name.to_owned()).collect();
        let text = |found: Found| {
            let bytes = found.secret.expose();
            (found.name.clone(), String::from_utf8(bytes.to_vec()).unwrap())
        };
        found_in(FILE, &profiles).unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn each_profile_gives_its_keys() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs(&[]),
            [
                pair("aws-default-access-key-id", "AKIA1"),
                pair("aws-default-secret-access-key", "a/b+c=="),
                pair("aws-work-1-secret-access-key", "w"),
                pair("aws-work-1-session-token", "t"),
            ]
        );
        assert_eq!(pairs(&["work-1"]).len(), 2);
    }

    #[test]
    fn a_profile_that_is_not_there_is_told() {
        assert!(found_in(FILE, &["wrok-1".to_owned()]).is_err());
        assert!(found_in("", &[]).unwrap().is_empty());
    }
}
