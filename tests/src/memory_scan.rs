//! Looks for secrets in the memory of another process, as root can, and in a core file: whole copies and parts of them.
//!
//! ```no_run
//! use tokend_tests::memory_scan::{Scan, WINDOW};
//! # fn main() -> std::io::Result<()> {
//! let scan = Scan::of(4711)?;
//! assert_eq!(scan.count(b"hunter2-hunter2-hunter2"), 0);
//! assert_eq!(scan.copies(&["hunter2-hunter2-hunter2"]), []);
//! # Ok(())
//! # }
//! ```

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::platform::read_exact_at;

/// So many bytes of a secret in a row are found wherever they are: half a secret in a stale buffer counts, too.
pub const WINDOW: usize = 2 * WORD;

/// At one address in so many is looked: a stretch of [`WINDOW`] bytes has a whole word behind one of them.
const WORD: usize = size_of::<u64>();

const PAGE: usize = 4096;

/// The memory of a process at one moment: all that can be read of it.
pub struct Scan {
    regions: Vec<Region>,
}

/// A mapping.
struct Region {
    /// What is mapped, as the kernel calls it (`[heap]`, `[stack]`, a file); may be empty.
    name: String,
    start: u64,
    bytes: Vec<u8>,
}

/// Where a secret, or a part of it, was found. Shows no byte of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// Which of those that were looked for.
    pub which: usize,
    /// What is mapped there.
    pub region: String,
    /// The address.
    pub address: u64,
    /// How many bytes of it are there in a row.
    pub length: usize,
    /// With which of its bytes they begin.
    pub offset: usize,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { which, region, address, length, offset } = self;
        write!(f, "{length} bytes of number {which} (from {offset}) at {address:#x} in {region:?}")
    }
}

impl Scan {
    /// Takes the picture of a running process.
    ///
    /// # Errors
    /// When this process may not read that one's memory.
    pub fn of(pid: u32) -> io::Result<Self> {
        let memory = File::open(format!("/proc/{pid}/mem"))?;
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        Ok(Self { regions: maps.lines().filter_map(|line| Region::read(line, &memory)).collect() })
    }

    /// Reads a core file, or any other.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let name = path.display().to_string();
        Ok(Self { regions: vec![Region { name, start: 0, bytes: fs::read(path)? }] })
    }

    /// How often the pattern is there, whole or in part: each stretch of [`WINDOW`] bytes or more counts once. Of a
    /// pattern that is shorter, whole copies count.
    #[must_use]
    pub fn count(&self, pattern: &[u8]) -> usize {
        self.places(&[pattern]).len()
    }

    /// Where the patterns are, all looked for at once.
    #[must_use]
    pub fn places(&self, patterns: &[&[u8]]) -> Vec<Place> {
        let words = Words::of(patterns);
        self.regions.iter().flat_map(|region| region.places(&words)).collect()
    }

    /// Where these secrets are, in any [form](forms) in which a secret travels; `which` counts the secrets.
    #[must_use]
    pub fn copies<S: AsRef<str>>(&self, secrets: &[S]) -> Vec<Place> {
        let forms: Vec<(usize, Vec<u8>)> = secrets
            .iter()
            .enumerate()
            .flat_map(|(which, secret)| forms(secret.as_ref()).into_iter().map(move |form| (which, form)))
            .collect();
        let patterns: Vec<&[u8]> = forms.iter().map(|(_, form)| form.as_slice()).collect();
        let mut places = self.places(&patterns);
        for place in &mut places {
            place.which = forms[place.which].0;
        }
        // Forms of one secret may be the same in part: what overlaps is one copy.
        places.sort_by_key(|place| (place.which, place.address, Reverse(place.length)));
        places
            .dedup_by(|next, one| next.which == one.which && next.address < one.address + one.length as u64);
        places
    }

    /// How many bytes were read.
    #[must_use]
    pub fn size(&self) -> usize {
        self.regions.iter().map(|region| region.bytes.len()).sum()
    }

    /// The bytes at an address, as far as they were read.
    #[must_use]
    pub fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        self.regions.iter().find_map(|region| {
            let start = usize::try_from(address.checked_sub(region.start)?).ok()?;
            region.bytes.get(start..start.checked_add(length)?)
        })
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes in {} regions", self.size(), self.regions.len())
    }
}

impl Region {
    /// What a line of `/proc/PID/maps` (proc(5)) speaks of, if it can be read.
    fn read(line: &str, memory: &File) -> Option<Self> {
        let (range, rest) = line.split_once(' ')?;
        // Address, rights, offset, device, inode, and then the name with the blanks before it.
        let name = line.splitn(6, ' ').nth(5).unwrap_or_default().trim_start();
        // The kernel's own: nothing of the process is there, and it cannot be read this way.
        if !rest.starts_with('r') || name.starts_with("[vvar") || name == "[vsyscall]" {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(end.checked_sub(start)?).ok()?];
        if read_exact_at(memory, &mut bytes, start).is_err() {
            // It shrank, or a part of it is behind the end of its file: page by page.
            for (page, at) in bytes.chunks_mut(PAGE).zip((start..).step_by(PAGE)) {
                let _ = read_exact_at(memory, page, at);
            }
        }
        Some(Self { name: name.to_owned(), start, bytes })
    }

    fn places(&self, words: &Words<'_>) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let mut found = |which: usize, at: usize, offset: usize, length: usize| {
            let address = self.start.saturating_add(at as u64);
            let place = Place { which, region: self.name.clone(), address, length, offset };
            // Every word of a long stretch finds it.
            if !places.iter().rev().take(words.patterns.len()).any(|it| *it == place) {
                places.push(place);
            }
        };
        for (index, word) in self.bytes.chunks_exact(WORD).enumerate() {
            let Some(hits) = words.look_up(word) else { continue };
            for (which, offset) in hits {
                let pattern = words.patterns[*which];
                if let Some((at, offset, length)) = stretch(&self.bytes, index * WORD, pattern, *offset) {
                    found(*which, at, offset, length);
                }
            }
        }
        for which in &words.short {
            let pattern = words.patterns[*which];
            for (at, window) in self.bytes.windows(pattern.len()).enumerate() {
                if window == pattern {
                    found(*which, at, 0, pattern.len());
                }
            }
        }
        places
    }
}

/// The longest stretch around `at` that `bytes` has in common with the pattern from `offset` on, if it is long enough:
/// where it begins in both, and how long it is.
fn stretch(bytes: &[u8], at: usize, pattern: &[u8], offset: usize) -> Option<(usize, usize, usize)> {
    let back = bytes[..at].iter().rev().zip(pattern[..offset].iter().rev());
    let back = back.take_while(|(a, b)| a == b).count();
    let ahead = bytes[at..].iter().zip(&pattern[offset..]).take_while(|(a, b)| a == b).count();
    (back + ahead >= WINDOW).then_some((at - back, offset - back, back + ahead))
}

/// All words of all patterns, to be looked for at once.
struct Words<'p> {
    patterns: &'p [&'p [u8]],
    /// In which patterns a word is, and where.
    places: HashMap<u64, Vec<(usize, usize)>>,
    /// Of each word a few bits: most of a memory is told apart by them.
    bits: Vec<bool>,
    /// The patterns that are shorter than [`WINDOW`].
    short: Vec<usize>,
}

impl<'p> Words<'p> {
    fn of(patterns: &'p [&'p [u8]]) -> Self {
        let (mut places, mut bits, mut short) = (HashMap::new(), vec![false; 1 << 16], Vec::new());
        for (which, pattern) in patterns.iter().enumerate() {
            assert!(!pattern.is_empty(), "nothing is everywhere");
            if pattern.len() < WINDOW {
                short.push(which);
                continue;
            }
            for (offset, window) in pattern.windows(WORD).enumerate() {
                let Some(word) = number(window) else { continue };
                bits[few(word)] = true;
                places.entry(word).or_insert_with(Vec::new).push((which, offset));
            }
        }
        Self { patterns, places, bits, short }
    }

    fn look_up(&self, word: &[u8]) -> Option<&[(usize, usize)]> {
        let word = number(word).filter(|word| self.bits[few(*word)])?;
        self.places.get(&word).map(Vec::as_slice)
    }
}

fn number(word: &[u8]) -> Option<u64> {
    word.try_into().ok().map(u64::from_le_bytes)
}

fn few(word: u64) -> usize {
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

/// A secret as it is, in Base64 at each of the three places that it may have in a longer text, encoded for a form, and
/// as JSON writes it; each form once. No form is shorter than [`WINDOW`], unless the secret is.
#[must_use]
pub fn forms(secret: &str) -> Vec<Vec<u8>> {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap_or_default();
    let mut forms = vec![encoded.clone().into_bytes(), json.trim_matches('"').as_bytes().to_vec()];
    for text in [secret, &encoded] {
        for skipped in 0..3 {
            // Whole groups of three: what comes before and behind changes nothing in them.
            let inner = text.as_bytes().get(skipped..).unwrap_or_default();
            let inner = &inner[..inner.len() / 3 * 3];
            forms.push(STANDARD_NO_PAD.encode(inner).into_bytes());
        }
    }
    forms.retain(|form| form.len() >= WINDOW);
    forms.push(secret.as_bytes().to_vec());
    forms.sort();
    forms.dedup();
    forms
}

/// Where the mappings of a process are that are locked into memory, each with its flags as `smaps` (proc(5)) has them.
///
/// # Errors
/// When its `smaps` cannot be read.
pub fn locked(pid: u32) -> io::Result<Vec<(u64, String)>> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let mut start = None;
    let mut mappings = Vec::new();
    for line in text.lines() {
        if let Some((address, _)) = line.split_once('-')
            && let Ok(address) = u64::from_str_radix(address, 16)
        {
            start = Some(address);
        }
        if let Some(flags) = line.strip_prefix("VmFlags:")
            && flags.split_whitespace().any(|flag| flag == "lo")
        {
            mappings.extend(start.map(|start| (start, flags.trim().to_owned())));
        }
    }
    Ok(mappings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(bytes: &[u8]) -> Scan {
        Scan { regions: vec![Region { name: "[x]".to_owned(), start: 0x1000, bytes: bytes.to_vec() }] }
    }

    #[test]
    fn whole_copies_and_parts_are_found_wherever_they_begin_and_each_counts_once() {
        let secret = b"0123456789abcdefghijklmnopqrstuvwxyz";
        for shift in 0..9 {
            let mut memory = vec![0; 120];
            memory[3 + shift..39 + shift].copy_from_slice(secret);
            // Its end, at another place, and a part that is too short.
            memory[50 + shift..66 + shift].copy_from_slice(&secret[20..]);
            memory[70 + shift..85 + shift].copy_from_slice(&secret[..15]);
            let places = scan(&memory).places(&[b"something else that is there not", secret]);
            let told: Vec<_> = places.iter().map(|it| (it.which, it.address, it.offset, it.length)).collect();
            let shift = shift as u64;
            assert_eq!(told, [(1, 0x1003 + shift, 0, 36), (1, 0x1032 + shift, 20, 16)]);
            assert_eq!(scan(&memory).count(b"01234567"), 2);
            assert_eq!(scan(&memory).count(b"0123456789abcdeX"), 0);
        }
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "s3cret/with=odd&signs-\"of-a-kind\"";
        for prefix in ["", "i", "id", "id:"] {
            let text = format!("xx {}", STANDARD_NO_PAD.encode(format!("{prefix}{secret}")));
            assert!(!scan(text.as_bytes()).copies(&[secret]).is_empty(), "{prefix}");
        }
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for text in [format!("{{\"a\":{}}}", serde_json::json!(secret)), format!("a={form}&b=")] {
            assert!(!scan(text.as_bytes()).copies(&[secret]).is_empty(), "{text}");
        }
        // What its forms have in common is one copy.
        assert_eq!(scan(format!("{secret} {secret}").as_bytes()).copies(&[secret]).len(), 2);
        assert_eq!(scan(b"another text of about that length").copies(&[secret]), []);
    }

    #[test]
    fn the_scan_of_a_process_finds_what_is_planted_there() {
        let mut planted = b"planted-in-this-process-by-a-test".to_vec();
        // Only this vector has it backwards.
        planted.reverse();
        match Scan::of(std::process::id()) {
            Ok(scan) => assert!(scan.count(&planted) >= 1),
            Err(error) => crate::sandbox::skip("a scan of the own memory", &error.to_string()),
        }
    }
}
