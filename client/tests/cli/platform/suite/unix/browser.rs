//! `tok login`: the browser that it opens.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use tokend_proto::Request;
use tokend_proto::message::LoginStep;

use crate::cli::login::{END, login};
use crate::cli::service::{Service, URL, device, on, step, with};
use crate::cli::tok::run;

/// A program beside the daemon that writes its arguments, a line each, and the number of them; then it ends so.
fn browser(service: &Service, status: u8) -> (PathBuf, PathBuf) {
    let program = service.daemon.home().join("browser");
    let told = service.daemon.home().join("told");
    let file = told.display();
    let script = format!(
        "#!/bin/sh\n{{ echo $#; printf '%s\\n' \"$@\"; }} > {file}.new; mv {file}.new {file}; exit {status}\n"
    );
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    (program, told)
}

/// Waits until the browser has told what it was given.
fn told(file: &PathBuf) -> String {
    loop {
        match std::fs::read_to_string(file) {
            Ok(told) => return told,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    }
}

#[test]
fn the_browser_gets_the_address_as_one_argument() {
    let service = with(vec![step(LoginStep::BROWSER, URL)]);
    let (program, file) = browser(&service, 0);
    let program = program.display();
    for (named, expected) in [
        (format!("{program}"), format!("1\n{URL}\n")),
        (format!("/nonexistent/browser:{program} --new --url=%s &"), format!("2\n--new\n--url={URL}\n")),
    ] {
        let service = with(vec![step(LoginStep::BROWSER, URL)]);
        let mut call = login(&service, &[]);
        call.env("BROWSER", named).stderr(Stdio::piped());
        let mut child = call.spawn().expect("tok starts");
        assert_eq!(told(&file), expected);
        std::fs::remove_file(&file).expect("a file");
        service.finish();
        assert!(child.wait().expect("tok ends").success());
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut said).expect("UTF-8");
        let shown = format!(
            "To log in to x, the browser was sent to this address; open it yourself if nothing appears:\n{URL}\n"
        );
        assert!(said.starts_with(&shown) && said.ends_with(END), "{said}");
        let asked = service.asked();
        assert!(matches!(&asked[..], [Request::Login(it)] if it.has_browser), "{asked:?}");
    }
}

#[test]
fn a_browser_on_another_machine_than_the_daemons_is_none() {
    let service = on("elsewhere.example", vec![device()]);
    service.finish();
    let (program, file) = browser(&service, 0);
    let mut call = login(&service, &[]);
    call.env("BROWSER", program);
    assert_eq!(run(call).code, 0);
    let asked = service.asked();
    assert!(matches!(&asked[..], [Request::Login(it)] if !it.has_browser), "{asked:?}");
    assert!(!file.exists());
}

#[test]
fn a_browser_that_does_not_start_or_fails_is_told_and_the_address_stands() {
    let service = with(vec![step(LoginStep::BROWSER, URL)]);
    service.finish();
    let mut call = login(&service, &[]);
    call.env("BROWSER", "no-such-browser");
    let run = run(call);
    let expected = format!(
        "tok: there is no program no-such-browser\n\
         To log in to x, open this address in a browser on this machine:\n{URL}\n\
         waiting for browser (15m left)\n{END}"
    );
    assert_eq!((run.code, run.err.as_str()), (0, expected.as_str()));

    let service = with(vec![step(LoginStep::BROWSER, URL)]);
    let (program, _) = browser(&service, 3);
    let mut call = login(&service, &[]);
    call.env("BROWSER", &program).stderr(Stdio::piped());
    let mut child = call.spawn().expect("tok starts");
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let trouble = lines.map(|line| line.expect("UTF-8")).find(|line| line.starts_with("tok: "));
    let expected =
        format!("tok: {} could not open the address (exit status: 3); open it yourself", program.display());
    assert_eq!(trouble.as_deref(), Some(expected.as_str()));
    service.finish();
    assert!(child.wait().expect("tok ends").success());
}

#[test]
fn an_unsafe_address_is_not_shown_and_nothing_is_run() {
    for url in [
        "https://a.example/$(touch${IFS}x)",
        "http://a.example/authorize",
        "file:///etc/passwd",
        "https://a.example/\x1b]0;x\x07",
        "https://a.example/a b",
        "https://good.example@b.example/",
    ] {
        for kind in [LoginStep::BROWSER, LoginStep::DEVICE, LoginStep::REDIRECT, "of-the-future"] {
            let whole = LoginStep { complete_url: Some(url.to_owned()), ..step(kind, URL) };
            for bad in [step(kind, url), whole] {
                let service = with(vec![bad]);
                let (program, file) = browser(&service, 0);
                let mut call = login(&service, &[]);
                call.env("BROWSER", program);
                let (what, _) = run(call).failed_with(5);
                let expected = "the service of x names an address for its login that is not safe to open";
                assert_eq!(what, expected);
                assert!(!file.exists());
            }
        }
    }
}

#[test]
fn where_one_browser_fails_the_next_one_is_opened() {
    let service = with(vec![step(LoginStep::BROWSER, URL)]);
    let (program, file) = browser(&service, 0);
    let mut call = login(&service, &[]);
    call.env("BROWSER", format!("false:no-such-browser:{}", program.display())).stderr(Stdio::piped());
    let child = call.spawn().expect("tok starts");
    assert_eq!(told(&file), format!("1\n{URL}\n"));
    service.finish();
    let output = child.wait_with_output().expect("tok ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success() && !said.contains("tok: "), "{said}");
}
