//! The files of an installation, which this program carries inside.

use std::path::PathBuf;

use super::manifest::hash;
use super::places::Places;

const EXAMPLE: &str = include_str!("example.toml");

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
    /// Whether the service is made of it: one that runs is started anew when it changes.
    pub(super) is_unit: bool,
}

impl Piece {
    /// A file that other programs read.
    pub(super) fn new(path: PathBuf, text: &str) -> Self {
        Self { path, bytes: text.as_bytes().to_vec(), other_forms: Vec::new(), is_unit: false }
    }

    /// One that makes the service what it is. `shipped` is ours as well, where it is not empty.
    pub(super) fn unit(path: PathBuf, bytes: Vec<u8>, shipped: &str) -> Self {
        let other_forms = if shipped.is_empty() { Vec::new() } else { vec![hash(shipped.as_bytes())] };
        Self { path, bytes, other_forms, is_unit: true }
    }
}

/// The pages of the manual.
pub(super) fn pages(places: &Places) -> impl Iterator<Item = Piece> {
    PAGES.iter().map(|(page, text)| Piece::new(places.data_home.join("man").join(page), text))
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
pub(super) fn completions(places: &Places) -> [Piece; 6] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_nothing_until_somebody_takes_a_hash_away() {
        assert!(EXAMPLE.lines().all(|line| line.is_empty() || line.starts_with('#')));
    }
}
