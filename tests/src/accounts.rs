//! Accounts of the stand-ins, as a person would write them into the configuration. Each is a whole table, so
//! that more keys can be put behind it.

use std::fs;

use crate::platform;
use crate::sandbox::Sandbox;
use crate::stand_in::{Hole, HttpLogin, ItsYouOnline, LyveCloud, OAuthServer, OpenvCloud};

/// The account of a Lyve Cloud.
#[must_use]
pub fn lyve_cloud(sandbox: &Sandbox, name: &str, service: &LyveCloud) -> String {
    let lyve = service.change(|lyve| lyve.clone());
    let keys = format!("account_id = '{}'\naccess_key = '{}'\n", lyve.account_id, lyve.access_key);
    let secret = secret(sandbox, name, &lyve.secret);
    table(name, "lyve-cloud", service.url()) + &keys + &format!("secret = {secret}\n")
}

/// The account of an ItsYou.online, with the scope that OpenvCloud wants.
#[must_use]
pub fn its_you_online(sandbox: &Sandbox, name: &str, service: &ItsYouOnline) -> String {
    let iyo = service.change(|iyo| iyo.clone());
    let secret = secret(sandbox, name, &iyo.client_secret);
    let keys = format!("client_id = '{}'\nclient_secret = {secret}\n", iyo.client_id);
    table(name, "itsyouonline", service.url()) + &keys + "scope = ['user:memberof:greenitglobe']\n"
}

/// The account of an OpenvCloud.
#[must_use]
pub fn openv_cloud(sandbox: &Sandbox, name: &str, service: &OpenvCloud) -> String {
    let ovc = service.change(|ovc| ovc.clone());
    let password = secret(sandbox, name, &ovc.password);
    let keys = format!("username = '{}'\npassword = {password}\n", ovc.username);
    table(name, "openvcloud", service.url()) + &keys
}

/// The account of an OAuth 2.0 service that is found by its issuer.
#[must_use]
pub fn oauth2(sandbox: &Sandbox, name: &str, service: &OAuthServer) -> String {
    let path = service.change(|oauth| oauth.issuer_path.clone());
    oauth2_with(sandbox, name, service, &format!("issuer = '{}{path}'", service.url()))
}

/// The same without discovery: its token endpoint, and how the client says its secret there.
#[must_use]
pub fn oauth2_at_endpoint(sandbox: &Sandbox, name: &str, service: &OAuthServer, method: &str) -> String {
    let endpoint =
        format!("token_endpoint = '{}/token'\ntoken_endpoint_auth_method = '{method}'", service.url());
    oauth2_with(sandbox, name, service, &endpoint)
}

/// The account of a login at an OAuth 2.0 service: a client without a secret, and its first refresh token,
/// which [`set_refresh_token`] changes.
#[must_use]
pub fn oauth2_login(
    sandbox: &Sandbox,
    name: &str,
    service: &OAuthServer,
    client: &str,
    first: &str,
) -> String {
    set_refresh_token(sandbox, name, first);
    format!(
        "[accounts.{name}]\ntype = 'oauth2'\ntoken_endpoint = '{}/token'\ntoken_endpoint_auth_method = 'none'\n\
         grant = 'refresh_token'\nclient_id = '{client}'\nrefresh_token = {{ file = '~/{name}.refresh' }}\n",
        service.url()
    )
}

/// Another first refresh token for the account with this name, as after a new login: its file changes at once
/// and whole.
///
/// # Panics
/// When the file cannot be written.
pub fn set_refresh_token(sandbox: &Sandbox, name: &str, token: &str) {
    let new = sandbox.secret_file(&format!("{name}.refresh.new"), &format!("{token}\n"));
    let moved = platform::replace(&new, &sandbox.home().join(format!("{name}.refresh")));
    assert!(moved.is_ok(), "{}: {moved:?}", new.display());
}

fn oauth2_with(sandbox: &Sandbox, name: &str, service: &OAuthServer, place: &str) -> String {
    let oauth = service.change(|oauth| oauth.clone());
    let secret = secret(sandbox, name, &oauth.client_secret);
    let client_id = oauth.client_id;
    format!(
        "[accounts.{name}]\ntype = 'oauth2'\n{place}\ngrant = 'client_credentials'\nclient_id = '{client_id}'\n\
         client_secret = {secret}\n"
    )
}

/// The account of a login service as it is by default.
#[must_use]
pub fn http_login(sandbox: &Sandbox, name: &str, service: &HttpLogin) -> String {
    let login = service.change(|login| login.clone());
    let key = login.fields.iter().find(|(field, _)| field == "key").map_or("", |(_, value)| value);
    let secret = secret(sandbox, name, key);
    format!(
        "[accounts.{name}]\ntype = 'http'\n\
         request = {{ method = 'POST', url = '{}{}', json = {{ user = 'svc', key = '${{secret:key}}' }} }}\n\
         secrets = {{ key = {secret} }}\n\
         response = {{ token = '/data/token', expires_in = '/data/ttl' }}\n",
        service.url(),
        login.path
    )
}

/// A secret served as it is.
#[must_use]
pub fn static_token(sandbox: &Sandbox, name: &str, token: &str) -> String {
    let source = secret(sandbox, name, token);
    format!("[accounts.{name}]\ntype = 'static'\ntoken = {source}\n")
}

/// An account whose service takes connections and never answers.
#[must_use]
pub fn hanging(sandbox: &Sandbox, name: &str, hole: &Hole) -> String {
    let secret = secret(sandbox, name, "never-told");
    let keys = format!("account_id = 'nobody'\naccess_key = 'nothing'\nsecret = {secret}\n");
    table(name, "lyve-cloud", &hole.url()) + &keys
}

/// Changes the secret of the account with this name, in the file that its table names.
pub fn set_secret(sandbox: &Sandbox, name: &str, value: &str) {
    // As an editor leaves it: the newline at its end is not part of the secret.
    sandbox.secret_file(&format!("{name}.secret"), &format!("{value}\n"));
}

/// Moves the secret of the account with this name from its file into the store. The table that names it
/// there, and the secret.
///
/// # Panics
/// When there is no such file, or the store does not take it.
#[must_use]
pub fn into_store(sandbox: &Sandbox, name: &str, table: &str) -> (String, String) {
    let file = sandbox.home().join(format!("{name}.secret"));
    let value = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let said = sandbox.tok_with_input(["secret", "set", name], &value);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(fs::remove_file(&file).is_ok(), "{} goes", file.display());
    let table = table.replace(&format!("{{ file = '~/{name}.secret' }}"), &format!("{{ store = '{name}' }}"));
    (table, value.trim_end().to_owned())
}

fn secret(sandbox: &Sandbox, name: &str, value: &str) -> String {
    // Quotes are TOML's, and no part of a name of a file.
    let name = name.trim_matches('"');
    set_secret(sandbox, name, value);
    format!("{{ file = '~/{name}.secret' }}")
}

fn table(name: &str, kind: &str, url: &str) -> String {
    format!("[accounts.{name}]\ntype = '{kind}'\nurl = '{url}'\n")
}
