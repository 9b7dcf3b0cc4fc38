//! Whether each account's service can be reached: name, certificate, answer; and what its clock says of ours.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokend_proto::finding::{self, Finding, Sort};

use super::{Asked, PATIENCE, Tell, about, count, side_by_side};
use crate::account::Definition;
use crate::provider::{Answered, Failure, Provider};

/// Clocks that differ by less are right enough.
const SKEWED: Duration = Duration::from_secs(5);
/// Beyond this, certificates and signed tokens are refused by many.
const FAR_OFF: Duration = Duration::from_secs(300);

/// One way to a service, which several accounts may share.
struct Way {
    provider: Arc<dyn Provider>,
    host: String,
    is_secure: bool,
    needs_a_name_server: bool,
    accounts: Vec<String>,
}

/// Knocks at every service, once for all accounts that go the same way.
pub(super) async fn look(asked: &Asked, accounts: &[Definition], tell: Tell<'_>) {
    let (ways, not_asked) = ways(asked, accounts);
    if ways.is_empty() && not_asked.is_empty() {
        let message =
            "no account has a service that is asked over HTTP: no names, certificates and clocks to compare";
        tell(finding::SERVICE_NOT_ASKED.found(message, ""));
        return;
    }
    if !not_asked.is_empty() {
        let message =
            "the way leads through a proxy that the daemon does not tell, since a password is in it";
        let hint = "call `tok doctor` with HTTPS_PROXY set as it is for the daemon";
        tell(about(&finding::SERVICE_NOT_ASKED, &not_asked, message, hint));
    }
    let knocks = ways.iter().map(|way| knock(Arc::clone(&way.provider))).collect();
    let results = side_by_side(knocks).await;
    let told: Vec<_> = ways.iter().zip(&results).collect();
    tell(clock(&told));
    for found in names(&told).into_iter().chain(certificates(&told)).chain(answers(&told)) {
        tell(found);
    }
}

fn ways(asked: &Asked, accounts: &[Definition]) -> (Vec<Way>, Vec<String>) {
    let mut ways: BTreeMap<String, Way> = BTreeMap::new();
    let mut not_asked = Vec::new();
    for account in accounts {
        let Some(door) = account.provider.door() else { continue };
        if asked.secret_proxy && door.follows_the_environment() {
            not_asked.push(account.name.clone());
            continue;
        }
        let way = ways.entry(door.way()).or_insert_with(|| Way {
            provider: Arc::clone(&account.provider),
            host: door.host(),
            is_secure: door.is_secure(),
            needs_a_name_server: door.needs_a_name_server(),
            accounts: Vec::new(),
        });
        way.accounts.push(account.name.clone());
    }
    (ways.into_values().collect(), not_asked)
}

async fn knock(provider: Arc<dyn Provider>) -> Result<Answered, Failure> {
    match provider.door() {
        Some(door) => door.knock(PATIENCE).await,
        None => Err(Failure::not_now("unreachable", "there is no service", "")),
    }
}

type Told<'a> = (&'a Way, &'a Result<Answered, Failure>);

/// What the failure is about.
fn sort_of(failure: &Failure) -> &'static Sort {
    match failure.kind {
        "dns" => &finding::DNS_UNKNOWN_NAME,
        "tls" => &finding::TLS_STRANGER,
        "no-certificates" => &finding::TLS_NO_CERTIFICATES,
        "ca-file" => &finding::TLS_CA_FILE,
        "proxy" => &finding::SERVICE_PROXY,
        "timeout" => &finding::SERVICE_TIMEOUT,
        "unreachable" => &finding::SERVICE_UNREACHABLE,
        _ => &finding::SERVICE_BROKEN,
    }
}

/// What went wrong in this check.
fn faults(told: &[Told<'_>], check: &str) -> Vec<Finding> {
    let failed = told.iter().filter_map(|(way, result)| Some((way, result.as_ref().err()?)));
    let mut found: Vec<Finding> = Vec::new();
    for (way, failure) in failed {
        let sort = sort_of(failure);
        // What is wrong with the machine is wrong for all of them.
        let is_known = *sort == finding::TLS_NO_CERTIFICATES && found.iter().any(|found| found.is(sort));
        if sort.check == check && !is_known {
            let hint = match sort {
                sort if *sort == finding::DNS_UNKNOWN_NAME => {
                    format!("`getent hosts {}` asks the same; {}", way.host, failure.hint)
                }
                _ => failure.hint.clone(),
            };
            found.push(about(sort, &way.accounts, &failure.message, &hint));
        }
    }
    found
}

fn names(told: &[Told<'_>]) -> Vec<Finding> {
    let found = faults(told, "dns");
    if !found.is_empty() {
        return found;
    }
    // After a time-out nobody knows whether the name was found.
    let is_known = |(way, result): &&Told<'_>| {
        way.needs_a_name_server && result.as_ref().err().is_none_or(|failure| failure.kind != "timeout")
    };
    match told.iter().filter(is_known).count() {
        0 => vec![finding::DNS_NOT_NEEDED.found("no service's name has to be looked up", "")],
        known => {
            let known = count(known, "service's name is known", "services' names are known");
            vec![finding::DNS_RESOLVES.found(known, "")]
        }
    }
}

fn certificates(told: &[Told<'_>]) -> Vec<Finding> {
    let found = faults(told, "tls");
    if !found.is_empty() {
        return found;
    }
    match told.iter().filter(|(way, result)| way.is_secure && result.is_ok()).count() {
        0 if told.iter().any(|(way, _)| way.is_secure) => {
            vec![finding::TLS_NOT_NEEDED.found("no service could be asked for its certificate", "")]
        }
        0 => vec![finding::TLS_NOT_NEEDED.found("no service speaks TLS", "")],
        trusted => {
            let trusted = count(trusted, "certificate is trusted", "certificates are trusted");
            vec![finding::TLS_TRUSTED.found(trusted, "")]
        }
    }
}

fn answers(told: &[Told<'_>]) -> Vec<Finding> {
    let mut found = faults(told, "service");
    for (way, result) in told {
        if let Ok(answered) = result {
            let message = format!("{} answers ({} ms)", way.host, answered.took.as_millis());
            found.extend(
                way.accounts.iter().map(|name| finding::SERVICE_ANSWERS.found(message.clone(), "").of(name)),
            );
        }
    }
    found
}

/// The clock, by the middle one of the services: one of them may be wrong itself.
fn clock(told: &[Told<'_>]) -> Finding {
    let mut ahead: Vec<_> = told
        .iter()
        .filter_map(|(way, result)| Some((result.as_ref().ok()?.ahead_ms?, way.host.as_str())))
        .collect();
    ahead.sort_unstable();
    let Some((ahead_ms, host)) = ahead.get(ahead.len() / 2) else {
        return finding::CLOCK_UNKNOWN.found("no service told its time over TLS", "");
    };
    let by = Duration::from_millis(ahead_ms.unsigned_abs());
    if by <= SKEWED {
        return finding::CLOCK_RIGHT.found(format!("the clock agrees with that of {host}"), "");
    }
    let sort = if by > FAR_OFF { &finding::CLOCK_FAR_OFF } else { &finding::CLOCK_SKEWED };
    let side = if *ahead_ms > 0 { "ahead of" } else { "behind" };
    let by = humantime::format_duration(Duration::from_secs(by.as_secs()));
    let message = format!("this machine's clock is {by} {side} that of {host}");
    sort.found(message, crate::platform::remedies::SET_CLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Identity, MintRequest, Minted, Pending};

    #[derive(Debug)]
    struct Nobody;

    impl Provider for Nobody {
        fn mint<'a>(&'a self, _: &'a MintRequest) -> Pending<'a, Minted> {
            Box::pin(std::future::ready(Err(Failure::locked())))
        }

        fn identity(&self) -> Identity {
            Identity::default()
        }

        fn describe(&self) -> Vec<(&'static str, String)> {
            Vec::new()
        }
    }

    fn way(host: &str, accounts: &[&str]) -> Way {
        Way {
            provider: Arc::new(Nobody),
            host: host.to_owned(),
            is_secure: true,
            needs_a_name_server: true,
            accounts: accounts.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn answered(ahead_ms: Option<i64>) -> Answered {
        Answered { status: 404, took: Duration::from_millis(7), ahead_ms }
    }

    #[test]
    fn the_clock_is_judged_by_the_middle_of_the_services() {
        let way = way("a.example", &["a"]);
        let judged = |ahead: &[Option<i64>]| {
            let results: Vec<_> = ahead.iter().map(|ahead| Ok(answered(*ahead))).collect();
            clock(&results.iter().map(|result| (&way, result)).collect::<Vec<_>>())
        };
        assert!(judged(&[]).is(&finding::CLOCK_UNKNOWN));
        assert!(judged(&[None]).is(&finding::CLOCK_UNKNOWN));
        assert!(judged(&[Some(-4000)]).is(&finding::CLOCK_RIGHT));
        assert!(judged(&[Some(100), Some(7_200_000), Some(-300)]).is(&finding::CLOCK_RIGHT));
        let behind = judged(&[Some(-90_500)]);
        assert!(behind.is(&finding::CLOCK_SKEWED) && behind.message.contains("1m 30s behind"), "{behind:?}");
        assert!(judged(&[Some(7_200_000)]).is(&finding::CLOCK_FAR_OFF));
    }

    #[test]
    fn every_failure_of_a_knock_is_found_in_its_check_and_nowhere_else() {
        let way = way("a.example", &["a", "b"]);
        for (kind, sort) in [
            ("dns", &finding::DNS_UNKNOWN_NAME),
            ("tls", &finding::TLS_STRANGER),
            ("no-certificates", &finding::TLS_NO_CERTIFICATES),
            ("ca-file", &finding::TLS_CA_FILE),
            ("proxy", &finding::SERVICE_PROXY),
            ("timeout", &finding::SERVICE_TIMEOUT),
            ("unreachable", &finding::SERVICE_UNREACHABLE),
            ("reset", &finding::SERVICE_BROKEN),
        ] {
            let failed = Err(Failure::not_now(kind, "it is so", "do that"));
            let told = [(&way, &failed)];
            let all = [names(&told), certificates(&told), answers(&told)].concat();
            let faults: Vec<_> = all.iter().filter(|found| found.code.0 != 0).collect();
            assert!(matches!(faults[..], [fault] if fault.is(sort)), "{kind}: {all:?}");
            assert!(faults.iter().all(|fault| fault.message.contains("accounts a, b")), "{faults:?}");
            assert!(faults.iter().all(|fault| fault.hint.contains("do that")), "{faults:?}");
        }
    }
}
