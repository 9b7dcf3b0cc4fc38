//! A program that prints a secret: run without a shell, with little in its environment and with a time limit.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf, is_separator};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::{MOST_READ, Unfit, without_newline};
use crate::document::{Located, Table, printable};
use crate::platform::children::{self, Group, Output};
use crate::platform::files;
use crate::provider::Failure;

/// How long a killed program may take to be gone.
const GRACE: Duration = Duration::from_secs(2);

/// A program with its arguments. They may hold secrets, so nothing shows them.
pub struct Program {
    name: String,
    arguments: Vec<String>,
    pass_env: Vec<String>,
    /// Where the program is, once it was found.
    found: OnceLock<PathBuf>,
}

impl Program {
    /// Reads `key = [ARGV…]` and `pass_env = […]` beside it. Looks the program up in PATH; one that is not there is no
    /// mistake of the configuration, and is looked up again when it is needed.
    pub fn read(table: &mut Table<'_>, key: &str) -> Option<Self> {
        let argv = table.strings(key);
        let pass_env = table.strings("pass_env");
        let sound = pass_env.is_some() || !table.has("pass_env");
        Self::of(table, key, argv, pass_env, sound)
    }

    /// Reads `key = [ARGV…]` of a program that is called for what it does ([`Program::call`]).
    pub fn read_alone(table: &mut Table<'_>, key: &str) -> Option<Self> {
        let argv = table.strings(key);
        Self::of(table, key, argv, None, true)
    }

    fn of(
        table: &mut Table<'_>,
        key: &str,
        argv: Option<Located<Vec<Located<String>>>>,
        pass_env: Option<Located<Vec<Located<String>>>>,
        mut sound: bool,
    ) -> Option<Self> {
        let span = table.value_span(key)?;
        let pass_env = pass_env.map(|names| names.value).unwrap_or_default();
        for name in &pass_env {
            if !is_variable(&name.value) {
                table.report(
                    &name.span,
                    "`pass_env` names no variable",
                    "names such as \"GNUPGHOME\", without $",
                );
                sound = false;
            }
        }
        let argv = argv?.value;
        if argv.first().is_none_or(|program| program.value.is_empty()) {
            table.report(&span, format!("`{key}` names no program"), "write [\"PROGRAM\", \"ARGUMENT\", …]");
            return None;
        }
        for word in &argv {
            if word.value.contains('\0') {
                table.report(&word.span, format!("`{key}` holds a NUL"), "no argument can");
                sound = false;
            }
        }
        let mut argv = argv.into_iter();
        let program = argv.next()?;
        let name = match in_home(&program.value) {
            Some(name) if is_plain(&name) || Path::new(&name).is_absolute() => name,
            _ => {
                let message = format!("`{key}` names its program by a relative path");
                table.report(
                    &program.span,
                    message,
                    format!(
                        "write a name to look up in PATH, or a path from {}",
                        crate::platform::remedies::WHOLE_PATH
                    ),
                );
                return None;
            }
        };
        if name.contains(char::is_whitespace) && argv.len() == 0 && !files::is_program(Path::new(&name)) {
            table.report(
                &program.span,
                format!("`{key}` is a shell's line, and no shell runs it"),
                "one string an argument: [\"pass\", \"show\", …]",
            );
            return None;
        }
        let program = Self {
            name,
            arguments: argv.map(|argument| argument.value).collect(),
            pass_env: pass_env.into_iter().map(|name| name.value).collect(),
            found: OnceLock::new(),
        };
        // What is not found now may be installed later.
        if program.find(&|name| env::var_os(name)).is_none() {
            table.warn(&span, format!("the program of `{key}` is not there"), "install it, or mend its name");
        }
        sound.then_some(program)
    }

    /// The same where the key must be there.
    pub fn required(table: &mut Table<'_>, key: &str) -> Option<Self> {
        table.require(key);
        Self::read(table, key)
    }

    /// Runs it and gives what it printed, without the newline at the end. Every call runs it anew. Dropping the
    /// future kills it and all that it started.
    ///
    /// # Errors
    /// `Source` where the program is not to be found, `NotNow` where it fails, prints nothing or more than
    /// [`MAX_SECRET`] bytes, or has not ended after `timeout`.
    pub async fn run(&self, timeout: Duration) -> Result<Secret, Failure> {
        self.run_in(&|name| env::var_os(name), timeout).await
    }

    /// Runs it for what it does, with these variables besides; what it prints goes nowhere. Dropping the future kills
    /// it and all that it started.
    ///
    /// # Errors
    /// It is not to be found, fails, or has not ended after `timeout`.
    pub async fn call(&self, told: &[(&str, &str)], timeout: Duration) -> Result<(), Failure> {
        let environment = |name: &str| env::var_os(name);
        let path = self.find(&environment).ok_or_else(|| self.missing())?;
        let mut command = self.command(path, &environment);
        // It may want to ask this daemon something.
        if let Some(socket) = environment("TOKEND_SOCK") {
            command.env("TOKEND_SOCK", socket);
        }
        command.envs(told.iter().copied());
        let mut running = Running::start(command).map_err(|error| cannot_start(path, &error))?;
        let shown = shown(path);
        let message = match tokio::time::timeout(timeout, running.child.wait()).await {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => format!("{shown} {}", ending(status)),
            Ok(Err(error)) => format!("{shown} cannot be waited for: {error}"),
            Err(_) => format!("{shown} did not end within {}", humantime::format_duration(timeout)),
        };
        running.end().await;
        Err(Failure::not_now(KIND, message, by_hand(&shown)))
    }

    async fn run_in(
        &self,
        environment: &(dyn Fn(&str) -> Option<OsString> + Sync),
        timeout: Duration,
    ) -> Result<Secret, Failure> {
        let path = self.find(environment).ok_or_else(|| self.missing())?;
        let mut running = Running::heard(self.command(path, environment))
            .await
            .map_err(|error| cannot_start(path, &error))?;
        let output = tokio::time::timeout(timeout, running.output()).await;
        let shown = shown(path);
        let failure = match output {
            Ok(Ok((bytes, status))) if status.success() => match without_newline(&bytes) {
                Ok(secret) => return Ok(secret),
                Err(Unfit::Empty) => {
                    Failure::not_now(KIND, format!("{shown} printed nothing"), by_hand(&shown))
                }
                Err(Unfit::TooLong) => too_long(&shown),
            },
            Ok(Ok((_, status))) => {
                Failure::not_now(KIND, format!("{shown} {}", ending(status)), by_hand(&shown))
            }
            Ok(Err(Broken::TooLong)) => too_long(&shown),
            Ok(Err(Broken::Io(error))) => Failure::not_now(
                KIND,
                format!("cannot read what {shown} prints: {error}"),
                "it is tried again",
            ),
            Err(_) => Failure::not_now(
                KIND,
                format!("{shown} did not end within {}", humantime::format_duration(timeout)),
                "it may wait for input that nobody gives; `command_timeout` is its limit",
            ),
        };
        running.end().await;
        Err(failure)
    }

    /// The program's path and the number of its arguments, or that it is not there.
    #[must_use]
    pub fn describe(&self) -> String {
        match (self.found.get(), self.arguments.len()) {
            (None, _) => format!("{} (not found in PATH)", shown(Path::new(&self.name))),
            (Some(path), 0) => shown(path),
            (Some(path), 1) => format!("{} with 1 argument", shown(path)),
            (Some(path), count) => format!("{} with {count} arguments", shown(path)),
        }
    }

    /// Whether the program has been found.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.found.get().is_some()
    }

    /// Looks whether the program is there, and runs nothing.
    ///
    /// # Errors
    /// `Source` where it is not to be found.
    pub fn look(&self) -> Result<(), Failure> {
        match self.find(&|name| env::var_os(name)) {
            Some(path) if files::is_program(path) => Ok(()),
            _ => Err(self.missing()),
        }
    }

    fn find(&self, environment: &dyn Fn(&str) -> Option<OsString>) -> Option<&Path> {
        if let Some(path) = self.found.get() {
            return Some(path);
        }
        let path = look_up(&self.name, environment("PATH").as_deref())?;
        Some(self.found.get_or_init(|| path))
    }

    fn missing(&self) -> Failure {
        let name = shown(Path::new(&self.name));
        if Path::new(&self.name).is_absolute() {
            Failure::source(KIND, format!("{name} is not a program"), "install it, or mend its path")
        } else {
            let hint = "install it, or write its whole path; the daemon's PATH may be shorter than a shell's";
            Failure::source(KIND, format!("there is no program {name} in PATH"), hint)
        }
    }

    fn command(&self, path: &Path, environment: &dyn Fn(&str) -> Option<OsString>) -> Command {
        let mut command = Command::new(path);
        command.args(&self.arguments).env_clear().current_dir(children::ROOT);
        for name in children::ENVIRONMENT.iter().copied().chain(self.pass_env.iter().map(String::as_str)) {
            if let Some(value) = environment(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// As configured.
impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        let configured =
            |program: &Self| (program.name.clone(), program.arguments.clone(), program.pass_env.clone());
        configured(self) == configured(other)
    }
}

impl Eq for Program {}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({})", self.describe())
    }
}

const KIND: &str = "command";

fn too_long(shown: &str) -> Failure {
    Failure::not_now(KIND, format!("{shown} printed more than {MAX_SECRET} bytes"), by_hand(shown))
}

fn by_hand(shown: &str) -> String {
    format!("run {shown} by hand, with its arguments as configured, and see what it says")
}

fn cannot_start(path: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be started: {error}", shown(path));
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            Failure::source(KIND, message, "install it, or mend its path or permissions")
        }
        _ => Failure::not_now(KIND, message, by_hand(&shown(path))),
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), children::signal(status)) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), 300)
}

fn in_home(name: &str) -> Option<String> {
    match name.strip_prefix("~/") {
        None => Some(name.to_owned()),
        Some(rest) => {
            let home = children::home()?.into_os_string().into_string().ok()?;
            Some(format!("{home}/{rest}"))
        }
    }
}

/// Where a program of this name is. Relative folders in PATH are passed over: the daemon's own folder means nothing.
fn look_up(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if Path::new(name).is_absolute() {
        return children::at(Path::new(name));
    }
    let path = path.unwrap_or(OsStr::new(children::DEFAULT_PATH));
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| children::at(&folder.join(name)))
}

/// Whether it is a name to look up: no path, also none that begins with a drive.
fn is_plain(name: &str) -> bool {
    let begins_with_a_drive = matches!(Path::new(name).components().next(), Some(Component::Prefix(_)));
    !name.contains(is_separator) && !begins_with_a_drive
}

/// Whether a name can be one of the environment's.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A program that runs. Dropped before its end, it and all of its group are killed.
struct Running {
    child: Child,
    group: Group,
    stdout: Option<Output>,
}

enum Broken {
    TooLong,
    Io(io::Error),
}

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        let (child, group) = children::spawn(&mut command)?;
        Ok(Self { child, group, stdout: None })
    }

    /// The same, and what it prints is heard. The command may hold the other end of that, and goes.
    async fn heard(mut command: Command) -> io::Result<Self> {
        let stdout = Output::of(&mut command)?;
        let mut running = Self::start(command)?;
        running.stdout = Some(stdout.begin(&mut running.child).await?);
        Ok(running)
    }

    /// All that it prints until it ends. Others that still hold its output then are not waited for: what it wrote
    /// itself is there.
    async fn output(&mut self) -> Result<(Zeroizing<Vec<u8>>, ExitStatus), Broken> {
        // One allocation, so that nothing is left behind by a growing buffer.
        let mut bytes = Zeroizing::new(vec![0; MOST_READ]);
        let mut length = 0;
        let status = loop {
            let Some(stdout) = self.stdout.as_mut() else {
                break self.child.wait().await;
            };
            tokio::select! {
                biased;
                count = stdout.read(&mut bytes[length..]) => match count.map_err(Broken::Io)? {
                    0 => self.stdout = None,
                    count => length = within(length + count)?,
                },
                status = self.child.wait() => break status,
            }
        };
        let status = status.map_err(Broken::Io)?;
        if let Some(stdout) = &mut self.stdout {
            while let Some(count @ 1..) =
                stdout.read_what_is_there(&mut bytes[length..]).await.map_err(Broken::Io)?
            {
                length = within(length + count)?;
            }
        }
        bytes.truncate(length);
        Ok((bytes, status))
    }

    /// Kills it and its group, and waits until it is gone.
    async fn end(mut self) {
        self.group.kill(&self.child);
        // One that cannot even be killed is left to the runtime, which waits for what is dropped.
        let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
    }
}

fn within(length: usize) -> Result<usize, Broken> {
    if length < MOST_READ { Ok(length) } else { Err(Broken::TooLong) }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.group.kill(&self.child);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
