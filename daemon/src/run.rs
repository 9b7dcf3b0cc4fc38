//! The daemon itself: locks its state, makes its socket, keeps its accounts, until a signal ends it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokend::account::{Cabinet, Keeper, KeeperGone, Reconfigured};
use tokend::clock::{Clock, Steady, SystemClock, watch_for_jumps};
use tokend::config::{self, Loaded, LogFormat};
use tokend::instance::{Instance, Taken};
use tokend::lock::Lock;
use tokend::login::{Callers, Logins};
use tokend::metrics::Metrics;
use tokend::platform::systemd::{self, Notifier, Passed};
use tokend::platform::{self, Signal, Signals, remedies};
use tokend::provider::http::{self, ProxyEnvironment};
use tokend::secret::store::Store;
use tokend::server::socket::SocketError;
use tokend::server::{Health, ReloadRequest, Server, Socket, turn_away};
use tokend::service_manager::{self, Riding, ServiceManager, Watchdog};
use tokend_proto::message::{About, Code, Failure, Reloaded, Words};
use tokio::sync::mpsc;

use crate::background::READY;
use crate::ending::{End, complain};
use crate::logging;
use crate::stopping::{Kept, LONGEST_WRITING};

/// Above this many connections idle ones are closed.
const CONNECTIONS: u64 = 512;

/// Beyond this many nobody is let in, even if all are busy (`tok watch` is, as long as it runs).
const MOST_CONNECTIONS: u64 = 8192;

/// A stop gives whoever was let in already so long to be answered with what is at hand.
const AT_HAND: Duration = Duration::from_millis(5);

/// What happens at a start or a stop must not wait longer for the store's folder.
pub(crate) const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT. In the background (`tokend env`) it leaves the terminal and says when it is ready.
pub(crate) fn foreground(
    background: bool,
    log_file: Option<&Path>,
    log_format: Option<LogFormat>,
) -> ExitCode {
    // Before anything: it takes descriptors and variables that nobody else here may touch.
    let passed = Passed::take(service_manager::STORED_NAME);
    // Files are for their user alone from the first on.
    platform::close_new_files_to_others();
    let unwritable = log_file.and_then(|path| logging::to_file(path).err());
    let level = logging::start("info", log_format);
    if let (Some(error), Some(path)) = (unwritable, log_file) {
        tracing::warn!(%error, path = %path.display(), "the log's file cannot be written");
    }
    if background && let Err(error) = platform::leave_the_terminal() {
        tracing::warn!(%error, "still in the terminal's session");
    }
    platform::close_to_onlookers();
    platform::seal_secrets();
    platform::keep_descriptors_from_children();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(error, "the system is short of something", End::Failed),
    };
    let end = runtime.block_on(live(&level, background, passed));
    // A program or a look-up that still runs must not hold up the end.
    runtime.shutdown_background();
    end.unwrap_or_else(|code| code)
}

/// From start to stop; the error is how it ends when it cannot even begin.
async fn live(level: &logging::Level, background: bool, passed: Passed) -> Result<ExitCode, ExitCode> {
    if let Some(process) = passed.meant_for {
        tracing::info!(process, "$LISTEN_FDS is another process's: a socket of our own is made");
    }
    for name in &passed.foreign {
        tracing::warn!(name, "a descriptor in systemd's store is not tokend's: it was dropped");
        service_manager::forget_stored(&passed.notifier, name);
    }
    // At once: a daemon that cannot start leaves no key behind.
    let riding = service_manager::taken_over(&passed.notifier, passed.stored);
    let mut listeners = Vec::new();
    for socket in passed.sockets {
        listeners.push(systemd::listener(socket).map_err(|error| complain(error, SOCKET_UNIT, End::Failed))?);
    }
    let bound = listeners.first().and_then(|(_, bound)| bound.as_deref());
    let begun = match begin(passed.trouble, bound) {
        Ok(begun) => begun,
        Err(refusal) => {
            // Unaccepted connections would make systemd start us again at once.
            for (listener, _) in &listeners {
                turn_away(listener, refusal.why, &refusal.hint).await;
            }
            return Err(refusal.end);
        }
    };
    let Begun { instance, loaded, places, store, path } = begun;
    let socket = match listeners.pop() {
        Some((listener, bound)) => Socket::adopted(listener, bound.as_deref()),
        None => Socket::open(&path).await.map_err(|error| match error {
            SocketError::Live(_) => {
                complain(error, "stop it, or set TOKEND_SOCK to another path", End::Unavailable)
            }
            _ => complain(error, "its folder must be this user's own", End::Failed),
        })?,
    };
    let stays = loaded.configuration.daemon.stay_unlocked_over_restart;
    let last_use = go_on_unlocked(&store, riding.filter(|_| stays)).await;
    let systemd = Systemd { notifier: passed.notifier, watchdog: passed.watchdog, last_use };
    let end = serve(level, background, places, store, socket, loaded, systemd).await;
    drop(instance);
    end
}

/// Takes over the open store of the daemon before this one, if it handed it over: when somebody last wanted a token.
async fn go_on_unlocked(store: &Store, riding: Option<Riding>) -> Option<Steady> {
    let Riding { identity, last_use } = riding?;
    let adopted = tokio::time::timeout(LONGEST_LOOK, store.adopt(identity)).await;
    match adopted {
        Ok(Ok(())) => {
            tracing::info!("the store stays unlocked over the restart");
            Some(last_use)
        }
        Ok(Err(failure)) => {
            tracing::warn!("the store does not stay unlocked: {}", failure.message);
            None
        }
        Err(_) => {
            tracing::warn!("the store does not stay unlocked: its folder does not answer");
            None
        }
    }
}

/// What a socket unit has to say.
const SOCKET_UNIT: &str = "tokend.socket has one ListenStream= with a path, and FileDescriptorName=tokend";

/// What is there before anybody is served.
struct Begun {
    instance: Instance,
    loaded: Loaded,
    places: Places,
    store: Arc<Store>,
    path: PathBuf,
}

/// Why nobody will be served.
struct Refusal {
    end: ExitCode,
    /// For those who wait at the socket.
    why: &'static str,
    hint: String,
}

fn begin(trouble: Option<String>, bound: Option<&Path>) -> Result<Begun, Refusal> {
    let refusal = |end, why| Refusal { end, why, hint: remedies::LOOK_AT_LOG.to_owned() };
    if let Some(trouble) = trouble {
        let end = complain(trouble, SOCKET_UNIT, End::Configuration);
        return Err(refusal(end, "what systemd passes to it is wrong"));
    }
    let places = platform::surroundings();
    let no_place = |error| {
        let end = complain(error, "set HOME, or TOKEND_SOCK to an absolute path", End::Failed);
        refusal(end, "it does not know where its files are")
    };
    let path = places.socket().map_err(no_place)?;
    let state = places.state().map_err(no_place)?;
    let folder = places.configuration().map_err(no_place)?;
    let store = Arc::new(Store::at(&places.data().map_err(no_place)?));
    let instance = Instance::claim(&state, bound.unwrap_or(&path)).map_err(|taken| {
        if matches!(taken, Taken::Io(..)) {
            let hint = "that folder must be this user's own: look at HOME and XDG_STATE_HOME";
            refusal(complain(taken, hint, End::Failed), "its state folder cannot be used")
        } else {
            let hint = "stop that one (`tokend env -k`), or use it: TOKEND_SOCK says where `tok` looks";
            refusal(complain(taken, hint, End::Unavailable), "another one runs on the same state")
        }
    })?;
    match config::load(&folder, &ProxyEnvironment::of_process(), &store) {
        Ok(loaded) => {
            let socket = path.clone();
            Ok(Begun { instance, loaded, places: Places { folder, state, socket }, store, path })
        }
        Err(diagnostics) => {
            let report = config::report(&diagnostics);
            if logging::is_for_programs() {
                tracing::error!("{report}");
            } else {
                let _ = writeln!(std::io::stderr(), "{report}");
            }
            let end = complain(
                "the configuration is faulty",
                "mend it; `tokend check` says when it is right",
                End::Configuration,
            );
            let hint = format!("`tokend check` shows the mistake; then `{}`", remedies::START_SERVICE);
            Err(Refusal { end, why: "its configuration is faulty", hint })
        }
    }
}

/// What has to do with systemd.
struct Systemd {
    notifier: Notifier,
    watchdog: Option<Duration>,
    /// When somebody last wanted a token of the daemon before this one.
    last_use: Option<Steady>,
}

/// Where things are.
struct Places {
    folder: PathBuf,
    state: PathBuf,
    /// tokend's own socket.
    socket: PathBuf,
}

async fn serve(
    level: &logging::Level,
    background: bool,
    places: Places,
    store: Arc<Store>,
    socket: Socket,
    loaded: Loaded,
    systemd: Systemd,
) -> Result<ExitCode, ExitCode> {
    let Places { folder, state, socket: own_socket } = places;
    let Systemd { notifier, watchdog, last_use } = systemd;
    http::install_crypto();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cabinet = Cabinet::new(&state.join("accounts"), Arc::clone(&store));
    let keeper = Keeper::start(Arc::clone(&clock), Some(cabinet));
    if let Some(last_use) = last_use {
        keeper.touch(last_use);
    }
    let manager = ServiceManager::new(notifier.clone(), keeper.clone());
    let (reload, mut reloads) = mpsc::channel::<ReloadRequest>(16);
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        host: platform::host_name(),
        configuration: folder.display().to_string(),
        started_at_ms: clock.now().wall.0,
    };
    let health = Arc::new(Health::new(about, &state));
    let limit = platform::raise_descriptor_limit();
    // Requests to services and files need descriptors, too.
    let share = |most: u64| usize::try_from(most.min(limit / 2)).unwrap_or(1);
    let lock = Lock::new(keeper.clone(), Arc::clone(&store), Arc::clone(&clock));
    let server = Server::new(
        keeper.clone(),
        Arc::clone(&lock),
        Logins::new(keeper.clone(), Arc::clone(&clock)),
        Arc::clone(&health),
        reload,
        share(CONNECTIONS),
        share(MOST_CONNECTIONS),
    );
    // A terminal that goes away ends what runs on it; elsewhere SIGHUP asks for a reload.
    let ends_with_terminal = !background && std::io::stderr().is_terminal();
    let mut signals =
        Signals::new().map_err(|error| complain(error, "the system is short of something", End::Failed))?;

    let callers = Callers::new();
    let metrics = Metrics::new(keeper.clone(), Arc::clone(&server), clock.now().wall);
    let mut running = Running::new(own_socket, metrics, health);
    // Why not is in the log.
    let _ = running.change(&loaded, &keeper).await;
    begin_serving(&keeper, &lock, &callers, level, loaded).await?;
    let calling = keeper.take_login_needs().map(|needs| tokio::spawn(Arc::clone(&callers).run(needs)));
    let jumps = tokio::spawn(watch_for_jumps());
    let idle = tokio::spawn(Arc::clone(&lock).lock_when_idle());
    let serving = tokio::spawn(server.run(socket, Watchdog::new(notifier.clone(), watchdog)));
    manager.ready();
    let status = tokio::spawn(manager.clone().keep_status());
    if background {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{READY}").and_then(|()| stdout.flush());
    }
    let is_end = |signal| match signal {
        Signal::End => true,
        Signal::HangUp => ends_with_terminal,
        Signal::Reload => false,
    };
    loop {
        let answer = tokio::select! {
            signal = signals.next() => if is_end(signal) { break } else { None },
            Some(answer) = reloads.recv() => Some(answer),
        };
        manager.reloading();
        let mut reload = pin!(reconfigure(
            &keeper,
            &lock,
            &callers,
            level,
            folder.clone(),
            Arc::clone(&store),
            &mut running
        ));
        // Files may lie on a disk that is gone: a stop does not wait for them.
        let result = loop {
            tokio::select! {
                result = &mut reload => break Some(result),
                signal = signals.next() => if is_end(signal) { break None },
            }
        };
        let Some(result) = result else { break };
        manager.reloaded(result.as_ref().err().map(|failure| first_line(&failure.message)));
        if let Some(answer) = answer {
            // Whoever asked may have gone; after a signal the log is read.
            let _ = answer.send(result);
        }
    }
    status.abort();
    manager.stopping();
    tracing::info!("stopping");
    jumps.abort();
    idle.abort();
    if let Some(calling) = calling {
        calling.abort();
    }
    serving.abort();
    // Its socket goes with it; one that systemd holds keeps whoever comes now for the next daemon.
    let _ = serving.await;
    running.metrics.stop().await;
    tokio::time::sleep(AT_HAND).await;
    let kept = Kept { keeper: &keeper, lock: &lock, store: &store, notifier: &notifier };
    kept.finish(running.http_timeout + LONGEST_WRITING, running.stays_unlocked).await;
    Ok(ExitCode::SUCCESS)
}

/// What is to be known of the configuration that is in force.
struct Running {
    files: Vec<PathBuf>,
    http_timeout: Duration,
    stays_unlocked: bool,
    /// tokend's own socket.
    socket: PathBuf,
    metrics: Metrics,
    health: Arc<Health>,
}

impl Running {
    /// Nothing is in force yet.
    fn new(socket: PathBuf, metrics: Metrics, health: Arc<Health>) -> Self {
        let (files, http_timeout) = (Vec::new(), Duration::ZERO);
        Self { files, http_timeout, stays_unlocked: false, socket, metrics, health }
    }

    /// Another configuration is in force. What of it could not be done.
    async fn change(&mut self, loaded: &Loaded, keeper: &Keeper) -> Option<String> {
        self.health.has_read(loaded, keeper.now());
        let daemon = &loaded.configuration.daemon;
        self.files.clone_from(&loaded.files);
        self.http_timeout = daemon.http_timeout;
        self.stays_unlocked = daemon.stay_unlocked_over_restart;
        let socket = daemon.metrics_socket.as_ref().map(|path| platform::beside(&self.socket, path));
        let error = self.metrics.serve_at(socket.as_deref()).await.err()?;
        tracing::error!(%error, "no metrics are served");
        Some(format!("no metrics are served: {error}"))
    }
}

async fn begin_serving(
    keeper: &Keeper,
    lock: &Lock,
    callers: &Callers,
    level: &logging::Level,
    loaded: Loaded,
) -> Result<(), ExitCode> {
    let outcome = take_over(keeper, lock, callers, level, loaded)
        .await
        .map_err(|_| complain("the keeper of accounts has ended", "please report this", End::Failed))?;
    tracing::info!(accounts = outcome.accounts, version = env!("CARGO_PKG_VERSION"), "serving");
    Ok(())
}

/// What a configuration says is so from now on.
async fn take_over(
    keeper: &Keeper,
    lock: &Lock,
    callers: &Callers,
    level: &logging::Level,
    loaded: Loaded,
) -> Result<Reconfigured, KeeperGone> {
    logging::set(level, loaded.configuration.daemon.log, loaded.configuration.daemon.log_format);
    lock.set_after(loaded.configuration.daemon.lock_after);
    callers.set(loaded.configuration.daemon.calls());
    log_warnings(&loaded);
    keeper.reconfigure(loaded.configuration.accounts.into_values().collect()).await
}

/// Reads the configuration again: whole, or not at all.
async fn reconfigure(
    keeper: &Keeper,
    lock: &Lock,
    callers: &Callers,
    level: &logging::Level,
    folder: PathBuf,
    store: Arc<Store>,
    running: &mut Running,
) -> Result<Reloaded, Failure> {
    let faulty = |message: String| Failure {
        code: Code::USAGE,
        kind: "configuration".to_owned(),
        message,
        hint:
            "mend it and reload again (an empty file means no accounts); what was configured before goes on"
                .to_owned(),
        next_try_in_ms: None,
    };
    // Files may lie on a slow disk; whoever is served meanwhile must not wait for it.
    let loaded =
        tokio::task::spawn_blocking(move || config::load(&folder, &ProxyEnvironment::of_process(), &store))
            .await;
    let loaded = match loaded {
        Ok(Ok(loaded)) => match running.files.first().filter(|main| !loaded.files.contains(main)) {
            // An editor that writes in two steps, or a home that is gone for a moment.
            Some(gone) if gone.ends_with("config.toml") => {
                let message = format!("the configuration {} has vanished", gone.display());
                tracing::error!("{message}; what it said goes on");
                return Err(faulty(message));
            }
            _ => loaded,
        },
        Ok(Err(diagnostics)) => {
            let listed = config::report(&diagnostics);
            tracing::error!("the configuration is faulty; the one before it goes on\n{listed}");
            return Err(faulty(format!("the configuration is faulty\n{listed}")));
        }
        Err(_) => {
            return Err(faulty("a fault in tokend stopped the reading of the configuration".to_owned()));
        }
    };
    // The certificates may have changed, too.
    http::forget_clients();
    let mut warnings: Vec<String> = loaded.warnings.iter().map(|warning| warning.message.clone()).collect();
    warnings.extend(running.change(&loaded, keeper).await);
    let outcome = take_over(keeper, lock, callers, level, loaded)
        .await
        .map_err(|_| faulty("tokend is stopping".to_owned()))?;
    tracing::info!(
        accounts = outcome.accounts,
        added = outcome.added,
        changed = outcome.changed,
        removed = outcome.removed,
        "reloaded"
    );
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Reloaded {
        accounts: count(outcome.accounts),
        added: count(outcome.added),
        changed: count(outcome.changed),
        removed: count(outcome.removed),
        warnings: Words::truncating(warnings),
    })
}

fn log_warnings(loaded: &Loaded) {
    for warning in &loaded.warnings {
        tracing::warn!("{}: {} ({})", warning.place.file.display(), warning.message, warning.hint);
    }
}

/// Of several lines the one that says what happened: the rest is in the log.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
