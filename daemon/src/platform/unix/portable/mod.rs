//! What systems without a folder of their own have, and what they share with macOS.

mod folders;
mod metronome;

pub mod sealed_memory;
pub(super) mod socket;

pub use folders::{FolderWatch, FolderWatches};
pub use metronome::Metronome;
