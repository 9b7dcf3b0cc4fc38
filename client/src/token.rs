//! A token as it came from the daemon, looked at before anybody uses it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokend_proto::Secret;
use tokend_proto::message::Credential;
use tokend_proto::secret::ExposedText;

use crate::error::Error;

/// A token with what belongs to it. Its text is UTF-8 without control characters, so that it can stand in a header.
#[derive(Debug)]
pub struct Token(Credential);

impl Token {
    /// Takes over what the daemon sent.
    ///
    /// CR, LF or NUL in a token would end a header line and begin another (CVE-2020-5260 was one of those), so
    /// the daemon refuses such a token when it arrives, and so does this.
    pub(crate) fn checked(credential: Credential) -> Result<Self, Error> {
        let token = credential.fields.first().ok_or(Error::Malformed("a credential without a token"))?;
        if token.value.is_empty() {
            return Err(Error::Malformed("an empty token"));
        }
        if !credential.fields.iter().all(|field| field.value.expose().as_str().is_some()) {
            return Err(Error::Malformed("a token that is no text"));
        }
        let printable = token.value.expose().iter().all(|byte| !byte.is_ascii_control())
            && [&credential.scheme, &credential.parameter]
                .iter()
                .all(|word| word.bytes().all(|byte| byte.is_ascii_graphic()));
        if !printable {
            return Err(Error::Malformed("a token that holds control characters"));
        }
        Ok(Self(credential))
    }

    /// The account's name.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// The token.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        // `checked` has seen the first field; an empty list cannot be here.
        &self.0.fields[0].value
    }

    /// The token as text.
    #[must_use]
    pub fn text(&self) -> ExposedText<'_> {
        // `checked` has seen that it is text.
        self.secret().expose().into_text().unwrap_or_default()
    }

    /// The word before the token in an `Authorization` header, where it belongs into one.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        Some(self.0.scheme.as_str()).filter(|scheme| !scheme.is_empty())
    }

    /// The name of the form or query parameter that takes the token, where no header does.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        Some(self.0.parameter.as_str()).filter(|parameter| !parameter.is_empty())
    }

    /// All secret fields with their names. The first is the token; most services have no other.
    #[must_use]
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &Secret)> {
        self.0.fields.iter().map(|field| (field.name.as_str(), &field.value))
    }

    /// When it dies by the wall clock, where that is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        let since_1970 = Duration::from_millis(u64::try_from(self.0.expires_at_ms?).unwrap_or(0));
        UNIX_EPOCH.checked_add(since_1970)
    }

    /// How much life it had left when it was handed out, where that is known.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.0.expires_in_ms.map(Duration::from_millis)
    }

    /// What it is good for, where that is known.
    #[must_use]
    pub fn scope(&self) -> &[String] {
        &self.0.scope
    }

    /// What the caller should know.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }
}

#[cfg(test)]
mod tests {
    use tokend_proto::List;
    use tokend_proto::message::Field;

    use super::*;

    fn credential(token: &[u8], scheme: &str) -> Result<Token, Error> {
        let value = Secret::new(token.to_vec()).map_err(|_| Error::Malformed("too long"))?;
        Token::checked(Credential {
            account: "a".to_owned(),
            scheme: scheme.to_owned(),
            parameter: String::new(),
            fields: List::truncating(vec![Field { name: "token".to_owned(), value }]),
            expires_at_ms: Some(-5),
            expires_in_ms: None,
            scope: List::default(),
            warnings: List::default(),
            generation: 1,
        })
    }

    #[test]
    fn what_would_end_a_header_line_never_becomes_a_token() {
        assert!(credential(b"fine", "Bearer").is_ok());
        for bad in [&b"a\r\nX: y"[..], b"a\nb", b"a\0b", b"", b"\xff\xfe"] {
            assert!(matches!(credential(bad, "Bearer"), Err(Error::Malformed(_))), "{bad:?}");
        }
        assert!(matches!(credential(b"fine", "Bearer\r\nX:"), Err(Error::Malformed(_))));
    }

    #[test]
    fn debug_is_silent() {
        let shown = format!("{:?}", credential(b"hunter2", "Bearer"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_time_before_1970_is_1970() {
        let token = credential(b"fine", "Bearer").ok();
        assert_eq!(token.and_then(|token| token.expires_at()), Some(UNIX_EPOCH));
    }
}
