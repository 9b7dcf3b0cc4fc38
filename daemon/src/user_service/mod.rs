//! A user's own service where that is not systemd's: launchd's agent and the Task Scheduler's logon task, as texts that
//! are written and read; and how their programs are called.

pub mod launchd;
pub mod task;

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// Runs a program that asks or tells a service manager, and gives what it said.
///
/// # Errors
/// What the system says; `TimedOut` where it takes longer than `limit`: then it was ended.
pub async fn call(program: &Path, words: &[&str], limit: Duration) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no end within {} s", limit.as_secs()));
    tokio::time::timeout(limit, command.output()).await.map_err(late)?
}

/// Text as it stands in XML, in an element or an attribute; None for what XML cannot hold.
fn escaped(text: &str) -> Option<String> {
    // XML 1.0, 2.2: of the control characters only these; a path with one of them is not meant either.
    let is_foreign = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(is_foreign) {
        return None;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(c),
        }
    }
    Some(escaped)
}

/// The text again that [`escaped`] was made of.
fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&apos;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_after_xml() {
        let odd = r#"/a & b/<c>/"d"/'e'/&amp;/ä"#;
        let escaped = escaped(odd).unwrap_or_default();
        assert_eq!(escaped, "/a &amp; b/&lt;c&gt;/&quot;d&quot;/&apos;e&apos;/&amp;amp;/ä");
        assert_eq!(unescaped(&escaped), odd);
        assert_eq!(super::escaped("/a\nb"), None);
    }
}
