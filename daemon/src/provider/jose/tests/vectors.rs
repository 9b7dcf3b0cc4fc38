//! Signatures that others made: those of the specifications.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{key_for, public, secret, set_of, signed_part};
use crate::provider::jose::{Algorithm, ClientMac, KeySet, SigningKey};

/// RFC 7515 A.1: the key, in base64url.
const MAC_KEY: &str = "\
    AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

/// RFC 7515 A.1: HS256. The RFC folds the line; there is a CR LF in the header.
const MAC_TOKEN: &str = "\
    eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA\
    6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// RFC 7515 A.2: the key.
const RSA_KEY: &str = "\
    {\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2\
    mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH\
    SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
    aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\",\"d\":\"Eq5xpG\
    nNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui3\
    95IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4\
    D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOne\
    ufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ\",\"p\":\"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3\
    bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1Vh\
    vKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc\",\"q\":\"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAm\
    ZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBByp\
    eeF6689rjcJIDEz9RWdc\",\"dp\":\"BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9Y\
    kxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1Xsmvkx\
    HQAdYo0\",\"dq\":\"h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr\
    6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU\",\"qi\"\
    :\"IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIB\
    i87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U\"}";

/// RFC 7515 A.2: RS256.
const RSA_TOKEN: &str = "\
    eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
    pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q\
    c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN\
    PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6I\
    eYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 7515 A.3: the key.
const EC_KEY: &str = "\
    {\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"\
    x_FEzRu9m36HLN_\
    tue659LNpXW6pCyStikYjKIWI5a0\",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}";

/// RFC 7515 A.3: ES256.
const EC_TOKEN: &str = "\
    eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9\
    pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqP\
    P3-Kg6NU1Q";

/// RFC 8037 A.1: the key.
const ED25519_KEY: &str = "\
    {\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"x\"\
    :\"11qYAYKxCrfV\
    S_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

/// RFC 8037 A.4: `EdDSA`.
const ED25519_TOKEN: &str = "\
    eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AI\
    bQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// RFC 7520 3.3: the public key.
const COOKBOOK_KEY: &str = "\
    {\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\"use\":\"sig\",\"n\":\"n4EPtAOCc9Al\
    keQHPzHStgAbgs7\
    bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-Qt\
    iWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJl\
    sde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRh\
    uaxwUkRz5iaiQkqgc5gHdrNP5zw\",\"e\":\"AQAB\"}";

/// RFC 7520 4.2: PS384.
const COOKBOOK_TOKEN: &str = "\
    eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3V\
    zIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHl\
    vdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9\
    mZiB0by4.cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP\
    6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqr\
    YRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64\
    QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";

/// `RS384` by the Python library jwcrypto, with the test key of the kind.
const RS384_TOKEN: &str = "\
    eyJhbGciOiAiUlMzODQifQ.eyJzdWIiOiJhIn0.E8CclQu1S6-_jl9Tue45ZJs19mi9OdgFIcwfd46UbARdft0SNhrZHOFmb\
    jNAF535DPRcEQYLRVrfoo9u47t8Zhw6d9ROYlmDy5LYRDsztgHdJNLvHo6RsZd3KVEnwlMPFSbi3Kaa7_WGUIBqB86APqBBK\
    FBRvmOV6Y1Q00H8JyXHPkeH17COW_nMV-wpnWHE9rs_XON2LniDk6L4Xw44DBupOT6dGmMIZnMjIceSRyoay1UStIVDnxElp\
    -EsiG7e73nsPW8jSuZ0rTN6l-L-QmQpMK_VrbpGiMISSfopALzmiXh0ofDvHD3GApzFed8pgw5TkMo3ykGoy4w0XIPldg";

/// `RS512` by the Python library jwcrypto, with the test key of the kind.
const RS512_TOKEN: &str = "\
    eyJhbGciOiAiUlM1MTIifQ.eyJzdWIiOiJhIn0.SEDOmHBaUuIfKu73yImWfN2cO2SI27-cq0lEwhdFOQD7_GL3OHM3CkQEn\
    yCHzT39Z_I1JUhDwW5zHXjHyg7wNozUAclp8vniU88TCkJrtaYVFMRufVuurcNIJIIyu8hxP_X32JcaXQ8sPk_a_NbM7K12w\
    dGU3y9XItTzV-TTaM9pZqRhVAZYHkQnoBwoY-pYMrmJ_ldV40c1vcGrrPElB7RNoQgFF8X0WFGsNQMx6UuJ661bqmsmmsas_\
    39JCBGPTu1JLtsXHPMTcO7Dy1RlPXl0GUaYLYpAvSysy48xMMJJVw9K7ETR7mqnaRe3LuuGvZ0lIRkMc1P1hNCka7e6OQ";

/// `PS256` by the Python library jwcrypto, with the test key of the kind.
const PS256_TOKEN: &str = "\
    eyJhbGciOiAiUFMyNTYifQ.eyJzdWIiOiJhIn0.KAGcNujnbvyjNhmJ7nE0w34HcBZdJemWOraj-ZNEKLz7v_kdPxvM47jkx\
    eIklfcnii8vxlmOZ3Y9GjTtWzIPf4qbLV2OGAgcMyL5t5aB6erWRIQjxZGOuJjjFDDMNA7MZXMLNj5q77skYPQSUrhWuHuKq\
    Sffo8gnA3-ohQPzzqI2bIR9ln6koE8ByD0NUdZGVMpuFA06KXOB0z5tN5Apgkb3obkuBfU5imqR40Xn11NwArk4b1myztG-n\
    NfZhBVxz929AaZE-P1HitwZ5qX5LSOM0QKzQ3XGifkIvE2AiwitZktwJtSBFJ_tT1fj_OC5Zw7_nq9hdwZLuXomDoAsuA";

/// `PS512` by the Python library jwcrypto, with the test key of the kind.
const PS512_TOKEN: &str = "\
    eyJhbGciOiAiUFM1MTIifQ.eyJzdWIiOiJhIn0.em6t2WbLeJi_LJjQv64rXOxG7vflU05y-8H6kUlH7l8LW7_YJpMYFiYnJ\
    D2gGz2d1bxWGwE_IEmqbIfdH1Z6DWnJD4T_ZmHWaYntgAw-S3OjHDvDuwcHWL1n_9TveNw5x1w2pf0pJvI_QcZQYNMqFvA2j\
    0vifpbveHwmO9nVIjWa5Ik2HxoHdSTYbh_yegrKi83pXDL53BXWx2Pp7al7iz-_kSFul0U9D-jytR5KrXDsUaWRZvIBU1D2O\
    ZII8Bwu-tAJel3AzcKlDK7obMHzAvS5vuwDo2bzlG3vuSE9rZCB-xkYFDEubW2S6QsMMMdfrpNWoYNhjV6AXHPZcnxLmA";

/// `ES384` by the Python library jwcrypto, with the test key of the kind.
const ES384_TOKEN: &str = "\
    eyJhbGciOiAiRVMzODQifQ.eyJzdWIiOiJhIn0.tbTHgeGhTWs3NTMTZQytYsLjo0hnLfOyk_GcHmCO9z2sxoYBBpSEbVHpC\
    9E3GxctAYvt-Md1pHaY-5Hde6cA18zH1qb4byPXk586k2JUGJDVgqqeTFUXubqfBD8mt2LA";

#[test]
fn the_signatures_of_the_specifications_are_verified() {
    for (key, token, algorithm) in [
        (RSA_KEY, RSA_TOKEN, Algorithm::Rs256),
        (EC_KEY, EC_TOKEN, Algorithm::Es256),
        (ED25519_KEY, ED25519_TOKEN, Algorithm::EdDsa),
        (COOKBOOK_KEY, COOKBOOK_TOKEN, Algorithm::Ps384),
    ] {
        let key: Value = serde_json::from_str(key).expect("a JWK");
        let (found, payload) = set_of(&[key]).verified(&secret(token), None).expect("verified");
        assert_eq!(found, algorithm);
        assert_eq!(URL_SAFE_NO_PAD.encode(&*payload), token.split('.').nth(1).expect("a payload"));
        // Nobody else's.
        let other: Value = serde_json::from_str(other_than(algorithm)).expect("a JWK");
        set_of(&[other]).verified(&secret(token), None).expect_err("not verified");
    }
}

/// A key that did not make a signature of this kind.
fn other_than(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => COOKBOOK_KEY,
        _ => RSA_KEY,
    }
}

#[test]
fn the_mac_of_the_specification_is_verified_with_the_clients_secret() {
    let key = URL_SAFE_NO_PAD.decode(MAC_KEY).expect("base64url");
    let key = tokend_proto::Secret::new(key).expect("short");
    let mac = ClientMac::agreed(Some(&key), Some(&json!(["RS256", "HS256"])));
    let claims = KeySet::default().verify(&secret(MAC_TOKEN), mac.as_ref()).expect("verified");
    assert_eq!(claims.end(), Some(crate::clock::Wall(1_300_819_380_000)));
}

#[test]
fn signatures_that_have_only_one_form_come_out_as_in_the_specifications() {
    for (key, token) in [(RSA_KEY, RSA_TOKEN), (ED25519_KEY, ED25519_TOKEN)] {
        let key = SigningKey::private(&secret(key), None).expect("a key");
        let (signed, signature) = signed_part(token);
        let made = key.signature(signed.as_bytes()).expect("a signature");
        assert_eq!(URL_SAFE_NO_PAD.encode(made), signature);
    }
}

#[test]
fn what_another_library_signs_is_verified() {
    for (algorithm, token) in [
        (Algorithm::Rs384, RS384_TOKEN),
        (Algorithm::Rs512, RS512_TOKEN),
        (Algorithm::Ps256, PS256_TOKEN),
        (Algorithm::Ps512, PS512_TOKEN),
        (Algorithm::Es384, ES384_TOKEN),
    ] {
        let set = set_of(&[public(&key_for(algorithm))]);
        assert_eq!(set.verify(&secret(token), None).expect("verified").subject(), Some("a"));
    }
}
