//! Secrets in a dotenv file, as common tools read it: `NAME=value`, `export`, comments, quotes, escapes.
//! Nothing is expanded: a secret with a `$` in it must stay what it is (the crate dotenvy, for one, always
//! expands).

use std::path::Path;

use tokend::document::{nearest, printable};
use zeroize::Zeroizing;

use super::{Complaint, Found, fit, name_of, note, text_of};

pub(super) fn read(path: &Path, variables: &[String], prefix: &str) -> Result<Vec<Found>, Complaint> {
    let text = text_of(path)?;
    let parsed = parse(&text).map_err(|line| {
        let shown = printable(&path.to_string_lossy(), 300);
        Complaint::usage(
            format!("line {line} of {shown} is not NAME=value"),
            "nothing was stored; mend that line",
        )
    })?;
    if let Some(missing) = variables.iter().find(|wanted| parsed.iter().all(|one| one.name != **wanted)) {
        let near = nearest(missing, parsed.iter().map(|one| one.name));
        let hint = near.map_or_else(|| "name another".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Complaint::unknown(
            "no-variable",
            format!("there is no variable {}", printable(missing, 100)),
            hint,
        ));
    }
    let mut found: Vec<Found> = Vec::new();
    for one in parsed {
        if !(variables.is_empty() || variables.iter().any(|wanted| wanted == one.name)) {
            continue;
        }
        // An empty one is a place for somebody to fill in.
        if one.value.is_empty() && variables.is_empty() {
            note(&format!("{} is empty, and left out", one.name));
            continue;
        }
        if one.expands {
            note(&format!(
                "{} has a $: it is stored as it is written, nothing is put in its place",
                one.name
            ));
        }
        let secret = fit(&one.value, one.name)?;
        let name = name_of(&format!("{prefix}{}", one.name), "--prefix")?;
        // As in a shell, the last one counts.
        found.retain(|earlier| earlier.was != one.name);
        found.push(Found { was: one.name.to_owned(), name, secret });
    }
    Ok(found)
}

/// A line's variable.
struct Variable<'t> {
    name: &'t str,
    value: Zeroizing<Vec<u8>>,
    /// Whether other tools would put another variable's value into it.
    expands: bool,
}

/// All of them, or the number of the first line that is none.
fn parse(text: &str) -> Result<Vec<Variable<'_>>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        // Quotes may span lines, so the value is read from what follows the `=`.
        let (name, value) = rest.split_once('=').filter(|(name, _)| !name.contains('\n')).ok_or(number)?;
        let name = name.trim();
        let name =
            name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map_or(name, str::trim);
        if !is_variable(name) {
            return Err(number);
        }
        let (value, expands, after) = value_of(value.trim_start_matches([' ', '\t'])).ok_or(number)?;
        found.push(Variable { name, value, expands });
        rest = after;
    }
    Ok(found)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// The value at the beginning of `text`, whether others would expand it, and the lines after it.
fn value_of(text: &str) -> Option<(Zeroizing<Vec<u8>>, bool, &str)> {
    match text.chars().next() {
        Some('\'') => {
            let (value, after) = text[1..].split_once('\'')?;
            Some((Zeroizing::new(value.as_bytes().to_vec()), false, end_of_line(after)?))
        }
        Some('"') => double_quoted(&text[1..]),
        _ => {
            let (line, after) = text.split_once('\n').unwrap_or((text, ""));
            // A comment begins after white space; `a#b` is a value.
            let comment = line
                .char_indices()
                .find(|(place, c)| *c == '#' && (*place == 0 || line[..*place].ends_with([' ', '\t'])));
            let value = comment.map_or(line, |(place, _)| &line[..place]).trim();
            Some((Zeroizing::new(value.as_bytes().to_vec()), value.contains('$'), after))
        }
    }
}

fn double_quoted(text: &str) -> Option<(Zeroizing<Vec<u8>>, bool, &str)> {
    let mut value = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut expands, mut escaped) = (false, false);
    for (place, c) in text.char_indices() {
        if escaped {
            escaped = false;
            let plain = match c {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' | '"' | '$' | '`' => c,
                // Not an escape that anybody knows: it stays.
                _ => {
                    value.push(b'\\');
                    c
                }
            };
            value.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match c {
            '"' => return Some((value, expands, end_of_line(&text[place + 1..])?)),
            '\\' => escaped = true,
            _ => {
                expands |= c == '$';
                value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    None
}

/// After a closing quote there is nothing but white space and a comment.
fn end_of_line(text: &str) -> Option<&str> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let line = line.trim();
    (line.is_empty() || line.starts_with('#')).then_some(after)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String, bool)> {
        let one = |one: Variable<'_>| {
            (one.name.to_owned(), String::from_utf8(one.value.to_vec()).unwrap(), one.expands)
        };
        parse(text).unwrap().into_iter().map(one).collect()
    }

    fn value(text: &str) -> String {
        let all = parsed(&format!("X={text}\nY=end\n"));
        assert_eq!(all.len(), 2, "{text}");
        assert_eq!(all[1].1, "end");
        all[0].1.clone()
    }

    #[test]
    fn values_are_read_as_common_tools_do() {
        for (written, meant) in [
            ("a", "a"),
            ("  a b  ", "a b"),
            ("a#b", "a#b"),
            ("a # b", "a"),
            ("# b", ""),
            ("", ""),
            ("a=b==", "a=b=="),
            ("'a # $b \\n'  # c", "a # $b \\n"),
            (r#""a\n\t\"b\" \\ \$c \q""#, "a\n\t\"b\" \\ $c \\q"),
            ("\"two\nlines\"", "two\nlines"),
            ("'two\nlines'", "two\nlines"),
            (r"a\nb", r"a\nb"),
            ("it's", "it's"),
            ("\"ä\"", "ä"),
            ("a\r", "a"),
        ] {
            assert_eq!(value(written), meant, "{written}");
        }
    }

    #[test]
    fn names_comments_and_export() {
        let all = parsed("\u{feff}# c\n\nexport A=1\r\n export  B.c = 2\nexport=3\n  # d");
        let names: Vec<_> = all.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
        assert_eq!(names, ["A=1", "B.c=2", "export=3"]);
        assert!(parsed("").is_empty());
    }

    #[test]
    fn a_dollar_is_told_where_others_would_expand_it() {
        let all = parsed("A=a$b\nB='a$b'\nC=\"$b\"\nD=\"\\$b\"");
        assert_eq!(all.iter().map(|one| one.2).collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number() {
        for (text, line) in
            [("A=1\nB", 2), ("1A=x", 1), ("A='x\n\n", 1), ("A=\"x\" y", 1), ("\n\nA B=1", 3), ("=x", 1)]
        {
            assert_eq!(parse(text).err(), Some(line), "{text}");
        }
        assert_eq!(parse("A='x\ny'\nnonsense").err(), Some(3));
    }
}
