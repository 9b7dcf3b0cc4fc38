//! The units of systemd, and what else it reads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::pieces::{Piece, completions, pages as man_pages};
use super::super::places::Places;
use super::super::program::Program;
use super::super::trouble::Trouble;
use super::folders::Folders;
use super::word::{unfit, unit_word};

const SERVICE: &str = include_str!("../../../../systemd/user/tokend.service");
const SOCKET: &str = include_str!("../../../../systemd/user/tokend.socket");
const NOTIFY_RELOAD: &str = include_str!("../../../../systemd/examples/notify-reload.conf");

/// The program in the unit as it is shipped.
const SHIPPED_PROGRAM: &str = "%h/.cargo/bin/tokend";

/// What stands before units and what belongs to them.
const MADE: &str =
    "# Made by `tokend install`. What should differ goes into a drop-in: systemctl --user edit tokend\n";

/// The units, the socket first.
pub(super) const UNITS: [&str; 2] = ["tokend.socket", "tokend.service"];

fn unit(path: PathBuf, text: &str, shipped: &str) -> Piece {
    Piece::unit(path, format!("{MADE}{text}").into_bytes(), shipped)
}

/// All that belongs to this user's installation. `listens` is where the socket unit does; an older systemd would not load a
/// unit of `Type=notify-reload`.
///
/// # Errors
/// A path that no unit can hold.
pub(super) fn pieces(
    places: &Places,
    folders: &Folders,
    program: &Program,
    listens: &Path,
    knows_notify_reload: bool,
) -> Result<Vec<Piece>, Trouble> {
    let mut pieces = Vec::new();
    if folders.packaged.is_none() {
        let service = SERVICE.replace(SHIPPED_PROGRAM, &program_word(program)?);
        pieces.push(unit(folders.units.join(UNITS[0]), SOCKET, SOCKET));
        pieces.push(unit(folders.units.join(UNITS[1]), &service, SERVICE));
    }
    if knows_notify_reload {
        let path = folders.units.join("tokend.service.d/notify-reload.conf");
        pieces.push(unit(path, NOTIFY_RELOAD, NOTIFY_RELOAD));
    }
    if !folders.differing.is_empty() {
        let path = folders.units.join("tokend.service.d/50-places.conf");
        pieces.push(unit(path, &environment(&folders.differing)?, ""));
    }
    if places.socket != listens {
        let text = format!("TOKEND_SOCK={}\n", environment_value(listens)?);
        pieces.push(Piece::new(folders.environment(), &text));
    }
    let is_packaged = |path: &str| {
        let share = folders.packaged_share();
        share.is_some_and(|share| ["", ".gz"].iter().any(|end| share.join(format!("{path}{end}")).exists()))
    };
    if !is_packaged("bash-completion/completions/tok") {
        pieces.extend(completions(places));
    }
    if !is_packaged("man/man1/tok.1") {
        pieces.extend(man_pages(places));
    }
    Ok(pieces)
}

/// The program as a word of a unit's command line.
fn program_word(program: &Program) -> Result<String, Trouble> {
    unit_word(&program.path).ok_or_else(|| {
        let what = format!("no unit can name the program {}", program.path.display());
        Trouble::new(what, "put it where the path has no control characters and is UTF-8")
    })
}

/// A drop-in with the folders that the shell knows and systemd does not.
fn environment(variables: &[(&str, PathBuf)]) -> Result<String, Trouble> {
    let mut text = "[Service]\n".to_owned();
    for (name, value) in variables {
        let assignment = PathBuf::from(format!("{name}={}", value.display()));
        let word = unit_word(&assignment).filter(|_| value.to_str().is_some());
        let word = word.ok_or_else(|| unfit(value))?;
        // Writing to a string does not fail.
        let _ = writeln!(text, "Environment={word}");
    }
    Ok(text)
}

/// A value as environment.d(5) reads it.
fn environment_value(path: &Path) -> Result<String, Trouble> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control)).ok_or_else(|| unfit(path))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    if text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#).replace('$', r"\$").replace('`', r"\`");
    Ok(format!("\"{escaped}\""))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            home: "/home/a".into(),
            configuration: "/home/a/.config/tokend".into(),
            state: "/home/a/.local/state/tokend".into(),
            data: "/home/a/.local/share/tokend".into(),
            data_home: "/home/a/.local/share".into(),
            config_home: "/home/a/.config".into(),
            state_home: "/home/a/.local/state".into(),
            programs: "/home/a/.local/share/Programs/tokend".into(),
            variables: Vec::new(),
            socket: "/run/user/7/tokend/tokend.sock".into(),
            bash: "/home/a/.local/share/bash-completion/completions".into(),
        }
    }

    fn folders() -> Folders {
        Folders { units: "/home/a/.config/systemd/user".into(), packaged: None, differing: Vec::new() }
    }

    fn program() -> Program {
        Program { path: "/opt/a b/tokend".into(), note: None }
    }

    fn text<'a>(pieces: &'a [Piece], end: &str) -> Option<&'a str> {
        let piece = pieces.iter().find(|piece| piece.path.ends_with(end))?;
        Some(std::str::from_utf8(&piece.bytes).unwrap())
    }

    #[test]
    fn the_unit_names_the_program_and_is_otherwise_the_shipped_one() {
        let places = places();
        let pieces = pieces(&places, &folders(), &program(), &places.socket, false).unwrap();
        let service = text(&pieces, "systemd/user/tokend.service").unwrap();
        assert!(service.contains("\nExecStart=\"/opt/a b/tokend\"\n"), "{service}");
        assert!(!service.contains(SHIPPED_PROGRAM));
        assert_eq!(service.lines().count(), SERVICE.lines().count() + 1);
        assert!(text(&pieces, "man/man5/tokend.toml.5").is_some());
        for absent in ["tokend.service.d/50-places.conf", "environment.d/50-tokend.conf"] {
            assert_eq!(text(&pieces, absent), None);
        }
    }

    #[test]
    fn what_systemd_does_not_know_it_is_told() {
        let (places, mut folders) = (places(), folders());
        folders.differing = vec![("XDG_CONFIG_HOME", "/c f/50%".into())];
        let pieces =
            pieces(&places, &folders, &program(), Path::new("/run/user/8/tokend/tokend.sock"), false)
                .unwrap();
        let drop_in = text(&pieces, "tokend.service.d/50-places.conf").unwrap();
        assert!(drop_in.ends_with("[Service]\nEnvironment=\"XDG_CONFIG_HOME=/c f/50%%\"\n"), "{drop_in}");
        let session = text(&pieces, ".config/environment.d/50-tokend.conf").unwrap();
        assert_eq!(session, "TOKEND_SOCK=/run/user/8/tokend/tokend.sock\n");
        assert_eq!(environment_value(Path::new("/a $b")).unwrap(), r#""/a \$b""#);
    }

    #[test]
    fn units_of_a_package_are_not_written_again() {
        let root = tempfile::tempdir().unwrap();
        let (places, mut folders) = (places(), folders());
        folders.packaged = Some(root.path().join("usr/lib/systemd/user"));
        let bash = root.path().join("usr/share/bash-completion/completions");
        std::fs::create_dir_all(&bash).unwrap();
        std::fs::write(bash.join("tok"), "").unwrap();
        let pieces = pieces(&places, &folders, &program(), &places.socket, false).unwrap();
        assert!(pieces.iter().all(|piece| !piece.is_unit));
        assert!(text(&pieces, "completions/tok").is_none() && text(&pieces, "man1/tok.1").is_some());
    }
}
