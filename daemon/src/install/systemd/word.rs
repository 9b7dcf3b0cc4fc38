//! Paths as words of systemd's files.

use std::path::Path;

use super::super::trouble::Trouble;

/// A word of a unit file (systemd.service(5), "Command lines"), quoted where it must be; None for what a unit file cannot
/// hold.
pub(super) fn unit_word(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control))?;
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#).replace('%', "%%");
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | ';');
    Some(if text.chars().all(is_plain) { escaped } else { format!("\"{escaped}\"") })
}

/// Why a path is in none of them.
pub(super) fn unfit(path: &Path) -> Trouble {
    let what = format!("no file of systemd can hold the path {}", path.display());
    Trouble::new(what, "choose one that is UTF-8, without control characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_a_unit_needs_it() {
        for (path, word) in [
            ("/usr/bin/tokend", "/usr/bin/tokend"),
            ("/home/ä/50%/tokend", "/home/ä/50%%/tokend"),
            ("/home/a b/tokend", "\"/home/a b/tokend\""),
            (r#"/a"b\c"#, r#""/a\"b\\c""#),
        ] {
            assert_eq!(unit_word(Path::new(path)).as_deref(), Some(word));
        }
        assert_eq!(unit_word(Path::new("/a\nb")), None);
    }
}
