//! The numbers as they are now. No label holds a secret, a scope, or anything that a service or a client can choose.

use std::sync::Arc;

use super::Source;
use super::exposition::{Dialect, Exposition, Kind, Seconds};
use crate::account::{Account, BOUNDS_MS, State};
use crate::clock::Moment;
use crate::platform;

const STATES: [State; 7] = [
    State::Idle,
    State::Fresh,
    State::Refreshing,
    State::Waiting,
    State::Parked,
    State::LoginNeeded,
    State::Locked,
];

/// The whole text.
pub(super) async fn gather(source: &Source, dialect: Dialect) -> String {
    let now = source.keeper.now();
    let accounts: Vec<Arc<Account>> = source.keeper.registry().values().cloned().collect();
    let mut text = Exposition::new(dialect);
    of_process(&mut text, source);
    of_clients(&mut text, source);
    for part in [states, times, clocks, counts, failures, durations] {
        // With many accounts each takes a while, and nobody who wants a token waits for all.
        tokio::task::yield_now().await;
        part(&mut text, &accounts, now);
    }
    text.finish()
}

fn of_process(text: &mut Exposition, source: &Source) {
    text.family("tokend_build_info", Kind::Info, "Which tokend this is.");
    text.sample("tokend_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("process_start_time_seconds", Kind::Gauge, "When tokend was started, in seconds since 1970.");
    text.sample("process_start_time_seconds", &[], Seconds::of(source.started.0));
    text.family("process_cpu_seconds_total", Kind::Counter, "The processor time that tokend has used.");
    text.sample("process_cpu_seconds_total", &[], Seconds::of(platform::processor_milliseconds()));
    if let Some(bytes) = platform::resident_memory() {
        text.family(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "The memory that tokend has at the moment.",
        );
        text.sample("process_resident_memory_bytes", &[], bytes);
    }
}

fn of_clients(text: &mut Exposition, source: &Source) {
    text.family("tokend_connections", Kind::Gauge, "Clients that are connected.");
    text.sample("tokend_connections", &[], source.server.connections());
    let (accepted, refused) = source.server.tally().connections();
    text.family(
        "tokend_connection_attempts_total",
        Kind::Counter,
        "Clients that connected, and were let in or not.",
    );
    for (outcome, count) in [("accepted", accepted), ("refused", refused)] {
        text.sample("tokend_connection_attempts_total", &[("outcome", outcome)], count);
    }
    text.family("tokend_requests_total", Kind::Counter, "What clients asked, and how it was answered.");
    for (request, outcome, count) in source.server.tally().answers() {
        text.sample("tokend_requests_total", &[("request", request), ("outcome", outcome)], count);
    }
}

fn states(text: &mut Exposition, accounts: &[Arc<Account>], _now: Moment) {
    text.family("tokend_accounts", Kind::Gauge, "Accounts that are configured.");
    text.sample("tokend_accounts", &[], accounts.len());
    text.family("tokend_account_state", Kind::Gauge, "1 for the state that the account is in.");
    for account in accounts {
        let now_in = account.shared.snapshot().state;
        for state in STATES {
            let labels = [("account", &*account.name), ("type", account.kind), ("state", state.as_str())];
            text.sample("tokend_account_state", &labels, u8::from(state == now_in));
        }
    }
}

/// A gauge that not every account has.
fn gauge(
    text: &mut Exposition,
    accounts: &[Arc<Account>],
    name: &str,
    help: &str,
    value: impl Fn(&Account) -> Option<i64>,
) {
    text.family(name, Kind::Gauge, help);
    for account in accounts {
        if let Some(milliseconds) = value(account) {
            text.sample(name, &labels(account), Seconds::of(milliseconds));
        }
    }
}

fn times(text: &mut Exposition, accounts: &[Arc<Account>], now: Moment) {
    let token =
        |account: &Account| account.shared.snapshot().token.clone().filter(|token| token.is_alive(now));
    gauge(
        text,
        accounts,
        "tokend_token_expiry_timestamp_seconds",
        "When the account's token dies, in seconds since 1970.",
        |account| Some(now.wall.after(token(account)?.left(now)?).0),
    );
    gauge(
        text,
        accounts,
        "tokend_token_refresh_timestamp_seconds",
        "When the account's token was received, in seconds since 1970.",
        |account| Some(token(account)?.received.wall.0),
    );
    gauge(
        text,
        accounts,
        "tokend_next_refresh_timestamp_seconds",
        "When the next request to the account's service is due, in seconds since 1970.",
        |account| {
            let at = account.shared.snapshot().next_refresh?;
            Some(now.wall.after(now.steady.until(at)).0)
        },
    );
    gauge(
        text,
        accounts,
        "tokend_login_end_timestamp_seconds",
        "When the term of the account's login is over, in seconds since 1970.",
        |account| Some(account.shared.login_end()?.0),
    );
}

fn clocks(text: &mut Exposition, accounts: &[Arc<Account>], now: Moment) {
    gauge(
        text,
        accounts,
        "tokend_clock_skew_seconds",
        "By how much this machine's clock is ahead of the account's service's.",
        |account| Some(account.shared.snapshot().service_clock?.skew(now)),
    );
}

fn counts(text: &mut Exposition, accounts: &[Arc<Account>], _now: Moment) {
    text.family("tokend_tokens_served_total", Kind::Counter, "Tokens that clients were given.");
    for account in accounts {
        text.sample("tokend_tokens_served_total", &labels(account), account.shared.served());
    }
    text.family("tokend_refreshes_total", Kind::Counter, "Tries to get a token, and how they ended.");
    for account in accounts {
        let failed: u64 = account.tally.failures().values().sum();
        for (outcome, count) in [("ok", account.tally.tokens()), ("failed", failed)] {
            let labels = [("account", &*account.name), ("type", account.kind), ("outcome", outcome)];
            text.sample("tokend_refreshes_total", &labels, count);
        }
    }
}

fn failures(text: &mut Exposition, accounts: &[Arc<Account>], _now: Moment) {
    text.family("tokend_refresh_failures_total", Kind::Counter, "Tries to get a token that failed, by kind.");
    for account in accounts {
        for (kind, count) in account.tally.failures() {
            let labels = [("account", &*account.name), ("type", account.kind), ("kind", kind)];
            text.sample("tokend_refresh_failures_total", &labels, count);
        }
    }
}

fn durations(text: &mut Exposition, accounts: &[Arc<Account>], _now: Moment) {
    const NAME: &str = "tokend_refresh_duration_seconds";
    text.family(NAME, Kind::Histogram, "How long tries to get a token took.");
    for account in accounts {
        let (counts, sum_ms) = account.tally.durations();
        text.histogram(NAME, &labels(account), &BOUNDS_MS, &counts, sum_ms);
    }
}

fn labels(account: &Account) -> [(&'static str, &str); 2] {
    [("account", &account.name), ("type", account.kind)]
}
