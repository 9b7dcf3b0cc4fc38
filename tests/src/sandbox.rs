//! A home of its own for one test: the real `tokend` and `tok` in it, nothing of the person's around it.

#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "each of these stops its test when it cannot go on, and a test may ignore what came of it"
)]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokend_proto::frame::{self, Opening};
use tokend_proto::limits::{MAX_ANSWER, MAX_REQUEST};
use tokend_proto::{Answer, Request, envelope};

use crate::platform::{self, Readiness, Signal, Stream, exit_code};

pub use crate::platform::{is_root, is_running, write_program};

/// How long a program may take to say that it is ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A temporary home with its own configuration, state and runtime folders.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
}

/// A running `tokend`; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

/// What a program said and how it ended.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its exit code, or 128 and the signal that ended it.
    pub code: i32,
    /// What it wrote.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Sandbox {
    /// An empty home.
    #[must_use]
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("tkd").tempdir().expect("a temporary folder");
        let sandbox = Self { root };
        for folder in ["home", "config/tokend", "state", "run", "data"] {
            platform::private_folder(sandbox.path().join(folder)).expect("a folder in the sandbox");
        }
        sandbox
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// The home in it.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The kept state's folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path().join("state").join("tokend")
    }

    /// The store's folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path().join("data").join("tokend")
    }

    /// Where the socket is.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        platform::address(self.path())
    }

    /// Where the configuration is.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.path().join("config").join("tokend").join("config.toml")
    }

    /// Writes the configuration, for its user alone.
    pub fn configure(&self, text: &str) {
        write_private(&self.config_file(), text.as_bytes());
    }

    /// Writes a secret into a file for its user alone, and says where it is.
    pub fn secret_file(&self, name: &str, value: &str) -> PathBuf {
        let path = self.home().join(name);
        write_private(&path, value.as_bytes());
        path
    }

    /// A program of ours in this home, with nothing else of the environment.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program_path(program));
        self.surround(&mut command);
        command
    }

    /// Gives any program this home and nothing else of the environment.
    pub fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
            .env("LANG", "C.UTF-8")
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .current_dir(self.path())
            .stdin(Stdio::null());
        platform::surround(command, self.path());
    }

    /// Runs `tok` to its end.
    pub fn tok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Said {
        run(self.command("tok").args(arguments))
    }

    /// Runs `tok` with something on its standard input.
    pub fn tok_with_input<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Said {
        let mut command = self.command("tok");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = platform::starting(|| command.spawn()).expect("tok starts");
        // A program that ends without reading is not the writer's failure.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        Said::from(child.wait_with_output().expect("tok ends"))
    }

    /// The token of an account; the test fails where there is none.
    #[track_caller]
    pub fn token(&self, account: &str) -> String {
        let said = self.tok(["get", account]);
        assert_eq!(said.code, 0, "tok get {account}: {said:?}");
        said.stdout.trim_end_matches('\n').to_owned()
    }

    /// What `tok status --json` says of an account.
    #[track_caller]
    pub fn status(&self, account: &str) -> serde_json::Value {
        let said = self.tok(["status", account, "--json"]);
        assert_eq!(said.code, 0, "tok status {account}: {said:?}");
        let list: serde_json::Value = serde_json::from_str(&said.stdout).expect("a list in JSON");
        list[0].clone()
    }

    /// Starts `tokend` and waits until it says `READY=1`.
    #[track_caller]
    pub fn start(&self) -> Daemon {
        self.start_with(|_| {})
    }

    /// The same, with a change to the command before it starts.
    #[track_caller]
    pub fn start_with(&self, change: impl FnOnce(&mut Command)) -> Daemon {
        match self.try_start(change) {
            Ok(daemon) => daemon,
            Err(said) => panic!("tokend did not start: {said:?}"),
        }
    }

    /// Starts `tokend` and waits for nothing.
    pub fn launch(&self) -> Daemon {
        self.launch_with(|_| {})
    }

    /// The same, with a change to the command before it starts.
    pub fn launch_with(&self, change: impl FnOnce(&mut Command)) -> Daemon {
        let (log, stderr) = self.log();
        let mut command = self.command("tokend");
        command.stdout(Stdio::null()).stderr(stderr);
        change(&mut command);
        Daemon { child: platform::starting(|| command.spawn()).expect("tokend starts"), log }
    }

    /// Runs `tokend` to its end, where it is to end by itself.
    #[track_caller]
    pub fn launch_to_its_end(&self, change: impl FnOnce(&mut Command)) -> Said {
        let mut daemon = self.launch_with(change);
        let status = eventually("tokend ends", || daemon.ended());
        Said { code: exit_code(status), stdout: String::new(), stderr: daemon.log() }
    }

    fn log(&self) -> (PathBuf, File) {
        let log = self.path().join("tokend.log");
        let file = OpenOptions::new().append(true).create(true).open(&log).expect("a log");
        (log, file)
    }

    /// The same, where it may end instead.
    pub fn try_start(&self, change: impl FnOnce(&mut Command)) -> Result<Daemon, Said> {
        let mut readiness = Readiness::of(self.path());
        let (log, stderr) = self.log();
        let before = stderr.metadata().map_or(0, |metadata| metadata.len());
        let mut command = self.command("tokend");
        readiness.announce(&mut command);
        command.stdout(Stdio::null()).stderr(stderr);
        change(&mut command);
        readiness.watch(&command);
        let mut daemon =
            Daemon { child: platform::starting(|| command.spawn()).expect("tokend starts"), log };
        for _ in 0..Readiness::looks(PATIENCE) {
            if readiness.is_there() {
                return Ok(daemon);
            }
            if let Some(status) = daemon.ended() {
                let stderr = daemon.log().split_off(usize::try_from(before).unwrap_or(0));
                return Err(Said { code: exit_code(status), stdout: String::new(), stderr });
            }
        }
        panic!("tokend was not ready in time; its log:\n{}", daemon.log());
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Daemon {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of tokend")
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        platform::signal(self.pid(), signal).expect("tokend takes a signal");
    }

    /// Stops it as systemd does, and says how it ended.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().expect("tokend ends")
    }

    /// Kills it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().expect("tokend is killed");
        self.child.wait().expect("tokend ends");
    }

    /// Its peak resident memory in KiB (`VmHWM`).
    #[must_use]
    pub fn peak_memory_kib(&self) -> u64 {
        platform::memory_peak_kib(self.pid())
    }

    /// The same without the pages of its programs and libraries, which are larger the less a build is optimized.
    #[must_use]
    pub fn peak_own_memory_kib(&self) -> u64 {
        platform::own_memory_peak_kib(self.pid())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    /// The two lines of an error, without `tok: ` and `hint: `.
    #[track_caller]
    #[must_use]
    pub fn error(&self) -> (&str, &str) {
        let lines: Vec<&str> = self.stderr.lines().collect();
        match lines[..] {
            [what, hint] => (
                what.strip_prefix("tok: ").expect("what happened"),
                hint.strip_prefix("hint: ").expect("what to do"),
            ),
            _ => panic!("an error is two lines: {self:?}"),
        }
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: exit_code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Said {
    Said::from(platform::starting(|| command.output()).expect("the program starts"))
}

/// Writes a file that is its user's alone from birth.
pub fn write_private(path: &Path, bytes: &[u8]) {
    let mut file = platform::open_private(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.write_all(bytes).expect("the file takes the bytes");
}

/// A program of ours: in `$TOKEND_BIN_DIR`, or where cargo put it beside this one.
#[must_use]
pub fn program_path(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("TOKEND_BIN_DIR") {
        return Path::new(&folder).join(platform::program_file(name));
    }
    let here = std::env::current_exe().expect("the path of this program");
    let built = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(platform::program_file(name)))
        .find(|path| path.exists());
    built.unwrap_or_else(|| {
        panic!("{name} is not built: run `cargo build --workspace`, or cargo test --workspace")
    })
}

/// Says, whatever captures the output of tests, that a test did not run, and why.
pub fn skip(what: &str, why: &str) {
    // Not by eprintln!, which the test harness captures.
    let _ = writeln!(io::stderr(), "SKIPPED: {what}: {why}");
}

impl Sandbox {
    /// Lets a shell's script start `tokend`, as `"$0"`: for what only a shell can arrange, such as a mask or a
    /// descriptor. For [`start_with`](Self::start_with); keeps the command's environment.
    pub fn by_shell(&self, command: &mut Command, script: &str) {
        let (_, log) = self.log();
        let mut shell = Command::new("sh");
        self.surround(&mut shell);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.arg("-c").arg(script).arg(command.get_program()).stdout(Stdio::null()).stderr(log);
        *command = shell;
    }
}

/// Looks again and again until there is something: for what nobody tells of.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let pause = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(pause);
    }
    panic!("did not happen in time: {what}");
}

/// Sends the first request of a connection, without `tok` between.
pub fn send(stream: &mut Stream, request: &Request) -> io::Result<()> {
    let payload = request.seal(1).and_then(|envelope| envelope.encode()).map_err(io::Error::other)?;
    stream.write_all(&frame::encode(&payload, true, MAX_REQUEST).map_err(io::Error::other)?)
}

/// The daemon's first answer on a connection; the end of the connection is `UnexpectedEof`.
pub fn receive(stream: &mut Stream) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut header = [0; frame::HEADER];
    stream.read_exact(&mut header)?;
    let mut payload = vec![0; frame::announced(header, MAX_ANSWER).map_err(io::Error::other)?];
    stream.read_exact(&mut payload)?;
    let envelope = match frame::opening(&payload).map_err(io::Error::other)? {
        Opening::Spoken(payload) => envelope::decode_answer(payload).map_err(io::Error::other)?,
        other => return Err(io::Error::other(format!("{other:?}"))),
    };
    Answer::open(&envelope).map_err(io::Error::other)?.ok_or_else(|| ErrorKind::Unsupported.into())
}
