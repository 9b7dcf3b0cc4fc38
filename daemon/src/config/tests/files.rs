//! How files are found, read and distrusted.

use super::*;
use crate::platform::remedies;

#[test]
fn an_account_in_two_files_is_an_error_that_shows_both() {
    let folder =
        Folder::new(&[("config.toml", &account("")), ("accounts.d/x.toml", &format!("\n{}", account("")))]);
    let said = folder.mistakes();
    let (first, second) = (folder.path("config.toml"), folder.path("accounts.d/x.toml"));
    assert_eq!(
        said,
        format!(
            "error: the account `a` is configured twice
 --> {}:2:11
  |
2 | [accounts.a]
  |           ^ the second
 ::: {}:1:11
  |
1 | [accounts.a]
  |           ^ the first",
            second.display(),
            first.display()
        )
    );
}

#[test]
fn files_are_read_in_the_order_of_their_names_and_others_are_passed_over() {
    let named = |name: &str| account("").replace("accounts.a", &format!("accounts.{name}"));
    let folder = Folder::new(&[
        ("accounts.d/20.toml", &named("c")),
        ("accounts.d/10.toml", &named("b")),
        ("config.toml", &named("a")),
        ("accounts.d/.hidden.toml", "not toml"),
        ("accounts.d/10.toml~", "not toml"),
        ("accounts.d/README", "not toml"),
        ("other.toml", "not toml"),
    ]);
    let loaded = folder.sound();
    let files = ["config.toml", "accounts.d/10.toml", "accounts.d/20.toml"].map(|name| folder.path(name));
    assert_eq!(loaded.files, files);
    assert_eq!(loaded.configuration.accounts.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn no_configuration_is_an_empty_one_with_a_warning_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [folder.path().to_path_buf(), folder.path().join("nowhere")] {
        let loaded = load_kinds(&folder, &no_proxy(), &Arc::default(), KINDS).unwrap();
        assert!(loaded.configuration.accounts.is_empty() && loaded.files.is_empty());
        let warning = loaded.warnings[0].to_string();
        assert!(warning.starts_with("warning: there is no configuration"), "{warning}");
        assert!(warning.contains(&folder.join("config.toml").display().to_string()), "{warning}");
    }
    let folder = Folder::new(&[("accounts.d/a.toml", &account(""))]);
    assert_eq!(folder.sound().warnings, []);
}

#[test]
fn a_configuration_that_others_can_write_is_refused() {
    let folder = Folder::new(&[("config.toml", ""), ("accounts.d/a.toml", &account(""))]);
    for (name, mode) in [
        ("config.toml", 0o620),
        ("config.toml", 0o602),
        ("accounts.d/a.toml", 0o666),
        ("accounts.d", 0o775),
        ("accounts.d", 0o1777),
        (".", 0o770),
    ] {
        folder.set_mode(name, mode);
        let said = folder.mistakes();
        let named = if name == "." { folder.0.path().to_path_buf() } else { folder.path(name) };
        let openness = testing::openness(&folder.path(name), mode);
        assert!(said.contains(&format!("others can write this ({openness})")), "{name}: {said}");
        let remedy = remedies::close_to_writers(&named.display().to_string());
        assert!(said.contains(&remedy), "{name}: {said}");
        folder.set_mode(name, 0o700);
    }
    folder.set_mode("config.toml", 0o644);
    folder.sound();
    // Only root can give files away.
    if let Some(user) = testing::give_away(&folder.path("accounts.d/a.toml")) {
        assert!(folder.mistakes().contains(&format!("belongs to user {user}")));
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new(&[("config.toml", "")]);
    fs::create_dir(folder.path("accounts.d/folder.toml")).unwrap();
    let has_links = testing::link("/nonexistent", folder.path("accounts.d/link.toml"));
    folder.write("accounts.d/latin.toml", b"a = 1\nb = '\xe9'");
    folder.write("accounts.d/long.toml", &vec![b'#'; 4 * 1024 * 1024 + 1]);
    let has_pipes = testing::pipe_at(&folder.path("accounts.d/pipe.toml"));
    folder.write("accounts.d/wrong.toml", b"password = hunter2");
    let said = folder.mistakes();
    for (name, what) in [
        ("folder", "this is a folder"),
        ("latin", "this file is not UTF-8 (line 2)"),
        ("long", "this file is too long"),
        ("wrong", "a value is not in quotes"),
    ]
    .into_iter()
    .chain(has_links.then_some(("link", "this file cannot be found")))
    .chain(has_pipes.then_some(("pipe", "this is not a regular file")))
    {
        let mistake =
            said.split("error: ").find(|mistake| mistake.contains(&format!("{name}.toml"))).unwrap();
        assert!(mistake.contains(what), "{said}");
    }
    assert_eq!(
        said.matches("error: ").count(),
        4 + usize::from(has_links) + usize::from(has_pipes),
        "{said}"
    );
}

#[test]
fn mistakes_in_one_file_hide_none_in_another() {
    let folder = Folder::new(&[
        ("config.toml", "[deamon]\n[vault]\naddress = 'x'\nauth = 'approle'\nrole_id = 'x'\n"),
        ("accounts.d/a.toml", "[daemon]\nlog = 'x'\n[accounts.a]\n"),
        ("accounts.d/b.toml", "= broken\n"),
        ("accounts.d/c.toml", "[accounts.b]\ntype = 'header'\n"),
    ]);
    let said = folder.mistakes();
    for what in [
        "unknown key `deamon`",
        "did you mean `daemon`?",
        "`address` is no URL",
        "`[daemon]` is for config.toml alone",
        "`type` is missing in [accounts.a]",
        "a key is missing before the `=`",
        "`secret` is missing in [accounts.b]",
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
    let order = ["config.toml", "a.toml", "b.toml", "c.toml"].map(|name| said.find(name).unwrap());
    assert!(order.is_sorted(), "{said}");
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let text: String = (0..30).map(|number| format!("key{number} = 1\n")).collect::<Vec<_>>().concat();
    let said = mistakes(&text);
    assert_eq!(said.matches("error: ").count(), 20);
    assert!(said.ends_with("… and 10 more"), "{said}");
}

#[test]
fn ten_thousand_accounts_are_read_at_once_even_if_all_are_wrong() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..10_000 {
        let _ = writeln!(
            text,
            "[accounts.account-{number}]\ntype = 'header'\nsecret = {{ env = 'X' }}\nword = 'w'\n"
        );
    }
    let folder = Folder::new(&[("config.toml", &text)]);
    assert_eq!(folder.sound().configuration.accounts.len(), 10_000);
    folder.write("accounts.d/copy.toml", text.replace("word", "wrod").as_bytes());
    assert_eq!(folder.load().unwrap_err().len(), 10_000);
    folder.write("config.toml", b"");
    assert_eq!(folder.load().unwrap_err().len(), 10_000);
}
