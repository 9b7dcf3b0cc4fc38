//! Certificates: how a header names them, and what is said of those that do not fit.

use serde_json::json;
use tokend_proto::Secret;

use super::keys::{self, pem};
use super::signing::header;
use super::{key, secret};
use crate::provider::jose::{Algorithm, Certificate, Header, sign};
use crate::provider::{Class, Failure};

/// `openssl req -x509 -new -key RSA_PKCS8 -subj /CN=tokend`
const RSA: &str = "\
    MIIDAzCCAeugAwIBAgIUFsXuktVNaggUKNEKC0o8md+jQ2QwDQYJKoZIhvcNAQELBQAwETEPMA0GA1UEAwwGdG9rZW5kMB4X\
    DTI2MTEyMjA3MjI0MloXDTM2MTExOTA3MjI0MlowETEPMA0GA1UEAwwGdG9rZW5kMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\
    MIIBCgKCAQEA2KMX3CFPVARzzlti0NJs+w8HiIB84UQbyy8zuOjwN6n3jbNqfZNNBmnioRF3x7sCsmzBFB2s3Hejv/DqnkSA\
    LtQRKYFTcPkJm3yt4HX1dAGpWCbA77R/r6DyvNgNWkpaMgdBjSmg1ty9KKkFDOCfGX9eqDsE0AsQXlvsKVLw9a6LT0PZvdn2\
    lu+ikt9AuWFn6dJt0vorUqO0HzCVpOtloOWDNR9Orwtu9esxPaKjPX69VcD7mN2Wxl4yiqNTxHsKG/NAtBq+37YuwZV8CKz8\
    Y+LSVDA34/VZGaYUqX5EwtP99zUVapCCLa2kcDReU+4Z3nxclUuXVGTn4hdXBCPgEwIDAQABo1MwUTAdBgNVHQ4EFgQUSvqQ\
    Hp8ThLPqdJziE5UJBWA0Rr0wHwYDVR0jBBgwFoAUSvqQHp8ThLPqdJziE5UJBWA0Rr0wDwYDVR0TAQH/BAUwAwEB/zANBgkq\
    hkiG9w0BAQsFAAOCAQEAfjhrxfbKV5nHa1k+ijkS5N6KiiK7uHtI+JE3QMx2RFeeAxG7tRrZ1+P/aXpBOHp1kYYXt/F5bHyx\
    vu/oX5jS5kBt+l+FRXxY1wukNF3wX1ZVGI3nt8wbZMUjc0QTY+SEt0KrpULkd3IlsENAjY6F2aY2y5j7cmclz5DJ26mFqdUD\
    7+zLGqU3DZZ1gku/VQ60jaTo5ASvYG278t6Lk/Pk8RORCFErQlult4O1JYwEAO5e+OQOktJWq0fPh6/GRU7vns30+3A7A0yD\
    7eIXF6z6MIf1pjWaJiHCBZC+vJCrwGy6huOs9jerbHeeRLOoeJlV7hdxxvnA4fzqpibhhBI+LQ==";

/// The same of `P256_PKCS8`.
const P256: &str = "\
    MIIBeDCCAR2gAwIBAgIURzWhtyfdfbPTzQTvSvKta9E+fGAwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGdG9rZW5kMB4XDTI2\
    MTEyMjA3MjI0MloXDTM2MTExOTA3MjI0MlowETEPMA0GA1UEAwwGdG9rZW5kMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\
    Tkdh9by4IutwnTQVsY4mz7WYcXhfKSJGJkmnK5/U5p7XSNiENJC0oQhWW2Ug8m8LP9C6UpcBlZRG9tNJEd/wK6NTMFEwHQYD\
    VR0OBBYEFPjZHg/lbrt6NDD46ykF3fnim70GMB8GA1UdIwQYMBaAFPjZHg/lbrt6NDD46ykF3fnim70GMA8GA1UdEwEB/wQF\
    MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAJIfv9NHK/FFP21fgPsivbFFLqSOftsfe2Awbv9CPnrIAiEA8c92QbFn1mVl9ASt\
    +YzJLlR7Sojc7JPubtDVehktllQ=";

/// The same of `P256_PKCS8` by `openssl x509 -req -signkey`: version 1.
const P256_VERSION_1: &str = "\
    MIIBGzCBwwIUEsuUCmQNka9V0EeKjiDdnx5OMrAwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGdG9rZW5kMB4XDTI2MTEyMjA3\
    MjI0M1oXDTM2MTExOTA3MjI0M1owETEPMA0GA1UEAwwGdG9rZW5kMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETkdh9by4\
    IutwnTQVsY4mz7WYcXhfKSJGJkmnK5/U5p7XSNiENJC0oQhWW2Ug8m8LP9C6UpcBlZRG9tNJEd/wKzAKBggqhkjOPQQDAgNH\
    ADBEAiAZPal/BK0sP3E1u74nVe5e3x5FUP93VtqF6/rb3CJJawIgfz1m8cTEI1JygW3/2vdoQEVErpUi/twYc2UiaY/er/4=";

/// The same of `ED25519_PKCS8`.
const ED25519: &str = "\
    MIIBNjCB6aADAgECAhQiFJfE7ZHekhqEfWOOCkL2fd9EPjAFBgMrZXAwETEPMA0GA1UEAwwGdG9rZW5kMB4XDTI2MTEyMjA3\
    MjI0M1oXDTM2MTExOTA3MjI0M1owETEPMA0GA1UEAwwGdG9rZW5kMCowBQYDK2VwAyEA2hDERU83fzUi84KEMAcLKVs4c6a1\
    SpbNKHlOYfon2TejUzBRMB0GA1UdDgQWBBRTpHt/Re+dtRHHRt0et31XqEWjhjAfBgNVHSMEGDAWgBRTpHt/Re+dtRHHRt0e\
    t31XqEWjhjAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAE65Oj6VPtGo+xmOf/5ev7WmObff+P6fU+r1s5ZBKHFsJQCS2H4Y\
    YzE/5igSYgtKuwpIGFSwrPFR4f8H1UpvTwQ=";

fn read(text: &str) -> Result<Certificate, Failure> {
    Certificate::read(&secret(text))
}

#[test]
fn a_header_names_the_certificate_by_its_thumbprints() {
    // The thumbprints are those of `openssl dgst` of the DER.
    let rsa = json!({"x5t#S256": "KE1KKe-tp3RQdxBgXzhHduijTmrKvNF2BNb7T4I4Uh8"});
    let rsa_of_old = json!({
        "x5t#S256": "KE1KKe-tp3RQdxBgXzhHduijTmrKvNF2BNb7T4I4Uh8", "x5t": "4WCRuB2vkgE_lzcpuduUPRnlFLQ",
    });
    for (key_body, certificate, algorithm, named) in [
        (keys::RSA_PKCS8, RSA, Algorithm::Ps256, rsa),
        (keys::RSA_PKCS8, RSA, Algorithm::Rs256, rsa_of_old),
        (
            keys::P256_PKCS8,
            P256,
            Algorithm::Es256,
            json!({"x5t#S256": "cZe8ktdFf_bmvfsPZ5P1DOeX0XRLTsSDLZgb-MGCqJE"}),
        ),
        (
            keys::P256_PKCS8,
            P256_VERSION_1,
            Algorithm::Es256,
            json!({"x5t#S256": "-4uVy6wk3W0lvzAI48uaGIGIXvANxG0Tm_8wBKrZzpA"}),
        ),
        (
            keys::ED25519_PKCS8,
            ED25519,
            Algorithm::EdDsa,
            json!({"x5t#S256": "p4_2fvyTGPkuaqeQsaTVo1HTbX-EcbmIPfA-Bq8LSt4"}),
        ),
    ] {
        let key = key("PRIVATE KEY", key_body, Some(algorithm));
        let certificate = read(&pem("CERTIFICATE", certificate)).expect("a certificate");
        certificate.must_be_of(&key).expect("its own");
        let head = Header { certificate: Some(&certificate), ..Header::default() };
        let mut found = header(&sign(&key, head, &json!({})).expect("signed"));
        let thumbprints = found.as_object_mut().expect("an object");
        assert_eq!(thumbprints.remove("alg"), Some(json!(algorithm.name())));
        assert_eq!(thumbprints.remove("typ"), Some(json!("JWT")));
        assert_eq!(found, named, "{algorithm}");
    }
}

#[test]
fn the_first_certificate_of_a_pem_counts_whatever_stands_around_it() {
    let (key_pem, certificate) = (pem("PRIVATE KEY", keys::P256_PKCS8), pem("CERTIFICATE", P256));
    let chain = pem("CERTIFICATE", RSA);
    let key = key("PRIVATE KEY", keys::P256_PKCS8, None);
    for text in [
        format!("{key_pem}{certificate}{chain}"),
        format!("Bag Attributes\n    localKeyID: 01\nsubject=CN = tokend\n{certificate}{key_pem}"),
        format!("\u{feff}{certificate}").replace('\n', "\r\n"),
        certificate.replace('\n', "\\n"),
    ] {
        read(&text).expect(&text).must_be_of(&key).expect("its own");
    }
}

#[test]
fn what_is_no_certificate_or_of_another_key_is_told() {
    let whole = pem("CERTIFICATE", P256);
    let key_alone = pem("PRIVATE KEY", keys::P256_PKCS8);
    let truncated = pem("CERTIFICATE", &P256[..200]);
    for (text, message) in [
        ("", "there is no certificate in `private_key_certificate`"),
        ("hunter2", "there is no certificate in `private_key_certificate`"),
        (&*key_alone, "there is no certificate in `private_key_certificate`"),
        (&whole[..100], "`private_key_certificate` is a damaged PEM"),
        (&truncated, "`private_key_certificate` is a damaged PEM"),
        (&pem("CERTIFICATE", "MAA="), "`private_key_certificate` is a damaged PEM"),
    ] {
        let failure = read(text).expect_err(message);
        assert_eq!((failure.class, failure.kind), (Class::Source, "private-key-certificate"));
        assert_eq!(failure.message, message, "{text}");
    }
    let der = Secret::new(vec![0x30, 0x82, 1, 0xff]).expect("short");
    assert!(Certificate::read(&der).expect_err("no PEM").hint.contains("-inform DER"));

    let other = key("PRIVATE KEY", keys::ED25519_PKCS8, None);
    let failure = read(&whole).expect("a certificate").must_be_of(&other).expect_err("another's");
    assert_eq!((failure.class, failure.kind), (Class::Source, "private-key-certificate"));
    assert!(failure.message.ends_with("belongs to another key than `private_key`"), "{failure}");
}
