//! Where among curl's words the token of a form account has its place: in the body's form, or nowhere.

use std::ffi::OsString;

/// Short options that take a value (curl(1)): what follows them in a cluster is no option.
const WITH_VALUE: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";

/// Long options of which the next word is a value that may well begin with a dash.
const LONG_WITH_VALUE: [&str; 15] = [
    "cookie",
    "data",
    "data-ascii",
    "data-binary",
    "data-raw",
    "data-urlencode",
    "form",
    "form-string",
    "header",
    "json",
    "request",
    "url-query",
    "user",
    "user-agent",
    "write-out",
];

/// How curl can send a form field with these words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// As one more field of a URL-encoded form; with `-G`, of the URL.
    Data,
    /// As one more part of a multipart form.
    Part,
    /// Not at all.
    Nowhere(Obstacle),
}

/// What keeps a request from having form fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// `--json`: the body is JSON.
    Json,
    /// A header says that the body is no form.
    ContentType,
    /// `-I`: there is no body.
    Head,
    /// `-T`: the body is a file.
    Upload,
}

impl Obstacle {
    /// What happened, in words.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Json => "with --json the body is JSON",
            Self::ContentType => "the header Content-Type says that the body is no form",
            Self::Head => "with -I there is no body",
            Self::Upload => "with -T the body is a file",
        }
    }
}

/// Finds the place. Options in files of curl's own (`-K`, .curlrc) are not seen, nor shortened long ones.
pub(crate) fn place(arguments: &[OsString]) -> Place {
    let found = marks(arguments);
    let has = |mark| found.contains(&mark);
    if has(Mark::Json) {
        Place::Nowhere(Obstacle::Json)
    } else if has(Mark::Upload) {
        Place::Nowhere(Obstacle::Upload)
    } else if has(Mark::InUrl) {
        Place::Data
    } else if has(Mark::Head) {
        Place::Nowhere(Obstacle::Head)
    } else if has(Mark::Part) {
        Place::Part
    } else if has(Mark::OtherType) {
        Place::Nowhere(Obstacle::ContentType)
    } else {
        Place::Data
    }
}

/// What an option says of the body.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    Json,
    Upload,
    InUrl,
    Head,
    Part,
    OtherType,
}

fn marks(arguments: &[OsString]) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let value = if LONG_WITH_VALUE.contains(&long) { words.next() } else { None };
            found.extend(mark(long, value.as_deref().unwrap_or_default()));
        } else if let Some(cluster) = word.strip_prefix('-') {
            for (at, short) in cluster.char_indices() {
                if !WITH_VALUE.contains(short) {
                    found.extend(mark(long_name(short), ""));
                    continue;
                }
                let rest = &cluster[at + short.len_utf8()..];
                let next = if rest.is_empty() { words.next() } else { None };
                found.extend(mark(long_name(short), next.as_deref().unwrap_or(rest)));
                break;
            }
        }
    }
    found
}

fn mark(long: &str, value: &str) -> Option<Mark> {
    match long {
        "json" => Some(Mark::Json),
        "upload-file" => Some(Mark::Upload),
        "get" => Some(Mark::InUrl),
        "head" => Some(Mark::Head),
        "form" | "form-string" => Some(Mark::Part),
        "header" if names_another_type(value) => Some(Mark::OtherType),
        _ => None,
    }
}

fn long_name(short: char) -> &'static str {
    match short {
        'T' => "upload-file",
        'G' => "get",
        'I' => "head",
        'F' => "form",
        'H' => "header",
        _ => "",
    }
}

/// Whether this header says that the body is no form.
fn names_another_type(header: &str) -> bool {
    let Some((name, value)) = header.split_once(':') else { return false };
    let value = value.trim().to_ascii_lowercase();
    name.trim().eq_ignore_ascii_case("content-type")
        && !["", "application/x-www-form-urlencoded", "multipart/form-data"]
            .contains(&value.split(';').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Place {
        place(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_form_takes_one_more_field() {
        for words in [
            &["u"][..],
            &["-sS", "-d", "a=1", "u"],
            &["-H", "Content-Type: application/x-www-form-urlencoded; charset=utf-8", "u"],
            &["-H", "Content-Type:", "u"],
            &["-HAccept: application/json", "u"],
            &["--header", "@file", "u"],
        ] {
            assert_eq!(of(words), Place::Data, "{words:?}");
        }
        for words in [&["-F", "a=1", "u"][..], &["-sSFa=1", "u"], &["--form-string", "a=1"], &["--form", "a"]]
        {
            assert_eq!(of(words), Place::Part, "{words:?}");
        }
    }

    #[test]
    fn what_is_no_form_has_no_place_for_it() {
        for (words, obstacle) in [
            (&["--json", "{}", "u"][..], Obstacle::Json),
            (&["-G", "--json", "{}", "u"], Obstacle::Json),
            (&["-sI", "u"], Obstacle::Head),
            (&["--head", "u"], Obstacle::Head),
            (&["-sSTfile", "u"], Obstacle::Upload),
            (&["-G", "-T", "file", "u"], Obstacle::Upload),
            (&["--upload-file", "file", "u"], Obstacle::Upload),
            (&["-H", "content-type:application/json", "-d", "{}", "u"], Obstacle::ContentType),
            (&["-sHContent-Type: text/xml", "-d", "<a/>", "u"], Obstacle::ContentType),
            (&["--header", "Content-Type: application/JSON", "u"], Obstacle::ContentType),
        ] {
            assert_eq!(of(words), Place::Nowhere(obstacle), "{words:?}");
        }
    }

    #[test]
    fn in_the_url_there_is_room_whatever_the_body() {
        for words in [&["-G", "u"][..], &["-sGI", "u"], &["--get", "-I", "u"]] {
            assert_eq!(of(words), Place::Data, "{words:?}");
        }
    }

    #[test]
    fn a_value_is_no_option() {
        for words in [
            &["-o", "-I", "u"][..],
            &["-oI", "u"],
            &["-sXI", "u"],
            &["-d", "--json", "u"],
            &["--data-raw", "-T", "u"],
            &["--user-agent", "--head", "u"],
            &["-", "u"],
        ] {
            assert_eq!(of(words), Place::Data, "{words:?}");
        }
    }
}
