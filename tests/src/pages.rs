//! The pages that show configurations and commands to a reader, and the blocks in them.

/// The first page of all.
pub const README: &str = include_str!("../../README.md");

/// The pages that show configurations and commands; each of their configurations is complete.
pub const SHOWING: [(&str, &str); 19] = [
    ("docs/logging-in.md", include_str!("../../docs/logging-in.md")),
    ("docs/oauth2.md", include_str!("../../docs/oauth2.md")),
    ("docs/services/README.md", include_str!("../../docs/services/README.md")),
    ("docs/services/auth0.md", include_str!("../../docs/services/auth0.md")),
    ("docs/services/github.md", include_str!("../../docs/services/github.md")),
    ("docs/services/gitlab.md", include_str!("../../docs/services/gitlab.md")),
    ("docs/services/google.md", include_str!("../../docs/services/google.md")),
    ("docs/services/keycloak.md", include_str!("../../docs/services/keycloak.md")),
    ("docs/services/microsoft.md", include_str!("../../docs/services/microsoft.md")),
    ("docs/services/okta.md", include_str!("../../docs/services/okta.md")),
    ("docs/installing.md", include_str!("../../docs/installing.md")),
    ("docs/windows.md", include_str!("../../docs/windows.md")),
    ("docs/systemd.md", include_str!("../../docs/systemd.md")),
    ("docs/seeing.md", include_str!("../../docs/seeing.md")),
    ("docs/upgrading.md", include_str!("../../docs/upgrading.md")),
    ("docs/doctor.md", include_str!("../../docs/doctor.md")),
    ("docs/failures.md", include_str!("../../docs/failures.md")),
    ("docs/refresh-tokens.md", include_str!("../../docs/refresh-tokens.md")),
    ("systemd/README.md", include_str!("../../systemd/README.md")),
];

/// The README and those pages.
pub fn shown() -> impl Iterator<Item = (&'static str, &'static str)> {
    [("README.md", README)].into_iter().chain(SHOWING)
}

/// A block between fences, without the indentation of its list.
#[derive(Debug)]
pub struct Block {
    /// Behind the opening fence: `toml`, `sh`, `sh run`.
    pub info: String,
    /// What stands between the fences.
    pub text: String,
    /// The line of the opening fence.
    pub line: usize,
}

/// The blocks of a page that are of this kind.
///
/// # Panics
/// If a block is never closed.
#[must_use]
pub fn blocks_in(text: &str, info: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let indentation = line.len() - line.trim_start().len();
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let block = Block { info: info.trim().to_owned(), text: String::new(), line: number + 1 };
                open = Some((block, indentation));
            }
            (Some(_), Some(_)) => found.extend(open.take().map(|(block, _)| block)),
            (None, Some((block, outer))) => {
                block.text.push_str(line.get(*outer..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    found.retain(|block| block.info == info);
    found
}
