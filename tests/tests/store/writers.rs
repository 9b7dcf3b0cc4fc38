//! Writers at once, killed ones, and those that cannot write.

use std::time::Duration;

use super::*;

#[test]
fn many_writers_some_of_them_killed_leave_every_secret_whole() {
    const NAMES: usize = 8;
    const WRITERS: usize = 100;
    let sandbox = Sandbox::new();
    let value = |what: &str| format!("{what}:{}", "x".repeat(40_000));
    for name in 0..NAMES {
        done(&sandbox, &["set", &format!("s{name}")], &value("old"));
    }
    let mut writers: Vec<(usize, Child)> = (0..WRITERS)
        .map(|number| {
            let name = format!("s{}", number % NAMES);
            let mut child = spawn(sandbox.command("tokend").args(["store", "set", &name]));
            let input = value(&format!("new{number}"));
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
            if number % 3 == 0 {
                // At whatever it is by then.
                std::thread::sleep(Duration::from_micros(u64::try_from(number * 97 % 9_000).unwrap_or(0)));
                child.kill().expect("it is killed");
            }
            (number, child)
        })
        .collect();
    for (number, child) in &mut writers {
        let status = child.wait().expect("it ends");
        assert!(status.success() || *number % 3 == 0, "writer {number}: {status}");
    }
    for name in 0..NAMES {
        let shown = done(&sandbox, &["show", &format!("s{name}")], "").stdout;
        let (what, rest) = shown.trim_end().split_once(':').expect("a value of ours");
        assert_eq!(rest.len(), 40_000, "{what}");
        let number = what.strip_prefix("new").and_then(|number| number.parse::<usize>().ok());
        // Whoever was not killed has written, so nothing is old.
        assert!(number.is_some_and(|number| number % NAMES == name), "{what}");
    }
    done(&sandbox, &["set", "last"], "x");
    let left: Vec<_> = everything(&sandbox)
        .into_keys()
        .filter(|path| path.extension().is_none_or(|it| it == "tmp"))
        .collect();
    assert_eq!(left, [data(&sandbox, "identity")]);
    assert_eq!(done(&sandbox, &["list"], "").stdout.lines().count(), NAMES + 1);
}

#[test]
fn first_secrets_at_once_make_one_identity() {
    let sandbox = Sandbox::new();
    let writers: Vec<Child> = (0..8)
        .map(|number| {
            let mut child = spawn(sandbox.command("tokend").args(["store", "set", &format!("s{number}")]));
            let _ = child.stdin.take().map(|mut stdin| write!(stdin, "value {number}"));
            child
        })
        .collect();
    let said: Vec<Said> =
        writers.into_iter().map(|child| Said::from(child.wait_with_output().expect("it ends"))).collect();
    assert!(said.iter().all(|said| said.code == 0), "{said:?}");
    assert_eq!(said.iter().filter(|said| said.stderr.contains("made the store's identity")).count(), 1);
    for number in 0..8 {
        assert_eq!(done(&sandbox, &["show", &format!("s{number}")], "").stdout, format!("value {number}\n"));
    }
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_read_only_folder_and_a_full_disk_keep_what_was_there() {
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "old");
    let before = everything(&sandbox);
    // A limit of file sizes stands in for a full disk: a write fails in the middle.
    let mut shell = Command::new("sh");
    sandbox.surround(&mut shell);
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" store set a";
    let mut child = spawn(shell.arg("-c").arg(script).arg(sandbox::program_path("tokend")));
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(b"new"));
    let said = Said::from(child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.error().0.contains("cannot write"), "{said:?}");
    assert!(everything(&sandbox) == before);
    if sandbox::is_root() {
        sandbox::skip("a read-only store", "root writes whatever the mode is");
        return;
    }
    let closed = &["Permission denied", "must be this user's own, and writable"];
    chmod(&data(&sandbox, "secrets"), 0o500);
    refused(&sandbox, &["set", "b"], "new", 5, closed);
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout, "old\n");
    chmod(&data(&sandbox, "secrets"), 0o700);
    assert!(everything(&sandbox) == before);
    let nowhere = Sandbox::new();
    chmod(&nowhere.path().join("data"), 0o500);
    refused(&nowhere, &["set", "a"], "new", 5, closed);
    refused(&nowhere, &["init"], "", 5, closed);
}
