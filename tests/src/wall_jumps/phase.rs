//! One jump of the wall, with the service there or not: what callers get from then on, and what it costs the
//! service.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tokend_proto::Answer;
use tokend_proto::message::Code;

use crate::accounts;
use crate::asking::{get, token_of};
use crate::course::Findings;
use crate::real_time::{Stopwatch, let_pass};
use crate::sandbox::{Daemon, Sandbox};
use crate::stand_in::{Fault, OAuthServer, Standing, Tokens, clock_of_the_services};

use super::Wall;

/// A token that outlives the phase, and one that dies in it.
const LIVES: [(&str, Duration); 2] = [("long", Duration::from_secs(3600)), ("short", Duration::from_secs(6))];

/// How long a jump is watched: longer than the short token lives.
const PHASE: Duration = Duration::from_secs(8);

/// A caller that asks with so much life left has a token, whatever happens meanwhile: nobody waits longer
/// (promise 1).
const WAIT: Duration = Duration::from_millis(2_500);

/// How long a daemon may take to have new tokens once the service is back.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    jumps: usize,
    gets: usize,
    requests: usize,
    most_requests: usize,
    warned: usize,
    dead_warned: usize,
    faults: Vec<String>,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.jumps += other.jumps;
        self.gets += other.gets;
        self.requests += other.requests;
        self.most_requests = self.most_requests.max(other.most_requests);
        self.warned += other.warned;
        self.dead_warned += other.dead_warned;
        self.faults.extend(other.faults);
    }

    pub(super) fn findings(self) -> Findings {
        let details = vec![
            format!("{} gets, {} of them with a warning", self.gets, self.warned),
            format!("{} requests, at most {} after one jump", self.requests, self.most_requests),
            format!(
                "{} times a token was served, with a warning, that only a wall set back called alive",
                self.dead_warned
            ),
        ];
        Findings { amount: format!("{} jumps", self.jumps), details, faults: self.faults }
    }
}

/// A daemon with a wall of its own, and its services.
pub(super) struct Stage {
    sandbox: Sandbox,
    wall: Wall,
    services: Vec<OAuthServer>,
    daemon: Option<Daemon>,
}

/// What a caller got.
struct Got {
    account: usize,
    /// When it asked, by the service's clock.
    asked: SystemTime,
    code: u8,
    /// The death of the token that it got, by the service's clock.
    death: Option<SystemTime>,
    is_live: bool,
    /// Whether it is the token from before the jump.
    is_old: bool,
    has_warning: bool,
}

impl Stage {
    pub(super) fn set(library: &Path) -> Self {
        let sandbox = Sandbox::new();
        let services: Vec<_> =
            LIVES.iter().map(|(_, life)| OAuthServer::builder().lifetime(*life).start()).collect();
        let configuration: Vec<_> = LIVES
            .iter()
            .zip(&services)
            .map(|((name, _), service)| {
                accounts::oauth2_at_endpoint(&sandbox, name, service, "client_secret_basic")
            })
            .collect();
        sandbox.configure(&configuration.concat());
        let wall = Wall::new(&sandbox);
        let daemon = sandbox.start_with(|command| wall.surround(command, library));
        Self { sandbox, wall, services, daemon: Some(daemon) }
    }

    /// Jumps, watches what follows, brings the service back where it was away, and waits until all is as it
    /// was.
    pub(super) fn jump(&mut self, seconds: i64, is_down: bool, count: &mut Count) {
        let what = format!("{seconds:+} s, service {}", if is_down { "down" } else { "up" });
        let fault = |account: usize, why: &str| format!("{what}: {}: {why}", LIVES[account].0);
        // Each phase begins with tokens that were asked for by today's wall.
        let before: Vec<String> = LIVES.iter().map(|(name, _)| self.sandbox.token(name)).collect();
        let requests_before: Vec<usize> = self.services.iter().map(OAuthServer::token_requests).collect();
        for service in self.services.iter().filter(|_| is_down) {
            service.fault(Fault::page(503));
        }
        self.wall.jump(seconds);
        let got = self.watch(&before);

        for Got { account, asked, code, death, is_live, is_old, has_warning } in &got {
            let was_dead = death.is_some_and(|death| death < *asked) || (*code == 0 && death.is_none());
            count.warned += usize::from(*has_warning);
            if *is_old && !has_warning {
                count.faults.push(fault(*account, "the old token was served as if nothing had happened"));
            }
            match (code, was_dead) {
                (0, true) if is_down && seconds < 0 && *has_warning => count.dead_warned += 1,
                (0, true) => count.faults.push(fault(*account, "a dead token was served")),
                (0, false) if !is_down && !is_live => {
                    // It may have died between the question and the answer.
                    let late = death.is_none_or(|death| death > *asked + WAIT);
                    if late {
                        count.faults.push(fault(*account, "a token that the service refuses was served"));
                    }
                }
                (0, false) => {}
                (6, _) if is_down => {}
                (code, _) => count.faults.push(fault(*account, &format!("a get ended with {code}"))),
            }
        }
        for (account, service) in self.services.iter().enumerate() {
            let of = || got.iter().filter(move |got| got.account == account);
            if is_down {
                let life = service.tokens().all().last().map(|newest| newest.expires_at);
                let lost = of().any(|got| got.code != 0 && life.is_some_and(|end| got.asked + WAIT < end));
                if lost {
                    count.faults.push(fault(account, "a live token was not served"));
                }
            }
            let requests = service.token_requests() - requests_before[account];
            count.requests += requests;
            count.most_requests = count.most_requests.max(requests);
            // The jump itself costs one. Then the long one needs no more; where the service is down, there
            // are pauses.
            let most = match (account, is_down) {
                (0, false) => 2,
                (_, false) => 5,
                (_, true) => 9,
            };
            if requests > most || (requests == 0) {
                count.faults.push(fault(account, &format!("{requests} requests in {PHASE:?}")));
            }
            service.clear_faults();
        }
        // What many callers saw is one fault.
        count.faults.sort();
        count.faults.dedup();
        count.gets += got.len();
        count.jumps += 1;
        if let Err(account) = self.settle(&before) {
            count.faults.push(fault(account, &format!("no new token within {PATIENCE:?}")));
        }
    }

    /// Callers of every account, for one phase.
    fn watch(&self, before: &[String]) -> Vec<Got> {
        let (got, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let socket = self.sandbox.socket();
        thread::scope(|scope| {
            for (account, service) in self.services.iter().enumerate() {
                let (got, over, socket, tokens) = (&got, &over, &socket, service.tokens());
                scope.spawn(move || {
                    while !over.load(Ordering::Acquire) {
                        let one = ask(socket, account, &tokens, &before[account]);
                        got.lock().expect("no caller panics").push(one);
                        let_pass(Duration::from_millis(40), "callers leave the daemon some time");
                    }
                });
            }
            let_pass(PHASE, "what follows a jump is watched until the short token has died");
            over.store(true, Ordering::Release);
        });
        got.into_inner().expect("no caller panics")
    }

    /// Waits until each account has a token that was issued after the jump and of which the clocks do not
    /// disagree.
    fn settle(&self, before: &[String]) -> Result<(), usize> {
        let socket: PathBuf = self.sandbox.socket();
        for (account, service) in self.services.iter().enumerate() {
            let waiting = Stopwatch::start();
            loop {
                match get(&socket, LIVES[account].0) {
                    Ok(Answer::Credential(credential))
                        if credential.warnings.is_empty() && {
                            let token = token_of(&credential);
                            token != before[account] && service.is_live(&token)
                        } =>
                    {
                        break;
                    }
                    _ if waiting.elapsed() > PATIENCE => return Err(account),
                    _ => let_pass(Duration::from_millis(20), "the daemon tries again by itself"),
                }
            }
        }
        Ok(())
    }
}

impl Drop for Stage {
    /// Politely: what libfaketime shares with the programs that such a one starts is removed at its end.
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop();
        }
    }
}

fn ask(socket: &Path, account: usize, tokens: &Tokens, before: &str) -> Got {
    let asked = clock_of_the_services();
    let got = |code, token: Option<&str>, has_warning| {
        let standing = token.map(|token| tokens.standing(token));
        let (is_live, death) = match standing {
            Some(Standing::Live(issued)) => (true, Some(issued.expires_at)),
            Some(Standing::Expired(issued)) => (false, Some(issued.expires_at)),
            Some(Standing::Unknown) | None => (false, None),
        };
        let is_old = token == Some(before);
        Got { account, asked, code, death, is_live, is_old, has_warning }
    };
    match get(socket, LIVES[account].0) {
        Ok(Answer::Credential(credential)) => {
            got(0, Some(&token_of(&credential)), !credential.warnings.is_empty())
        }
        Ok(Answer::Failure(failure)) => got(failure.code.0, None, false),
        Ok(_) => got(Code::INTERNAL.0, None, false),
        Err(_) => got(Code::NO_DAEMON.0, None, false),
    }
}
