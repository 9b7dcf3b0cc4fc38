//! Thousands of accounts of one service, kept by the real daemon: how they begin, how they go on, what they cost.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use tokend_proto::Answer;

use crate::asking;
use crate::platform;
use crate::real_time::{paced, timed};
use crate::sandbox::Sandbox;
use crate::stand_in::LyveCloud;

/// Over so long requests are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The most requests of a window that nobody asked for, while the fleet begins: a burst of 32, then 50 a second, and
/// the 16 that may be on their way when the window begins.
const FILL_LIMIT: usize = 32 + 50 * 10 + 16;

/// Tokens of random accounts are asked for so far apart.
const SAMPLES_EVERY: Duration = Duration::from_millis(100);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many accounts there were.
    pub accounts: usize,
    /// How long their tokens lived.
    pub lifetime: Duration,
    /// How long it went on.
    pub duration: Duration,
    /// How many requests the service heard.
    pub requests: usize,
    /// From the first request until every account had a token.
    pub fill: Duration,
    /// The most requests in ten seconds until then, without those for accounts that were asked for.
    pub fill_peak: usize,
    /// Requests in ten seconds after that, on average.
    pub average: f64,
    /// The most requests in ten seconds after that.
    pub peak: usize,
    /// How many tokens were asked for while it went on, of accounts at random.
    pub samples: usize,
    /// How many of these had none before, since the fleet still began.
    pub cold: usize,
    /// How many requests of others came before such a one's, in the middle of all.
    pub cold_median: usize,
    /// The longest that such a one waited.
    pub cold_longest: Duration,
    /// The longest that one waited whose account had a token.
    pub warm_longest: Duration,
    /// How many served tokens the service did not take, those at the end included.
    pub dead: usize,
    /// How many times there was none, with what was said; at most a few of them.
    pub failures: Vec<String>,
    /// The daemon's peak resident memory in KiB.
    pub peak_memory_kib: u64,
    /// What the daemon computed, in seconds of one processor.
    pub cpu_seconds: f64,
}

/// One asked-for token.
struct Sample {
    account: String,
    /// How many tokens the service had issued before and after.
    issued: (usize, usize),
    took: Duration,
}

/// Keeps so many accounts, whose tokens live so long, for so long.
///
/// # Panics
///
/// When the daemon or the stand-in does not start.
#[must_use]
pub fn run(accounts: usize, lifetime: Duration, duration: Duration) -> Report {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().lifetime(lifetime).with(|lyve| lyve.any_key = true).start();
    sandbox.configure(&configuration(&sandbox, &lyve, accounts));
    let daemon = sandbox.start();

    let mut report = Report { accounts, lifetime, duration, ..Report::default() };
    let mut samples = Vec::new();
    let times = u32::try_from(duration.as_millis() / SAMPLES_EVERY.as_millis()).unwrap_or(u32::MAX);
    paced(SAMPLES_EVERY, times, |_| {
        let account = name(fastrand::usize(..accounts));
        let before = lyve.issued();
        let (token, took) = timed(|| token(&sandbox, &account));
        match token {
            Ok(token) => {
                samples.push(Sample { account, issued: (before, lyve.issued()), took });
                report.dead += usize::from(!lyve.is_live(&token));
            }
            Err(why) => report.failures.push(format!("{account}: {why}")),
        }
    });
    report.count(&lyve, &samples);
    report.peak_memory_kib = daemon.peak_memory_kib();
    report.cpu_seconds = platform::cpu_seconds(daemon.pid());
    for number in 0..accounts {
        match token(&sandbox, &name(number)) {
            Ok(token) => report.dead += usize::from(!lyve.is_live(&token)),
            Err(why) => report.failures.push(format!("{}: {why}", name(number))),
        }
    }
    report
}

impl Report {
    /// Whatever is not as it should be, in words.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut must = |holds: bool, otherwise: String| {
            if !holds {
                complaints.push(otherwise);
            }
        };
        must(self.dead == 0, format!("{} dead tokens were served", self.dead));
        let some: Vec<&String> = self.failures.iter().take(5).collect();
        must(some.is_empty(), format!("{} times there was no token: {some:?}", self.failures.len()));
        must(!self.fill.is_zero(), "not every account has got a token".to_owned());
        must(
            self.fill_peak <= FILL_LIMIT,
            format!("{} requests in ten seconds of the first fill, not {FILL_LIMIT}", self.fill_peak),
        );
        must(self.average > 0.0, "nothing was refreshed".to_owned());
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let ratio = self.peak as f64 / self.average;
        must(ratio <= 2.0, format!("the busiest ten seconds had {ratio:.2} times the average of requests"));
        must(
            self.cold_median <= 50,
            format!("{} others came before an account that was asked for", self.cold_median),
        );
        complaints
    }

    /// Reads the service's books.
    fn count(&mut self, lyve: &LyveCloud, samples: &[Sample]) {
        let issued = lyve.tokens().all();
        self.requests = lyve.token_requests();
        let mut filled = HashSet::new();
        let mut end_of_fill = None;
        let mut first_of = Vec::with_capacity(issued.len());
        for token in &issued {
            let account = token.about["accessKey"].as_str().unwrap_or_default();
            first_of.push(filled.insert(account));
            if filled.len() == self.accounts {
                end_of_fill.get_or_insert(token.at);
            }
        }
        let Some((start, end)) = issued.first().map(|token| token.at).zip(end_of_fill) else { return };
        self.fill = since(start, end);

        let is_cold = |sample: &&Sample| {
            let (before, after) = sample.issued;
            (before..after).any(|index| first_of[index] && issued[index].about["accessKey"] == sample.account)
        };
        let (cold, warm): (Vec<_>, Vec<_>) = samples.iter().partition(is_cold);
        let mut others: Vec<usize> =
            cold.iter().map(|sample| sample.issued.1 - sample.issued.0 - 1).collect();
        others.sort_unstable();
        (self.samples, self.cold) = (samples.len(), cold.len());
        self.cold_median = others.get(others.len() / 2).copied().unwrap_or_default();
        self.cold_longest = cold.iter().map(|sample| sample.took).max().unwrap_or_default();
        self.warm_longest = warm.iter().map(|sample| sample.took).max().unwrap_or_default();

        let asked: HashSet<&str> = cold.iter().map(|sample| sample.account.as_str()).collect();
        let is_asked = |index: usize| {
            first_of[index] && asked.contains(issued[index].about["accessKey"].as_str().unwrap_or_default())
        };
        let filling: Vec<SystemTime> = (0..issued.len())
            .filter(|index| issued[*index].at <= end && !is_asked(*index))
            .map(|index| issued[index].at)
            .collect();
        self.fill_peak = busiest(&filling);
        let after: Vec<SystemTime> = issued.iter().map(|token| token.at).filter(|at| *at > end).collect();
        self.peak = busiest(&after);
        let rest = self.duration.saturating_sub(self.fill);
        if !rest.is_zero() {
            #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
            let count = after.len() as f64;
            self.average = count * WINDOW.as_secs_f64() / rest.as_secs_f64();
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, requests, samples, dead, .. } = self;
        writeln!(
            f,
            "{accounts} accounts with tokens of {:?} for {:?}: {requests} requests",
            self.lifetime, self.duration
        )?;
        writeln!(
            f,
            "first fill: {:.1} s, at most {} in 10 s (limit {FILL_LIMIT}) that nobody asked for",
            self.fill.as_secs_f64(),
            self.fill_peak
        )?;
        writeln!(f, "after it: {:.1} in 10 s on average, at most {}", self.average, self.peak)?;
        writeln!(
            f,
            "{samples} tokens asked for meanwhile and {accounts} at the end: {dead} dead, {} times none",
            self.failures.len()
        )?;
        writeln!(
            f,
            "{} of them during the fill, before their turn: {} others first in the middle, longest {:?}; \
             all others: longest {:?}",
            self.cold, self.cold_median, self.cold_longest, self.warm_longest
        )?;
        write!(f, "memory at most {} KiB, {:.1} s of one processor", self.peak_memory_kib, self.cpu_seconds)
    }
}

/// The most of these times within one window.
fn busiest(times: &[SystemTime]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (index, at) in times.iter().enumerate() {
        while since(times[first], *at) >= WINDOW {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

fn since(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

/// The account's name, and its access key.
fn name(number: usize) -> String {
    format!("fleet-{number:05}")
}

fn configuration(sandbox: &Sandbox, lyve: &LyveCloud, accounts: usize) -> String {
    let (account_id, secret) = lyve.change(|lyve| (lyve.account_id.clone(), lyve.secret.clone()));
    sandbox.secret_file("fleet.secret", &secret);
    let table = |number| {
        let name = name(number);
        format!(
            "[accounts.{name}]\ntype = 'lyve-cloud'\nurl = '{}'\naccount_id = '{account_id}'\n\
             access_key = '{name}'\nsecret = {{ file = '~/fleet.secret' }}\n",
            lyve.url()
        )
    };
    (0..accounts).map(table).collect()
}

fn token(sandbox: &Sandbox, account: &str) -> Result<String, String> {
    match asking::get(&sandbox.socket(), account) {
        Ok(Answer::Credential(credential)) => Ok(asking::token_of(&credential)),
        Ok(Answer::Failure(failure)) => Err(failure.message),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}
