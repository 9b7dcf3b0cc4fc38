//! The files of an installation, which this program carries inside.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::manifest::hash;
use super::places::Places;
use super::program::{Program, unit_word};
use super::trouble::Trouble;

const SERVICE: &str = include_str!("../../../systemd/user/tokend.service");
const SOCKET: &str = include_str!("../../../systemd/user/tokend.socket");
const NOTIFY_RELOAD: &str = include_str!("../../../systemd/examples/notify-reload.conf");
const EXAMPLE: &str = include_str!("example.toml");

/// The program in the unit as it is shipped.
const SHIPPED_PROGRAM: &str = "%h/.cargo/bin/tokend";

/// What stands before units and what belongs to them.
const MADE: &str =
    "# Made by `tokend install`. What should differ goes into a drop-in: systemctl --user edit tokend\n";

/// The units, the socket first.
pub(super) const UNITS: [&str; 2] = ["tokend.socket", "tokend.service"];

/// Pages and where man(1) looks for them.
const PAGES: [(&str, &str); 3] = [
    ("man1/tok.1", include_str!("../../../docs/man/tok.1")),
    ("man5/tokend.toml.5", include_str!("../../../docs/man/tokend.toml.5")),
    ("man8/tokend.8", include_str!("../../../docs/man/tokend.8")),
];

/// One file.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it goes.
    pub(super) path: PathBuf,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
    /// What else at that place is ours, by its SHA-256: the unit as it is shipped, copied by hand.
    pub(super) other_forms: Vec<String>,
    /// Whether systemd reads it.
    pub(super) is_unit: bool,
}

impl Piece {
    fn new(path: PathBuf, text: &str) -> Self {
        Self { path, bytes: text.as_bytes().to_vec(), other_forms: Vec::new(), is_unit: false }
    }

    fn unit(path: PathBuf, text: &str, shipped: &str) -> Self {
        let other_forms = if shipped.is_empty() { Vec::new() } else { vec![hash(shipped.as_bytes())] };
        Self { other_forms, is_unit: true, ..Self::new(path, &format!("{MADE}{text}")) }
    }
}

/// All that belongs to this user's installation. `listens` is where the socket unit does; an older systemd would not load a
/// unit of `Type=notify-reload`.
///
/// # Errors
/// A path that no unit can hold.
pub(super) fn pieces(
    places: &Places,
    program: &Program,
    listens: &Path,
    knows_notify_reload: bool,
) -> Result<Vec<Piece>, Trouble> {
    let mut pieces = Vec::new();
    if places.packaged.is_none() {
        let service = SERVICE.replace(SHIPPED_PROGRAM, &program.unit_word()?);
        pieces.push(Piece::unit(places.units.join(UNITS[0]), SOCKET, SOCKET));
        pieces.push(Piece::unit(places.units.join(UNITS[1]), &service, SERVICE));
    }
    if knows_notify_reload {
        let path = places.units.join("tokend.service.d/notify-reload.conf");
        pieces.push(Piece::unit(path, NOTIFY_RELOAD, NOTIFY_RELOAD));
    }
    if !places.differing.is_empty() {
        let path = places.units.join("tokend.service.d/50-places.conf");
        pieces.push(Piece::unit(path, &environment(&places.differing)?, ""));
    }
    if places.socket != listens {
        let text = format!("TOKEND_SOCK={}\n", environment_value(listens)?);
        pieces.push(Piece::new(places.environment(), &text));
    }
    let is_packaged = |path: &str| {
        let share = places.packaged_share();
        share.is_some_and(|share| ["", ".gz"].iter().any(|end| share.join(format!("{path}{end}")).exists()))
    };
    if !is_packaged("bash-completion/completions/tok") {
        pieces.extend(completions(places));
    }
    if !is_packaged("man/man1/tok.1") {
        let pages = PAGES.iter().map(|(page, text)| (places.data_home.join("man").join(page), text));
        pieces.extend(pages.map(|(path, text)| Piece::new(path, text)));
    }
    Ok(pieces)
}

/// The configuration for who has none.
pub(super) fn example(places: &Places) -> Piece {
    Piece::new(places.configuration.join("config.toml"), EXAMPLE)
}

/// Where zsh has to be told to look.
pub(super) fn zsh_folder(places: &Places) -> PathBuf {
    places.data_home.join("zsh/site-functions")
}

/// bash finds them by the name of the command (bash-completion's README), fish in the user's folder for those of third
/// parties (fish's manual, "Where to put completions"); zsh has no such place of its own.
fn completions(places: &Places) -> [Piece; 6] {
    let fish = places.data_home.join("fish/vendor_completions.d");
    let zsh = zsh_folder(places);
    [
        Piece::new(places.bash.join("tok"), include_str!("../../../docs/completions/tok.bash")),
        Piece::new(places.bash.join("tokend"), include_str!("../../../docs/completions/tokend.bash")),
        Piece::new(zsh.join("_tok"), include_str!("../../../docs/completions/_tok")),
        Piece::new(zsh.join("_tokend"), include_str!("../../../docs/completions/_tokend")),
        Piece::new(fish.join("tok.fish"), include_str!("../../../docs/completions/tok.fish")),
        Piece::new(fish.join("tokend.fish"), include_str!("../../../docs/completions/tokend.fish")),
    ]
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

fn unfit(path: &Path) -> Trouble {
    let what = format!("no file of systemd can hold the path {}", path.display());
    Trouble::new(what, "choose one that is UTF-8, without control characters")
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
            units: "/home/a/.config/systemd/user".into(),
            packaged: None,
            socket: "/run/user/7/tokend/tokend.sock".into(),
            bash: "/home/a/.local/share/bash-completion/completions".into(),
            differing: Vec::new(),
        }
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
        let pieces = pieces(&places, &program(), &places.socket, false).unwrap();
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
        let mut places = places();
        places.differing = vec![("XDG_CONFIG_HOME", "/c f/50%".into())];
        let pieces = pieces(&places, &program(), Path::new("/run/user/8/tokend/tokend.sock"), false).unwrap();
        let drop_in = text(&pieces, "tokend.service.d/50-places.conf").unwrap();
        assert!(drop_in.ends_with("[Service]\nEnvironment=\"XDG_CONFIG_HOME=/c f/50%%\"\n"), "{drop_in}");
        let session = text(&pieces, ".config/environment.d/50-tokend.conf").unwrap();
        assert_eq!(session, "TOKEND_SOCK=/run/user/8/tokend/tokend.sock\n");
        assert_eq!(environment_value(Path::new("/a $b")).unwrap(), r#""/a \$b""#);
    }

    #[test]
    fn units_of_a_package_are_not_written_again() {
        let root = tempfile::tempdir().unwrap();
        let mut places = places();
        places.packaged = Some(root.path().join("usr/lib/systemd/user"));
        let bash = root.path().join("usr/share/bash-completion/completions");
        std::fs::create_dir_all(&bash).unwrap();
        std::fs::write(bash.join("tok"), "").unwrap();
        let pieces = pieces(&places, &program(), &places.socket, false).unwrap();
        assert!(pieces.iter().all(|piece| !piece.is_unit));
        assert!(text(&pieces, "completions/tok").is_none() && text(&pieces, "man1/tok.1").is_some());
    }

    #[test]
    fn the_example_says_nothing_until_somebody_takes_a_hash_away() {
        assert!(EXAMPLE.lines().all(|line| line.is_empty() || line.starts_with('#')));
    }
}
