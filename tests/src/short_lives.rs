//! Logins whose access tokens live ten seconds and whose refresh tokens are good for one use, kept by the
//! real programs for minutes: each rotation costs one request, and none is lost.

use std::thread;
use std::time::Duration;

use tokend_proto::Answer;

use crate::accounts;
use crate::asking;
use crate::course::{Course, Findings};
use crate::real_time::{Stopwatch, let_pass};
use crate::sandbox::Sandbox;
use crate::stand_in::{OAuthServer, Rotation};

/// How long an access token lives.
const LIFE: Duration = Duration::from_secs(10);

/// Between two questions of one caller.
const PAUSE: Duration = Duration::from_millis(250);

const CLIENT: &str = "cli";

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many logins.
    pub logins: usize,
    /// For how long.
    pub span: Duration,
}

/// One login.
struct Login {
    name: String,
    family: usize,
}

/// What a caller saw.
#[derive(Default)]
struct Seen {
    tokens: usize,
    faults: Vec<String>,
}

/// Does it. Ends early where `course` does.
///
/// # Panics
/// When the programs or the service cannot be started.
#[must_use]
pub fn run(plan: &Plan, course: &Course) -> Findings {
    let sandbox = Sandbox::new();
    // Whoever sends a refresh token twice loses the login.
    let server = OAuthServer::builder()
        .lifetime(LIFE)
        .with(|server| {
            server.rotation = Rotation::Revoking;
            server.public_clients = vec![CLIENT.into()];
        })
        .start();
    let (mut configuration, mut logins) = (String::new(), Vec::new());
    for number in 0..plan.logins {
        let (name, first) = (format!("login-{number}"), server.grant(CLIENT, &["files"]));
        configuration += &accounts::oauth2_login(&sandbox, &name, &server, CLIENT, &first);
        logins.push(Login { name, family: server.grants().family_of(&first).expect("a grant has a family") });
    }
    sandbox.configure(&configuration);
    let daemon = sandbox.start();

    let seen: Vec<Seen> = thread::scope(|scope| {
        let callers: Vec<_> = logins
            .iter()
            .map(|login| scope.spawn(|| ask_again_and_again(&sandbox, &server, login, plan, course)))
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("no panic in a caller")).collect()
    });
    let span = course.elapsed().min(plan.span);
    daemon.stop();

    let mut findings = Findings::default();
    let (mut requests, mut rotations) = (0, 0);
    for (login, seen) in logins.iter().zip(&seen) {
        let sendings = server.grants().sendings_of(login.family).len();
        requests += sendings;
        rotations += server.grants().rotations_of(login.family).len();
        findings.faults.extend(seen.faults.iter().map(|fault| format!("{}: {fault}", login.name)));
        findings.faults.extend(audit(&server, login, span));
    }
    let asked: usize = seen.iter().map(|seen| seen.tokens).sum();
    findings.amount = format!("{rotations} rotations in {} s", span.as_secs());
    findings.details = vec![format!(
        "{} logins with tokens of {} s: {requests} requests for {rotations} rotations, asked {asked} times",
        plan.logins,
        LIFE.as_secs(),
    )];
    findings
}

fn ask_again_and_again(
    sandbox: &Sandbox,
    server: &OAuthServer,
    login: &Login,
    plan: &Plan,
    course: &Course,
) -> Seen {
    let mut seen = Seen::default();
    while course.goes_on() && course.elapsed() < plan.span {
        let watch = Stopwatch::start();
        match asking::get(&sandbox.socket(), &login.name) {
            Ok(Answer::Credential(credential)) => {
                seen.tokens += 1;
                let left = credential.expires_in_ms.map(Duration::from_millis);
                // It may die on its way to the service.
                let is_dead = !server.is_live(&asking::token_of(&credential));
                if is_dead && left.is_none_or(|left| left > watch.elapsed()) {
                    seen.faults.push(format!("a dead token was served, with {left:?} left"));
                }
            }
            Ok(Answer::Failure(failure)) => seen.faults.push(failure.message),
            other => seen.faults.push(format!("{other:?}")),
        }
        course.say(&format!("{} s", course.elapsed().as_secs()));
        let_pass(PAUSE, "callers leave the daemon some time");
    }
    seen
}

/// What the service's books say against it.
fn audit(server: &OAuthServer, login: &Login, span: Duration) -> Vec<String> {
    let grants = server.grants();
    let (sendings, rotations) = (grants.sendings_of(login.family), grants.rotations_of(login.family));
    let mut faults = Vec::new();
    let mut ensure = |holds: bool, otherwise: String| {
        if !holds {
            faults.push(format!("{}: {otherwise}", login.name));
        }
    };
    ensure(!grants.has_ended(login.family), "the login has ended".to_owned());
    ensure(sendings.iter().all(|sending| sending.time == 1), "a refresh token was sent twice".to_owned());
    ensure(
        sendings.len() == rotations.len(),
        format!("{} requests for {} rotations", sendings.len(), rotations.len()),
    );
    ensure(rotations.iter().all(|rotation| rotation.answered), "an answer was lost".to_owned());
    // All but the newest were used.
    let newest = grants.newest_generation(login.family);
    let orphan = rotations.iter().find(|rotation| !rotation.sent && Some(rotation.generation) != newest);
    ensure(orphan.is_none(), format!("a refresh token was lost: {orphan:?}"));
    // One begins it, and one more may come at the end; else each comes after 7.5 s of a life at the earliest.
    let (fewest, most) = (span.as_secs() / LIFE.as_secs(), 2 + span.as_secs() * 10 / 75);
    let count = u64::try_from(rotations.len()).unwrap_or(u64::MAX);
    ensure((fewest..=most).contains(&count), format!("{count} rotations, not {fewest} to {most}"));
    faults
}
