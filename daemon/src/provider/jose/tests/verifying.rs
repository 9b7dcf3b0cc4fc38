//! Which tokens are the service's, and which only look so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value, json};
use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;

use super::{key, key_for, keys, public, secret, set_of, signed, signed_part, text, token_with, with};
use crate::provider::jose::{Algorithm, ClientMac, Header, KeySet, SigningKey, Unverified, sign};
use crate::provider::{Class, Failure};

fn ours() -> SigningKey {
    key_for(Algorithm::Es256)
}

/// Of the same kind as ours.
fn theirs() -> SigningKey {
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    });
    SigningKey::private(&secret(&jwk.to_string()), None).expect("a key")
}

fn named(key: &SigningKey, id: &str) -> Secret {
    sign(key, Header { key_id: Some(id), ..Header::default() }, &json!({"sub": "a"})).expect("signed")
}

fn refusal(set: &KeySet, token: &Secret) -> String {
    let Unverified::Refused(failure) = set.verify(token, None).expect_err("refused") else {
        panic!("whatever the keys");
    };
    fit(&failure, token)
}

fn unknown(set: &KeySet, token: &Secret) {
    let Unverified::UnknownKey(failure) = set.verify(token, None).expect_err("refused") else {
        panic!("another key would do");
    };
    fit(&failure, token);
}

/// The failure's words, with nothing of the token in them.
fn fit(failure: &Failure, token: &Secret) -> String {
    assert_eq!((failure.class, failure.kind), (Class::Doubtful, "id-token"));
    let words = format!("{failure:?}");
    let token = text(token);
    assert!(token.split('.').all(|part| part.len() < 8 || !words.contains(part)), "{words}");
    failure.message.clone()
}

#[test]
fn a_token_that_was_changed_is_refused() {
    let set = set_of(&[with(&public(&ours()), &json!({"kid": "a"}))]);
    let token = text(&named(&ours(), "a"));
    set.verify(&secret(&token), None).expect("verified");
    let (signed, signature) = signed_part(&token);
    let (header, _) = signed.split_once('.').expect("a header");
    let claims = URL_SAFE_NO_PAD.encode(json!({"sub": "b"}).to_string());
    let other_header = URL_SAFE_NO_PAD.encode(json!({"kid": "a", "alg": "ES256"}).to_string());
    for changed in [
        format!("{header}.{claims}.{signature}"),
        format!("{other_header}.{claims}.{signature}"),
        format!("{signed}."),
        format!("{signed}.{}", &signature[..84]),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
    ] {
        assert_eq!(refusal(&set, &secret(&changed)), "the id token's signature is not the service's");
    }
}

#[test]
fn a_token_that_nobody_signed_is_refused() {
    let set = set_of(&[public(&ours())]);
    for alg in ["none", "None", "NONE"] {
        let token = token_with(&json!({"alg": alg}), &json!({"sub": "a"}), |_| Vec::new());
        assert_eq!(refusal(&set, &token), "the id token is not signed (`alg` is `none`)");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let rsa = key_for(Algorithm::Rs256);
    let set = set_of(&[public(&rsa)]);
    let jwk = public(&rsa).to_string();
    let modulus = URL_SAFE_NO_PAD.decode(public(&rsa)["n"].as_str().expect("n")).expect("base64url");
    let client = secret("hunter2");
    let agreed = ClientMac::agreed(Some(&client), Some(&json!(["HS256"])));
    for known in [jwk.as_bytes(), &modulus, b""] {
        let token = token_with(&json!({"alg": "HS256"}), &json!({"sub": "a"}), |signed| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, known), signed).as_ref().to_vec()
        });
        assert_eq!(refusal(&set, &token), "the id token is signed with HS256, which was not agreed");
        let failure = Failure::from(set.verify(&token, agreed.as_ref()).expect_err("refused"));
        assert_eq!(failure.message, "the id token's signature is not made with the client's secret");
    }
}

#[test]
fn a_shared_secret_in_a_key_set_is_passed_over() {
    let known = URL_SAFE_NO_PAD.encode("hunter2");
    let set = set_of(&[json!({"kty": "oct", "k": known, "kid": "a"})]);
    let mac = SigningKey::client_secret(&secret("hunter2"), None).expect("a key");
    assert_eq!(refusal(&set, &named(&mac, "a")), "the id token is signed with HS256, which was not agreed");
}

#[test]
fn macs_are_agreed_by_a_secret_and_the_services_own_list() {
    let client = secret("hunter2");
    let all = json!(["RS256", "HS384", "none"]);
    for (secret, list) in [
        (None, Some(&all)),
        (Some(&secret("")), Some(&all)),
        (Some(&client), None),
        (Some(&client), Some(&json!(["RS256", "none"]))),
        (Some(&client), Some(&json!("HS256"))),
    ] {
        assert!(ClientMac::agreed(secret, list).is_none());
    }
    let agreed = ClientMac::agreed(Some(&client), Some(&all)).expect("agreed");
    let sign = |algorithm| {
        signed(&SigningKey::client_secret(&client, Some(algorithm)).expect("a key"), &json!({"sub": "a"}))
    };
    KeySet::default().verify(&sign(Algorithm::Hs384), Some(&agreed)).expect("verified");
    KeySet::default().verify(&sign(Algorithm::Hs256), Some(&agreed)).expect_err("not listed");
    assert!(!format!("{agreed:?}").contains("hunter2"));
}

#[test]
fn a_key_is_used_only_for_what_it_says() {
    let rsa = public(&key_for(Algorithm::Rs256));
    let token = |algorithm| named(&key_for(algorithm), "a");
    let only = |more: Value| set_of(&[with(&with(&rsa, &json!({"kid": "a"})), &more)]);
    for more in [json!({}), json!({"use": "sig"}), json!({"alg": "PS256", "key_ops": ["verify"]})] {
        only(more).verify(&token(Algorithm::Ps256), None).expect("verified");
    }
    let for_rs = only(json!({"alg": "RS256"}));
    let said = "the id token names a key of the service that is not for PS256";
    assert_eq!(refusal(&for_rs, &token(Algorithm::Ps256)), said);
    for more in [
        json!({"use": "enc"}),
        json!({"use": 7}),
        json!({"key_ops": ["encrypt"]}),
        json!({"key_ops": "verify"}),
        json!({"alg": "RSA-OAEP"}),
        json!({"alg": "none"}),
    ] {
        unknown(&only(more), &token(Algorithm::Rs256));
    }
    let curve = with(&public(&ours()), &json!({"kid": "a"}));
    let said = "the id token names a key of the service that is not for ES384";
    assert_eq!(refusal(&set_of(&[curve]), &token(Algorithm::Es384)), said);
}

#[test]
fn ed25519_has_two_names() {
    let key = with(&public(&key_for(Algorithm::EdDsa)), &json!({"alg": "EdDSA"}));
    set_of(&[key]).verify(&signed(&key_for(Algorithm::Ed25519), &json!({})), None).expect("verified");
}

#[test]
fn the_key_is_found_by_its_name() {
    let with_id = |key: &SigningKey, id: &str| with(&public(key), &json!({"kid": id}));
    let set = set_of(&[with_id(&theirs(), "a"), with_id(&ours(), "b")]);
    set.verify(&named(&ours(), "b"), None).expect("verified");
    // Where another key bears the name, the signature is a wrong one; where none does, the key may be new.
    assert_eq!(refusal(&set, &named(&ours(), "a")), "the id token's signature is not the service's");
    unknown(&set, &named(&ours(), "c"));
    unknown(&KeySet::default(), &named(&ours(), "b"));
    // RFC 7517 4.5: several may bear one name.
    let twins =
        set_of(&[with_id(&key_for(Algorithm::Rs256), "a"), with_id(&theirs(), "a"), with_id(&ours(), "a")]);
    twins.verify(&named(&ours(), "a"), None).expect("verified");
}

#[test]
fn where_a_name_is_missing_every_key_of_the_kind_is_tried() {
    let nameless = signed(&ours(), &json!({"sub": "a"}));
    let rsa = public(&key_for(Algorithm::Rs256));
    set_of(&[public(&ours())]).verify(&nameless, None).expect("verified");
    set_of(&[rsa.clone(), public(&theirs()), public(&ours())]).verify(&nameless, None).expect("verified");
    set_of(&[with(&public(&ours()), &json!({"kid": "a"}))]).verify(&nameless, None).expect("verified");
    // The token says a name, the key has none.
    set_of(&[public(&theirs()), public(&ours())]).verify(&named(&ours(), "a"), None).expect("verified");
    unknown(&set_of(&[rsa, public(&theirs())]), &nameless);
    unknown(&set_of(&[public(&theirs())]), &named(&ours(), "a"));
}

#[test]
fn keys_that_are_odd_do_not_hide_the_good_ones() {
    let curve = public(&ours());
    let set = set_of(&[
        json!(7),
        json!({}),
        json!({"kty": 7}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
        json!({"kty": "EC", "crv": "P-256", "x": "AA"}),
        json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(200), "y": "!"}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 1025]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": "", "e": ""}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
        with(&curve, &json!({"kid": 7, "x5t": 7, "more": {"a": []}})),
    ]);
    set.verify(&signed(&ours(), &json!({"sub": "a"})), None).expect("verified");
}

#[test]
fn numbers_may_be_padded_or_short_of_a_zero() {
    let rsa = public(&key_for(Algorithm::Rs256));
    let bytes = |jwk: &Value, name: &str| {
        URL_SAFE_NO_PAD.decode(jwk[name].as_str().expect("text")).expect("base64url")
    };
    let zero = |bytes: &[u8]| URL_SAFE_NO_PAD.encode([&[0][..], bytes].concat());
    let padded = format!("{}=", rsa["n"].as_str().expect("n"));
    let token = signed(&key_for(Algorithm::Rs256), &json!({}));
    for more in [json!({"n": zero(&bytes(&rsa, "n")), "e": zero(&[1, 0, 1])}), json!({"n": padded})] {
        set_of(&[with(&rsa, &more)]).verify(&token, None).expect("verified");
    }
    let curve = public(&ours());
    let longer = with(&curve, &json!({"x": zero(&bytes(&curve, "x"))}));
    set_of(&[longer]).verify(&signed(&ours(), &json!({})), None).expect("verified");
}

#[test]
fn a_weak_key_is_not_believed() {
    let strong = key("PRIVATE KEY", keys::RSA_PKCS8, None);
    // A modulus of 1024 bits: no signature by such a key counts.
    let weak = json!({"kty": "RSA", "kid": "a", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"});
    assert_eq!(
        refusal(&set_of(&[weak]), &named(&strong, "a")),
        "the id token's signature is not the service's"
    );
}

#[test]
fn what_is_no_set_is_refused_and_so_is_one_without_end() {
    for set in [json!(null), json!([]), json!({}), json!({"keys": {}}), json!({"keys": vec![json!({}); 101]})]
    {
        let failure = KeySet::parse(&set).expect_err("no set");
        assert_eq!((failure.class, failure.kind), (Class::Doubtful, "id-token"));
    }
    KeySet::parse(&json!({"keys": []})).expect("an empty set");
    KeySet::parse(&json!({"keys": vec![json!({}); 100]})).expect("a set");
}

#[test]
fn headers_that_change_the_meaning_are_refused() {
    let set = set_of(&[public(&ours())]);
    let head = |header: Value| {
        let token =
            token_with(&header, &json!({"sub": "a"}), |signed| ours().signature(signed).expect("signed"));
        set.verify(&token, None).map(|_| ()).map_err(|unverified| Failure::from(unverified).message)
    };
    assert_eq!(head(json!({"alg": "ES256"})), Ok(()));
    assert_eq!(head(json!({"alg": "ES256", "typ": "JWT", "jwk": {}, "jku": "https://b.example"})), Ok(()));
    for header in [
        json!({"alg": "ES256", "crit": ["b64"], "b64": false}),
        json!({"alg": "ES256", "crit": []}),
        json!({"alg": "ES256", "typ": "at+jwt"}),
        json!({"alg": "ES256", "typ": "application/Logout+JWT"}),
        json!({"alg": "ES512"}),
        json!({"alg": 7}),
        json!({"alg": ["ES256"]}),
        json!({"typ": "JWT"}),
        json!({"alg": "ES256", "kid": 7}),
        json!([]),
    ] {
        head(header.clone()).expect_err(&header.to_string());
    }
}

#[test]
fn what_is_no_jwt_is_refused() {
    let set = set_of(&[public(&ours())]);
    let good = text(&signed(&ours(), &json!({})));
    let padded = format!("{good}=");
    let more = format!("{good}.");
    for token in ["", ".", "..", "a.b", "a.b.c", "!.!.!", "e30.e30.", &padded, &more, &good[1..]] {
        assert_eq!(refusal(&set, &secret(token)), "the id token is no JWT", "{token}");
    }
    assert_eq!(refusal(&set, &secret("a.b.c.d.e")), "the id token is encrypted, which tokend does not read");
    let list = signed(&ours(), &json!(["a"]));
    assert_eq!(refusal(&set, &list), "the id token's claims are no JSON object");
    let not_text = Secret::new(vec![0xff; 16]).expect("short");
    set.verify(&not_text, None).expect_err("refused");
}

#[test]
fn the_longest_token_is_read() {
    let set = set_of(&[public(&ours())]);
    let token = signed(&ours(), &json!({"sub": "x".repeat(MAX_SECRET * 3 / 4 - 200)}));
    assert!(token.len() > MAX_SECRET - 300 && token.len() <= MAX_SECRET, "{}", token.len());
    set.verify(&token, None).expect("verified");
    for filling in ["x", ".", "e30."] {
        let long = filling.repeat(MAX_SECRET / filling.len());
        assert!(set.verify(&secret(&long), None).is_err());
    }
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic(token in "[-_A-Za-z0-9.]{0,200}", set in "[\\PC]{0,100}") {
        let keys = set_of(&[public(&ours())]);
        prop_assert!(keys.verify(&secret(&token), None).is_err());
        let set: Value = serde_json::from_str(&set).unwrap_or(Value::String(set));
        let _ = KeySet::parse(&json!({"keys": [{"kty": "RSA", "n": set, "e": set, "x": set}]}));
    }

    #[test]
    fn no_private_key_makes_it_panic(
        text in "[\\PC\n]{0,200}", der in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        for text in [text.clone(), format!("{{{text}")] {
            prop_assert!(SigningKey::private(&secret(&text), None).is_err());
        }
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            prop_assert!(SigningKey::private(&secret(&keys::pem(label, &body)), None).is_err());
        }
    }
}
