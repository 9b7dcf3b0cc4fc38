//! The claims of a JWT (RFC 7519), read but not verified: that is for the service that takes it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::ID_TOKEN;
use super::lifetime::{self, Dead};
use super::words::Held;
use crate::clock::Wall;

/// What of a JWT's claims matters here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Claims {
    /// `exp`: when it ends.
    pub(crate) end: Option<Wall>,
    /// `iat`: when it began.
    pub(crate) start: Option<Wall>,
    /// `scope`: a list, or words separated by blanks or commas.
    pub(crate) scope: Option<Vec<String>>,
    /// `sub`: whose it is.
    pub(crate) subject: Option<String>,
    /// Whether there is a `refresh_token` among them (ItsYou.online).
    pub(crate) has_refresh_token: bool,
}

/// The claims of `token`; `None` if it is no JWT.
pub(crate) fn claims(token: &Secret) -> Option<Claims> {
    let claims = payload(token)?;
    let time = |name| claims.get(name).and_then(lifetime::seconds).map(lifetime::wall);
    Some(Claims {
        end: time("exp"),
        start: time("iat"),
        scope: claims.get("scope").and_then(words),
        subject: claims.get("sub").and_then(Value::as_str).map(str::to_owned),
        has_refresh_token: claims.get("refresh_token").is_some_and(|value| !value.is_null()),
    })
}

/// Who logged in, as people know that person, by the id token among these fields; in one line that moves no cursor.
pub(crate) fn person(fields: &[(String, Secret)]) -> Option<String> {
    /// Longer names tell no more.
    const MOST: usize = 100;
    let (_, token) = fields.iter().find(|(name, _)| name == ID_TOKEN)?;
    let claims = payload(token)?;
    // OpenID Connect Core 1.0, 5.1: of these, only `sub` must be there.
    ["email", "preferred_username", "name", "sub"].into_iter().find_map(|name| {
        let person = Held::default().clean(claims.get(name)?.as_str()?, MOST);
        (!person.is_empty()).then_some(person)
    })
}

fn payload(token: &Secret) -> Option<Map<String, Value>> {
    let token = token.expose();
    let mut parts = token.as_str()?.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?);
    serde_json::from_slice(&payload).ok()
}

/// How long `token` lives by its own claims, counted from the request; `None` if it is no JWT or does not say.
///
/// # Errors
/// [`Dead`] if it says that it has ended.
pub(crate) fn life(token: &Secret, asked: Wall, date: Option<Wall>) -> Result<Option<Duration>, Dead> {
    claims(token).map_or(Ok(None), |claims| claims.life(asked, date))
}

impl Claims {
    /// How long the token lives that has these claims, counted from the request; `None` if they do not say.
    ///
    /// A token that says when it began lives no longer than from there to its end, whatever the clocks say.
    pub(crate) fn life(&self, asked: Wall, date: Option<Wall>) -> Result<Option<Duration>, Dead> {
        let Some(end) = self.end else { return Ok(None) };
        let life = lifetime::until(end, asked, date)?;
        let whole = self.start.map(|start| start.until(end)).filter(|whole| !whole.is_zero());
        Ok(lifetime::shorter(Some(life), whole))
    }
}

/// A list of words, or words separated by blanks or commas (services write scopes in all three ways).
pub(crate) fn words(value: &Value) -> Option<Vec<String>> {
    let own = |word: &str| word.to_owned();
    match value {
        Value::String(text) => {
            let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
            Some(words.filter(|word| !word.is_empty()).map(own).collect())
        }
        Value::Array(words) => words.iter().map(|word| word.as_str().map(own)).collect(),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A JWT with these claims and no true signature.
    pub(crate) fn forge(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.sig", part(&serde_json::json!({"alg": "ES384", "typ": "JWT"})), part(claims))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::forge;
    use super::*;

    fn read(text: &str) -> Option<Claims> {
        claims(&Secret::new(text.as_bytes().to_vec()).expect("short"))
    }

    #[test]
    fn claims_are_read() {
        let jwt = forge(
            &json!({"exp": 1_700_000_000, "iat": "1699996400", "scope": ["a", "b"], "refresh_token": "x"}),
        );
        let claims = read(&jwt).expect("claims");
        assert_eq!(claims.end, Some(Wall(1_700_000_000_000)));
        assert_eq!(claims.start, Some(Wall(1_699_996_400_000)));
        assert_eq!(claims.scope.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert!(claims.has_refresh_token);
        assert!(!format!("{claims:?}").contains("\"x\""));
        assert_eq!(read(&forge(&json!({}))), Some(Claims::default()));
    }

    #[test]
    fn a_person_is_named_as_people_know_it() {
        let of = |name: &str, token: &str| {
            let secret = Secret::new(token.as_bytes().to_vec()).expect("short");
            person(&[(name.to_owned(), secret)])
        };
        let id_token = |claims: Value| of(ID_TOKEN, &forge(&claims));
        let all = json!({"email": "a@b.example", "preferred_username": "ab", "name": "A B", "sub": "1"});
        for (gone, expected) in [
            ("", Some("a@b.example")),
            ("email", Some("ab")),
            ("preferred_username", Some("A B")),
            ("name", Some("1")),
            ("sub", None),
        ] {
            let names = ["email", "preferred_username", "name", "sub"];
            let mut claims = all.clone();
            let cut = names.iter().position(|name| *name == gone).map_or(0, |at| at + 1);
            names[..cut].iter().for_each(|name| claims[*name] = Value::Null);
            assert_eq!(id_token(claims).as_deref(), expected, "without {gone}");
        }
        assert_eq!(
            id_token(json!({"email": 1, "name": "\u{202e}\n", "sub": "x\u{1b}[31m\n y"})).as_deref(),
            Some("x [31m y")
        );
        let long = id_token(json!({"name": "ä".repeat(101)})).map(|person| person.chars().count());
        assert_eq!(long, Some(100));
        assert_eq!(of("token", &forge(&all)), None);
        assert_eq!(of(ID_TOKEN, "opaque"), None);
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for text in ["", "opaque", "a.b", "a.b.c", "a.b.c.d.e", "a.bnVsbA.c", "a.e30.c.d"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read("a.e30.c").is_some());
        assert!(read("a.e30=.c").is_some());
    }

    #[test]
    fn a_life_is_never_longer_than_from_start_to_end() {
        let claims = |start| Claims { end: Some(Wall(5_000_000)), start, ..Claims::default() };
        let asked = Wall(1_000_000);
        assert_eq!(claims(None).life(asked, None), Ok(Some(Duration::from_secs(4000))));
        assert_eq!(claims(Some(Wall(4_000_000))).life(asked, None), Ok(Some(Duration::from_secs(1000))));
        assert_eq!(claims(Some(Wall(9_000_000))).life(asked, None), Ok(Some(Duration::from_secs(4000))));
        assert_eq!(claims(None).life(Wall(6_000_000), None), Err(Dead));
        assert_eq!(Claims::default().life(asked, None), Ok(None));
    }

    #[test]
    fn scopes_are_lists_or_separated_by_blanks_or_commas() {
        let list = Some(vec!["a".to_owned(), "b".to_owned()]);
        for value in [json!(["a", "b"]), json!("a b"), json!("a,b"), json!(" a,  b ")] {
            assert_eq!(words(&value), list, "{value}");
        }
        assert_eq!(words(&json!("")), Some(Vec::new()));
        for value in [json!(null), json!(1), json!([1]), json!({})] {
            assert_eq!(words(&value), None, "{value}");
        }
    }
}
