//! This very test as a stand-in for other programs: copied under another program's name, it is that program.
//!
//! The test's own harness would take the words of a call for its own, so that this is decided before it begins.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

// SAFETY: the section holds pointers to functions that the C runtime calls before main, and this is one; what it uses of
// the standard library is there by then.
#[used]
#[unsafe(link_section = ".CRT$XCU")]
#[expect(unsafe_code, reason = "the linker must be told to run a function before main")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    let Ok(program) = std::env::current_exe() else { return };
    let Some(folder) = program.parent() else { return };
    let status = match program.file_stem().and_then(|name| name.to_str()) {
        Some("curl") => curl(folder),
        Some("tokend") => engine(folder),
        Some("program") => says_what_it_was_given(),
        _ => return,
    };
    leave(status);
}

#[expect(clippy::disallowed_methods, reason = "a stand-in has nothing to wipe")]
fn leave(status: i32) -> ! {
    std::process::exit(status)
}

/// Writes its arguments and the file of its `--config` beside itself. The file is read as curl reads it: opened by its
/// name, to the end.
fn curl(folder: &Path) -> i32 {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let _ = fs::write(folder.join("arguments"), arguments.join("\n"));
    let config = arguments.iter().position(|word| word == "--config").and_then(|at| arguments.get(at + 1));
    if let Some(path) = config {
        let mut content = Vec::new();
        let read = File::open(path).and_then(|mut file| file.read_to_end(&mut content));
        let again = if File::open(path).is_ok() { "twice" } else { "once" };
        let _ = fs::write(folder.join("config"), if read.is_ok() { &content[..] } else { b"unreadable" });
        let _ = fs::write(folder.join("read"), again);
    }
    42
}

/// Writes its words and what it reads beside its folder; ends as `$STATUS` says.
fn engine(folder: &Path) -> i32 {
    let Some(home) = folder.parent() else { return 1 };
    let words: Vec<String> = std::env::args().skip(1).collect();
    let append = |name: &str, text: &[u8]| {
        let file = OpenOptions::new().append(true).create(true).open(home.join(name));
        file.and_then(|mut file| file.write_all(text))
    };
    let mut input = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut input);
    let said = append("words", (words.join(" ") + "\n").as_bytes()).and_then(|()| append("input", &input));
    let status = std::env::var("STATUS").ok().and_then(|status| status.parse().ok()).unwrap_or(0);
    if said.is_ok() { status } else { 1 }
}

/// Prints the variable that its first word names, or what is in the file whose path is there, and ends with the status
/// that is its second word.
fn says_what_it_was_given() -> i32 {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = words.first().and_then(|name| std::env::var(name).ok()).unwrap_or_default();
    let text = fs::read_to_string(&value).unwrap_or(value);
    println!("{text}|{}", words.get(2..).unwrap_or_default().join("|"));
    words.get(1).and_then(|status| status.parse::<u32>().ok()).unwrap_or(0).cast_signed()
}
