//! What a vault's answers mean where they are not what was asked for.

use serde_json::{Value, json};

use crate::provider::Failure;
use crate::provider::http::Reply;
use crate::provider::words::{Held, Members, Words};

const AGAIN: &str = "tokend tries again by itself";

/// The vault's own words: `{"errors": ["…", …]}`.
pub(super) fn words(reply: &Reply, held: &Held) -> Words {
    const MEMBERS: Members = Members { code: &[], description: &["errors"] };
    let body = reply.json();
    let errors = body.as_ref().and_then(|body| body.get("errors")?.as_array());
    let errors: Vec<_> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    Words::read(Some(&json!({ "errors": errors.join("; ") })), MEMBERS, held)
}

/// A failure of the network, in words that fit a vault.
pub(super) fn of_network(failure: Failure) -> Failure {
    let hint = match failure.kind {
        "unreachable" | "dns" | "reset" | "too-long" => {
            "look at the network, and at `address` in [vault]".to_owned()
        }
        _ => failure.hint,
    };
    Failure { message: format!("no secret from the vault: {}", failure.message), hint, ..failure }
}

/// An answer that says nothing of the credentials and nothing of the secret. The statuses beyond the usual
/// are those of `sys/health`, which a balancer in front may hand on.
pub(super) fn not_ready(reply: &Reply, held: &Held) -> Failure {
    let (host, status) = (&reply.host, reply.status);
    let failure = match status {
        300..=399 => Failure::not_now(
            "vault-standby",
            format!("the vault at {host} answered with a redirect ({status}), which is not followed"),
            "let `address` in [vault] name the active server",
        ),
        429 | 472 | 473 | 500..=599 => {
            let words = words(reply, held);
            Failure::not_now(
                "vault-not-ready",
                format!("the vault at {host} is not ready ({status}{words})"),
                AGAIN,
            )
        }
        408 | 412 | 425 => {
            Failure::not_now("vault-not-ready", format!("the vault at {host} is not ready ({status})"), AGAIN)
        }
        _ if reply.is_page() => Failure::not_now(
            "page",
            format!("{host} answered with a page instead of JSON ({status})"),
            "check `address` in [vault]; on a public network, log in to its portal first; tokend tries again",
        ),
        400..=499 => Failure::doubtful(
            "vault-answer",
            format!("the vault at {host} did not take the request ({status}{})", words(reply, held)),
            "check [vault] and the path; after three such answers tokend waits for a change",
        ),
        _ => return unusable(reply, "something that is no answer of a vault"),
    };
    failure.after(reply.retry_after)
}

/// A success whose body does not hold what it should; `what` it holds instead.
pub(super) fn unusable(reply: &Reply, what: &str) -> Failure {
    let message = format!("{} answered {} with {what}", reply.host, reply.status);
    Failure::not_now("bad-answer", message, "check `address` in [vault]; tokend tries again")
        .after(reply.retry_after)
}
