//! One daemon, its accounts and their services: killed, judged and started again.

use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::accounts;
use crate::course::Course;
use crate::real_time::let_pass;
use crate::sandbox::Sandbox;
use crate::stand_in::{OAuthServer, Outcome, Rotation, call};

use super::aim::Aim;
use super::callers::{Board, Caller, Seen};
use super::disk::Kept;
use super::tally::{Progress, Tally};
use super::{Kills, MANNERS, Plan};

/// How long a token lives: short, so that there is always one on its way.
const LIFE: Duration = Duration::from_secs(2);

/// How long an account may take to get over a kill.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client that has the grants; it has no secret.
const CLIENT: &str = "cli";

pub(super) struct Lane {
    sandbox: Sandbox,
    /// One for each manner.
    services: Vec<OAuthServer>,
    accounts: Vec<Account>,
    board: Board,
    /// How many sendings of each service's book were looked at.
    judged: [usize; MANNERS.len()],
    rng: Rng,
    tally: Tally,
}

struct Account {
    name: String,
    /// Its manner, and its service.
    manner: usize,
    family: usize,
    /// What the last kills left behind.
    fall: Fall,
    /// How many kills in a row found the same refresh token on disk.
    kills: usize,
}

/// What was known of an account when its daemon was dead.
#[derive(Clone, Copy, Default)]
struct Fall {
    /// The newest generation that the service gave out.
    newest: usize,
    /// The newest on disk, or in the source.
    kept: usize,
}

impl Fall {
    fn is_unkept(self) -> bool {
        self.newest > self.kept
    }
}

impl Lane {
    pub(super) fn new(plan: &Plan, number: usize) -> Self {
        let sandbox = Sandbox::new();
        let services: Vec<OAuthServer> = MANNERS
            .iter()
            .map(|(rotation, _)| {
                let arranged = OAuthServer::builder().lifetime(LIFE).with(|server| {
                    server.rotation = *rotation;
                    server.public_clients = vec![CLIENT.into()];
                });
                arranged.start()
            })
            .collect();
        let mut accounts = Vec::new();
        let mut configuration = String::new();
        for index in 0..plan.accounts {
            for (manner, (_, word)) in MANNERS.iter().enumerate() {
                let name = format!("{word}-{index}");
                let first = services[manner].grant(CLIENT, &[]);
                let family = services[manner].grants().family_of(&first).expect("a grant has a family");
                configuration += &accounts::oauth2_login(&sandbox, &name, &services[manner], CLIENT, &first);
                accounts.push(Account { name, manner, family, fall: Fall::default(), kills: 0 });
            }
        }
        sandbox.configure(&configuration);
        let board = Board::new(accounts.len());
        let rng = Rng::with_seed(plan.seed.wrapping_add(number as u64));
        let judged = [0; MANNERS.len()];
        Self { sandbox, services, accounts, board, judged, rng, tally: Tally::default() }
    }

    /// Kills until there is no more kill to be had, then lets everything recover and reads the books.
    pub(super) fn run(mut self, plan: &Plan, progress: &Progress<'_>, course: &Course) -> Tally {
        let board = std::mem::replace(&mut self.board, Board::new(0));
        let names: Vec<String> = self.accounts.iter().map(|account| account.name.clone()).collect();
        let grants: Vec<_> =
            self.accounts.iter().map(|account| self.services[account.manner].grants()).collect();
        let socket = self.sandbox.socket();
        thread::scope(|scope| {
            for (account, (name, grants)) in names.iter().zip(grants).enumerate() {
                let caller = Caller { board: &board, socket: socket.clone(), name, account, grants };
                scope.spawn(move || caller.go_on());
            }
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match plan.kills {
                Kills::AfterRecovery => self.kill_after_recovery(&board, progress, course),
                Kills::AtAnyTime => self.kill_at_any_time(&board, progress, course),
            }));
            board.close();
            if let Err(panic) = done {
                std::panic::resume_unwind(panic);
            }
        });
        for account in 0..self.accounts.len() {
            for strange in board.seen(account).strange {
                self.tally.fault(format!("{}: {strange}", self.accounts[account].name));
            }
        }
        for manner in 0..MANNERS.len() {
            let living: Vec<_> =
                self.accounts.iter().filter(|it| it.manner == manner).map(|it| it.family).collect();
            self.tally.audit(manner, &self.services[manner], &living);
        }
        self.tally
    }

    fn kill_after_recovery(&mut self, board: &Board, progress: &Progress<'_>, course: &Course) {
        let mut daemon = self.sandbox.start();
        board.restarted();
        if !self.recover(board, course) {
            return;
        }
        while progress.next() {
            let aim = Aim::draw(&mut self.rng);
            aim.wait(&self.services, &mut self.rng);
            daemon.kill();
            self.tally.kills += 1;
            self.fallen();
            board.restarted();
            daemon = self.sandbox.start();
            if !self.recover(board, course) {
                return;
            }
        }
        drop(daemon);
    }

    /// What became of each account by the death of its daemon.
    fn fallen(&mut self) {
        for service in &self.services {
            service.clear_faults();
            // What the daemon had sent has been heard when these are answered: one thread hears all.
            for _ in 0..2 {
                let _ = call("GET", &format!("{}/api/whoami", service.url()), &[], "");
            }
        }
        self.look_for_older_ones();
        for account in &mut self.accounts {
            let tokens = self.services[account.manner].grants().tokens_of(account.family);
            let newest = tokens.len() - 1;
            // What was never written is read from its source.
            let kept = Kept::of(&self.sandbox, &account.name).newest_of(&tokens).unwrap_or(0);
            let fall = Fall { newest, kept };
            // What was so at the last kill as well is not counted again.
            let is_new = fall.newest > account.fall.newest;
            self.tally.counts[account.manner].unkept += usize::from(fall.is_unkept() && is_new);
            if newest > kept + 1 {
                self.tally
                    .faults
                    .push(format!("{}: two rotations were carried out, none of them was kept", account.name));
            }
            account.kills = if account.fall.kept == kept { account.kills + 1 } else { 1 };
            account.fall = fall;
        }
    }

    /// Nothing older than what the disk held at the last kill may have been sent since.
    fn look_for_older_ones(&mut self) {
        for (manner, service) in self.services.iter().enumerate() {
            let sendings = service.grants().sendings();
            for sending in sendings.get(self.judged[manner]..).unwrap_or_default() {
                let of_now = |it: &&Account| it.manner == manner && it.family == sending.family;
                let account = self.accounts.iter().find(of_now);
                if let Some(account) = account.filter(|it| sending.generation < it.fall.kept) {
                    self.tally
                        .faults
                        .push(format!("{}: an older one than the kept one was sent", account.name));
                }
            }
            self.judged[manner] = sendings.len();
        }
    }

    /// Waits until each account has got a new token from its service, with its login or with the next one.
    fn recover(&mut self, board: &Board, course: &Course) -> bool {
        for index in 0..self.accounts.len() {
            let (family, fall) = (self.accounts[index].family, self.accounts[index].fall);
            // A token that came with the newest refresh token was served, and it was kept by then.
            let recovered = move |seen: &Seen| match seen.served {
                Some((of, generation)) if of == family => {
                    generation > fall.newest || (fall.is_unkept() && generation == fall.newest)
                }
                _ => false,
            };
            let settled = board.wait_until(PATIENCE, |seen| {
                course.is_interrupted() || recovered(&seen[index]) || seen[index].login_needed.is_some()
            });
            if course.is_interrupted() {
                return false;
            }
            let name = self.accounts[index].name.clone();
            let seen = board.seen(index);
            let manner = self.accounts[index].manner;
            if recovered(&seen) {
                if fall.is_unkept() && MANNERS[manner].0 != Rotation::Grace {
                    self.tally
                        .fault(format!("{name}: a token that was not on disk was known after the kill"));
                }
                continue;
            }
            if !settled {
                self.tally.fault(format!("{name}: no new token within {PATIENCE:?} after a kill: {seen:?}"));
                return false;
            }
            if !fall.is_unkept() {
                self.tally.fault(format!("{name}: lost, though its newest refresh token was on disk"));
            }
            let said = self.sandbox.tok(["get", &name]);
            if said.code != 4 {
                self.tally.fault(format!("{name}: lost, but tok get ended with {}", said.code));
            }
            self.count_loss(index, 0);
            if !self.log_in_again(board, index, course) {
                return false;
            }
        }
        true
    }

    /// Lost, or given up? As the service's book has it. `since`: kills since it was said.
    fn count_loss(&mut self, index: usize, since: usize) {
        let account = &self.accounts[index];
        let (kept, kills) = (account.fall.kept, account.kills - since);
        let grants = self.services[account.manner].grants();
        let sendings = grants.sendings_of(account.family);
        let was_refused =
            sendings.iter().any(|sending| sending.generation == kept && sending.outcome == Outcome::Refused);
        let count = &mut self.tally.counts[account.manner];
        if was_refused {
            count.lost += 1;
            let newest = grants.newest_generation(account.family).unwrap_or(0);
            if newest == kept {
                let fault = format!("{}: the newest refresh token was refused", account.name);
                self.tally.fault(fault);
            }
        } else {
            count.given_up += 1;
            // Each of the two sendings, or the intent to it, was cut off by a kill.
            if kills < 2 {
                let fault = format!("{}: given up after {kills} kill", account.name);
                self.tally.fault(fault);
            }
        }
    }

    /// The daemon takes the new login by itself: its source is watched.
    fn log_in_again(&mut self, board: &Board, index: usize, course: &Course) -> bool {
        self.new_login(index);
        let (family, name) = (self.accounts[index].family, self.accounts[index].name.clone());
        let taken = board.wait_until(PATIENCE, |seen| {
            course.is_interrupted() || seen[index].served.is_some_and(|(of, _)| of == family)
        });
        board.change(index, |seen| seen.login_needed = None);
        if !taken {
            self.tally.fault(format!("{name}: a new first refresh token was not taken"));
        }
        taken && !course.is_interrupted()
    }

    fn new_login(&mut self, index: usize) {
        let account = &mut self.accounts[index];
        let service = &self.services[account.manner];
        let first = service.grant(CLIENT, &[]);
        account.family = service.grants().family_of(&first).expect("a grant has a family");
        (account.fall, account.kills) = (Fall::default(), 0);
        accounts::set_refresh_token(&self.sandbox, &account.name, &first);
    }

    fn kill_at_any_time(&mut self, board: &Board, progress: &Progress<'_>, course: &Course) {
        while progress.next() {
            board.restarted();
            let mut daemon = self.sandbox.launch();
            // Some kills fall into the start, most into what comes after it.
            let longest = if self.rng.u8(0..3) == 0 { 100_000 } else { 1_200_000 };
            let_pass(Duration::from_micros(self.rng.u64(0..longest)), "chance says when");
            if let Some(status) = daemon.ended() {
                self.tally.fault(format!("tokend ended by itself: {status}"));
                return;
            }
            daemon.kill();
            self.tally.kills += 1;
            self.fallen();
            for index in 0..self.accounts.len() {
                if board.seen(index).login_needed.is_some() {
                    self.count_loss(index, 1);
                    self.new_login(index);
                }
            }
        }
        if course.is_interrupted() {
            return;
        }
        // In the end each has a login that works.
        let _daemon = self.sandbox.start();
        board.restarted();
        for index in 0..self.accounts.len() {
            let account = &self.accounts[index];
            let (name, family) = (account.name.clone(), account.family);
            let before = self.services[account.manner].grants().newest_generation(family).unwrap_or(0);
            let settled = board.wait_until(PATIENCE, |seen| {
                let served = seen[index].served;
                course.is_interrupted()
                    || seen[index].login_needed.is_some()
                    || served.is_some_and(|(of, generation)| of == family && generation >= before.max(1))
            });
            if course.is_interrupted() {
                return;
            }
            if !settled {
                self.tally.fault(format!("{name}: neither a token nor a word that the login is lost"));
                return;
            }
            if board.seen(index).login_needed.is_some() {
                self.count_loss(index, 0);
                if !self.log_in_again(board, index, course) {
                    return;
                }
            }
        }
    }
}
