//! The long proofs: what each shows, how much of it is the whole, and its share of a given time.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tokend_tests::course::{Course, Findings};
use tokend_tests::{crashes, fleet, short_lives, wall_jumps};

use crate::child::{self, Ended, tail};

/// One proof.
pub(crate) struct Proof {
    pub(crate) name: &'static str,
    /// What it shows, in one line.
    pub(crate) what: &'static str,
    /// How much of a given time it gets.
    pub(crate) share: u32,
    pub(crate) go: fn(&Run) -> Result<Findings, Skipped>,
}

/// One run of a proof.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) course: Course,
    /// Without it the proof runs in full.
    pub(crate) limit: Option<Duration>,
    pub(crate) seed: u64,
}

/// Why a proof cannot be had here.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

/// All, in the order in which they run.
pub(crate) const ALL: &[Proof] = &[
    Proof {
        name: "simulation",
        what: "accounts' lives on simulated clocks, disks and services, with crashes at any step",
        share: 3,
        go: simulation,
    },
    Proof {
        name: "kill",
        what: "kill -9 of the real daemon under rotation: lost is exactly what could not be kept",
        share: 4,
        go: |run| Ok(kill(run, crashes::Kills::AfterRecovery)),
    },
    Proof {
        name: "kill-anytime",
        what: "the same, also while it starts and recovers: no refresh token is sent a third time",
        share: 2,
        go: |run| Ok(kill(run, crashes::Kills::AtAnyTime)),
    },
    Proof {
        name: "wall",
        what: "the wall clock jumps by hours, both ways, under the real daemon",
        share: 3,
        go: wall,
    },
    Proof {
        name: "fleet",
        what: "ten thousand accounts of one service: no dead token, no rush",
        share: 10,
        go: |run| Ok(fleet(run)),
    },
    Proof {
        name: "provider",
        what: "faults of npm's oidc-provider, with rotation and family revocation",
        share: 1,
        go: provider,
    },
    Proof {
        name: "short-lives",
        what: "tokens of ten seconds, each with a refresh token of one use: none lost, one request each",
        share: 2,
        go: |run| Ok(short_lives(run)),
    },
    Proof { name: "idle", what: "a daemon with nothing to do sleeps", share: 3, go: idle },
];

/// The steps of the whole simulation.
const STEPS: u64 = 10_000_000;

/// The kills of a whole proof.
const KILLS: usize = 1000;

/// The jumps of a whole proof.
const JUMPS: usize = 160;

/// The accounts of a whole fleet, and the life of their tokens in seconds; it is kept for one life.
const FLEET: (usize, u64) = (10_000, 600);

/// A fleet of one life this long, in seconds, is the least that says something.
const SMALLEST_FLEET: u64 = 60;

/// The span for which logins with tokens of ten seconds are kept.
const SHORT_LIVES: Duration = Duration::from_secs(180);

/// The span that an idle daemon is watched for, in seconds.
const IDLE: u64 = 300;

/// A build comes first, at a first run.
const FOR_A_BUILD: Duration = Duration::from_secs(1800);

fn simulation(run: &Run) -> Result<Findings, Skipped> {
    let seed = run.seed.to_string();
    let (unit, amount) = match run.limit {
        Some(limit) => ("--seconds", limit.as_secs().max(1).to_string()),
        None => ("--steps", STEPS.to_string()),
    };
    let limit = run.limit.unwrap_or(Duration::from_secs(1200)) + FOR_A_BUILD;
    let arguments = ["simulation", unit, &amount, "--from", &seed];
    let ended = cargo(run, &arguments, &[], limit)?;
    let figures = line_with(&ended, " steps in ");
    Ok(findings(&ended, figures.unwrap_or_default()))
}

fn kill(run: &Run, kills: crashes::Kills) -> Findings {
    let amount = if run.limit.is_some() { usize::MAX } else { KILLS };
    let plan = crashes::Plan { kills, amount, daemons: 6, accounts: 4, seed: run.seed };
    crashes::run(&plan, &run.course)
}

fn wall(run: &Run) -> Result<Findings, Skipped> {
    let Some(library) = wall_jumps::library() else {
        let why = "no libfaketime; its package has that name, or TOKEND_TEST_FAKETIME says where it is";
        return Err(Skipped(why.to_owned()));
    };
    let jumps = if run.limit.is_some() { usize::MAX } else { JUMPS };
    let plan = wall_jumps::Plan { library, jumps, daemons: 8, seed: run.seed };
    Ok(wall_jumps::run(&plan, &run.course))
}

fn provider(run: &Run) -> Result<Findings, Skipped> {
    const FOLDER: &str = "TOKEND_TEST_OIDC_PROVIDER";
    // Where `npm ci` puts it.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let installed = PathBuf::from(package).join("third-party/oidc-provider");
    let installed = Some(installed).filter(|folder| folder.join("node_modules/oidc-provider").is_dir());
    let told = std::env::var_os(FOLDER).map(PathBuf::from).or(installed).unwrap_or_default();
    let ended = test(run, "oidc_provider", &[(FOLDER, &told.to_string_lossy())])?;
    if let Some(line) = line_with(&ended, "SKIPPED") {
        return Err(Skipped(line));
    }
    // `test result: ok. 3 passed; 0 failed; …`
    let result = line_with(&ended, "test result:").unwrap_or_default();
    let passed = result.split([';', '.']).find(|part| part.ends_with("passed"));
    let passed = format!("tests: {}", passed.unwrap_or("none").trim());
    Ok(findings(&ended, passed))
}

/// In a program of its own, since nothing in it looks whether a person has had enough.
fn fleet(run: &Run) -> Findings {
    let (whole, life) = FLEET;
    let seconds = run.limit.map_or(life, |limit| limit.as_secs().max(SMALLEST_FLEET));
    // The rate of refreshes is the same, however long it goes on.
    let life = life.min(seconds);
    let accounts = whole * usize::try_from(life).unwrap_or(usize::MAX) / 600;
    let figures = [accounts.to_string(), life.to_string(), seconds.to_string()];
    let arguments = [&[FLEET_ALONE.to_owned()], &figures[..]].concat();
    let ended = child::run(child::this(&arguments), &run.course, Duration::from_secs(seconds * 2 + 300));
    let ended = ended.unwrap_or_else(|why| Ended { success: false, output: why });
    let details = ended.output.lines().map(str::to_owned).collect();
    let amount = format!("{accounts} accounts of {life} s for {seconds} s");
    Findings { details, ..findings(&ended, amount) }
}

/// The first argument of this program where it is the fleet's.
pub(crate) const FLEET_ALONE: &str = "--fleet-alone";

/// The fleet's program: how many accounts, the life of their tokens and how long, in seconds.
pub(crate) fn fleet_alone(figures: &[u64]) -> bool {
    let [accounts, life, seconds] = figures else { return false };
    let accounts = usize::try_from(*accounts).unwrap_or(usize::MAX);
    let report = fleet::run(accounts, Duration::from_secs(*life), Duration::from_secs(*seconds));
    // Whoever started this reads it; where nobody does, the status tells.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{report}");
    let complaints = report.complaints();
    for complaint in &complaints {
        let _ = writeln!(stdout, "{complaint}");
    }
    complaints.is_empty()
}

fn short_lives(run: &Run) -> Findings {
    let plan = short_lives::Plan { logins: 12, span: run.limit.unwrap_or(SHORT_LIVES) };
    short_lives::run(&plan, &run.course)
}

fn idle(run: &Run) -> Result<Findings, Skipped> {
    let seconds = run.limit.map_or(IDLE, |limit| limit.as_secs().max(30)).to_string();
    let ended = test(run, "idle", &[("TOKEND_IDLE_SECONDS", &seconds)])?;
    if let Some(line) = line_with(&ended, "SKIPPED") {
        return Err(Skipped(line));
    }
    Ok(findings(&ended, format!("{seconds} s")))
}

/// One of the end-to-end tests, as `cargo test --workspace` runs it.
fn test(run: &Run, name: &str, variables: &[(&str, &str)]) -> Result<Ended, Skipped> {
    let arguments = ["test", "--workspace", "--test", name, "--", "--nocapture"];
    let limit = run.limit.unwrap_or(Duration::from_secs(900)).max(Duration::from_secs(300));
    cargo(run, &arguments, variables, limit + FOR_A_BUILD)
}

fn cargo(
    run: &Run,
    arguments: &[&str],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<Ended, Skipped> {
    let Some(mut command) = child::cargo(arguments) else {
        return Err(Skipped("only where cargo started this: run `cargo chaos`".to_owned()));
    };
    command.envs(variables.iter().copied());
    let ended = child::run(command, &run.course, limit);
    Ok(ended.unwrap_or_else(|why| Ended { success: false, output: why }))
}

fn line_with(ended: &Ended, part: &str) -> Option<String> {
    ended.output.lines().rfind(|line| line.contains(part)).map(|line| line.trim().to_owned())
}

fn findings(ended: &Ended, amount: String) -> Findings {
    let faults = if ended.success { Vec::new() } else { vec![tail(&ended.output, 40)] };
    Findings { amount, details: Vec::new(), faults }
}
