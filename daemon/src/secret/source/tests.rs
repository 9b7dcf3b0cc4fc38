//! What a configuration may say where it wants a secret, and what each source gives.

use std::fs;

use super::*;
use crate::document::Document;
use crate::platform::testing;
use crate::provider::Class;

const LONG: Duration = Duration::from_secs(60);

/// What reading `password = …` gives, and what is said about it.
fn read(value: &str) -> (Option<Source>, String) {
    let text = format!("password = {value}");
    let document = Document::parse(Path::new("f"), &text).unwrap();
    let mut table = document.root();
    let source = Source::required(&mut table, "password", &Reach::default());
    table.finish();
    let said: Vec<String> = document.diagnostics().iter().map(ToString::to_string).collect();
    assert_eq!(source.is_none(), document.is_faulty(), "{value}");
    (source, said.join("\n"))
}

fn sound(value: &str) -> Source {
    let (source, said) = read(value);
    assert_eq!(said, "");
    source.unwrap()
}

#[test]
fn each_source_says_where_it_is() {
    let home = crate::platform::children::home().unwrap();
    let file = home.join("x");
    assert_eq!(sound("{ file = '~/x' }").describe(), format!("file {}", file.display()));
    assert_eq!(sound("{ env = 'API_KEY' }").describe(), "variable API_KEY");
    assert_eq!(sound("{ credential = 'a.b' }").describe(), "systemd credential a.b");
    assert_eq!(sound("{ keyring = 'a b' }").describe(), "keyring, service tokend, user a b");
    assert_eq!(
        sound(&format!("{{ command = ['{}', '-c', 'x'], pass_env = ['X'] }}", testing::PROGRAM)).describe(),
        format!("command {} with 2 arguments", testing::PROGRAM)
    );
}

#[test]
fn a_secret_itself_is_an_error_that_names_the_sources_and_not_the_secret() {
    for value in ["'hunter2'", "4711", "['hunter2']", "true", "\"\"\"\nhunter2\n\"\"\""] {
        let (_, said) = read(value);
        assert!(said.contains("`password` is a secret, which is never written here"), "{said}");
        for form in [
            "{ file = PATH }",
            "{ env = NAME }",
            "{ command = [ARGV…] }",
            "{ credential = NAME }",
            "{ keyring = NAME }",
            "{ vault = \"MOUNT/PATH#FIELD\" }",
        ] {
            assert!(said.contains(form), "{said}");
        }
        assert!(!said.contains("hunter2") && !said.contains("4711"), "{said}");
    }
}

#[test]
fn a_source_that_cannot_be_is_a_mistake() {
    for (value, what) in [
        ("{}", "`password` names no source"),
        ("{ fil = '/x' }", "did you mean `file`?"),
        ("{ wallet = '/x' }", "this is no source of a secret"),
        ("{ file = '/x', env = 'X' }", "names two sources"),
        ("{ store = 'x', env = 'X' }", "names two sources"),
        ("{ file = '/x', mode = 1 }", "unknown key `mode`"),
        ("{ file = '/x', pass_env = ['X'] }", "`pass_env` belongs to `command`"),
        ("{ file = 'x' }", "not an absolute path"),
        ("{ file = 1 }", "must be a string"),
        ("{ env = '$X' }", "names no variable"),
        ("{ env = '' }", "names no variable"),
        ("{ env = '1X' }", "names no variable"),
        ("{ env = 'A-B' }", "names no variable"),
        ("{ env = 'ghp_abcdefghij0123456789' }", "looks like the secret itself"),
        ("{ command = 'pass' }", "must be an array of strings"),
        ("{ command = ['pass'], pas_env = ['X'] }", "did you mean `pass_env`?"),
        ("{ credential = '' }", "`credential` names none"),
        ("{ credential = '.' }", "`credential` names none"),
        ("{ credential = '..' }", "`credential` names none"),
        ("{ credential = 'a/b' }", "`credential` names none"),
        ("{ credential = \"a\\nb\" }", "`credential` names none"),
        ("{ store = '../x' }", "`store` names no secret"),
        ("{ keyring = '' }", "`keyring` names no item"),
        ("{ keyring = \"a\\nb\" }", "`keyring` names no item"),
        ("{ keyring = 1 }", "must be a string"),
        ("{ vault = 'kv/x#y' }", "there is no `[vault]` to get this from"),
        ("{ vault = 1 }", "must be a string"),
    ] {
        let (source, said) = read(&value.replace("'/x'", &format!("'{}x'", testing::ROOT)));
        assert!(source.is_none() && said.contains(what), "{value}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{value}: {said}");
    }
}

#[test]
fn an_optional_source_may_be_absent() {
    let document = Document::parse(Path::new("f"), "").unwrap();
    assert!(Source::read(&mut document.root(), "password", &Reach::default()).is_none());
    assert!(!document.is_faulty());
    assert!(Source::required(&mut document.root(), "password", &Reach::default()).is_none());
    assert!(document.is_faulty());
}

#[tokio::test]
async fn a_variable_gives_its_value_without_the_newline() {
    let source = sound("{ env = 'API_KEY' }");
    let fetched = async |value: Option<&str>| {
        let value = value.map(OsString::from);
        let secret = source
            .fetch_in(&|name| value.clone().filter(|_| name == "API_KEY"), &Errand::default(), LONG)
            .await;
        secret.map(|secret| secret.expose().to_vec())
    };
    assert_eq!(fetched(Some("hunter2\n")).await.unwrap(), b"hunter2");
    let failure = fetched(None).await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::Source, "secret-env"));
    assert_eq!(failure.message, "the variable API_KEY is not set");
    assert_eq!(fetched(Some("")).await.unwrap_err().message, "the variable API_KEY is empty");
    assert_eq!(fetched(Some("\n")).await.unwrap_err().class, Class::Source);
    let long = "x".repeat(MAX_SECRET + 1);
    assert!(fetched(Some(&long)).await.unwrap_err().message.contains("more than 65536 bytes"));
}

#[tokio::test]
async fn a_credential_is_a_file_that_systemd_laid_out() {
    if !testing::has_credentials() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("internal-key");
    fs::write(&path, "hunter2\n").unwrap();
    let source = sound("{ credential = 'internal-key' }");
    let fetched = async |directory: Option<&Path>| {
        let directory = directory.map(OsString::from);
        let look = |name: &str| directory.clone().filter(|_| name == "CREDENTIALS_DIRECTORY");
        source.fetch_in(&look, &Errand::default(), LONG).await.map(|secret| secret.expose().to_vec())
    };
    for mode in [0o400, 0o440] {
        testing::set_mode(&path, mode);
        assert_eq!(fetched(Some(folder.path())).await.unwrap(), b"hunter2");
    }
    testing::set_mode(&path, 0o444);
    assert!(fetched(Some(folder.path())).await.unwrap_err().message.contains("open to others"));
    let failure = fetched(None).await.unwrap_err();
    assert_eq!((failure.class, failure.kind), (Class::Source, "secret-credential"));
    assert!(failure.hint.contains("LoadCredential=internal-key:PATH"), "{failure:?}");
    for directory in ["relative", "/nonexistent"] {
        assert_eq!(fetched(Some(Path::new(directory))).await.unwrap_err().class, Class::Source);
    }
}

#[tokio::test]
async fn files_and_commands_are_fetched_anew_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let file = sound(&format!("{{ file = '{}' }}", path.display()));
    assert_eq!(file.fetch(&Errand::default(), LONG).await.unwrap_err().class, Class::Source);
    for secret in ["one", "two"] {
        fs::write(&path, secret).unwrap();
        testing::set_mode(&path, 0o600);
        assert_eq!(file.fetch(&Errand::default(), LONG).await.unwrap().expose().as_str(), Some(secret));
    }
    if !testing::has_sh() {
        return;
    }
    let command = sound(&format!("{{ command = ['cat', '{}'] }}", path.display()));
    assert_eq!(&*command.fetch(&Errand::default(), LONG).await.unwrap().expose(), b"two");
}
