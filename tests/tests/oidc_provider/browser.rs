//! A person at a real browser: headless Chromium, driven by `browser.mjs` beside the provider.

use std::fs;
use std::path::Path;

use tokend_tests::sandbox::write_program;

use super::*;

/// The browser's program; absolute.
const CHROMIUM: &str = "TOKEND_TEST_CHROMIUM";

/// A browser that is installed.
pub(crate) struct Browser {
    chromium: PathBuf,
    driver: PathBuf,
}

/// Who sits at it, as a program that opens one URL: for `BROWSER`.
pub(crate) struct Person {
    pub(crate) program: PathBuf,
    report: PathBuf,
    log: PathBuf,
    pause: PathBuf,
}

impl Browser {
    /// Finds it, where there is one.
    pub(crate) fn find(what: &str) -> Option<Self> {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let driver = Provider::folder().map(|folder| folder.join("browser.mjs"));
        match (named(CHROMIUM).filter(|path| path.exists()), driver) {
            (Some(chromium), Some(driver)) => Some(Self { chromium, driver }),
            (None, _) => {
                skip(what, &format!("{CHROMIUM} names no browser; Debian's package chromium has one"));
                None
            }
            // The provider's own absence is told by whoever starts it.
            (_, None) => None,
        }
    }

    /// A person who answers like this; see `browser.mjs` for the words.
    pub(crate) fn person(&self, sandbox: &Sandbox, name: &str, words: &[&str]) -> Person {
        let at = |end: &str| sandbox.home().join(format!("{name}.{end}"));
        let (program, report, log, pause) = (at("browser"), at("report"), at("browser.log"), at("pause"));
        let words: String = words.iter().flat_map(|word| [quoted(word.as_bytes()), " ".to_owned()]).collect();
        // What opens it waits for nothing of it.
        let script = format!(
            "#!/bin/sh\nwhile [ -e {} ]; do sleep 0.05; done\nexport {CHROMIUM}={}\n\
             exec node {} --report {} --name {name} {words}\"$1\" >>{} 2>&1 </dev/null\n",
            path(&pause),
            path(&self.chromium),
            path(&self.driver),
            path(&report),
            path(&log)
        );
        write_program(&program, 0o700, script.as_bytes());
        Person { program, report, log, pause }
    }
}

impl Person {
    /// Sits down at this URL, whoever asked for it.
    pub(crate) fn open(&self, sandbox: &Sandbox, url: &str) {
        let mut command = Command::new(&self.program);
        sandbox.surround(&mut command);
        let status = command.arg(url).status().expect("the browser's program starts");
        assert!(status.success(), "{}", self.log());
    }

    /// From now on nobody sits down before [`go_on`](Self::go_on).
    pub(crate) fn pause(&self) {
        fs::write(&self.pause, "").expect("a file");
    }

    /// Whoever was asked meanwhile sits down.
    pub(crate) fn go_on(&self) {
        fs::remove_file(&self.pause).expect("a pause");
    }

    /// Whether a browser was opened.
    pub(crate) fn was_asked(&self) -> bool {
        self.log.exists()
    }

    /// What was on the last page, once it is there and the browser has ended.
    #[track_caller]
    pub(crate) fn saw(&self) -> Value {
        let text = eventually("the report of the browser", || fs::read_to_string(&self.report).ok());
        let seen: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(seen["error"], Value::Null, "{}", self.log());
        seen
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

fn path(path: &Path) -> String {
    quoted(path.as_os_str().as_encoded_bytes())
}

/// One word of a shell.
fn quoted(word: &[u8]) -> String {
    format!("'{}'", String::from_utf8_lossy(word).replace('\'', r"'\''"))
}
