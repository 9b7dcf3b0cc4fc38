//! The `[accounts.NAME]` tables: names, what any account may say, and the type's own keys by the type's own
//! reader.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokend_proto::limits::{MAX_NAME, MAX_WORDS};

use super::daemon::{Daemon, WISHES};
use crate::account::{Definition, Policy, Refresh};
use crate::clock::milliseconds;
use crate::document::{Document, Located, Shape, Span, Table, nearest_few};
use crate::provider::{Defaults, Kind, Presentation, Provider};
use crate::secret::Source;

/// Keys that say how an account is kept, not what it is: a change of them costs no token.
const KEPT: &[&str] =
    &["scheme", "min_valid", "refresh", "assume_lifetime", "request_scopes", "lock", "exclusive"];

/// Keys that say how the service is asked, not for what: a change of them costs no token either.
const ASKED: &[&str] = &["user_agent", "ca_file", "proxy", "redirect_port", "redirect_uris"];

/// What may be assumed of tokens whose service says nothing: up to ten years.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(315_576_000);

/// The accounts of all files, as they are read.
pub(super) struct Accounts<'d> {
    kinds: &'d [Kind],
    daemon: &'d Daemon,
    defaults: &'d Defaults,
    /// By the name in lower case: where it was first seen.
    seen: BTreeMap<String, Seen<'d>>,
    definitions: BTreeMap<String, Definition>,
    /// By service, client and source of the first refresh token: which account spends it.
    spent: BTreeMap<(String, String, String), String>,
    /// Who trades whose token, and where that is written.
    borrowed: Vec<Loan<'d>>,
}

/// An account that trades another's token.
struct Loan<'d> {
    borrower: String,
    lender: String,
    document: &'d Document<'d>,
    span: Span,
}

struct Seen<'d> {
    name: String,
    document: &'d Document<'d>,
    span: Span,
}

impl<'d> Accounts<'d> {
    pub(super) fn new(kinds: &'d [Kind], daemon: &'d Daemon, defaults: &'d Defaults) -> Self {
        Self {
            kinds,
            daemon,
            defaults,
            seen: BTreeMap::new(),
            definitions: BTreeMap::new(),
            spent: BTreeMap::new(),
            borrowed: Vec::new(),
        }
    }

    /// Reads the accounts of one file.
    pub(super) fn read(&mut self, mut accounts: Table<'d>) {
        let mut names = accounts.remaining_keys();
        // As a person reads the file: the first is the one above.
        names.sort_by_key(|name| name.span.start);
        for name in names {
            let Some(table) = accounts.table(&name.value) else {
                continue;
            };
            if self.is_new(&name, &accounts)
                && let Some(definition) = self.definition(&name, table)
            {
                self.definitions.insert(name.value, definition);
            }
        }
    }

    pub(super) fn into_definitions(self) -> BTreeMap<String, Definition> {
        self.check_loans();
        self.definitions
    }

    /// Whoever trades another account's token trades one that is there, and never, in the end, its own.
    fn check_loans(&self) {
        let has_mistakes = |loan: &Loan<'_>| loan.document.is_faulty();
        for loan in &self.borrowed {
            let Loan { borrower, lender, document, span } = loan;
            if !self.seen.values().any(|seen| seen.name == *lender) {
                let names = self.seen.values().map(|seen| seen.name.as_str());
                let hint = match nearest_few(lender, names, 1)[..] {
                    [near, ..] => format!("did you mean `{near}`?"),
                    [] => "`account` names another account of this configuration".to_owned(),
                };
                document.report(span, format!("there is no account `{lender}`"), hint);
            } else if !has_mistakes(loan) && self.comes_back(borrower, lender) {
                let message = format!("`{borrower}` would need its own token to get one");
                document.report(span, message, "an account cannot trade its own token, not even by others");
            }
        }
    }

    /// Whether `lender`, by way of others or not, needs the token of `borrower`.
    fn comes_back(&self, borrower: &str, lender: &str) -> bool {
        let (mut seen, mut left) = (BTreeSet::new(), vec![lender]);
        while let Some(account) = left.pop() {
            if account == borrower {
                return true;
            }
            if seen.insert(account) {
                let loans = self.borrowed.iter().filter(|loan| loan.borrower == account);
                left.extend(loans.map(|loan| loan.lender.as_str()));
            }
        }
        false
    }

    /// Whether this is a name, and the first of its kind.
    fn is_new(&mut self, name: &Located<String>, accounts: &Table<'d>) -> bool {
        if !is_name(&name.value) {
            let hint = format!("1 to {MAX_NAME} of A-Z a-z 0-9 . _ -, beginning with a letter or digit");
            accounts.report(&name.span, "this cannot be an account's name", hint);
            return false;
        }
        match self.seen.entry(name.value.to_ascii_lowercase()) {
            Entry::Vacant(place) => {
                place.insert(Seen {
                    name: name.value.clone(),
                    document: accounts.document(),
                    span: name.span.clone(),
                });
                true
            }
            Entry::Occupied(first) => {
                let first = first.get();
                let message = if first.name == name.value {
                    format!("the account `{}` is configured twice", name.value)
                } else {
                    format!("`{}` and `{}` differ only in case", first.name, name.value)
                };
                let place = first.document.place(&first.span);
                accounts.report_with(&name.span, message, "the second", "the first", place);
                false
            }
        }
    }

    fn definition(&mut self, name: &Located<String>, mut table: Table<'d>) -> Option<Definition> {
        if let Some((key, span)) = dotted(&mut table) {
            let hint = format!("write [accounts.\"{}.{key}\"]", name.value);
            table.report(&span, "a name with a dot needs quotes", hint);
            return None;
        }
        let general = General::read(&mut table, self.daemon);
        let kind = table.required_string("type");
        let kind = kind.and_then(|kind| {
            let names: Vec<&str> = self.kinds.iter().map(|kind| kind.name).collect();
            let name = table.choose(&kind, "type", &names)?;
            self.kinds.iter().find(|kind| kind.name == name)
        });
        // Without a type nobody knows which keys are right.
        let kind = kind?;
        let provider = (kind.read)(&mut table, self.defaults);
        if let Some(provider) = &provider {
            self.warn_of_a_shared_login(&name.value, &table, &**provider);
            let place = ["subject", "actor"].into_iter().find_map(|key| table.key_span(key));
            self.borrowed.extend(provider.borrows().into_iter().map(|borrowed| Loan {
                borrower: name.value.clone(),
                lender: borrowed.account,
                document: table.document(),
                span: place.clone().unwrap_or_else(|| name.span.clone()),
            }));
        }
        let definition = provider.map(|provider| Definition {
            name: name.value.clone(),
            kind: kind.name,
            policy: general.policy(&table, kind.name, &*provider),
            service: service(&table, &*provider),
            setting: self.setting(&table),
            provider: Arc::from(provider),
        });
        table.finish();
        definition
    }

    /// Two accounts that spend one refresh token void each other's login.
    fn warn_of_a_shared_login(&mut self, name: &str, table: &Table<'_>, provider: &dyn Provider) {
        let Some(source) = provider.first_refresh_token() else { return };
        let Some(span) = table.key_span("refresh_token") else { return };
        let identity = provider.identity();
        match self.spent.entry((identity.origin, identity.client, source.describe())) {
            Entry::Vacant(place) => drop(place.insert(name.to_owned())),
            Entry::Occupied(first) => {
                let message = format!("`{}` spends the same refresh token", first.get());
                let hint =
                    "each would void the other's login: use one account, with `request_scopes` and `--scope`";
                table.warn(&span, message, hint);
            }
        }
    }

    /// A hash of all that the provider was made of.
    fn setting(&self, table: &Table<'_>) -> [u8; 32] {
        let Defaults { http_timeout, command_timeout, ca_file, proxy, environment: _, reach: _ } =
            self.defaults;
        hash(&json!({
            "account": table.definition(KEPT),
            "daemon": {
                "http_timeout": milliseconds(*http_timeout),
                "command_timeout": milliseconds(*command_timeout),
                "ca_file": ca_file,
                "proxy": proxy.as_ref().map(url::Url::as_str),
            },
        }))
    }
}

/// A hash of what makes the account's tokens what they are.
fn service(table: &Table<'_>, provider: &dyn Provider) -> [u8; 32] {
    // `[vault]` belongs to the accounts that get a secret from there.
    let mut sources = provider.sources().into_iter().chain(provider.first_refresh_token());
    let vault = sources.find_map(Source::vault).map(|vault| vault.fingerprint());
    let unimportant: Vec<&str> = KEPT.iter().chain(ASKED).copied().collect();
    hash(&json!({ "vault": vault, "account": table.definition(&unimportant) }))
}

/// Objects are sorted by their keys, so that the same definition has the same hash.
fn hash(definition: &Value) -> [u8; 32] {
    Sha256::digest(definition.to_string()).into()
}

/// What any account may say.
struct General {
    scheme: Option<Located<String>>,
    min_valid: Duration,
    refresh: Refresh,
    assume_lifetime: Option<Duration>,
    request_scopes: Option<Located<Vec<String>>>,
    lock: bool,
    exclusive: bool,
}

impl General {
    fn read(table: &mut Table<'_>, daemon: &Daemon) -> Self {
        table.not_built("access", "`access`");
        Self {
            scheme: read_scheme(table),
            min_valid: table
                .duration_within("min_valid", &WISHES)
                .map_or(daemon.min_valid, |wish| wish.value),
            refresh: read_refresh(table),
            assume_lifetime: table
                .duration_within("assume_lifetime", &LIFETIMES)
                .map(|lifetime| lifetime.value),
            request_scopes: read_scopes(table),
            lock: table.boolean("lock").is_none_or(|lock| lock.value),
            exclusive: table.boolean("exclusive").is_some_and(|exclusive| exclusive.value),
        }
    }

    fn policy(self, table: &Table<'_>, kind: &str, provider: &dyn Provider) -> Policy {
        let presentation = match (provider.presentation(), self.scheme) {
            (Presentation::Header { .. }, Some(scheme)) => Presentation::Header { scheme: scheme.value },
            (own @ Presentation::Parameter { .. }, Some(scheme)) => {
                let message = format!("`scheme` has no effect: tokens of {kind} travel as a parameter");
                table.report(&scheme.span, message, "remove it");
                own
            }
            (own, None) => own,
        };
        let request_scopes = self.request_scopes.map_or_else(Vec::new, |scopes| {
            if provider.scopes().is_none() {
                let message = format!("`request_scopes` has no effect: {kind} knows no scopes");
                table.report(&scopes.span, message, "remove it");
            }
            scopes.value
        });
        Policy {
            min_valid: self.min_valid,
            refresh: self.refresh,
            assume_lifetime: self.assume_lifetime.or_else(|| provider.assumed_lifetime()),
            presentation,
            request_scopes,
            lock: self.lock,
            exclusive: self.exclusive,
        }
    }
}

/// RFC 9110 11.1: a scheme is a token (5.6.2).
fn read_scheme(table: &mut Table<'_>) -> Option<Located<String>> {
    let scheme = table.string("scheme")?;
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if (1..=64).contains(&scheme.value.len()) && scheme.value.bytes().all(is_token) {
        return Some(scheme);
    }
    let hint = "one word of letters and digits, such as \"Bearer\"";
    table.report(&scheme.span, "`scheme` is not one that a header can have", hint);
    None
}

fn read_refresh(table: &mut Table<'_>) -> Refresh {
    match table.one_of("refresh", &["eager", "auto", "on-demand"]).map(|word| word.value) {
        Some("auto") => Refresh::Auto,
        Some("on-demand") => Refresh::OnDemand,
        _ => Refresh::Eager,
    }
}

/// RFC 6749 3.3: printable ASCII but for space, `"` and `\`.
fn read_scopes(table: &mut Table<'_>) -> Option<Located<Vec<String>>> {
    let scopes = table.strings("request_scopes")?;
    if scopes.value.len() > MAX_WORDS {
        table.report(&scopes.span, "`request_scopes` are too many", format!("at most {MAX_WORDS}"));
        return None;
    }
    let mut words = Vec::with_capacity(scopes.value.len());
    for scope in scopes.value {
        let sound = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if scope.value.is_empty() || !scope.value.bytes().all(sound) {
            table.report(
                &scope.span,
                "this is no scope",
                "printable ASCII without spaces, one string a scope",
            );
        } else if !words.contains(&scope.value) {
            words.push(scope.value);
        }
    }
    Some(Located { value: words, span: scopes.span })
}

/// `[accounts.a.b]` is TOML for a table `b` in the account `a`.
fn dotted(table: &mut Table<'_>) -> Option<(String, Span)> {
    if table.has("type") {
        return None;
    }
    let inner = table.remaining_keys().into_iter().find(|key| {
        table.shape(&key.value) == Some(Shape::Table)
            && table.table(&key.value).is_some_and(|inner| inner.has("type"))
    });
    inner.map(|key| (key.value, key.span))
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
