//! Which of the two is older, where `tok` and the running daemon do not understand each other.

use std::cmp::Ordering;

use tokend_client::Client;

use super::complaint::Complaint;
use super::platform::words;

/// This program's version.
const OURS: &str = env!("CARGO_PKG_VERSION");

/// The same complaint; where another version of the daemon is the reason, it says which, and what to do.
pub(crate) fn explained(complaint: Complaint) -> Complaint {
    if !matches!(&*complaint.kind, "unsupported" | "malformed") {
        return complaint;
    }
    // A daemon that cannot even say what it is leaves the words as they are.
    let about = Client::lazy().and_then(|mut client| client.about());
    match about {
        Ok(about) => compared(complaint, &about.version),
        Err(_) => complaint,
    }
}

fn compared(complaint: Complaint, theirs: &str) -> Complaint {
    let (Some(daemon), Some(own)) = (numbers(theirs), numbers(OURS)) else { return complaint };
    let (age, hint) = match daemon.cmp(&own) {
        Ordering::Less => ("older", format!("restart it, which loses nothing: {}", words::RESTART)),
        Ordering::Greater => ("newer", "install the tok that came with it; they belong together".to_owned()),
        Ordering::Equal => return complaint,
    };
    let message =
        format!("the running tokend is {age} ({theirs}) than this tok ({OURS}): {}", complaint.message);
    Complaint { message, hint, ..complaint }
}

/// A version's numbers, as far as it has any that can be compared.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let plain = version.split(['-', '+']).next()?;
    let mut parts = plain.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsupported() -> Complaint {
        Complaint::new(1, "unsupported", "the running tokend does not know the request `x`", "h")
    }

    #[test]
    fn the_older_one_is_named_with_what_to_do() {
        let older = compared(unsupported(), "0.0.9");
        assert_eq!(
            older.message,
            format!(
                "the running tokend is older (0.0.9) than this tok ({OURS}): the running tokend does not know the request `x`"
            )
        );
        assert!(older.hint.ends_with(words::RESTART), "{}", older.hint);
        let newer = compared(unsupported(), "99.0.0-rc.1");
        assert!(newer.message.contains("is newer (99.0.0-rc.1)"), "{}", newer.message);
        assert!(newer.hint.contains("install"), "{}", newer.hint);
    }

    #[test]
    fn the_same_version_and_a_strange_one_change_nothing() {
        for theirs in [OURS, "", "1", "1.2", "a.b.c", "1.2.3.4"] {
            assert_eq!(compared(unsupported(), theirs).message, unsupported().message, "{theirs}");
        }
    }
}
