//! What a service tells to show a person: nothing in it means anything to a terminal or a shell.

use url::Url;

use crate::provider::http::address::{self, Query};
use crate::provider::oauth2::endpoints::is_safe_to_open;

/// A longer address is nobody's.
pub(super) const MOST_ADDRESS: usize = 8192;

/// A longer code nobody types.
const MOST_CODE: usize = 64;

/// The address that `text` is, if a browser may be opened with it: `https`, or on this machine if the service
/// itself is here.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(super) fn openable(text: &str, service_is_here: bool) -> Result<Url, String> {
    if text.len() > MOST_ADDRESS {
        return Err(format!("is longer than {MOST_ADDRESS} bytes"));
    }
    if !is_safe_to_open(text) {
        return Err("has characters that mean something to a shell".to_owned());
    }
    let url = address::parse(text, Query::Allowed).map_err(|fault| fault.to_string())?;
    if address::is_loopback(&url) && !service_is_here {
        return Err("is on this machine".to_owned());
    }
    Ok(url)
}

/// Whether a person can type this code, and a terminal show it.
pub(super) fn is_user_code(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte);
    (1..=MOST_CODE).contains(&text.len()) && text.trim() == text && text.bytes().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_open_is_https_and_harmless() {
        for text in [
            "https://a.example/authorize?a=b&c=%20",
            "https://a.example:8443/a,b/@me/~you?p=b2c_1+x",
            "https://[2001:db8::1]/",
        ] {
            assert_eq!(openable(text, false).map(String::from), Ok(text.to_owned()));
        }
        for text in [
            "http://a.example/",
            "https://127.0.0.1/",
            "http://localhost/",
            "https://a.example/$(reboot)",
            "https://a.example/`reboot`",
            "https://a.example/;reboot",
            "https://a.example/|reboot",
            "https://a.example/?a='b'",
            "https://a.example/\"",
            "https://a.example/\\b",
            "https://a.example/a b",
            "https://a.example/\u{1b}[31m",
            "https://a.example/\n",
            "https://ä.example/",
            "https://u:p@a.example/",
            "file:///etc/passwd",
            "javascript:alert",
            "--help",
            "/authorize",
            "",
        ] {
            assert!(openable(text, false).is_err(), "{text}");
        }
        assert!(openable(&format!("https://a.example/{}", "x".repeat(9000)), false).is_err());
        assert!(openable("http://127.0.0.1:8080/authorize", true).is_ok());
        assert!(openable("http://a.example/", true).is_err());
    }

    #[test]
    fn a_code_is_something_to_type() {
        assert!(["WDJB-MJHT", "123 456", "a_b.c"].into_iter().all(is_user_code));
        for text in ["", " a", "a ", "a\nb", "\u{1b}[31m", "a$b", "ä", &"x".repeat(65)] {
            assert!(!is_user_code(text), "{text}");
        }
    }
}
