//! How the accounts are, and which there are: page by page.

use std::ops::Bound;
use std::sync::Arc;

use tokend_proto::List;
use tokend_proto::message::{
    AccountName, AccountStatus, ClockSkew, Code, Failure, LastError, ListAccounts, ListPage, Status,
    StatusPage, Words,
};

use super::Server;
use super::answers::find;
use crate::account::{Account, Registry, Trouble};
use crate::clock::{Moment, milliseconds};
use crate::provider::Class;

/// Accounts in one page: with the longest messages it stays below what may travel.
const PAGE: usize = 200;

/// How the accounts are.
pub(super) fn status_page(server: &Arc<Server>, status: &Status) -> Result<StatusPage, Failure> {
    let now = server.keeper.now();
    if let Some(name) = &status.account {
        let account = find(server, name)?;
        return Ok(StatusPage { accounts: List::truncating(vec![status_of(&account, now)]), more: false });
    }
    let registry = server.keeper.registry();
    let mut rest = after(&registry, status.after.as_deref());
    let accounts = rest.by_ref().take(PAGE).map(|account| status_of(account, now)).collect();
    Ok(StatusPage { accounts: List::truncating(accounts), more: rest.next().is_some() })
}

/// Which accounts there are.
pub(super) fn list_page(server: &Arc<Server>, list: &ListAccounts) -> ListPage {
    let registry = server.keeper.registry();
    let mut rest = after(&registry, list.after.as_deref());
    let accounts = rest
        .by_ref()
        .take(PAGE)
        .map(|account| AccountName { account: account.name.clone(), account_type: account.kind.to_owned() })
        .collect();
    ListPage { accounts: List::truncating(accounts), more: rest.next().is_some() }
}

fn after<'a>(registry: &'a Registry, name: Option<&'a str>) -> impl Iterator<Item = &'a Arc<Account>> {
    let start = name.map_or(Bound::Unbounded, Bound::Excluded);
    registry.range::<str, _>((start, Bound::Unbounded)).map(|(_, account)| account)
}

fn status_of(account: &Account, now: Moment) -> AccountStatus {
    let snapshot = account.shared.snapshot();
    let token = snapshot.token.as_ref().filter(|token| token.is_alive(now));
    let left = token.and_then(|token| token.left(now));
    AccountStatus {
        account: account.name.clone(),
        account_type: account.kind.to_owned(),
        state: snapshot.state.as_str().to_owned(),
        expires_at_ms: left.map(|left| now.wall.after(left).0),
        expires_in_ms: left.map(milliseconds),
        lifetime_ms: token.and_then(|token| token.lifetime).map(milliseconds),
        next_refresh_at_ms: snapshot.next_refresh.map(|at| now.wall.after(now.steady.until(at)).0),
        refreshed_at_ms: token.map(|token| token.received.wall.0),
        served: account.shared.served(),
        last_error: snapshot.trouble.as_ref().map(last_error),
        warnings: Words::truncating(
            token
                .map(|token| token.warnings.clone())
                .into_iter()
                .flatten()
                .chain(snapshot.warnings_at(now))
                .chain(account.shared.unkept().map(|why| why.to_string()))
                .chain(account.shared.at_risk().map(|why| why.to_string()))
                .collect(),
        ),
        clock_skew: snapshot.service_clock.map(|clock| ClockSkew {
            host: host_of(&account.provider.identity().origin).to_owned(),
            ahead_ms: clock.skew(now),
        }),
        login_ends_at_ms: account.shared.login_end().map(|end| end.0),
    }
}

/// The host in `https://host:port`.
fn host_of(origin: &str) -> &str {
    let place = origin.split_once("://").map_or(origin, |(_, place)| place);
    let end = place.rfind(':').filter(|end| place[end + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    &place[..end.unwrap_or(place.len())]
}

fn last_error(trouble: &Trouble) -> LastError {
    LastError {
        kind: trouble.failure.kind.to_owned(),
        message: trouble.failure.message.clone(),
        hint: trouble.failure.hint.clone(),
        at_ms: trouble.at.0,
        code: match trouble.failure.class {
            Class::Locked => Code::LOCKED,
            Class::LoginNeeded => Code::LOGIN_NEEDED,
            _ if trouble.parked => Code::REFUSED,
            _ => Code::NOT_NOW,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_host() {
        for (origin, host) in [
            ("https://login.example.com", "login.example.com"),
            ("https://login.example.com:8443", "login.example.com"),
            ("https://[::1]:8443", "[::1]"),
            ("https://[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host_of(origin), host);
        }
    }
}
