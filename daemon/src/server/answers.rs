//! What was asked becomes an answer.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokend_proto::envelope::{self, Kind};
use tokend_proto::limits::{MAX_ANSWER, MAX_TIMEOUT, MAX_WORDS};
use tokend_proto::message::{Code, CredentialRef, Failure, Get, Refresh};
use tokend_proto::{Answer, EncodeError, Request};
use tokio::sync::oneshot;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::pages::{list_page, status_page};
use super::{Server, id_tokens, logins, logouts};
use crate::account::{Account, Need, Reply, Shared, State, Token, Variant, locked, span};
use crate::clock::{Moment, milliseconds};
use crate::document::nearest_few;
use crate::provider::{Class, Presentation};
use crate::secret::store::UnlockError;

/// A rejection is answered when the token is gone from the disk, or after so long.
const FOR_THE_DISK: Duration = Duration::from_secs(2);

/// A watch that begins while the clocks disagree about the token waits so long at most for another.
const FOR_AGREEMENT: Duration = Duration::from_secs(10);

/// Which of an account's tokens a watcher has seen: which configuration of it, and which generation.
pub(super) type Seen = (Weak<Shared>, u64);

/// What is sent.
#[derive(Debug)]
pub(super) enum Given {
    /// A message of its own.
    Answer(Answer),
    /// A token, sent from where it lies.
    Token { account: Arc<Account>, token: Arc<Token>, warnings: Vec<String>, now: Moment },
    /// The id token that came with a token.
    IdToken { account: Arc<Account>, token: Arc<Token>, now: Moment },
}

impl Given {
    /// The frame of it.
    pub(super) fn frame(&self, id: u32, first: bool) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        match self {
            Self::Answer(answer) => answer.frame(id, first),
            Self::Token { account, token, warnings, now } => {
                let (scheme, parameter) = match &account.policy.presentation {
                    Presentation::Header { scheme } => (scheme.as_str(), ""),
                    Presentation::Parameter { name } => ("", name.as_str()),
                };
                let left = token.left(*now);
                let warnings: Vec<&str> =
                    token.warnings.iter().chain(warnings).map(String::as_str).take(MAX_WORDS).collect();
                let scope = token.scope.as_deref().unwrap_or_default();
                let credential = CredentialRef {
                    account: &account.name,
                    scheme,
                    parameter,
                    fields: &token.credential()[..token.credential().len().min(MAX_WORDS)],
                    expires_at_ms: left.map(|left| now.wall.after(left).0),
                    expires_in_ms: left.map(milliseconds),
                    scope: &scope[..scope.len().min(MAX_WORDS)],
                    warnings: &warnings,
                    generation: token.generation,
                };
                envelope::frame(id, Kind::CREDENTIAL, &credential, first, MAX_ANSWER)
            }
            Self::IdToken { account, token, now } => id_tokens::frame(account, token, *now, id, first),
        }
    }
}

/// The answer that needs nobody's work: a token in hand that meets the need.
pub(super) fn at_once(server: &Arc<Server>, request: &Request) -> Option<Given> {
    let Request::Get(get) = request else { return None };
    if server.lock.is_overdue() {
        return None;
    }
    if !get.scope.is_empty() || !get.audience.is_empty() {
        return None;
    }
    let account = server.keeper.account(&get.account)?;
    in_hand(server, &account, &account.shared, need(get))
}

/// The token that is published of an account, if it meets the need.
fn in_hand(server: &Arc<Server>, account: &Arc<Account>, shared: &Shared, need: Need) -> Option<Given> {
    let now = server.keeper.now();
    let snapshot = shared.snapshot();
    let token = Arc::clone(snapshot.serve(need, now)?);
    shared.count(now.steady);
    server.keeper.touch(now.steady);
    let warnings = snapshot.warnings.iter().cloned().chain(at_risk(shared)).collect();
    Some(Given::Token { account: Arc::clone(account), token, warnings, now })
}

/// What whoever gets a token of an account should know, whose login is not safe.
fn at_risk(shared: &Shared) -> Option<String> {
    shared.at_risk().map(|why| why.to_string())
}

/// Does what was asked.
pub(super) async fn answer(server: &Arc<Server>, request: Request) -> Given {
    if matches!(request, Request::Get(_) | Request::GetIdToken(_) | Request::Refresh(_)) {
        server.lock.lock_if_overdue().await;
    }
    let result = match request {
        Request::Get(get) => return get_token(server, get).await.unwrap_or_else(failure),
        // Boxed: what is rare makes no connection larger.
        Request::GetIdToken(get) => {
            return Box::pin(id_tokens::get(server, get)).await.unwrap_or_else(failure);
        }
        Request::Refresh(refresh) => return refresh_token(server, &refresh).await.unwrap_or_else(failure),
        Request::Reject(reject) => match find(server, &reject.account) {
            Ok(_) => {
                match timeout(FOR_THE_DISK, server.keeper.reject(&reject.account, reject.sha256)).await {
                    Ok(Err(_)) => Err(stopping()),
                    // It is rejected, whatever the disk does.
                    Ok(Ok(())) | Err(_) => Ok(Answer::Done),
                }
            }
            Err(failure) => Err(failure),
        },
        Request::Status(status) => status_page(server, &status).map(Answer::StatusPage),
        Request::List(list) => Ok(Answer::ListPage(list_page(server, &list))),
        Request::Reload => reload(server).await,
        Request::Lock => server.lock.lock().await.map_or_else(|_| Err(stopping()), |()| Ok(Answer::Done)),
        Request::Unlock(unlock) => match server.lock.unlock(unlock.passphrase).await {
            Ok(()) => Ok(Answer::Done),
            Err(error) => Err(still_locked(error)),
        },
        Request::Store => match server.lock.describe().await {
            Ok(state) => Ok(Answer::StoreState(state)),
            Err(failure) => Err(still_locked(UnlockError::Failure(failure))),
        },
        Request::LoginRedirect(redirect) => Box::pin(logins::redirect(server, &redirect)).await,
        Request::Logout(logout) => Box::pin(logouts::answer(server, &logout)).await,
        Request::About => Ok(Answer::About(server.health.about().clone())),
        Request::Health => Ok(Answer::Health(Box::pin(server.health.describe(&server.keeper)).await)),
        // Watches and logins are the connection's; kinds that are newer than this match were not decoded.
        _ => Ok(Answer::Unsupported),
    };
    result.map_or_else(failure, Given::Answer)
}

fn failure(failure: Failure) -> Given {
    Given::Answer(Answer::Failure(failure))
}

pub(super) fn need(get: &Get) -> Need {
    get.min_valid_ms.map_or(Need::Wish, |ms| Need::Demand(Duration::from_millis(ms)))
}

/// The next token of a watched account that was not seen yet.
pub(super) async fn next_credential(
    server: &Arc<Server>,
    name: &str,
    seen: Option<&Seen>,
) -> Result<(Given, Seen), Failure> {
    server.lock.lock_if_overdue().await;
    loop {
        let account = find(server, name)?;
        let changed = account.shared.changed();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if account.shared.is_ended() {
            // Replaced: the registry has the new one in a moment.
            tokio::task::yield_now().await;
            continue;
        }
        let snapshot = Arc::clone(&account.shared.snapshot());
        if let (State::Locked, Some(trouble)) = (snapshot.state, &snapshot.trouble) {
            return Err(locked(name, &trouble.failure));
        }
        let now = server.keeper.now();
        if let Some(token) = snapshot.token.as_ref().filter(|token| token.is_alive(now)) {
            let is_seen = seen.as_ref().is_some_and(|(shared, generation)| {
                Weak::ptr_eq(shared, &Arc::downgrade(&account.shared)) && *generation == token.generation
            });
            if !is_seen {
                let here = (Arc::downgrade(&account.shared), token.generation);
                if snapshot.is_disputed(now) {
                    // Another is tried for first (promise 7).
                    return after_a_try(server, Arc::clone(&account)).await;
                }
                account.shared.count(now.steady);
                server.keeper.touch(now.steady);
                let (account, token) = (Arc::clone(&account), Arc::clone(token));
                return Ok((Given::Token { account, token, warnings: Vec::new(), now }, here));
            }
        }
        drop(snapshot);
        changed.await;
    }
}

/// A token that is asked for as a caller does; with the warning that belongs to it.
async fn after_a_try(server: &Arc<Server>, account: Arc<Account>) -> Result<(Given, Seen), Failure> {
    let own = Variant::default();
    let reply = server.keeper.ask(&account.name, own.clone(), Need::Wish, FOR_AGREEMENT).await;
    let given = given(server, account, &own, reply.map_err(|_| stopping())?)?;
    let seen = match &given {
        Given::Token { account, token, .. } => (Arc::downgrade(&account.shared), token.generation),
        Given::IdToken { .. } | Given::Answer(_) => (Weak::new(), 0),
    };
    Ok((given, seen))
}

pub(super) async fn get_token(server: &Arc<Server>, get: Get) -> Result<Given, Failure> {
    let account = find(server, &get.account)?;
    let need = need(&get);
    let variant = variant(&account, get.scope.into_vec(), get.audience.into_vec())?;
    if let Some(given) =
        account.published(&variant).and_then(|shared| in_hand(server, &account, &shared, need))
    {
        return Ok(given);
    }
    let reply = server.keeper.ask(&get.account, variant.clone(), need, wait(get.timeout_ms)).await;
    given(server, account, &variant, reply.map_err(|_| stopping())?)
}

pub(super) async fn refresh_token(server: &Arc<Server>, refresh: &Refresh) -> Result<Given, Failure> {
    let account = find(server, &refresh.account)?;
    let reply = server.keeper.refresh(&refresh.account, wait(refresh.timeout_ms)).await;
    given(server, account, &Variant::default(), reply.map_err(|_| stopping())?)
}

fn given(
    server: &Arc<Server>,
    account: Arc<Account>,
    variant: &Variant,
    reply: Reply,
) -> Result<Given, Failure> {
    match reply {
        Reply::Token(token, mut warnings) => {
            let now = server.keeper.now();
            // The configuration may have changed while the caller waited.
            let account = server.keeper.account(&account.name).unwrap_or(account);
            if let Some(shared) = account.published(variant) {
                shared.count(now.steady);
                warnings.extend(at_risk(&shared));
            }
            Ok(Given::Token { account, token, warnings, now })
        }
        Reply::Failure(failure) => Err(failure),
    }
}

fn wait(timeout_ms: u64) -> Duration {
    Duration::from_millis(timeout_ms).min(MAX_TIMEOUT)
}

/// Which of the account's tokens a caller may have.
fn variant(account: &Account, scope: Vec<String>, audience: Vec<String>) -> Result<Variant, Failure> {
    let denied = |message: String, hint: &str| Failure {
        code: Code::DENIED,
        kind: "denied".to_owned(),
        message: format!("{}: {message}", account.name),
        hint: hint.to_owned(),
        next_try_in_ms: None,
    };
    if !audience.is_empty() && !account.provider.takes_audience() {
        return Err(denied(
            format!("accounts of type {} know no audience", account.kind),
            "leave `--audience` out",
        ));
    }
    if scope.is_empty() {
        return Ok(Variant::new(scope, audience));
    }
    let Some(own) = account.provider.scopes() else {
        return Err(denied(
            format!("accounts of type {} know no scopes", account.kind),
            "leave `--scope` out",
        ));
    };
    if let Some(foreign) =
        scope.iter().find(|word| !own.contains(word) && !account.policy.request_scopes.contains(word))
    {
        let shown: String = foreign.chars().filter(|c| !c.is_control()).take(100).collect();
        return Err(denied(
            format!("scope {shown} is not among those that callers may ask for"),
            "add it to the account's `request_scopes`, then `tok reload`",
        ));
    }
    // The account's own scopes, however they are asked for, are its own token.
    let mut own = own.to_vec();
    own.sort();
    own.dedup();
    let asked = Variant::new(scope, Vec::new());
    let scope = asked.scope().filter(|scope| *scope != own).map(<[_]>::to_vec).unwrap_or_default();
    Ok(Variant::new(scope, audience))
}

/// Why the store did not open.
fn still_locked(error: UnlockError) -> Failure {
    let failure = |kind: &str, message: &str, hint: &str| Failure {
        code: Code::LOCKED,
        kind: kind.to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
        next_try_in_ms: None,
    };
    match error {
        UnlockError::PassphraseNeeded => {
            failure("passphrase-needed", "the store has a passphrase", "`tok unlock` asks for it")
        }
        UnlockError::WrongPassphrase => {
            failure("wrong-passphrase", "this is not the store's passphrase", "try again")
        }
        UnlockError::TooSoon(pause) => Failure {
            next_try_in_ms: Some(milliseconds(pause)),
            ..failure(
                "too-soon",
                "wrong passphrases were tried; each makes the next try wait longer",
                &format!("try again in {}", span(pause)),
            )
        },
        UnlockError::Failure(problem) => Failure {
            code: match problem.class {
                Class::NotNow | Class::Doubtful => Code::NOT_NOW,
                Class::Locked => Code::LOCKED,
                Class::No | Class::Source | Class::LoginNeeded => Code::REFUSED,
            },
            ..failure(problem.kind, &problem.message, &problem.hint)
        },
    }
}

async fn reload(server: &Arc<Server>) -> Result<Answer, Failure> {
    let (done, result) = oneshot::channel();
    server.reload.send(done).await.map_err(|_| stopping())?;
    result.await.map_err(|_| stopping())?.map(Answer::Reloaded)
}

/// The account with this name, or the names that are near.
pub(super) fn find(server: &Arc<Server>, name: &str) -> Result<Arc<Account>, Failure> {
    if let Some(account) = server.keeper.account(name) {
        return Ok(account);
    }
    let registry = server.keeper.registry();
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let hint = if registry.is_empty() {
        format!(
            "no account is configured yet: write one into {}",
            Path::new(&server.health.about().configuration).join("config.toml").display()
        )
    } else {
        match &nearest_few(name, registry.keys().map(String::as_str), 3)[..] {
            [] => "`tok list` shows the accounts".to_owned(),
            near => format!("did you mean {}? `tok list` shows them all", near.join(" or ")),
        }
    };
    Err(Failure {
        code: Code::UNKNOWN,
        kind: "unknown-account".to_owned(),
        message: format!("there is no account {shown}"),
        hint,
        next_try_in_ms: None,
    })
}

pub(super) fn stopping() -> Failure {
    Failure {
        code: Code::NO_DAEMON,
        kind: "stopping".to_owned(),
        message: "tokend is stopping".to_owned(),
        hint: format!("ask again in a moment; `{}` starts it", crate::platform::remedies::START),
        next_try_in_ms: None,
    }
}
