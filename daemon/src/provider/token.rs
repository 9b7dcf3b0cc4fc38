//! Taking a token over from whoever gave it: what is no token is refused when it arrives.

use tokend_proto::Secret;

use super::http::Reply;
use super::{CarriedOut, Failure};

/// The token that `bytes` are, without white space around them. `giver` is named in the failure.
///
/// # Errors
/// *Not now* and `bad-token` if there is none, if it is longer than a secret may be, or if it has a byte outside
/// visible ASCII: it could break out of the header or the line that it is put into (CVE-2020-5260).
pub(crate) fn accept(bytes: &[u8], giver: &str) -> Result<Secret, Failure> {
    let bytes = bytes.trim_ascii();
    let bad = |what: &str| {
        let message = format!("{giver} gave {what}");
        Err(Failure::not_now("bad-token", message, "look at the service; tokend tries again"))
    };
    if bytes.is_empty() {
        return bad("an empty token");
    }
    if !bytes.iter().all(u8::is_ascii_graphic) {
        return bad("a token with bytes outside visible ASCII, which is refused");
    }
    match Secret::new(bytes.to_vec()) {
        Ok(token) => Ok(token),
        Err(too_long) => bad(&format!("a token that is {too_long}")),
    }
}

/// The same out of a service's answer: what is no token there is lost.
///
/// # Errors
/// Those of [`accept`].
pub(crate) fn accept_from(bytes: &[u8], reply: &Reply) -> Result<Secret, Failure> {
    accept(bytes, &reply.host).map_err(|failure| failure.perhaps(CarriedOut::AnswerLost))
}

/// Bytes with a secret in them as text, for JSON; `what` names it.
///
/// # Errors
/// [`Class::Source`](super::Class::Source) if they are not UTF-8.
pub(crate) fn text_in<'s>(bytes: &'s [u8], what: &str) -> Result<&'s str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| {
        Failure::source(
            "bad-secret",
            format!("{what} is not UTF-8, which JSON wants"),
            "look where it comes from",
        )
    })
}

#[cfg(test)]
mod tests {
    use tokend_proto::limits::MAX_SECRET;

    use super::*;

    #[test]
    fn visible_ascii_is_a_token_and_white_space_around_it_is_not() {
        let text = (0x21..=0x7e).map(char::from).collect::<String>();
        let token = accept(format!(" \r\n{text}\n").as_bytes(), "a.example").expect("a token");
        assert_eq!(token.expose().as_str(), Some(text.as_str()));
        assert!(accept(&vec![b'x'; MAX_SECRET], "a.example").is_ok());
    }

    #[test]
    fn anything_else_is_refused_and_not_shown() {
        for bytes in [
            &b""[..],
            b" \n",
            b"hunter2 hunter2",
            b"hunter2\r\nX: y",
            b"hunter2\0",
            b"hunter2\x7f",
            b"h\xc3\xbc",
        ] {
            let failure = accept(bytes, "a.example").expect_err("a failure");
            assert_eq!((failure.class, failure.kind), (crate::provider::Class::NotNow, "bad-token"));
            assert!(!format!("{failure:?}").contains("hunter2"));
        }
        assert!(accept(&vec![b'x'; MAX_SECRET + 1], "a.example").is_err());
    }
}
