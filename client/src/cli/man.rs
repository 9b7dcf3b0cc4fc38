//! `tok man`: the pages of the manual.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::arguments::Words;
use super::complaint::{Complaint, Stop};
use super::{nearest, output, platform};

/// The pages. `cargo words` makes them.
const PAGES: [(&str, &str); 3] = [
    ("tok", include_str!("../../../docs/man/tok.1")),
    ("tokend", include_str!("../../../docs/man/tokend.8")),
    ("tokend.toml", include_str!("../../../docs/man/tokend.toml.5")),
];

/// `tok man [PAGE]`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let name = words.only_value()?;
    let name = name.as_deref().unwrap_or(OsStr::new("tok"));
    let Some((_, page)) = PAGES.iter().find(|(known, _)| name == *known) else {
        let meant = nearest(&name.to_string_lossy(), PAGES.iter().map(|(known, _)| *known));
        let hint = match meant {
            Some(near) => format!("did you mean `tok man {near}`?"),
            None => "the pages are tok, tokend and tokend.toml".to_owned(),
        };
        return Err(Complaint::usage("there is no such page", hint).into());
    };
    if platform::terminal_width().is_some() && shown_by_man(page) {
        return Ok(0);
    }
    output::print(page.as_bytes())?;
    Ok(0)
}

/// Whether man(1) was there to show it.
fn shown_by_man(page: &str) -> bool {
    // man-db and mandoc both take a page from a file that is no installed one so.
    let Some(program) = platform::find_program("man") else { return false };
    let shown = Command::new(program).args(["-l", "-"]).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = shown else { return false };
    if let Some(mut pipe) = child.stdin.take() {
        // Who leaves the pager early has seen enough.
        let _ = pipe.write_all(page.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}
