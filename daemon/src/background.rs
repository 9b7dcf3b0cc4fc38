//! `tokend env`: tokend in the background of a shell, where nothing else keeps it running.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;
use tokend::instance::Holder;
use tokend::platform;
use tokend_proto::limits::{MAX_ANSWER, MAX_REQUEST};
use tokend_proto::{Request, frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::ending::{End, complain};
use crate::shell::Shell;

/// The line that a daemon in the background writes once its socket answers.
pub(crate) const READY: &str = "ready";

/// How long the one that was started first may take until it answers.
const FIRST_ONE: Duration = Duration::from_secs(5);

/// How often it is tried to start one while others, which end meanwhile, have its place.
const STARTS: u32 = 20;

/// How long the one that is asked to stop may take: it may finish a request that must not be cut off.
const LAST_ONE: Duration = Duration::from_secs(30);

/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// What `tokend env` is to do; `-k`, `-c` and `-s` are those of ssh-agent(1).
#[derive(Debug, Args)]
pub(crate) struct Words {
    /// Stops the one that runs instead, and takes `TOKEND_SOCK` away.
    #[arg(short = 'k', long)]
    kill: bool,
    /// In the words of this shell; without it, in those of $SHELL. -c and -s are those of ssh-agent(1).
    #[arg(long, value_name = "SHELL", conflicts_with_all = ["csh", "sh"])]
    shell: Option<Shell>,
    /// The same as --shell csh.
    #[arg(short = 'c', conflicts_with = "sh")]
    csh: bool,
    /// The same as --shell sh.
    #[arg(short = 's')]
    sh: bool,
}

impl Words {
    fn shell(&self) -> Shell {
        match self.shell {
            Some(shell) => shell,
            None if self.csh => Shell::Csh,
            None if self.sh => Shell::Sh,
            None => Shell::of_user(std::env::var_os("SHELL").as_deref(), platform::USUAL_SHELL),
        }
    }
}

/// Why there is nothing to print.
struct Refusal {
    /// What happened.
    what: String,
    /// What the daemon itself said of it, in the end.
    said: String,
    end: End,
}

/// What became of a daemon that somebody else has started.
enum Other {
    /// It answers here.
    Answers(PathBuf),
    /// It has gone.
    Gone,
    /// It is there, and does not answer.
    Silent,
}

/// Does what the words say.
pub(crate) fn run(words: &Words) -> ExitCode {
    if words.kill { kill(words.shell()) } else { env(words.shell()) }
}

/// Prints where tokend listens, having started it if nobody does. A second call finds the first one's daemon, and
/// of two at once only one starts one; nothing is printed before a daemon has answered a question. A socket to which
/// one can connect says nothing: a killed daemon's is there for a moment longer than itself.
fn env(shell: Shell) -> ExitCode {
    let (socket, state) = match places() {
        Ok(places) => places,
        Err(end) => return end,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(error, "the system is short of something", End::Failed),
    };
    if runtime.block_on(answers(&socket)) {
        return print_exports(shell, &socket);
    }
    let mut starts = 0;
    let refusal = loop {
        let Err(refusal) = start(&state) else { return print_exports(shell, &socket) };
        starts += 1;
        if !matches!(refusal.end, End::Unavailable) {
            break refusal;
        }
        // Somebody was faster, or listens somewhere else: then theirs is the one. Or it was about to end.
        match runtime.block_on(other_one(&socket, &state)) {
            Other::Answers(theirs) => return print_exports(shell, &theirs),
            Other::Gone if starts < STARTS => {}
            Other::Gone | Other::Silent => break refusal,
        }
    };
    if refusal.said.is_empty() {
        return complain(refusal.what, "run tokend in the foreground to see it start", refusal.end);
    }
    let _ = writeln!(io::stderr(), "{}", refusal.said);
    refusal.end.into()
}

/// Stops the daemon of this state, as `ssh-agent -k` does.
fn kill(shell: Shell) -> ExitCode {
    let (_, state) = match places() {
        Ok(places) => places,
        Err(end) => return end,
    };
    let Some(holder) = Holder::of(&state) else {
        if Holder::is_there(&state) {
            let hint = format!("`fuser {}` names the process; end that one", state.join("lock").display());
            let what =
                "a tokend runs on this state, but could not write down which process it is (a full disk?)";
            return complain(what, hint, End::Failed);
        }
        return complain("no tokend runs on this state", "there is nothing to stop", End::Failed);
    };
    if holder.host != platform::host_name() {
        let hint = format!("stop it there: it is process {}", holder.process);
        return complain(format_args!("it runs on another machine, {}", holder.host), hint, End::Failed);
    }
    match end(&state, holder.process) {
        Ok(()) => print(&shell.unset("TOKEND_SOCK")),
        Err(what) => {
            complain(what, format_args!("it is process {}; look into its log", holder.process), End::Failed)
        }
    }
}

/// Asks the daemon of this state to end, and waits until it has.
///
/// # Errors
/// Why it goes on.
pub(crate) fn end(state: &Path, process: u32) -> Result<(), String> {
    let holds = || Holder::of(state).is_some_and(|now| now.process == process);
    if let Err(error) = platform::ask_to_end(process)
        && holds()
    {
        return Err(error.to_string());
    }
    let mut looks = LAST_ONE.as_millis() / LOOK.as_millis();
    while holds() {
        if looks == 0 {
            return Err("it does not stop".to_owned());
        }
        looks -= 1;
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn places() -> Result<(PathBuf, PathBuf), ExitCode> {
    let places = platform::surroundings();
    places
        .socket()
        .and_then(|socket| Ok((socket, places.state()?)))
        .map_err(|error| complain(error, "set HOME, or TOKEND_SOCK to an absolute path", End::Failed))
}

/// Waits for the daemon that holds the state: at the socket where it was looked for, or at the one that it named.
async fn other_one(socket: &Path, state: &Path) -> Other {
    let look = async {
        loop {
            if answers(socket).await {
                return Other::Answers(socket.to_path_buf());
            }
            let holder = Holder::of(state).filter(|holder| holder.host == platform::host_name());
            if let Some(named) = holder.map(|holder| holder.socket)
                && answers(&named).await
            {
                return Other::Answers(named);
            }
            tokio::time::sleep(LOOK).await;
            if !Holder::is_there(state) {
                return Other::Gone;
            }
        }
    };
    tokio::time::timeout(FIRST_ONE, look).await.unwrap_or(Other::Silent)
}

/// Whether a daemon of this user, or of root, answers there.
pub(crate) async fn answers(socket: &Path) -> bool {
    let asked = tokio::time::timeout(FIRST_ONE, ask(socket)).await;
    asked.is_ok_and(|asked| asked.is_ok())
}

/// Asks who it is. One of another age, which says so, is one, too.
async fn ask(socket: &Path) -> io::Result<()> {
    let mut stream = platform::connect(socket).await?;
    let user = platform::peer_user(&stream)?;
    if !user.is_trusted() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let question = Request::About.seal(1).and_then(|envelope| envelope.encode()).map_err(io::Error::other)?;
    let question = frame::encode(&question, true, MAX_REQUEST).map_err(io::Error::other)?;
    stream.write_all(&question).await?;
    let mut header = [0; frame::HEADER];
    stream.read_exact(&mut header).await?;
    let mut answer = vec![0; frame::announced(header, MAX_ANSWER).map_err(io::Error::other)?];
    stream.read_exact(&mut answer).await?;
    frame::opening(&answer).map_err(io::Error::other).map(drop)
}

fn print_exports(shell: Shell, socket: &Path) -> ExitCode {
    let Some(path) = socket.to_str() else {
        return complain("the socket's path is not UTF-8", "set TOKEND_SOCK to another one", End::Failed);
    };
    print(&shell.set("TOKEND_SOCK", path))
}

fn print(line: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error, r#"use it as eval "$(tokend env)""#, End::Failed),
    }
}

/// Starts a daemon and waits until it says that it is ready.
fn start(state: &Path) -> Result<(), Refusal> {
    let failed = |what: String| Refusal { what, said: String::new(), end: End::Failed };
    platform::close_new_files_to_others();
    platform::private_folder(state).map_err(|error| failed(format!("{}: {error}", state.display())))?;
    let path = state.join("tokend.log");
    let log = File::options()
        .append(true)
        .read(true)
        .create(true)
        .open(&path)
        .map_err(|error| failed(format!("{}: {error}", path.display())))?;
    let before = log.metadata().map_or(0, |metadata| metadata.len());
    let clone = log.try_clone().map_err(|error| failed(error.to_string()))?;
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(["--background", "--log-file"]).arg(&path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(clone));
    let mut child = platform::spawn_apart(&mut command)
        .map_err(|error| failed(format!("cannot start tokend: {error}")))?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        // Ends with the line, or with the daemon.
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    if line.trim_end() == READY {
        return Ok(());
    }
    let end = match child.wait().ok().and_then(|status| status.code()) {
        Some(code) if code == End::Unavailable as i32 => End::Unavailable,
        Some(code) if code == End::Configuration as i32 => End::Configuration,
        _ => End::Failed,
    };
    let mut said = String::new();
    let mut log = log;
    // It may have begun anew.
    let before = before.min(log.metadata().map_or(0, |metadata| metadata.len()));
    // Without its words there is still its log.
    let _ = log.seek(SeekFrom::Start(before)).and_then(|_| log.read_to_string(&mut said));
    Err(Refusal {
        what: format!("it did not start, and says nothing in its log {}", path.display()),
        said: said.trim_end().to_owned(),
        end,
    })
}
