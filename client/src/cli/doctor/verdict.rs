//! What the voices said becomes one list: in order, nothing twice, nothing good said of what is bad; and
//! which exit status it is worth.

use tokend_client::{Code, Finding};
use tokend_proto::finding::{self, CHECKS, State};

/// One list, in the order of the checks.
pub(super) fn settle(found: &[Finding]) -> Vec<Finding> {
    let runs_elsewhere = found.iter().any(|it| it.is(&finding::SOCKET_ELSEWHERE));
    let mut settled: Vec<Finding> = Vec::with_capacity(found.len());
    for it in found {
        let is_said = settled.iter().any(|said| {
            (&said.check, &said.finding, &said.account, &said.message)
                == (&it.check, &it.finding, &it.account, &it.message)
        });
        let is_spoilt = it.is_in(State::Ok) && found.iter().any(|other| spoils(other, it));
        // To start another one would fail: the one that runs has the state.
        let is_misleading =
            runs_elsewhere && (it.is(&finding::SOCKET_NOT_RUNNING) || it.is(&finding::SOCKET_STALE));
        let is_told_better = it.check == "account" && found.iter().any(|other| explains(other, it));
        if !is_said && !is_spoilt && !is_misleading && !is_told_better {
            settled.push(it.clone());
        }
    }
    // A check of a newer tokend comes last.
    settled.sort_by_key(|it| CHECKS.iter().position(|check| *check == it.check).unwrap_or(CHECKS.len()));
    settled
}

/// Whether `other` is bad news of the very thing that `good` is good news of.
fn spoils(other: &Finding, good: &Finding) -> bool {
    // What is said of an account is one thing; of a whole check, a warning may be about another part of it.
    let is_bad = other.is_in(State::Fault) || (other.is_in(State::Warning) && good.account.is_some());
    is_bad && other.check == good.check && other.account == good.account
}

/// Whether `other` says of an account's service or secret what the account itself says of its last try.
fn explains(other: &Finding, account: &Finding) -> bool {
    other.check != account.check && other.account == account.account && other.message == account.message
}

/// The exit status: without a daemon nothing works, without a configuration little; then what a person must
/// do comes before what mends itself.
pub(super) fn worst(found: &[Finding]) -> u8 {
    const ORDER: [Code; 10] = [
        Code::NO_DAEMON,
        Code::USAGE,
        Code::LOGIN_NEEDED,
        Code::REFUSED,
        Code::LOCKED,
        Code::DENIED,
        Code::UNKNOWN,
        Code::NEVER_THAT_LONG,
        Code::INTERNAL,
        Code::NOT_NOW,
    ];
    let faults = found.iter().filter(|it| it.is_in(State::Fault)).map(|it| match it.code {
        // A fault is never a success.
        Code(0) => Code::INTERNAL,
        code => code,
    });
    let rank = |code: &Code| ORDER.iter().position(|known| known == code).unwrap_or(ORDER.len());
    faults.min_by_key(rank).map_or(0, |code| code.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sort: &finding::Sort) -> Finding {
        sort.found("it is so", "do that")
    }

    #[test]
    fn warnings_alone_are_a_success() {
        assert_eq!(worst(&[]), 0);
        assert_eq!(worst(&[found(&finding::STORE_NO_PASSPHRASE), found(&finding::SOCKET_ANSWERS)]), 0);
    }

    #[test]
    fn what_keeps_everything_from_working_comes_before_what_mends_itself() {
        let waiting = found(&finding::ACCOUNT_WAITING);
        let parked = found(&finding::ACCOUNT_PARKED);
        let faulty = found(&finding::CONFIGURATION_FAULTY);
        let not_running = found(&finding::SOCKET_NOT_RUNNING);
        assert_eq!(worst(std::slice::from_ref(&waiting)), 6);
        assert_eq!(worst(&[waiting.clone(), parked.clone()]), 5);
        assert_eq!(worst(&[parked.clone(), faulty.clone(), waiting]), 2);
        assert_eq!(worst(&[faulty, parked, not_running]), 8);
        let odd = Finding { code: Code(0), ..found(&finding::ACCOUNT_WAITING) };
        assert_eq!(worst(&[odd]), 1);
    }

    #[test]
    fn the_list_is_in_order_and_says_nothing_good_of_what_is_bad() {
        let list = settle(&[
            found(&finding::SECRET_THERE).of("a"),
            found(&finding::SECRET_THERE).of("b"),
            found(&finding::SOCKET_ANSWERS),
            found(&finding::SECRET_VARIABLE).of("a"),
            found(&finding::SECRET_VARIABLE).of("a"),
        ]);
        let names: Vec<_> = list.iter().map(|it| (it.finding.as_str(), it.account.as_deref())).collect();
        assert_eq!(names, [("answers", None), ("there", Some("b")), ("variable", Some("a"))]);
    }

    #[test]
    fn what_a_service_or_secret_says_is_not_said_again_of_the_account() {
        let of = |sort: &finding::Sort, account| found(sort).of(account);
        let list = settle(&[
            of(&finding::ACCOUNT_PARKED, "a"),
            of(&finding::ACCOUNT_PARKED, "b"),
            of(&finding::SECRET_FILE, "a"),
        ]);
        let names: Vec<_> = list.iter().map(|it| (it.check.as_str(), it.account.as_deref())).collect();
        assert_eq!(names, [("account", Some("b")), ("secret", Some("a"))]);
    }

    #[test]
    fn who_runs_elsewhere_is_not_to_be_started_again() {
        let list = settle(&[found(&finding::SOCKET_STALE), found(&finding::SOCKET_ELSEWHERE)]);
        assert!(matches!(&list[..], [one] if one.is(&finding::SOCKET_ELSEWHERE)), "{list:?}");
    }
}
