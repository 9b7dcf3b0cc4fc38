//! The forms in which a token can be printed: pure, each with its specification.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use tokend_client::Token;
use zeroize::Zeroizing;

use super::complaint::Complaint;
use super::span::rfc3339;

/// A form, with what it needs beside the token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The token.
    Raw,
    /// `Authorization: Bearer …`.
    Header,
    /// One object.
    Json,
    /// `export NAME='…'`.
    Env {
        /// The variable.
        name: String,
    },
    /// `NAME=TOKEN`, percent-encoded.
    Form,
    /// What Google and Microsoft take in IMAP and SMTP.
    XOauth2 {
        /// The mailbox.
        user: String,
    },
    /// RFC 7628.
    OauthBearer {
        /// The mailbox.
        user: String,
        /// The server's name.
        host: Option<String>,
        /// The server's port.
        port: Option<u16>,
    },
}

/// Text that holds a token.
pub(crate) type SecretText = Zeroizing<String>;

impl Format {
    /// The line to print, with its newline.
    pub(crate) fn line(&self, token: &Token) -> Result<SecretText, Complaint> {
        let mut line = match self {
            Self::Raw => with_room(token, |text| text.push_str(&token.text())),
            Self::Header => header(token)?,
            Self::Json => json(token)?,
            Self::Env { name } => with_room(token, |text| {
                text.push_str("export ");
                text.push_str(name);
                text.push('=');
                quote_for_shell(text, &token.text());
            }),
            Self::Form => form(token)?,
            Self::XOauth2 { user } => {
                in_a_header(token)?;
                base64(&with_room(token, |text| xoauth2(text, user, &token.text())))
            }
            Self::OauthBearer { user, host, port } => {
                in_a_header(token)?;
                base64(&with_room(token, |text| {
                    oauthbearer(text, user, host.as_deref(), *port, &token.text());
                }))
            }
        };
        line.push('\n');
        Ok(line)
    }
}

/// `Authorization: Bearer …` (RFC 9110, 11.6.2), without a newline.
pub(crate) fn header(token: &Token) -> Result<SecretText, Complaint> {
    in_a_header(token)?;
    Ok(with_room(token, |text| {
        text.push_str("Authorization: ");
        if let Some(scheme) = token.scheme() {
            text.push_str(scheme);
            text.push(' ');
        }
        text.push_str(&token.text());
    }))
}

/// One object, without a newline.
pub(crate) fn json(token: &Token) -> Result<SecretText, Complaint> {
    let further: Vec<_> = token.fields().skip(1).map(|(name, value)| (name, value.expose())).collect();
    let text = token.text();
    let object = JsonToken {
        account: token.account(),
        token: &text,
        scheme: if token.parameter().is_some() { None } else { token.scheme() },
        parameter: token.parameter(),
        expires_at: token.expires_at().map(rfc3339),
        expires_in: token.expires_in().map(|left| left.as_secs()),
        scope: token.scope(),
        warnings: token.warnings(),
        fields: further.iter().map(|(name, value)| (*name, value.as_str().unwrap_or_default())).collect(),
    };
    serde_json::to_string(&object).map(Zeroizing::new).map_err(|error| {
        Complaint::fault(format!("the token cannot be written as JSON: {error}"), "use another --format")
    })
}

#[derive(Serialize)]
struct JsonToken<'a> {
    account: &'a str,
    token: &'a str,
    scheme: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    expires_at: Option<String>,
    expires_in: Option<u64>,
    scope: &'a [String],
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<&'a str, &'a str>,
}

fn form(token: &Token) -> Result<SecretText, Complaint> {
    let Some(parameter) = token.parameter() else {
        return Err(Complaint::usage(
            format!("the token of {} goes into a header, not into a form", token.account()),
            "use --format header, or --format raw",
        ));
    };
    Ok(with_room(token, |text| {
        percent_encode(text, parameter);
        text.push('=');
        percent_encode(text, &token.text());
    }))
}

/// Refuses a token that goes into a form.
fn in_a_header(token: &Token) -> Result<(), Complaint> {
    match token.parameter() {
        None => Ok(()),
        Some(parameter) => Err(Complaint::usage(
            format!("the token of {} goes into a form, as {parameter}=…, not into a header", token.account()),
            format!("`tok get --format form {}` prints it for a form", token.account()),
        )),
    }
}

/// `user=U^Aauth=Bearer T^A^A` (Google, "XOAUTH2 Mechanism").
fn xoauth2(text: &mut String, user: &str, token: &str) {
    for part in ["user=", user, "\x01auth=Bearer ", token, "\x01\x01"] {
        text.push_str(part);
    }
}

/// `n,a=U,^Ahost=H^Aport=P^Aauth=Bearer T^A^A` (RFC 7628, 3.1; the user as an RFC 5801 saslname).
fn oauthbearer(text: &mut String, user: &str, host: Option<&str>, port: Option<u16>, token: &str) {
    text.push_str("n,a=");
    text.push_str(&user.replace('=', "=3D").replace(',', "=2C"));
    text.push(',');
    if let Some(host) = host {
        text.push_str("\x01host=");
        text.push_str(host);
    }
    if let Some(port) = port {
        text.push_str("\x01port=");
        text.push_str(&port.to_string());
    }
    for part in ["\x01auth=Bearer ", token, "\x01\x01"] {
        text.push_str(part);
    }
}

fn base64(text: &str) -> SecretText {
    Zeroizing::new(BASE64_STANDARD.encode(text))
}

/// `'…'`, with `'\''` for each quote inside.
fn quote_for_shell(text: &mut String, value: &str) {
    text.push('\'');
    for (number, piece) in value.split('\'').enumerate() {
        if number > 0 {
            text.push_str("'\\''");
        }
        text.push_str(piece);
    }
    text.push('\'');
}

/// All but RFC 3986's unreserved characters as `%XX`: right in a query and in a form alike.
fn percent_encode(text: &mut String, value: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Builds a text with room for the token in any of the forms, so that few copies of it are made.
fn with_room(token: &Token, build: impl FnOnce(&mut String)) -> SecretText {
    let mut text = Zeroizing::new(String::with_capacity(token.secret().len() + 256));
    build(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(build: impl FnOnce(&mut String)) -> String {
        let mut text = String::new();
        build(&mut text);
        text
    }

    #[test]
    fn a_quoted_value_is_one_word_for_a_shell() {
        assert_eq!(built(|t| quote_for_shell(t, "plain")), "'plain'");
        assert_eq!(built(|t| quote_for_shell(t, "it's $HOME `x` \\")), r"'it'\''s $HOME `x` \'");
        assert_eq!(built(|t| quote_for_shell(t, "''")), r"''\'''\'''");
    }

    #[test]
    fn a_form_value_cannot_begin_another_field() {
        assert_eq!(built(|t| percent_encode(t, "a-b._~9")), "a-b._~9");
        assert_eq!(built(|t| percent_encode(t, "a&b=c+d /%é")), "a%26b%3Dc%2Bd%20%2F%25%C3%A9");
    }

    #[test]
    fn xoauth2_is_as_google_prints_it() {
        // The example of Google's page.
        let text = built(|t| {
            xoauth2(t, "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        });
        assert_eq!(
            base64(&text).as_str(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1sem\
             RHRXVZMjl0Q2cBAQ=="
        );
    }

    #[test]
    fn oauthbearer_is_as_rfc_7628_prints_it() {
        // RFC 7628, 4.1.
        let text = built(|t| {
            oauthbearer(
                t,
                "user@example.com",
                Some("server.example.com"),
                Some(143),
                "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
            );
        });
        assert_eq!(
            base64(&text).as_str(),
            "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDR\
             xbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
        );
        assert_eq!(
            built(|t| oauthbearer(t, "a,b=c", None, None, "T")),
            "n,a=a=2Cb=3Dc,\x01auth=Bearer T\x01\x01"
        );
    }
}
