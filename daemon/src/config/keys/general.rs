//! Keys of `[daemon]`, of `[vault]`, and those that any account may have.

use super::{Form, Key};

/// Of `[daemon]`.
pub(super) const DAEMON: &[Key] = &[
    Key::new(
        "log",
        Form::OneOf(&["error", "warn", "info", "debug", "trace"]),
        "the least important events that are logged",
    )
    .or("\"info\""),
    Key::new(
        "log_format",
        Form::OneOf(&["text", "json"]),
        "how the log is written: lines for a person and for the journal, or one JSON object a line",
    )
    .or("\"text\""),
    Key::new(
        "min_valid",
        Form::Duration,
        "the life that a token should have left when it is handed out, at most a day",
    )
    .or("\"60s\""),
    Key::new("http_timeout", Form::Duration, "how long a service may take, from 1 s to 10 min").or("\"20s\""),
    Key::new("command_timeout", Form::Duration, "how long a program may take, from 1 s to 10 min")
        .or("\"30s\""),
    CA_FILE,
    PROXY,
    Key::new(
        "lock_after",
        Form::Duration,
        "everything is locked when nobody wanted a token for so long, from 1 s to 30 days; without it, only \
         `tok lock` locks",
    ),
    Key::new(
        "stay_unlocked_over_restart",
        Form::Boolean,
        "whether the key of an unlocked store rides in systemd's care over a restart of the service, never \
         over a stop or a lock",
    )
    .or("false"),
    Key::new(
        "on_login_needed",
        Form::Argv,
        "a program that is run once each time when a login is needed, with TOKEND_ACCOUNT, TOKEND_REASON and \
         TOKEND_HINT in its environment",
    ),
    Key::new(
        "metrics_socket",
        Form::Text,
        "the Unix socket at which metrics are served in Prometheus' text format: a path that begins with / or \
         ~/, or a name in the folder of tokend's own socket; without it, nowhere",
    ),
    Key::new("login_notification", Form::Boolean, "whether the desktop shows a notification then").or("true"),
];

/// Of `[vault]`.
pub(super) const VAULT: &[Key] = &[
    Key::new("address", Form::Url, "where OpenBao or HashiCorp Vault listens").required(),
    Key::new("auth", Form::OneOf(&["token", "approle", "jwt", "userpass"]), "how to log in there").required(),
    Key::new("auth_mount", Form::Text, "where that method is mounted, if not under its own name"),
    Key::new("namespace", Form::Text, "the namespace, such as `\"team-a/project\"`"),
    Key::new("token", Form::Secret, "for `auth = \"token\"`: the token"),
    Key::new("role_id", Form::TextOrSecret, "for `auth = \"approle\"`: the role's id"),
    Key::new("secret_id", Form::Secret, "for `auth = \"approle\"`: the secret id; a role may do without"),
    Key::new("role", Form::Text, "for `auth = \"jwt\"`: the role, if not the method's default"),
    Key::new("jwt", Form::Secret, "for `auth = \"jwt\"`: the JWT"),
    Key::new("username", Form::Text, "for `auth = \"userpass\"`: who logs in"),
    Key::new("password", Form::Secret, "for `auth = \"userpass\"`: the password"),
    HEADERS,
    USER_AGENT,
    CA_FILE,
    PROXY,
];

/// Of every account, whatever its type.
pub(super) const ANY_ACCOUNT: &[Key] = &[
    Key::new(
        "refresh",
        Form::OneOf(&["eager", "auto", "on-demand"]),
        "when a token is kept fresh: before anyone asks; once somebody asked, until three lifetimes pass \
         unused; or only when somebody asks",
    )
    .or("\"eager\""),
    Key::new(
        "min_valid",
        Form::Duration,
        "the life that a token should have left when it is handed out, at most a day: a wish, which a demand \
         of the caller overrides",
    )
    .or("that of [daemon]"),
    Key::new(
        "assume_lifetime",
        Form::Duration,
        "how long tokens live where the service does not say; otherwise such a token is served until it is \
         rejected",
    ),
    Key::new("scheme", Form::Text, "the word before the token in a header")
        .or("the type's own, mostly Bearer"),
    Key::new(
        "request_scopes",
        Form::Strings,
        "what callers may ask for with `--scope`, beyond the account's own scope",
    ),
    Key::new(
        "exclusive",
        Form::Boolean,
        "a new token kills the old one at the service: it is refreshed as late as `min_valid` allows",
    )
    .or("false"),
    Key::new("lock", Form::Boolean, "whether `tok lock` covers it").or("true"),
];

/// Of every account that asks a service over HTTP.
pub(super) const HTTP: &[Key] = &[HEADERS, USER_AGENT, CA_FILE, PROXY];

const HEADERS: Key = Key::new("headers", Form::Texts, "headers of every request, none of them secret");

const USER_AGENT: Key = Key::new("user_agent", Form::Text, "what the service is told of who asks");

const CA_FILE: Key = Key::new("ca_file", Form::File, "certificates to trust beside the system's, a PEM");

const PROXY: Key = Key::new("proxy", Form::Url, "the proxy, such as `\"http://proxy:3128\"`")
    .or("HTTPS_PROXY and NO_PROXY, as curl(1) reads them");

/// Where a secret comes from: exactly one of these.
pub(super) const SOURCES: &[Key] = &[
    Key::new("store", Form::Text, "the store, where `tok secret set NAME` put it"),
    Key::new("file", Form::File, "a file that others cannot read; one newline at its end does not count"),
    Key::new("env", Form::Text, "a variable in tokend's environment"),
    Key::new(
        "command",
        Form::Argv,
        "what a program prints; it is found in PATH, and sees few variables, see `pass_env`",
    ),
    Key::new("credential", Form::Text, "a credential of the systemd service, `$CREDENTIALS_DIRECTORY/NAME`"),
    Key::new("keyring", Form::Text, "the desktop's keyring: the entry of the service `tokend` and this user"),
    Key::new("vault", Form::Text, "OpenBao or HashiCorp Vault, `\"MOUNT/PATH#FIELD\"`; needs a `[vault]`"),
];

/// Beside `command`.
pub(super) const PASS_ENV: Key = Key::new(
    "pass_env",
    Form::Strings,
    "variables that the program sees, beyond HOME, USER, PATH, LANG, the session bus and the display",
);

/// Another account's token.
pub(super) const OF_ACCOUNT: &[Key] = &[
    Key::new("account", Form::Text, "the account whose token it is").required(),
    Key::new("token", Form::OneOf(&["access_token", "id_token"]), "which of its tokens")
        .or("\"access_token\""),
];
