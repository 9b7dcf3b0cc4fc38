//! The golden files in `tests/vectors`: a frame each, in hex, with `#` before a comment.

use std::fs;
use std::path::PathBuf;

/// Where the golden files are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors"))
}

/// Every golden file: its name without `.hex`, and its frame.
pub(crate) fn frames() -> Vec<(String, Vec<u8>)> {
    let mut frames: Vec<_> = fs::read_dir(folder())
        .expect("the folder tests/vectors")
        .map(|entry| entry.expect("an entry of tests/vectors").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let frame = bytes(&fs::read_to_string(&path).expect("a golden file"));
            (name, frame)
        })
        .collect();
    frames.sort();
    frames
}

/// The bytes that the text says; white space and comments do not count.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).expect("a hex digit")).expect("less than 16"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in:\n{text}");
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
