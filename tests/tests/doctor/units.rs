//! Planted: what systemd may say of the unit, by a `systemctl` that says it.

#![cfg(has_systemd)]

use std::path::Path;

use tokend_tests::sandbox::{Sandbox, program_path, write_program};

use crate::{Findings, doctor_with, first_in_path, folder, sound};

/// A unit in which nothing is wrong.
fn well() -> String {
    let program = program_path("tokend").display().to_string();
    format!(
        "LoadState=loaded\nActiveState=inactive\nResult=success\nExecMainStatus=0\nUnitFileState=enabled\n\
         NeedDaemonReload=no\nExecStart={{ path={program} ; argv[]={program} ; ignore_errors=no ; }}\n\
         MainPID=0\n"
    )
}

/// What is found where systemd says this of the service.
fn told(sandbox: &Sandbox, service: &str) -> Findings {
    let bin = folder(sandbox, "bin");
    plant(&bin, service);
    doctor_with(sandbox, |tok| {
        tok.env("PATH", first_in_path(&bin));
    })
}

fn plant(bin: &Path, service: &str) {
    let script = format!(
        "#!/bin/sh\ncat <<'END'\nId=tokend.service\n{service}\nId=tokend.socket\nLoadState=loaded\n\
         UnitFileState=disabled\nNeedDaemonReload=no\nEND\n"
    );
    write_program(&bin.join("systemctl"), 0o700, script.as_bytes());
}

#[track_caller]
fn planted(from: &str, to: &str, finding: &str, parts: &[&str]) -> Findings {
    let service = well().replace(from, to);
    assert_ne!(service, well(), "nothing was planted");
    let found = told(&Sandbox::new(), &service);
    found.has("unit", finding, parts);
    found
}

#[test]
fn a_unit_in_which_nothing_is_wrong_is_sound() {
    let found = told(&Sandbox::new(), &well());
    found.has("unit", "sound", &["inactive", "loginctl enable-linger"]);
}

#[test]
fn the_unit_is_not_installed() {
    let found = told(&Sandbox::new(), "LoadState=not-found\n");
    found.has("unit", "not-installed", &["`tokend install`"]);
}

#[test]
fn the_unit_is_not_enabled() {
    planted(
        "=enabled",
        "=disabled",
        "not-enabled",
        &["systemctl --user enable --now tokend.socket tokend.service"],
    );
}

#[test]
fn the_unit_is_masked() {
    planted("LoadState=loaded", "LoadState=masked", "not-enabled", &["systemctl --user unmask"]);
}

#[test]
fn the_unit_has_failed() {
    let fine = "ActiveState=inactive\nResult=success\nExecMainStatus=0";
    let failed = |status: &str| format!("ActiveState=failed\nResult=exit-code\nExecMainStatus={status}");
    planted(fine, &failed("1"), "failed", &["result exit-code, status 1", "journalctl --user -u tokend"]);
    let faulty = ["status 78", "tokend check", "systemctl --user start tokend"];
    planted(fine, &failed("78"), "failed-configuration", &faulty);
    let taken = ["status 69", "tokend env -k", "systemctl --user start tokend"];
    planted(fine, &failed("69"), "failed-taken", &taken);
}

#[test]
fn a_drop_in_waits_for_a_reload_of_systemd() {
    planted("Reload=no", "Reload=yes", "reload-due", &["systemctl --user daemon-reload"]);
}

#[test]
fn the_units_program_is_not_there() {
    planted("path=", "path=/nowhere/tokend ; was=", "no-program", &["/nowhere/tokend", "tokend install"]);
}

#[test]
fn the_daemon_was_started_by_hand_beside_its_unit() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let bin = folder(&sandbox, "bin");
    plant(&bin, &well());
    let daemon = sandbox.start_with(|tokend| {
        tokend.env("PATH", first_in_path(&bin));
    });
    let found = doctor_with(&sandbox, |_| {});
    found.has("unit", "by-hand", &[&daemon.pid().to_string(), "tokend env -k"]);
    let other = well()
        .replace("MainPID=0", &format!("MainPID={}", daemon.pid()))
        .replace("path=", "path=/bin/sh ; was=");
    plant(&bin, &other);
    let found = doctor_with(&sandbox, |_| {});
    found.has("unit", "other-program", &["/bin/sh", "systemctl --user restart tokend"]);
    assert_eq!(found.code, 0);
}
