//! A person logs out.

use std::sync::Arc;

use tokend_proto::Answer;
use tokend_proto::message::{Code, Failure, LoggedOut, Logout, Words};

use super::Server;
use super::answers::{find, stopping};
use crate::provider::{Class, Revoked};

/// Said where the service was not told.
const LIVES_ON: &str =
    "the login lives on at the service until it ends there: end it by the service's own means, too";

pub(super) async fn answer(server: &Arc<Server>, logout: &Logout) -> Result<Answer, Failure> {
    let account = find(server, &logout.account)?;
    let left = server.keeper.log_out(&account.name, logout.local).await.map_err(|_| stopping())?;
    match left {
        Ok(revoked) => {
            let warnings = match revoked {
                Revoked::Done => Vec::new(),
                Revoked::NotOffered if logout.local => vec![LIVES_ON.to_owned()],
                Revoked::NotOffered => vec![format!("the service has no revocation endpoint; {LIVES_ON}")],
            };
            let revoked = revoked == Revoked::Done;
            Ok(Answer::LoggedOut(LoggedOut { revoked, warnings: Words::truncating(warnings) }))
        }
        Err(failure) => Err(Failure {
            code: match failure.class {
                _ if failure.kind == "no-login" => Code::USAGE,
                Class::Locked => Code::LOCKED,
                Class::NotNow => Code::NOT_NOW,
                _ => Code::REFUSED,
            },
            kind: failure.kind.to_owned(),
            hint: match failure.class {
                // Nobody tries it again by itself.
                Class::NotNow if failure.kind != "login-on-disk" => format!(
                    "`tok logout {0}` again, later; or `tok logout --local {0}` forgets it here alone",
                    account.name
                ),
                Class::Doubtful | Class::No if failure.kind != "login-on-disk" => {
                    format!(
                        "{}; or `tok logout --local {}` forgets it here alone",
                        failure.hint, account.name
                    )
                }
                _ => failure.hint,
            },
            message: failure.message,
            next_try_in_ms: None,
        }),
    }
}
