//! Texts with `${secret:NAME}` in them, which become requests with secrets in them.

use std::collections::BTreeMap;
use std::fmt;

use tokend_proto::Secret;
use zeroize::Zeroizing;

use crate::provider::http::Buffer;

/// The secrets of an account by their names.
pub(super) type Secrets = BTreeMap<String, Secret>;

/// A text with places for secrets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Secret(String),
}

/// What is wrong with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `${` and no `}`.
    Open,
    /// `${…}` that is not `${secret:…}`.
    Other,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "has `${` without `}`",
            Self::Other => "has a placeholder that is not `${secret:NAME}`",
        })
    }
}

impl Template {
    /// Reads `text`. `$${` stands for `${` itself.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = after;
                continue;
            }
            literal.push_str(before);
            let (inner, tail) = after.split_once('}').ok_or(Fault::Open)?;
            let name = inner.strip_prefix("secret:").map(str::trim).filter(|name| !name.is_empty());
            let name = name.ok_or(Fault::Other)?;
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(Part::Secret(name.to_owned()));
            rest = tail;
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// The names of its secrets.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with the secrets in their places. The configuration has been checked, so none is missing.
    pub(super) fn fill(&self, secrets: &Secrets) -> Zeroizing<Vec<u8>> {
        let mut out = Buffer::with_capacity(128);
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push(text.as_bytes()),
                Part::Secret(name) => out.push(&secrets.get(name).map(Secret::expose).unwrap_or_default()),
            }
        }
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::provider::stand_in::secret;

    fn fill(text: &str) -> Result<String, Fault> {
        let secrets =
            Secrets::from([("a".to_owned(), secret("1${secret:b}")), ("b".to_owned(), secret("2"))]);
        let bytes = Template::parse(text)?.fill(&secrets);
        Ok(String::from_utf8(bytes.to_vec()).expect("text"))
    }

    #[test]
    fn placeholders_are_filled_once() {
        for (text, filled) in [
            ("", ""),
            ("plain $ { } $x", "plain $ { } $x"),
            ("${secret:b}", "2"),
            ("x${secret:b}y${secret: b }z", "x2y2z"),
            ("${secret:a}", "1${secret:b}"),
            ("$${secret:b}", "${secret:b}"),
            ("$$${secret:b}", "$${secret:b}"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_a_fault() {
        assert_eq!(fill("${secret:b"), Err(Fault::Open));
        for text in ["${b}", "${}", "${secret:}", "${env:HOME}", "${ secret:b}"] {
            assert_eq!(fill(text), Err(Fault::Other), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[${}:a-z]{0,40}", literal in "[^$]{0,20}") {
            let _ = Template::parse(&text);
            prop_assert_eq!(fill(&literal), Ok(literal));
        }
    }
}
