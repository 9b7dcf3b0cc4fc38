//! What `tok help` says.

/// `tok help`.
pub(crate) const TOK: &str = "\
Usage: tok [-v] [--json] COMMAND …

Fetches tokens from tokend, which keeps a fresh one for each account.

Tokens:
  get       the token of an account, on standard output
  header    the same as a line `Authorization: Bearer …`
  curl      curl with the token, which no process list shows
  exec      runs a program with tokens in its environment, or in files kept fresh
  watch     a line of JSON at each new token
  reject    says that the service refused a token
  refresh   fetches a new token now

Accounts:
  status    how each account is, and what to do
  list      the accounts' names and types
  login     logs a person in, for accounts that need that once
  logout    ends a login, here and at the service
  reload    the daemon reads its configuration again

Secrets:
  init      makes the identity, the key of the store
  secret    keeps, lists, shows, removes and imports secrets
  lock      the daemon forgets keys, secrets and tokens
  unlock    gives it the key again

About tok:
  help      this, or more about one command
  version   which tok this is

Options of every command:
  -v, --verbose   warnings, and what was done, even where standard error is no terminal
      --json      errors as one JSON object; the output of get (without --format), list, login, logout, secret
                  list and status too
  -h, --help      more about a command

Exit status: 0 done, 1 a fault of tokend's own, 2 wrong call or configuration, 3 no such account or secret, 4 a login is
needed, 5 the service refused, 6 not now, 7 denied, or declined by who was asked, 8 the daemon is not running, 9 locked,
10 the service never gives a token that long.
";

/// `tok help get`.
pub(crate) const GET: &str = "\
Usage: tok get ACCOUNT [OPTION …]

Prints the account's token with a newline, and nothing else.

      --min-valid DUR   at least this much life left: a demand, such as 5m (default: the account's wish)
      --scope S …       a token for these scopes; repeat it, or separate them by spaces
      --audience A …    a token for these audiences
      --timeout DUR     how long to wait for the service (default 30s, at most 10m)
      --id-token        the id token that came with the token, its signature and claims checked; with --format raw,
                        header, json or env
      --format F        raw          the token (default)
                        header       Authorization: Bearer TOKEN
                        json         an object: account, token, scheme, expires_at, expires_in, scope, warnings
                        env          export NAME='TOKEN', quoted for a shell
                        form         NAME=TOKEN, percent-encoded, for services that take it as a parameter
                        xoauth2      for mail programs; needs --user
                        oauthbearer  the same by RFC 7628; needs --user
      --var NAME        the variable's name for env (default LYVE_PROD_TOKEN for lyve-prod)
      --user NAME       the mailbox, for xoauth2 and oauthbearer
      --host NAME       the mail server; oauthbearer carries it, xoauth2 has no place for it
      --port NUMBER     its port; the same
";

/// `tok help header`.
pub(crate) const HEADER: &str = "\
Usage: tok header ACCOUNT [OPTION …]

Prints a line `Authorization: SCHEME TOKEN`. For curl, prefer `tok curl`: there the token is in no process list.

      --min-valid DUR, --scope S, --audience A, --timeout DUR   as in `tok help get`
";

/// `tok help curl`.
pub(crate) const CURL: &str = "\
Usage: tok curl [OPTION …] ACCOUNT -- ARGS…

Runs curl with the account's token as a header or form field, as the account needs. The token travels on a descriptor
and is seen in no process list. Without a token curl does not start. Without `--`, all that follows ACCOUNT is curl's.

      --min-valid DUR, --scope S, --audience A, --timeout DUR   as in `tok help get`

An account whose token is a form field (openvcloud) takes form data, with -d or with -F. With -G the field goes into
the URL, which servers write into their logs. A body that is no form (JSON, -T) has no room for it: write it into the
URL yourself, `printf 'url = \"URL?%s\"' \"$(tok get ACCOUNT --format form)\" | curl --config - …`.

Exit status: curl's once it runs; 127 if there is no curl; otherwise as `tok help` lists.
";

/// `tok help exec`.
pub(crate) const EXEC: &str = "\
Usage: tok exec VAR=ACCOUNT … -- CMD [ARG …]

Replaces itself by CMD, with the accounts' tokens in its environment.

      --file VAR=ACCOUNT   the variable holds the path of a file, readable by you alone, with the token; it is
                           written anew at each rotation and removed at the end. tok stays CMD's parent for that,
                           and passes signals on. Repeat it, and mix it with VAR=ACCOUNT
      --min-valid DUR, --scope S, --audience A, --timeout DUR   as in `tok help get`; not scope and audience with --file

Exit status: CMD's (128 and the signal's number if one ended it); 125 tok's own failure, 126 CMD cannot be executed,
127 there is no CMD.
";

/// `tok help reject`.
pub(crate) const REJECT: &str = "\
Usage: tok reject ACCOUNT < TOKEN
       tok reject ACCOUNT --hash HEX

Says that the service refused this token: it is not served again, and the next get brings another. The token is read
from standard input; only its SHA-256 is sent. Prints nothing.

      --hash HEX   the SHA-256 of the token instead of the token, 64 hex digits
";

/// `tok help refresh`.
pub(crate) const REFRESH: &str = "\
Usage: tok refresh ACCOUNT

Fetches a new token now, even if the old one has life left. Tries a parked account once. Prints no token.

      --timeout DUR   how long to wait for the service (default 30s, at most 10m)
";

/// `tok help status`.
pub(crate) const STATUS: &str = "\
Usage: tok status [ACCOUNT] [--check] [--json]
       tok status --watch [ACCOUNT] [--json]

Shows each account's state, how long its token lives, when it is refreshed, what went wrong last and what to do.

      --watch   shows it live on the whole terminal, those that need a person first: q quits, arrows, j, k, PageUp,
                PageDown, Home and End scroll. With --json, prints the list on one line now and at each change
      --check   exits with the worst: 4 before 5, 9, 7, 3, 10, 1 and 6, which mends itself; 0 if all is well
      --json    a list of objects: account, type, state, expires_at, expires_in, next_refresh_at, refreshed_at,
                served, last_error (null, or kind, message, hint, at), warnings, clock_skew (the seconds by which
                tokend's clock is ahead of the service's, or null), login_ends_at (the end of the term that
                `tok login --for` gave, or null)

States: fresh, refreshing, waiting (a try failed, the next is scheduled), parked (refused; waits for a change),
login-needed (`tok login ACCOUNT`), locked, idle (none held, none wanted).
";

/// `tok help list`.
pub(crate) const LIST: &str = "\
Usage: tok list [--json]

Prints a line with name and type for each account.
";

/// `tok help watch`.
pub(crate) const WATCH: &str = "\
Usage: tok watch ACCOUNT

Prints a line of JSON, as `tok get --format json` does, for the token that there is and for each new one, until it is
stopped. Waits 30 s for a daemon that went away. Where there is no token yet, it says why on standard error.
";

/// `tok help login`.
pub(crate) const LOGIN: &str = "\
Usage: tok login ACCOUNT [--device | --no-browser] [--for DUR] [--json]

Logs a person in, for an account whose service wants that once (grant authorization_code or device_code). Opens the
browser where there is one: $BROWSER, else what the desktop has, and not through ssh. Else it shows a code to type on
another device, where the service knows that (RFC 8628); else an address to open anywhere, and takes the address at
which that ends, pasted at the terminal or from standard input. Shows on standard error what it waits for; Ctrl-C gives
the login up. If somebody else is logging in to the account already, it is the same login.

      --device       shows a code to type on another device, though there is a browser
      --no-browser   shows an address to open in a browser elsewhere
      --for DUR      the login is forgotten after so long, such as 8h
      --json         an object at the end: account, person (who logged in, by the id token; or null), expires_in, renews
                     (whether the service gave a refresh token), login_ends_at (or null), scope, warnings

Exit status: 5 the service refused, or names an address that is not safe to open; 6 not now; 7 the person said no there.
";

/// `tok help logout`.
pub(crate) const LOGOUT: &str = "\
Usage: tok logout ACCOUNT [--local] [--json]

Ends a login: its tokens are forgotten, and the service is told to revoke them where it can (RFC 7009). Says nothing,
but to a person or with -v.

      --local   the service is not told
      --json    an object: account, revoked (whether the service ended it), warnings
";

/// `tok help reload`.
pub(crate) const RELOAD: &str = "\
Usage: tok reload

The daemon reads its configuration again: whole, or, if there is a fault in it, not at all (exit status 2). With -v,
or on a terminal, it says how many accounts came, changed and went.
";

/// `tok help init`.
pub(crate) const INIT: &str = "\
Usage: tok init [OPTION …]

Makes the store's identity: the key that all secrets are encrypted to. Asks at the terminal for a passphrase, twice;
empty for none. Without one, the store is open to whoever can read your files. Says where the identity is, and how to
back it up. Where there is one already, nothing is changed.

      --no-passphrase       makes one without a passphrase, and asks nothing
      --stdin               reads the passphrase from standard input, without the newline at its end
      --ssh-key PATH        an SSH key opens the store instead of a passphrase
      --plugin FILE         an age plugin does (a TPM, a YubiKey); FILE holds the plugin's identity
      --keyring[=NAME]      the desktop's keyring keeps the identity
      --credential NAME     systemd does (LoadCredentialEncrypted=), so that a service starts unattended; the identity
                            goes to standard output, for `systemd-creds encrypt`
      --change-passphrase   gives the identity that is there another passphrase; with --no-passphrase, none; with
                            --stdin, the old one and the new one are two lines of standard input
";

/// `tok help secret`.
pub(crate) const SECRET: &str = "\
Usage: tok secret set NAME [--for ACCOUNT | --for-any] [< FILE]
       tok secret list [--json]
       tok secret show NAME [--stdin]
       tok secret remove NAME
       tok secret import …

The store's secrets, which accounts name as `{ store = \"NAME\" }`: one age file each, encrypted to the identity that
`tok init` makes. The daemon need not run.

  set       keeps a secret: what comes through standard input, without one newline at its end, or what is typed at the
            terminal, where it is not shown. Never an argument: lists of processes show those, and the shell keeps them
  list      the names, and which account each is for
  show      the secret itself, on standard output. Asks for the passphrase where the store has one
  remove    removes one
  import    takes secrets over from elsewhere, and deletes nothing there; `tok secret import --help` says from where

      --for ACCOUNT   only this account gets it
      --for-any       every account does
      --stdin         the passphrase of the store comes through standard input
";

/// `tok help lock`.
pub(crate) const LOCK: &str = "\
Usage: tok lock

The daemon forgets keys, secrets and tokens of every account but those with `lock = false`, ends each `tok watch`, and
serves nothing of them until `tok unlock` (exit status 9). A refresh that spends a refresh token is waited for. Says
nothing, but to a person or with -v.
";

/// `tok help unlock`.
pub(crate) const UNLOCK: &str = "\
Usage: tok unlock [--stdin]

Opens the store again, and accounts are served. Where that needs a passphrase, it is asked for at the terminal, up to
three times; it is not shown. Where there is no terminal, a program asks: $TOKEND_ASKPASS, else $SSH_ASKPASS (both are
called as ssh does), else pinentry where there is a screen. A wrong passphrase makes the next one wait.

      --stdin   reads the passphrase from standard input, without the newline at its end

Exit status: 7 nothing was given, 9 still locked.
";

/// `tok help help`.
pub(crate) const HELP: &str = "\
Usage: tok help [COMMAND]

Lists the commands, or says more about one.
";

/// `tok help version`.
pub(crate) const VERSION: &str = "\
Usage: tok version

Prints which tok this is; `tok --version` does the same.
";
