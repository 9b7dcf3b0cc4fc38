//! The store's identity: which kind there is, and how its text is read. It is always one native age identity
//! (`AGE-SECRET-KEY-1…`), whatever protects it.

use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret as _;
use age::x25519;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::places::{self, Places};
use super::trouble::{Closed, Trouble, shown};
use crate::document::printable;
use crate::newer::{self, Newer, OURS};

/// What protects the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKind {
    /// There is no identity yet.
    None,
    /// Nothing but the file's mode.
    Plain,
    /// A passphrase.
    Passphrase,
    /// An SSH key.
    SshKey,
    /// An age plugin, such as that of a TPM or a YubiKey.
    Plugin,
    /// The desktop's keyring.
    Keyring,
    /// A systemd credential.
    Credential,
}

/// The word of `identity` that is no file of the store's.
const KIND: &str = "store-identity";

/// The line of `identity.source` where a passphrase opens the identity.
const PASSPHRASE: &str = "passphrase";

/// How the line of `identity.source` begins that names the recipient a second time.
const NOTE: &str = "# recipient:";

/// What opens the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    Plain,
    Passphrase,
    SshKey(PathBuf),
    /// The plugin's own identity, `AGE-PLUGIN-…`; a handle, mostly no secret.
    Plugin(String),
    Keyring(String),
    Credential(String),
}

impl How {
    pub(super) fn kind(&self) -> IdentityKind {
        match self {
            Self::Plain => IdentityKind::Plain,
            Self::Passphrase => IdentityKind::Passphrase,
            Self::SshKey(_) => IdentityKind::SshKey,
            Self::Plugin(_) => IdentityKind::Plugin,
            Self::Keyring(_) => IdentityKind::Keyring,
            Self::Credential(_) => IdentityKind::Credential,
        }
    }

    /// What `identity.source` says: for whom secrets are encrypted, and what opens the identity. One that lies
    /// there in plain says both itself.
    pub(super) fn source(&self, recipient: &x25519::Recipient) -> Option<String> {
        let line = match self {
            Self::Plain => return None,
            Self::Passphrase => PASSPHRASE.to_owned(),
            Self::SshKey(path) => format!("ssh-key {}", path.display()),
            Self::Plugin(identity) => format!("plugin {identity}"),
            Self::Keyring(name) => format!("keyring {name}"),
            Self::Credential(name) => format!("credential {name}"),
        };
        Some(format!("{NOTE} {recipient}\n{line}\n"))
    }

    fn from_line(line: &str) -> Option<Self> {
        if line.trim() == PASSPHRASE {
            return Some(Self::Passphrase);
        }
        let (word, rest) = line.split_once(' ')?;
        let rest = rest.trim();
        if rest.is_empty() {
            return None;
        }
        match word {
            "ssh-key" if Path::new(rest).is_absolute() => Some(Self::SshKey(PathBuf::from(rest))),
            "plugin" => Some(Self::Plugin(rest.to_owned())),
            "keyring" => Some(Self::Keyring(rest.to_owned())),
            "credential" => Some(Self::Credential(rest.to_owned())),
            _ => None,
        }
    }
}

/// What opens the store's identity; none where there is no identity.
pub(super) fn find(places: &Places) -> Result<Option<How>, Trouble> {
    places.check()?;
    // Whether something is there counts, whatever it is: a link that leads nowhere, too.
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let (plain, protected, source) = (places.plain(), places.protected(), places.source());
    let two = |one: &Path, other: &Path| {
        Err(Trouble::refused(
            KIND,
            format!("there are two identities, {} and {}", shown(one), shown(other)),
            format!("move one of them away: {} says whose secrets there are", shown(&places.recipients())),
        ))
    };
    if is_there(&plain) && is_there(&protected) {
        return two(&plain, &protected);
    }
    let as_the_files_say = || match (is_there(&plain), is_there(&protected)) {
        (true, _) => Some(How::Plain),
        (_, true) => Some(How::Passphrase),
        _ => None,
    };
    if !is_there(&source) {
        return Ok(as_the_files_say());
    }
    let line = places::read(&source, Closed::ToAll, "a line that says what opens the identity")?;
    let how = line.as_deref().and_then(|line| std::str::from_utf8(line).ok()).and_then(|text| {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines.next().filter(|_| lines.next().is_none()).and_then(How::from_line)
    });
    let Some(how) = how else {
        if let Some(word) = line.as_ref().and_then(|line| unknown_word(line)) {
            return Err(Trouble::newer(&Newer::named(&source, &format!("opened by `{word}`"))));
        }
        return Err(Trouble::refused(
            KIND,
            format!("{} does not say what opens the identity", shown(&source)),
            "one line: `passphrase`, `ssh-key PATH`, `plugin AGE-PLUGIN-…`, `keyring NAME` or `credential NAME`",
        ));
    };
    if how == How::Passphrase {
        // A change that was killed may have left it.
        return Ok(as_the_files_say());
    }
    if is_there(&plain) {
        return two(&plain, &source);
    }
    let wraps = matches!(how, How::SshKey(_) | How::Plugin(_));
    if !wraps && is_there(&protected) {
        return two(&protected, &source);
    }
    if wraps && !is_there(&protected) {
        // Without the public half, too, it is what a killed `init` has left.
        return if is_there(&places.recipients()) { Err(vanished(&protected)) } else { Ok(None) };
    }
    Ok(Some(how))
}

/// The word of `identity.source` that says what opens the identity, where it is none of ours, but could be one.
fn unknown_word(source: &[u8]) -> Option<String> {
    const OURS: [&str; 5] = ["passphrase", "ssh-key", "plugin", "keyring", "credential"];
    let text = std::str::from_utf8(source).ok()?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let word = lines.next().filter(|_| lines.next().is_none())?.split(' ').next()?;
    let is_word = word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_word && !OURS.contains(&word)).then(|| word.to_owned())
}

/// What to say where an identity should be, and is not.
pub(super) fn vanished(path: &Path) -> Trouble {
    let path = shown(path);
    Trouble::refused(
        KIND,
        format!("the store's identity {path} is not there, but what belongs to it is"),
        format!("restore {path} from your backup; without it nobody can read the secrets"),
    )
}

/// An identity that is open, and its public half.
pub(super) struct Opened {
    /// `AGE-SECRET-KEY-1…`, nothing else.
    pub(super) text: Secret,
    pub(super) recipient: x25519::Recipient,
}

impl Opened {
    /// A new one.
    pub(super) fn generate() -> Result<Self, Trouble> {
        Self::of(&x25519::Identity::generate())
    }

    fn of(identity: &x25519::Identity) -> Result<Self, Trouble> {
        let text = identity.to_string();
        let text = Secret::new(text.expose_secret().as_bytes().to_vec())
            .map_err(|_| Trouble::fault("the identity is too long", "please report this"))?;
        Ok(Self { text, recipient: identity.to_public() })
    }

    /// Reads the text of an identity file: comments, and one native identity. `origin` says where it is from.
    pub(super) fn read(text: &[u8], origin: &str) -> Result<Self, Trouble> {
        let refused =
            |what: &str, hint: String| Err(Trouble::refused(KIND, format!("{origin} {what}"), hint));
        let restore = || "restore it from your backup".to_owned();
        if text.is_empty() {
            return refused("is empty", restore());
        }
        if text.starts_with(b"age-encryption.org/") {
            return refused("is encrypted", "under a passphrase its name is identity.age".to_owned());
        }
        let Ok(text) = std::str::from_utf8(text) else {
            return refused("holds no age identity", restore());
        };
        let mut keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (first, more) = (keys.next().unwrap_or_default(), keys.count());
        if first.starts_with("-----BEGIN") {
            return refused("is an SSH key, not an age identity", "`tok init --ssh-key PATH`".to_owned());
        }
        if first.starts_with("AGE-PLUGIN-") {
            return refused("is a plugin's identity", "`tok init --plugin FILE`".to_owned());
        }
        if more > 0 {
            let hint = "leave the one that recipients.txt belongs to (`age-keygen -y` shows it)".to_owned();
            return refused(&format!("holds {} keys, and the store has one", more + 1), hint);
        }
        if first.starts_with("AGE-SECRET-KEY-") && !first.starts_with("AGE-SECRET-KEY-1") {
            let what =
                format!("holds an age identity of a newer kind, which this tokend ({OURS}) cannot read");
            let hint = "install the tokend that made it again; nothing was changed".to_owned();
            return Err(Trouble::refused(newer::KIND, format!("{origin} {what}"), hint));
        }
        match first.parse::<x25519::Identity>() {
            Ok(identity) => Self::of(&identity),
            Err(_) => refused("holds no age identity (AGE-SECRET-KEY-1…), or a damaged one", restore()),
        }
    }

    /// The identity itself, for one operation.
    pub(super) fn identity(&self) -> Result<x25519::Identity, Trouble> {
        let text = self.text.expose();
        let identity = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        identity.ok_or_else(|| Trouble::fault("the identity in memory is damaged", "please report this"))
    }

    /// What an identity file says, as age-keygen writes it.
    pub(super) fn file(&self) -> Zeroizing<Vec<u8>> {
        let head = format!("# the identity of tokend's store\n# public key: {}\n", self.recipient);
        let text = self.text.expose();
        let mut file = Zeroizing::new(Vec::with_capacity(head.len() + text.len() + 1));
        file.extend_from_slice(head.as_bytes());
        file.extend_from_slice(&text);
        file.push(b'\n');
        file
    }

    /// Whether `recipients.txt` is that of this identity.
    pub(super) fn fits(&self, recipient: &x25519::Recipient, places: &Places) -> Result<(), Trouble> {
        if *recipient == self.recipient {
            return Ok(());
        }
        let path = shown(&places.recipients());
        Err(Trouble::refused(
            KIND,
            format!("{path} names {recipient}, but the identity is that of {}", self.recipient),
            format!("restore the identity that belongs to it; or, if the identity is right, mend {path}"),
        ))
    }
}

/// The store's recipient by `recipients.txt`; none where that is not there.
pub(super) fn recipient(places: &Places) -> Result<Option<x25519::Recipient>, Trouble> {
    let path = places.recipients();
    let Some(bytes) = places::read(&path, Closed::ToWriters, "the store's recipient")? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let lines: Vec<_> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if let [line] = lines[..]
        && let Ok(recipient) = line.parse()
    {
        return Ok(Some(recipient));
    }
    // Other kinds have another word before bech32's last separator: `age1pq`, for one.
    if let [line] = lines[..]
        && line.rsplit_once('1').is_some_and(|(kind, _)| kind.starts_with("age1") && kind.len() < 20)
    {
        return Err(Trouble::newer(&Newer::named(&path, "another kind of recipient")));
    }
    let what = match lines.len() {
        0 => "names no recipient".to_owned(),
        1 => format!("names no native age recipient: {}", printable(lines[0], 80)),
        many => format!("names {many} recipients, and the store has one"),
    };
    Err(Trouble::refused(
        KIND,
        format!("{} {what}", shown(&path)),
        "`age-keygen -y` of the identity shows its one line, age1…",
    ))
}

/// Whether `identity.source` names the same recipient: where the identity is not open, that alone tells
/// whether `recipients.txt` was exchanged. One that names none is believed.
pub(super) fn noted(places: &Places, recipient: &x25519::Recipient) -> Result<(), Trouble> {
    let source = places.source();
    let Some(bytes) = places::read(&source, Closed::ToAll, "a line that says what opens the identity")?
    else {
        return Ok(());
    };
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    match text.lines().find_map(|line| line.strip_prefix(NOTE)).map(str::trim) {
        Some(noted) if noted != recipient.to_string() => {
            let (source, path) = (shown(&source), shown(&places.recipients()));
            Err(Trouble::refused(
                "store-exchanged",
                format!("{path} names {recipient}, but {source} {}: one was exchanged", printable(noted, 80)),
                format!("nothing was stored; whoever did it could read it: restore {path} from your backup"),
            ))
        }
        _ => Ok(()),
    }
}

/// What `recipients.txt` says.
pub(super) fn recipients_file(recipient: &x25519::Recipient) -> String {
    format!("{recipient}\n")
}
