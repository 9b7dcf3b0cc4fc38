//! `[vault]`, and the accounts that get a secret from there.

use super::*;

const VAULT: &str = "[vault]\naddress = 'https://v.example'\nauth = 'token'\ntoken = { env = 'X' }\n";
const OF_VAULT: &str = "[accounts.v]\ntype = 'header'\nsecret = { vault = 'kv/app#key' }\n";

#[test]
fn a_source_may_be_a_vault() {
    let folder = Folder::new(&[("config.toml", VAULT), ("accounts.d/v.toml", OF_VAULT)]);
    let loaded = folder.sound();
    let account = &loaded.configuration.accounts["v"];
    let vault = account.provider.sources()[0].vault().unwrap();
    assert!(Arc::ptr_eq(vault, loaded.configuration.vault.as_ref().unwrap()));
    let shown = describe(&loaded, &Looked::default());
    assert!(shown.contains("vault\n  address  https://v.example/\n  auth     token\n"), "{shown}");
    assert!(shown.contains("vault kv/app#key"), "{shown}");
}

#[test]
fn a_vault_that_did_not_change_is_the_same_after_a_reload() {
    let folder = Folder::new(&[("config.toml", &format!("{VAULT}namespace = 'reload'\n{OF_VAULT}"))]);
    let first = folder.sound().configuration;
    let again = folder.sound().configuration;
    assert!(Arc::ptr_eq(first.vault.as_ref().unwrap(), again.vault.as_ref().unwrap()));
    assert_eq!(first.accounts["v"].service, again.accounts["v"].service);
}

#[test]
fn another_vault_is_another_service_for_the_accounts_that_use_it_alone() {
    let services = |vault: &str| {
        let loaded = sound(&format!("{vault}{OF_VAULT}{}", account("")));
        ["v", "a"].map(|name| loaded.configuration.accounts[name].service)
    };
    let [of_vault, other] = services(VAULT);
    let [changed, same] = services(&VAULT.replace("v.example", "w.example"));
    assert_ne!(of_vault, changed);
    assert_eq!(other, same);
}

#[test]
fn a_secret_of_no_vault_is_a_mistake_at_its_line() {
    let said = mistakes(OF_VAULT);
    assert!(said.contains("there is no `[vault]` to get this from"), "{said}");
    assert!(said.contains("config.toml:3:"), "{said}");
    let said = mistakes(&format!("{VAULT}{}", OF_VAULT.replace("kv/app#key", "kv/app")));
    assert!(
        said.contains("`vault` names no field of a secret") && said.contains("MOUNT/PATH#FIELD"),
        "{said}"
    );
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}

#[test]
fn a_faulty_vault_is_said_once() {
    let said = mistakes(&format!("[vault]\naddress = 'x'\nauth = 'jwt'\njwt = {{ env = 'X' }}\n{OF_VAULT}"));
    assert!(said.contains("`address` is no URL"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    let said = mistakes(&format!("vault = 'https://v.example'\n{OF_VAULT}"));
    assert!(said.contains("`vault` is a string"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}

#[test]
fn a_vault_is_for_the_main_file_alone() {
    let folder = Folder::new(&[("accounts.d/v.toml", &format!("{VAULT}{OF_VAULT}"))]);
    let said = folder.mistakes();
    assert!(said.contains("`[vault]` is for config.toml alone") && said.contains("v.toml:1:"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}
