//! `tok reject`: "the service refused this token".

use tokend_client::Client;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::arguments::{Word, Words};
use super::complaint::{Complaint, Stop};
use super::input;

/// `tok reject ACCOUNT`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut hash = None;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long("hash") => {
                let text = words.text("hash")?;
                hash =
                    Some(sha256(&text).ok_or_else(|| words.usage("--hash is the SHA-256 as 64 hex digits"))?);
            }
            // A token among the arguments would be seen by everybody who lists processes.
            Word::Value(_) => {
                return Err(words.usage("the token is read from standard input, not from the arguments"));
            }
            other @ Word::Long(_) => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    if let Some(hash) = hash {
        Client::connect()?.reject_hash(&account, hash)?;
    } else {
        let token = from_stdin(&words)?;
        Client::connect()?.reject(&account, &token)?;
    }
    Ok(0)
}

/// The token without the newline that `tok get` and `echo` put after it.
fn from_stdin(words: &Words<'_>) -> Result<Zeroizing<Vec<u8>>, Stop> {
    let token = input::read(MAX_SECRET)
        .map_err(|error| words.usage(format!("standard input cannot be read: {error}")))?;
    if token.is_empty() {
        return Err(words.usage("there is no token on standard input"));
    }
    if token.contains(&b'\n') {
        return Err(words.usage("there is more than one line on standard input"));
    }
    if token.iter().any(u8::is_ascii_whitespace) {
        let hint = "give what stands behind `Authorization: Bearer `, without any space";
        return Err(Complaint::usage("that is a header line, not a token", hint).into());
    }
    if token.len() > MAX_SECRET {
        return Err(words.usage(format!("what comes from standard input is longer than {MAX_SECRET} bytes")));
    }
    Ok(token)
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hex_digits_in_either_case() {
        let expected = std::array::from_fn(|index| if index == 31 { 0xaf } else { 0 });
        assert_eq!(sha256(&("0".repeat(62) + "af")), Some(expected));
        assert_eq!(sha256(&("0".repeat(62) + "AF")), Some(expected));
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(64)] {
            assert_eq!(sha256(bad), None, "{bad}");
        }
    }
}
