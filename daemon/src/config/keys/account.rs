//! The types of accounts and their own keys.

use super::general::PASS_ENV;
use super::{Form, Key, Kind};

pub(super) const KINDS: &[Kind] =
    &[LYVE_CLOUD, ITS_YOU_ONLINE, OPENV_CLOUD, OAUTH2, HTTP_EXCHANGE, COMMAND, STATIC];

const LYVE_CLOUD: Kind = Kind {
    name: "lyve-cloud",
    help: "Lyve Cloud, Account API v2",
    is_http: true,
    keys: &[
        Key::new("account_id", Form::Text, "the account's id").required(),
        Key::new("access_key", Form::Text, "the access key").required(),
        Key::new("secret", Form::Secret, "its secret").required(),
        Key::new("url", Form::Url, "where the API is").or("\"https://api.lyvecloud.seagate.com\""),
    ],
    example: "\
[accounts.lyve-prod]
type       = \"lyve-cloud\"
account_id = \"acme\"
access_key = \"AKEXAMPLE\"
secret     = { store = \"lyve-prod\" }
",
};

const ITS_YOU_ONLINE: Kind = Kind {
    name: "itsyouonline",
    help: "a JWT of ItsYou.online, as OpenvCloud takes it",
    is_http: true,
    keys: &[
        Key::new("client_id", Form::Text, "the id of an API key").required(),
        Key::new("client_secret", Form::Secret, "its secret").required(),
        Key::new(
            "scope",
            Form::Strings,
            "what the JWT may be used for; without it, everything that its user can do",
        ),
        Key::new("audience", Form::OneOrMany, "for whom the JWT is"),
        Key::new("validity", Form::Duration, "how long the JWT lives, at most the usual day"),
        Key::new("url", Form::Url, "where ItsYou.online is").or("\"https://itsyou.online\""),
    ],
    example: "\
[accounts.gen1]
type          = \"itsyouonline\"
client_id     = \"alice-cli\"
client_secret = { command = [\"pass\", \"show\", \"itsyouonline\"] }
scope         = [\"user:memberof:greenitglobe\"]
",
};

const OPENV_CLOUD: Kind = Kind {
    name: "openvcloud",
    help: "OpenvCloud, with a user name and a password",
    is_http: true,
    keys: &[
        Key::new("url", Form::Url, "where the service is").required(),
        Key::new("username", Form::Text, "who logs in").required(),
        Key::new("password", Form::Secret, "the password").required(),
    ],
    example: "\
[accounts.gen1-legacy]
type     = \"openvcloud\"
url      = \"https://be-gen-1.demo.greenitglobe.com\"
username = \"alice\"
password = { file = \"~/.secrets/ovc\" }
",
};

const OAUTH2: Kind = Kind {
    name: "oauth2",
    help: "any service that speaks OAuth 2.0 or OpenID Connect",
    is_http: true,
    keys: &[
        Key::new("issuer", Form::Url, "the service, whose metadata say where everything is"),
        Key::new("token_endpoint", Form::Url, "where tokens come from; needed without an `issuer`"),
        Key::new("authorization_endpoint", Form::Url, "where a person logs in, for `authorization_code`"),
        Key::new("device_authorization_endpoint", Form::Url, "where codes for another device come from"),
        Key::new("revocation_endpoint", Form::Url, "where `tok logout` ends a login (RFC 7009)"),
        Key::new(
            "introspection_endpoint",
            Form::Url,
            "where to ask whether a rejected token lives (RFC 7662); only where it is written here",
        ),
        Key::new("jwks_uri", Form::Url, "the keys of id tokens; needs an `issuer`"),
        Key::new(
            "grant",
            Form::OneOf(&[
                "client_credentials",
                "authorization_code",
                "device_code",
                "refresh_token",
                "password",
                "jwt_bearer",
                "token_exchange",
            ]),
            "what is traded for a token",
        )
        .or("\"client_credentials\""),
        Key::new("client_id", Form::Text, "who asks"),
        Key::new("client_secret", Form::Secret, "the client's secret"),
        Key::new(
            "token_endpoint_auth_method",
            Form::OneOf(&[
                "client_secret_basic",
                "client_secret_post",
                "client_secret_jwt",
                "private_key_jwt",
                "none",
            ]),
            "how the client proves who it is",
        )
        .or("what fits the secret or key that is there, and the service's metadata"),
        Key::new(
            "private_key",
            Form::Secret,
            "the key that assertions are signed with: a PEM, a JWK, or a service account's JSON file",
        ),
        Key::new("private_key_id", Form::Text, "the `kid` in their header"),
        Key::new("private_key_certificate", Form::Secret, "the key's certificate, a PEM, for `x5t#S256`"),
        Key::new(
            "token_endpoint_auth_signing_alg",
            Form::OneOf(&[
                "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519",
                "HS256", "HS384", "HS512",
            ]),
            "how assertions are signed",
        )
        .or("as the key decides"),
        Key::new("assertion_audience", Form::Text, "for whom assertions are")
            .or("the issuer, else the token endpoint"),
        Key::new("scope", Form::Strings, "what the token may be used for, one string a scope"),
        Key::new("audience", Form::OneOrMany, "for whom the token is"),
        Key::new("resource", Form::OneOrMany, "for which resource it is (RFC 8707)"),
        Key::new(
            "extra",
            Form::TextsAndTables,
            "whatever else the service wants: plain entries go with every request to the token endpoint, \
             those of a table `authorization`, `device_authorization`, `token`, `refresh`, `revocation` or \
             `introspection` with that kind of request alone",
        ),
        Key::new("refresh_token", Form::Secret, "for `refresh_token`: where the first one comes from"),
        Key::new("redirect_port", Form::Port, "for `authorization_code`: the port to come back to")
            .or("any free one"),
        Key::new("redirect_uris", Form::Strings, "for `authorization_code`: one address on the loopback"),
        Key::new("username", Form::Text, "for `password`: who logs in"),
        Key::new("password", Form::Secret, "for `password`: the password"),
        Key::new("assertion", Form::Secret, "for `jwt_bearer`: a signed assertion (RFC 7523)"),
        Key::new("assertion_claims", Form::Any, "for `jwt_bearer`: claims, to be signed with `private_key`"),
        Key::new("subject", Form::SecretOrAccount, "for `token_exchange`: whose token is traded (RFC 8693)"),
        Key::new("subject_token_type", Form::Text, "its type, a URI"),
        Key::new("actor", Form::SecretOrAccount, "for `token_exchange`: who acts for the subject"),
        Key::new("actor_token_type", Form::Text, "its type, a URI"),
        Key::new(
            "requested_token_type",
            Form::Text,
            "for `token_exchange`: what type of token is wanted, a URI",
        ),
    ],
    example: "\
[accounts.graph]
type          = \"oauth2\"
issuer        = \"https://login.example.com/tenant/v2.0\"
client_id     = \"svc-app\"
client_secret = { env = \"GRAPH_SECRET\" }
scope         = [\"https://graph.example.com/.default\"]

[accounts.mine]
type      = \"oauth2\"
issuer    = \"https://login.example.com\"
grant     = \"authorization_code\"
client_id = \"my-desktop\"
scope     = [\"openid\", \"offline_access\"]
",
};

/// Of `request`.
const REQUEST: &[Key] = &[
    Key::new("url", Form::Url, "where the request goes").required(),
    Key::new("method", Form::OneOf(&["POST", "GET", "PUT", "PATCH"]), "its method").or("\"POST\""),
    Key::new("query", Form::Texts, "what is added to the address; no secrets"),
    Key::new("headers", Form::Texts, "its headers; `${secret:NAME}` may stand in them"),
    Key::new("json", Form::Any, "its body as JSON; `${secret:NAME}` may stand in strings"),
    Key::new("form", Form::Texts, "its body as a form; `${secret:NAME}` may stand in values"),
];

/// Of `response`.
const RESPONSE: &[Key] = &[
    Key::new("token", Form::Pointer, "where the token is in JSON"),
    Key::new("body", Form::OneOf(&["text"]), "the whole answer is the token"),
    Key::new("expires_in", Form::Pointer, "where its life in seconds is"),
    Key::new("expires_at", Form::Pointer, "where its end is, as a time"),
    Key::new(
        "expiry",
        Form::Text,
        "`\"jwt\"`: the token says it itself; or how long tokens live, such as `\"30m\"`",
    ),
    Key::new("scope", Form::Pointer, "where its scope is"),
    Key::new("fields", Form::Texts, "further secret fields of the credential, each with its JSON pointer"),
];

const HTTP_EXCHANGE: Kind = Kind {
    name: "http",
    help: "any service that trades credentials for a token over HTTP",
    is_http: true,
    keys: &[
        Key::new("request", Form::Table(REQUEST), "what is sent").required(),
        Key::new("response", Form::Table(RESPONSE), "where the token is in the answer").required(),
        Key::new("secrets", Form::Secrets, "secrets by name, for `${secret:NAME}` in the request"),
        Key::new("refused", Form::Statuses, "which statuses mean no").or("[401, 403]"),
    ],
    example: "\
[accounts.internal]
type     = \"http\"
request  = { url = \"https://auth.internal/login\", json = { user = \"svc\", key = \"${secret:key}\" } }
secrets  = { key = { file = \"~/.secrets/internal-key\" } }
response = { token = \"/data/token\", expires_in = \"/data/ttl\" }
",
};

const COMMAND: Kind = Kind {
    name: "command",
    help: "what a program prints",
    is_http: false,
    keys: &[
        Key::new("command", Form::Argv, "the program, which prints a token and nothing else").required(),
        PASS_ENV,
        Key::new("lifetime", Form::Duration, "how long its tokens live, where they are no JWT"),
    ],
    example: "\
[accounts.cloud-cli]
type     = \"command\"
command  = [\"gcloud\", \"auth\", \"print-access-token\"]
lifetime = \"55m\"
",
};

const STATIC: Kind = Kind {
    name: "static",
    help: "a fixed token",
    is_http: false,
    keys: &[Key::new("token", Form::Secret, "the token").required()],
    example: "\
[accounts.legacy]
type  = \"static\"
token = { file = \"~/.secrets/legacy-api-key\" }
",
};
