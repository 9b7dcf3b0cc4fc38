//! How many accounts are in which state, in one sentence. Pure.

use tokend_client::AccountStatus;

use super::complaint::printable;

/// What a person must do something about first; each with whether its accounts are named, since a person must do something about them.
const ORDER: [(&str, bool); 7] = [
    ("login-needed", true),
    ("parked", true),
    ("locked", false),
    ("waiting", true),
    ("fresh", false),
    ("refreshing", false),
    ("idle", false),
];

/// At most so many accounts of a state are named.
const MOST_NAMES: usize = 3;

/// `12 accounts: 1 login-needed, 2 parked, 9 fresh`.
pub(crate) fn of(accounts: &[AccountStatus]) -> String {
    told(accounts, false)
}

/// The same, naming those that need a look: `12 accounts: 1 parked (gen1), 11 fresh`.
pub(crate) fn with_names(accounts: &[AccountStatus]) -> String {
    told(accounts, true)
}

fn told(accounts: &[AccountStatus], with_names: bool) -> String {
    let total = match accounts.len() {
        1 => "1 account".to_owned(),
        count => format!("{count} accounts"),
    };
    let known = |state: &str| ORDER.iter().any(|(known, _)| *known == state);
    // A newer daemon's states may be the worst.
    let mut others: Vec<&str> =
        accounts.iter().map(|account| &*account.state).filter(|state| !known(state)).collect();
    others.sort_unstable();
    others.dedup();
    let states = others.into_iter().map(|state| (state, true)).chain(ORDER);
    let parts: Vec<String> = states
        .filter_map(|(state, named)| {
            let names: Vec<&str> = accounts
                .iter()
                .filter(|account| account.state == state)
                .map(|account| &*account.account)
                .collect();
            if names.is_empty() {
                return None;
            }
            let part = format!("{} {}", names.len(), printable(state));
            if !(with_names && named) {
                return Some(part);
            }
            let shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| printable(name)).collect();
            let more = if names.len() > MOST_NAMES { " and more" } else { "" };
            Some(format!("{part} ({}{more})", shown.join(", ")))
        })
        .collect();
    if parts.is_empty() { total } else { format!("{total}: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::account;
    use super::*;

    #[test]
    fn who_needs_a_look_is_named() {
        let mut accounts = vec![account("a", "fresh"), account("b", "login-needed"), account("c", "fresh")];
        assert_eq!(with_names(&accounts), "3 accounts: 1 login-needed (b), 2 fresh");
        assert_eq!(of(&accounts), "3 accounts: 1 login-needed, 2 fresh");
        accounts.extend(["p", "q", "r", "s"].map(|name| account(name, "parked")));
        accounts.push(account("z", "of-the-future"));
        assert_eq!(
            with_names(&accounts),
            "8 accounts: 1 of-the-future (z), 1 login-needed (b), 4 parked (p, q, r and more), 2 fresh"
        );
        assert_eq!(of(&[]), "0 accounts");
        assert_eq!(of(&[account("a", "locked")]), "1 account: 1 locked");
    }
}
