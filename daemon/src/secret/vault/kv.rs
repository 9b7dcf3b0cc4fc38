//! Reading a field of a secret from a key-value mount, version 1 or 2.
//!
//! Sources: the API documents "KV secrets engine" of OpenBao and HashiCorp Vault, and what OpenBao 2.7 was
//! seen to answer: a secret that was never there is 404 with `{"errors":[]}`, a deleted or destroyed version
//! 404 with its metadata.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::answers::{not_ready, unusable, words};
use super::login::with_token;
use super::place::Place;
use super::session::Session;
use super::{KIND, Vault};
use crate::document::{nearest, printable};
use crate::provider::Failure;
use crate::provider::http::{Reply, Request};
use crate::provider::words::Held;

/// How a mount keeps its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// A mount: how many segments of a path it is, and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mount {
    segments: usize,
    version: Version,
}

/// The versions of mounts, by their names.
pub(super) type Mounts = BTreeMap<String, Version>;

/// Why there is no secret.
#[derive(Debug)]
pub(super) enum Unread {
    /// 403: the token is dead, or may not read that. In the vault's own words.
    Denied(String),
    /// There is no such secret, or its newest version is gone.
    Missing(Failure),
    Other(Failure),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl Vault {
    /// The field at `place`.
    pub(super) async fn read(&self, place: &Place, session: &Session) -> Result<Secret, Unread> {
        if let Some(mount) = self.mount_of(place, session).await? {
            let read = self.read_at(mount, place, session).await;
            if matches!(read, Err(Unread::Missing(_))) {
                // It may be another mount by now.
                self.mounts().retain(|name, _| place.within(name).is_none());
            }
            return read;
        }
        // The server does not say. Most have one segment, and version 2.
        let newer = self.read_at(Mount { segments: 1, version: Version::Two }, place, session).await;
        match newer {
            Err(Unread::Denied(_) | Unread::Missing(_)) => {}
            other => return other,
        }
        let older = self.read_at(Mount { segments: 1, version: Version::One }, place, session).await;
        match (newer, older) {
            (newer @ Err(Unread::Missing(_)), Err(Unread::Denied(_) | Unread::Missing(_))) => newer,
            (_, older) => older,
        }
    }

    fn mounts(&self) -> std::sync::MutexGuard<'_, Mounts> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what kinds of mounts there are.
    pub(super) fn forget_mounts(&self) {
        self.mounts().clear();
    }

    /// Which mount that is; `None` where the server does not say.
    async fn mount_of(&self, place: &Place, session: &Session) -> Result<Option<Mount>, Failure> {
        let known = self.mounts().iter().find_map(|(name, version)| {
            place.within(name).map(|segments| Mount { segments, version: *version })
        });
        if known.is_some() {
            return Ok(known);
        }
        let url = self.settings.url(["sys", "internal", "ui", "mounts"].into_iter().chain(place.segments()));
        let reply = self.ask(url, session).await?;
        if matches!(reply.status, 403..=405) && !reply.is_page() {
            return Ok(None);
        }
        let answer: Answer<MountData> = understood(&reply)?;
        let Some(MountData { path, kind, options }) = answer.data else {
            return Err(unusable(&reply, "something else than a mount"));
        };
        let Some(segments) = place.within(&path) else {
            return Ok(None);
        };
        let version = match kind.as_str() {
            "kv" | "generic" => match options.and_then(|options| options.version).as_deref() {
                Some("2") => Version::Two,
                _ => Version::One,
            },
            "cubbyhole" => Version::One,
            other => {
                let message = format!(
                    "{} is a mount of type {} in the vault",
                    printable(&path, 200),
                    printable(other, 50)
                );
                return Err(Failure::source(KIND, message, "only key-value mounts (kv) are read"));
            }
        };
        self.mounts().insert(path, version);
        Ok(Some(Mount { segments, version }))
    }

    async fn read_at(&self, mount: Mount, place: &Place, session: &Session) -> Result<Secret, Unread> {
        let Some(rest) = place.below(mount.segments) else {
            let message = format!("{} is a mount of the vault, not a secret in it", shown(place));
            return Err(Unread::Other(Failure::source(KIND, message, "write \"MOUNT/PATH#FIELD\"")));
        };
        let between = (mount.version == Version::Two).then_some("data");
        let head = place.segments().take(mount.segments);
        let url = self.settings.url(head.chain(between).chain(rest.iter().map(String::as_str)));
        let reply = self.ask(url, session).await?;
        match reply.status {
            _ if reply.is_page() => Err(not_ready(&reply, &Held::default()).into()),
            403 => Err(Unread::Denied(words(&reply, &Held::one(&session.token)).to_string())),
            404 => Err(Unread::Missing(missing(&reply, mount, place, rest))),
            200..=299 => Ok(match mount.version {
                Version::One => field(&self.fields(&reply)?, place)?,
                Version::Two => field(&self.newest(&reply, place)?, place)?,
            }),
            _ => Err(not_ready(&reply, &Held::one(&session.token)).into()),
        }
    }

    async fn ask(&self, url: url::Url, session: &Session) -> Result<Reply, Failure> {
        let request = with_token(Request::get(url), &session.token)?;
        self.settings.send(request, self.clock.now()).await
    }

    /// Version 1: the fields are the data.
    fn fields<'r>(&self, reply: &'r Reply) -> Result<Fields<'r>, Failure> {
        let Ok(answer) = serde_json::from_slice::<Answer<Fields<'r>>>(&reply.body) else {
            return Err(unusable(reply, "something else than a secret"));
        };
        if answer.lease_id.is_some_and(|id| !id.is_empty()) {
            let message = format!("the vault at {} made a new secret for this request", self.host());
            return Err(Failure::source(KIND, message, "only key-value mounts (kv) are read"));
        }
        answer.data.ok_or_else(|| unusable(reply, "something else than a secret"))
    }

    /// Version 2: they are in the newest version.
    fn newest<'r>(&self, reply: &'r Reply, place: &Place) -> Result<Fields<'r>, Failure> {
        let answer = serde_json::from_slice::<Answer<Versioned<'r>>>(&reply.body);
        let Ok(Answer { data: Some(data), .. }) = answer else {
            return Err(unusable(reply, "something else than a secret"));
        };
        data.data.ok_or_else(|| {
            let message = format!("the newest version of {} in the vault is deleted", shown(place));
            Failure::source(KIND, message, format!("write a new one at {}", self.host()))
        })
    }
}

fn understood<T: DeserializeOwned>(reply: &Reply) -> Result<T, Failure> {
    if !reply.is_success() || reply.is_page() {
        return Err(not_ready(reply, &Held::default()));
    }
    serde_json::from_slice(&reply.body).map_err(|_| unusable(reply, "something that is no answer of a vault"))
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    lease_id: Option<String>,
}

#[derive(Deserialize)]
struct MountData {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    options: Option<Options>,
}

#[derive(Deserialize)]
struct Options {
    version: Option<String>,
}

/// Each value as its JSON text: of all but one no copy is made, and a number stays as it is written.
type Fields<'r> = BTreeMap<String, &'r RawValue>;

#[derive(Deserialize)]
struct Versioned<'r> {
    #[serde(borrow)]
    data: Option<Fields<'r>>,
}

#[derive(Deserialize, Default)]
struct Gone {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    version: u64,
    destroyed: bool,
}

fn shown(place: &Place) -> String {
    printable(&place.path(), 200)
}

/// Which of the ways it is that a secret is not there.
fn missing(reply: &Reply, mount: Mount, place: &Place, rest: &[String]) -> Failure {
    let gone = serde_json::from_slice::<Answer<Gone>>(&reply.body).ok().and_then(|answer| answer.data);
    let path = shown(place);
    let (message, hint) = match gone {
        Some(Gone { metadata: Metadata { version, destroyed } }) if version > 0 => {
            let how = if destroyed { "destroyed" } else { "deleted" };
            let message = format!("the newest version ({version}) of {path} in the vault is {how}");
            (message, "write a new one: `bao kv put …`, `vault kv put …`".to_owned())
        }
        _ => {
            // What the API wants there, people copy from its documents.
            let hint = match rest {
                [first, ..] if first == "data" && mount.version == Version::Two => {
                    "write the path without `data/`: tokend puts it there".to_owned()
                }
                _ => format!("look for it: `bao kv get {path}`, `vault kv get {path}`"),
            };
            (format!("the vault has no secret {path}"), hint)
        }
    };
    Failure::source(KIND, message, hint)
}

/// The field's text. A number or a boolean is its JSON text.
fn field(fields: &Fields<'_>, place: &Place) -> Result<Secret, Failure> {
    let (path, name) = (shown(place), printable(place.field(), 100));
    let Some(value) = fields.get(place.field()) else {
        let hint = match nearest(place.field(), fields.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{}`?", printable(near, 100)),
            None => format!("see which it has: `bao kv get {path}`, `vault kv get {path}`"),
        };
        return Err(Failure::source(KIND, format!("{path} in the vault has no field {name}"), hint));
    };
    let json = value.get();
    let unfit = |what: &str| {
        Failure::source(
            KIND,
            format!("the field {name} of {path} in the vault {what}"),
            "write a text into it",
        )
    };
    let text = match json.as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str::<String>(json).map(Zeroizing::new).map_err(|_| unfit("is no text"))?
        }
        Some(b'{' | b'[' | b'n') | None => return Err(unfit("is no text")),
        Some(_) => Zeroizing::new(json.to_owned()),
    };
    if text.is_empty() {
        return Err(unfit("is empty"));
    }
    Secret::new(text.as_bytes().to_vec()).map_err(|_| unfit(&format!("holds more than {MAX_SECRET} bytes")))
}
