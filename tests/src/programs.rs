//! Builds the programs that a program of this package runs, beside that one.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::platform::program_file;

/// Builds `tokend` and `tok` as this program was built. Builds nothing where `TOKEND_BIN_DIR` says where they
/// are, nor where cargo did not start this program.
///
/// # Errors
/// Why there are none, in words.
pub fn build() -> Result<(), String> {
    if let Some(folder) = env::var_os("TOKEND_BIN_DIR") {
        return are_in(Path::new(&folder));
    }
    let this =
        env::current_exe().map_err(|error| format!("this program does not know where it is: {error}"))?;
    let folder = this.parent().ok_or("this program is in no folder")?;
    let Some(cargo) = env::var_os("CARGO") else {
        return are_in(folder);
    };
    let mut build = Command::new(cargo);
    build.args(["build", "--package", "tokend", "--package", "tokend-client"]);
    if let Some(package) = env::var_os("CARGO_MANIFEST_DIR") {
        // Whatever folder this was started in.
        build.arg("--manifest-path").arg(Path::new(&package).join("Cargo.toml"));
    }
    into(folder, &mut build);
    forget_the_package(&mut build);
    let status = build.status().map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() {
        are_in(folder)
    } else {
        Err("tokend and tok could not be built; cargo says above why".to_owned())
    }
}

/// What `cargo run` told this program about its own package is not for another cargo: build scripts that look
/// at it (ring's) would run anew.
pub fn forget_the_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let name_of_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if name_of_ours {
            command.env_remove(name);
        }
    }
}

/// Lets cargo build into this folder: `TARGET/PROFILE`, or `TARGET/TRIPLE/PROFILE`.
pub fn into(folder: &Path, build: &mut Command) {
    match folder.file_name().and_then(OsStr::to_str) {
        // The one profile whose folder has another name.
        Some("debug") | None => {}
        Some(profile) => {
            build.args(["--profile", profile]);
        }
    }
    let Some(above) = folder.parent() else { return };
    // Cargo writes this file into the target folder itself.
    let of_triple = above.parent().filter(|target| target.join(".rustc_info.json").exists());
    match (of_triple, above.file_name()) {
        (Some(target), Some(triple)) => build.arg("--target-dir").arg(target).arg("--target").arg(triple),
        _ => build.arg("--target-dir").arg(above),
    };
}

fn are_in(folder: &Path) -> Result<(), String> {
    match ["tokend", "tok"].iter().find(|name| !folder.join(program_file(name)).is_file()) {
        None => Ok(()),
        Some(missing) => Err(format!("there is no {missing} in {}", folder.display())),
    }
}
