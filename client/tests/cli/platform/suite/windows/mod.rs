//! What can be seen only on Windows, and what cannot be seen there.

mod child;
mod curl;
mod engine;
mod pipe;
mod skipped;
mod stand_in;
