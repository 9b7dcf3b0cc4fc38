//! Which of the needs in `needs.rs` this system has, and which test files are not there for want of them.

mod needs;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use needs::{NEEDS, Need, Systems};

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=needs.rs");
    let variable = |name: &str| env::var(name).map_err(|error| format!("{name}: {error}"));
    let (os, families) = (variable("CARGO_CFG_TARGET_OS")?, variable("CARGO_CFG_TARGET_FAMILY")?);
    let names: Vec<&str> = NEEDS.iter().map(|need| need.name).collect();
    println!("cargo::rustc-check-cfg=cfg({})", names.join(", "));
    for need in NEEDS.iter().filter(|need| need.is_on(&os, &families)) {
        println!("cargo::rustc-cfg={}", need.name);
    }
    let mut not_here = Vec::new();
    for folder in ["src", "tests", "benches"] {
        println!("cargo::rerun-if-changed={folder}");
        for file in sources(Path::new(folder)).map_err(|error| format!("{folder}: {error}"))? {
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            agree_with_the_table(&file, &text)?;
            let missing = whole_file(&text)?.filter(|need| !need.is_on(&os, &families));
            if let Some(need) = missing.filter(|need| need.systems != Systems::Windows) {
                let file = file.display().to_string().replace('\\', "/");
                not_here.push(format!("{file}: {}\n", need.reason));
            }
        }
    }
    let told = PathBuf::from(variable("OUT_DIR")?).join("not_here");
    fs::write(&told, not_here.concat()).map_err(|error| format!("{}: {error}", told.display()))
}

/// Every source in a folder, in the order of their names.
fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// What a whole file needs.
fn whole_file(text: &str) -> Result<Option<&'static Need>, String> {
    let line = text.lines().find_map(|line| line.strip_prefix("#![cfg(has_")?.strip_suffix(")]"));
    line.map(|name| need(&format!("has_{name}"))).transpose()
}

fn need(name: &str) -> Result<&'static Need, String> {
    NEEDS.iter().find(|need| need.name == name).ok_or_else(|| format!("{name} is not in needs.rs"))
}

/// An ignored test gives the table's reason, so that skips can be counted by reason.
fn agree_with_the_table(file: &Path, text: &str) -> Result<(), String> {
    for (number, line) in text.lines().enumerate() {
        let Some((name, rest)) =
            line.trim().strip_prefix("#[cfg_attr(not(").and_then(|line| line.split_once("), ignore = \""))
        else {
            if line.trim().starts_with("not(has_") {
                return Err(format!("{}:{}: the reason stands in the same line", file.display(), number + 1));
            }
            continue;
        };
        let place = format!("{}:{}", file.display(), number + 1);
        let reason = need(name).map_err(|error| format!("{place}: {error}"))?.reason;
        if rest.strip_suffix("\")]") != Some(reason) {
            return Err(format!("{place}: the reason for {name} is {reason:?}"));
        }
    }
    Ok(())
}
