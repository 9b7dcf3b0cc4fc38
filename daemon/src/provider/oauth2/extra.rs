//! Parameters that a service wants beyond those of the specifications: for every request to the token
//! endpoint, or for one kind of request.

use crate::document::{Shape, Table, nearest};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The address that a browser is sent to.
    Authorization,
    /// The beginning of the device flow.
    DeviceAuthorization,
    /// To the token endpoint, with anything but a refresh token.
    Token,
    /// To the token endpoint, with a refresh token.
    Refresh,
    /// The end of a login.
    Revocation,
    /// A question about a token.
    Introspection,
}

impl Kind {
    /// The names of the tables.
    const NAMES: [&str; 6] =
        ["authorization", "device_authorization", "token", "refresh", "revocation", "introspection"];

    const ALL: [Self; 6] = [
        Self::Authorization,
        Self::DeviceAuthorization,
        Self::Token,
        Self::Refresh,
        Self::Revocation,
        Self::Introspection,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().zip(Self::NAMES).find(|(_, known)| *known == name).map(|(kind, _)| kind)
    }
}

/// What `extra` cannot say, since tokend does.
const OURS: &[&str] = &[
    "grant_type",
    "refresh_token",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "audience",
    "resource",
    "username",
    "password",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "device_code",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "redirect_uri",
    "response_type",
    "state",
    "nonce",
    "token",
    "token_type_hint",
];

type Pairs = Vec<(String, String)>;

/// The parameters of `extra`.
#[derive(Debug, Default)]
pub(super) struct Extra {
    every: Pairs,
    of_kind: Vec<(Kind, Pairs)>,
}

impl Extra {
    /// Reads `extra`. A table in it is for one kind of request, which the grant must send.
    pub(super) fn read(table: &mut Table<'_>, sends: impl Fn(Kind) -> bool) -> Self {
        let mut extra = Self::default();
        let Some(mut entries) = table.table("extra") else {
            return extra;
        };
        for key in entries.remaining_keys() {
            if entries.shape(&key.value) != Some(Shape::Table) {
                extra.every.extend(read_one(&mut entries, &key.value));
                continue;
            }
            let Some(mut inner) = entries.table(&key.value) else { continue };
            let pairs = inner.remaining_keys().into_iter().filter_map(|key| read_one(&mut inner, &key.value));
            let pairs: Pairs = pairs.collect();
            match Kind::named(&key.value) {
                Some(kind) if sends(kind) => extra.of_kind.push((kind, pairs)),
                Some(_) => {
                    let message = format!("`{}` has no effect here", key.value);
                    entries.report(&key.span, message, "the grant sends no such request: remove it");
                }
                None => {
                    let hint = match nearest(&key.value, Kind::NAMES.into_iter()) {
                        Some(name) => format!("did you mean `{name}`?"),
                        None => format!("one of: {}", Kind::NAMES.join(", ")),
                    };
                    entries.report(&key.span, "this is no kind of request", hint);
                }
            }
        }
        extra
    }

    /// What a request of this kind says. A kind's own word comes before that for every request.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        let own = self.of_kind.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, pairs)| pairs);
        let to_token_endpoint = matches!(kind, Kind::Token | Kind::Refresh);
        let every = self
            .every
            .iter()
            .filter(move |(name, _)| to_token_endpoint && own.iter().all(|(own, _)| own != name));
        every.chain(own).map(|(name, value)| (&**name, &**value))
    }
}

fn read_one(table: &mut Table<'_>, key: &str) -> Option<(String, String)> {
    let value = table.string(key)?;
    if OURS.contains(&key) {
        let span = table.key_span(key).unwrap_or_else(|| value.span.clone());
        table.report(&span, "`extra` cannot say this", "tokend says it itself");
    }
    Some((key.to_owned(), value.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{complaints, with_table};

    #[test]
    fn each_request_says_what_is_for_it() {
        let text = "extra = { tenant = 't', prompt = 'every', authorization = { prompt = 'consent' }, \
                    refresh = { tenant = 'r', again = 'yes' } }";
        with_table(text, |table| {
            let extra = Extra::read(table, |_| true);
            let said = |kind| {
                let mut said: Vec<_> =
                    extra.of(kind).map(|(name, value)| format!("{name}={value}")).collect();
                said.sort();
                said.join(" ")
            };
            assert_eq!(said(Kind::Token), "prompt=every tenant=t");
            assert_eq!(said(Kind::Refresh), "again=yes prompt=every tenant=r");
            assert_eq!(said(Kind::Authorization), "prompt=consent");
            assert_eq!(said(Kind::DeviceAuthorization), "");
            assert_eq!(said(Kind::Revocation), "");
        });
    }

    #[test]
    fn mistakes_are_reported() {
        for (text, words) in [
            ("extra = { authorisation = { prompt = 'x' } }", "did you mean `authorization`?"),
            ("extra = { something = { prompt = 'x' } }", "one of: authorization, device_authorization"),
            ("extra = { introspection = { x = 'x' } }", "`introspection` has no effect here"),
            ("extra = { authorization = { state = 'x' } }", "`extra` cannot say this"),
            ("extra = { code_verifier = 'x' }", "`extra` cannot say this"),
            ("extra = { authorization = { a = 1 } }", "is a number"),
            ("extra = { a = ['x'] }", "is an array"),
        ] {
            let found =
                complaints(text, |table| drop(Extra::read(table, |kind| kind != Kind::Introspection)));
            assert_eq!(found.len(), 1, "{text}: {found:#?}");
            assert!(found[0].contains(words), "{found:#?}");
        }
    }
}
