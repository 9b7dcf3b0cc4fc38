//! tokend.toml(5), made from the definition of the keys, and compared with the page that is checked in.

use tokend_words::checked_in::agrees;
use tokend_words::roff::{Page, code};

use super::account::KINDS;
use super::general::{ANY_ACCOUNT, DAEMON, HTTP, OF_ACCOUNT, PASS_ENV, SOURCES, VAULT};
use super::{Form, Key};

const DESCRIPTION: &str = "tokend reads `config.toml`, and then the files `accounts.d/*.toml` beside it in \
     the order of their names, as one configuration in TOML. Others must not be able to write them. After a \
     change, `tok reload` takes the new configuration whole, or, where there is a mistake in it, not at all; \
     `tokend check` reads it without a running tokend, and tells what it understood.\n\n\
     An unknown key is an error that shows the line and suggests the key that was probably meant.";

const ACCOUNTS: &str = "An account is a table `[accounts.NAME]`, in any of the files. Its name is 1 to 64 \
     letters, digits, dots, underscores and hyphens, and begins with a letter or digit; two names that \
     differ in case alone are an error, and a name with a dot needs quotes: `[accounts.\"a.b\"]`.\n\n\
     `type` says what it is, and is always there. Every account may have these keys as well:";

const SECRETS: &str = "A secret is never written in the configuration. A key that wants one takes a table \
     that names its source, with exactly one of these keys:";

const MISSING: &str = "A file that others can read is refused. A missing or too open file, an unset variable \
     or a missing credential parks its own account only; a program that fails is tried again.";

const VALUES: &str = "A span of time is a string with units: `\"90s\"`, `\"5m\"`, `\"1h 30m\"`. An address \
     is `https://`, or `http://` on this machine alone. A path is absolute, or begins with `~/`. A command \
     is a program and its arguments, never a line for a shell.";

const EDITORS: &str = "`tokend schema` prints a JSON Schema of these files (draft 7), with which editors \
     complete and check them. With taplo, or an editor that uses it, write it to a file and name that in the \
     first line of the configuration:";

fn page() -> String {
    let mut page = Page::new("tokend.toml", 5, concat!("tokend ", env!("CARGO_PKG_VERSION")));
    page.section("name");
    page.paragraphs("tokend.toml \u{2013} the configuration of tokend: config.toml and accounts.d/*.toml");
    page.section("description");
    page.paragraphs(DESCRIPTION);
    page.section("[daemon]");
    page.paragraphs("What concerns all accounts; in config.toml alone.");
    keys(&mut page, DAEMON);
    page.section("accounts");
    page.paragraphs(ACCOUNTS);
    keys(&mut page, ANY_ACCOUNT);
    page.paragraph();
    page.paragraphs("Every account that asks a service over HTTP may have these:");
    keys(&mut page, HTTP);
    for kind in KINDS {
        page.section(&format!("type {}", kind.name));
        let mut help = kind.help.to_owned();
        help.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
        page.paragraphs(&format!("{help}."));
        page.lines(kind.example.trim_end().lines());
        keys(&mut page, kind.keys);
    }
    page.section("secrets");
    page.paragraphs(SECRETS);
    keys(&mut page, SOURCES);
    page.paragraph();
    page.paragraphs("Beside `command`:");
    keys(&mut page, &[PASS_ENV]);
    page.paragraph();
    page.paragraphs(MISSING);
    page.paragraph();
    page.paragraphs(
        "In the place of a secret, `subject` and `actor` of `oauth2` take another account's token:",
    );
    keys(&mut page, OF_ACCOUNT);
    page.section("[vault]");
    page.paragraphs(
        "Where sources `{ vault = ... }` lead: OpenBao or HashiCorp Vault; in config.toml alone.",
    );
    keys(&mut page, VAULT);
    page.section("values");
    page.paragraphs(VALUES);
    page.section("editors");
    page.paragraphs(EDITORS);
    page.lines(["tokend schema > ~/.config/tokend/schema.json"].into_iter());
    page.lines(["#:schema ./schema.json"].into_iter());
    page.section("files");
    let elsewhere = "the configuration; `$XDG_CONFIG_HOME/tokend` where that is set";
    page.entry(&code("~/.config/tokend/config.toml"), elsewhere);
    page.entry(&code("~/.config/tokend/accounts.d/*.toml"), "more accounts");
    page.section("see also");
    page.paragraphs("tokend(8), tok(1)");
    page.finish()
}

fn keys(page: &mut Page, keys: &[Key]) {
    for key in keys {
        let needed = if key.required { " Required." } else { "" };
        let default = match key.default {
            "" => String::new(),
            default => format!(" Default: {default}."),
        };
        let form = in_words(key.form).map_or_else(String::new, |form| format!(": {form}"));
        let mut help = key.help.to_owned();
        help.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
        page.entry(&format!("\\fB{}\\fR{form}", code(key.name)), &format!("{help}.{needed}{default}"));
        if let Form::Table(inner) = key.form {
            page.indent();
            self::keys(page, inner);
            page.back();
        }
    }
}

/// What may stand at a key.
fn in_words(form: Form) -> Option<String> {
    let text = match form {
        Form::Text => "string",
        Form::Boolean => "true or false",
        Form::Port => "number from 1 to 65535",
        Form::Duration => "span of time",
        Form::File => "path of a file",
        Form::Url => "address",
        Form::OneOf(words) => {
            let words: Vec<_> = words.iter().map(|word| code(&format!("\"{word}\""))).collect();
            return Some(words.join(", "));
        }
        Form::Strings => "list of strings",
        Form::OneOrMany => "string, or list of strings",
        Form::Argv => "program and its arguments, a list of strings",
        Form::Pointer => "JSON pointer",
        Form::Statuses => "list of statuses from 400 to 499",
        Form::Secret => "source of a secret",
        Form::TextOrSecret => "string, or source of a secret",
        Form::SecretOrAccount => "source of a secret, or another account",
        Form::Any => "anything that JSON has",
        Form::Table(_) => return None,
        Form::Texts => "table of strings",
        Form::TextsAndTables => "table of strings, and of tables of strings",
        Form::Secrets => "table of sources of secrets",
    };
    Some(text.to_owned())
}

#[test]
fn the_checked_in_page_of_the_configuration_is_that_of_its_keys() -> Result<(), String> {
    agrees("man/tokend.toml.5", &page())
}
