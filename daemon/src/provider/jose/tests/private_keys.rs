//! Which keys people may give, and what is said of the others.

use serde_json::{Value, json};

use super::keys::{self, pem};
use super::{key, public, secret};
use crate::provider::Class;
use crate::provider::jose::{Algorithm, SigningKey};

fn refusal(text: &str, algorithm: Option<Algorithm>) -> (String, String) {
    let failure = SigningKey::private(&secret(text), algorithm).expect_err("no key");
    assert_eq!((failure.class, failure.kind), (Class::Source, "private-key"));
    assert!(!failure.message.contains('\n') && !failure.hint.contains('\n'));
    (failure.message, failure.hint)
}

#[test]
fn each_form_that_openssl_writes_is_read_and_has_its_default() {
    for (label, body, same_as, algorithm) in [
        ("PRIVATE KEY", keys::RSA_PKCS8, keys::RSA_PKCS8, Algorithm::Rs256),
        ("RSA PRIVATE KEY", keys::RSA_PKCS1, keys::RSA_PKCS8, Algorithm::Rs256),
        ("PRIVATE KEY", keys::P256_PKCS8, keys::P256_PKCS8, Algorithm::Es256),
        ("EC PRIVATE KEY", keys::P256_SEC1, keys::P256_PKCS8, Algorithm::Es256),
        ("PRIVATE KEY", keys::P384_PKCS8, keys::P384_PKCS8, Algorithm::Es384),
        ("EC PRIVATE KEY", keys::P384_SEC1, keys::P384_PKCS8, Algorithm::Es384),
        ("PRIVATE KEY", keys::ED25519_PKCS8, keys::ED25519_PKCS8, Algorithm::EdDsa),
    ] {
        let read = key(label, body, None);
        assert_eq!(read.algorithm(), algorithm);
        assert_eq!(read.id(), None);
        assert_eq!(public(&read), public(&key("PRIVATE KEY", same_as, None)));
    }
}

#[test]
fn a_pem_may_have_company_and_be_bent_by_a_variable() {
    let whole = pem("PRIVATE KEY", keys::P256_PKCS8);
    let certificate = pem("CERTIFICATE", "MAA=");
    let parameters = pem("EC PARAMETERS", "BggqhkjOPQMBBw==");
    for text in [
        format!("Bag Attributes\n  friendlyName: x\n{whole}{certificate}"),
        format!("{parameters}{whole}"),
        format!("\u{feff}{whole}"),
        whole.replace('\n', "\r\n"),
        whole.replace('\n', "\n    "),
        whole.replace('\n', "\\n"),
        whole.replace('\n', "\\r\\n"),
        whole.trim_end().to_owned(),
    ] {
        let read = SigningKey::private(&secret(&text), None).expect(&text);
        assert_eq!(read.algorithm(), Algorithm::Es256);
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_by_name() {
    for (label, body, message) in [
        ("PRIVATE KEY", keys::RSA_1024, "is an RSA key of 1024 bits; fewer than 2048 are too weak"),
        ("PRIVATE KEY", keys::RSA_EXPONENT_3, "is an RSA key that cannot be used"),
        ("PRIVATE KEY", keys::RSA_PSS, "is bound to RSA-PSS"),
        ("PRIVATE KEY", keys::P521_PKCS8, "is an EC key on P-521"),
        ("PRIVATE KEY", keys::SECP256K1_PKCS8, "is an EC key on secp256k1"),
        ("PRIVATE KEY", keys::ED448_PKCS8, "is an Ed448 key"),
        ("PRIVATE KEY", keys::X25519_PKCS8, "is an X25519 key"),
        ("EC PRIVATE KEY", keys::P256_WITHOUT_PUBLIC, "is an EC key without its public key"),
        ("EC PRIVATE KEY", keys::P256_COMPRESSED, "is an EC key whose public key is compressed"),
        ("PUBLIC KEY", keys::P256_PUBLIC, "is a public key"),
        ("CERTIFICATE", "MAA=", "is a certificate"),
        ("ENCRYPTED PRIVATE KEY", "MAA=", "is encrypted"),
        ("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED", "is encrypted"),
        ("OPENSSH PRIVATE KEY", "MAA=", "is in OpenSSH's own form"),
        ("DSA PRIVATE KEY", "MAA=", "is a DSA key"),
        ("NOTE", "MAA=", "is a PEM without a private key"),
        ("PRIVATE KEY", "MAA=", "is a damaged PEM"),
        ("PRIVATE KEY", "not base64!", "is a damaged PEM"),
        ("PRIVATE KEY", keys::RSA_PKCS1, "is a damaged PEM"),
        ("RSA PRIVATE KEY", keys::RSA_PKCS8, "is a damaged PEM"),
    ] {
        let (said, _) = refusal(&pem(label, body), None);
        assert!(said.starts_with(&format!("`private_key` {message}")), "{said}");
    }
}

#[test]
fn what_is_no_key_is_refused_by_name() {
    let half = pem("PRIVATE KEY", keys::RSA_PKCS8);
    for (text, message) in [
        ("", "is empty"),
        ("hunter2", "is neither PEM nor a JWK"),
        ("ssh-ed25519 AAAA a@b", "is a public key"),
        (&half[..800], "is a damaged PEM"),
        ("{", "is no whole JSON object"),
        ("{}", "is JSON, but no JWK"),
        (r#"{"kty": 7}"#, "is no whole JSON object"),
        (r#"{"keys": []}"#, "is a set of keys"),
        (r#"{"kty": "oct", "k": "aHVudGVyMg"}"#, "is a shared secret"),
        (r#"{"kty": "XYZ", "d": "AA"}"#, "is a JWK of a kind that tokend does not know"),
        (r#"{"kty": "OKP", "crv": "X25519", "x": "AA", "d": "AA"}"#, "is an OKP key, but none of Ed25519"),
        (
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}"#,
            "is an Ed25519 key that cannot be used",
        ),
        (
            r#"{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "d": "AA"}"#,
            "is an EC key on another curve",
        ),
        (
            r#"{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}"#,
            "is an EC key on P-256 that cannot",
        ),
        (r#"{"kty": "RSA", "n": "AA", "e": "AQAB"}"#, "is a public key"),
        (r#"{"kty": "RSA", "n": "AA", "e": "AQAB", "d": "AA"}"#, "is a JWK without `p`"),
        (r#"{"private_key": "hunter2"}"#, "is neither PEM nor a JWK"),
    ] {
        let (said, hint) = refusal(text, None);
        assert!(said.starts_with(&format!("`private_key` {message}")), "{said}");
        assert!(!said.contains("hunter2") && !hint.contains("hunter2"));
    }
    let not_text =
        SigningKey::private(&tokend_proto::Secret::new(vec![0x30, 0x82, 0x04]).expect("short"), None);
    assert_eq!(not_text.expect_err("no key").message, "`private_key` is DER, not PEM");
}

/// RFC 8037 A.1.
fn ed25519_jwk() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

#[test]
fn a_jwk_may_say_its_name_and_its_use() {
    let read = |more: &Value| {
        SigningKey::private(&secret(&super::with(&ed25519_jwk(), more).to_string()), None)
            .map(|key| (key.algorithm(), key.id().map(str::to_owned)))
            .map_err(|failure| failure.message)
    };
    assert_eq!(read(&json!({"kid": "a", "use": "sig"})), Ok((Algorithm::EdDsa, Some("a".to_owned()))));
    assert_eq!(read(&json!({"alg": "Ed25519", "key_ops": ["sign"]})), Ok((Algorithm::Ed25519, None)));
    let unfit = "`private_key` is a JWK that says it is not for signing (`use` or `key_ops`)";
    assert_eq!(read(&json!({"use": "enc"})), Err(unfit.to_owned()));
    assert_eq!(read(&json!({"key_ops": ["verify"]})), Err(unfit.to_owned()));
    let other = "`private_key` is an Ed25519 key, which cannot sign RS256";
    assert_eq!(read(&json!({"alg": "RS256"})), Err(other.to_owned()));
    let unknown = "`private_key` is a JWK for an `alg` that tokend does not sign with";
    assert_eq!(read(&json!({"alg": "RSA-OAEP"})), Err(unknown.to_owned()));
}

#[test]
fn a_jwk_for_one_algorithm_does_not_sign_with_another() {
    let jwk = super::with(&ed25519_jwk(), &json!({"alg": "Ed25519"})).to_string();
    let (said, _) = refusal(&jwk, Some(Algorithm::EdDsa));
    assert_eq!(said, "`private_key` is a JWK for Ed25519, not for EdDSA");
}

#[test]
fn a_jwk_whose_halves_belong_to_two_keys_is_refused() {
    let other = public(&key("PRIVATE KEY", keys::ED25519_PKCS8, None));
    let (said, _) = refusal(&super::with(&ed25519_jwk(), &json!({"x": other["x"]})).to_string(), None);
    assert!(said.starts_with("`private_key` is an Ed25519 key that cannot be used"), "{said}");
}

#[test]
fn a_service_accounts_file_has_its_key_and_its_name_in_it() {
    let file = json!({
        "type": "service_account", "client_email": "a@b.example", "private_key_id": "0a1b",
        "private_key": pem("PRIVATE KEY", keys::RSA_PKCS8),
    });
    let read = SigningKey::private(&secret(&file.to_string()), None).expect("a key");
    assert_eq!((read.algorithm(), read.id()), (Algorithm::Rs256, Some("0a1b")));
}

#[test]
fn a_key_signs_only_what_it_is_for() {
    for (body, wanted, message, hint) in [
        (
            keys::P256_PKCS8,
            Algorithm::Rs256,
            "`private_key` is an EC key on P-256, which cannot sign RS256",
            "set `token_endpoint_auth_signing_alg = \"ES256\"`, or make one with `openssl genpkey -algorithm",
        ),
        (
            keys::P256_PKCS8,
            Algorithm::Es384,
            "`private_key` is an EC key on P-256, which cannot sign ES384",
            "set `token_endpoint_auth_signing_alg = \"ES256\"`",
        ),
        (
            keys::RSA_PKCS8,
            Algorithm::Hs256,
            "`private_key` is an RSA key, which cannot sign HS256",
            "HS256 signs with `client_secret`; this key signs RS256",
        ),
    ] {
        let (said, help) = refusal(&pem("PRIVATE KEY", body), Some(wanted));
        assert_eq!(said, message);
        assert!(help.starts_with(hint), "{help}");
    }
}

#[test]
fn a_clients_secret_makes_macs_and_nothing_else() {
    let make = |text: &str, algorithm| {
        SigningKey::client_secret(&secret(text), algorithm)
            .map(|key| key.algorithm())
            .map_err(|failure| (failure.class, failure.kind))
    };
    assert_eq!(make("hunter2", None), Ok(Algorithm::Hs256));
    assert_eq!(make("hunter2", Some(Algorithm::Hs512)), Ok(Algorithm::Hs512));
    assert_eq!(make("hunter2", Some(Algorithm::Rs256)), Err((Class::Source, "client-secret")));
    assert_eq!(make("", None), Err((Class::Source, "client-secret")));
}

#[test]
fn debug_shows_no_key() {
    let read = SigningKey::private(&secret(&ed25519_jwk().to_string()), None).expect("a key");
    assert_eq!(format!("{read:?}"), "an Ed25519 key that signs EdDSA");
    let mac = SigningKey::client_secret(&secret("hunter2"), None).expect("a key");
    assert_eq!(format!("{mac:?}"), "a shared secret that signs HS256");
}
