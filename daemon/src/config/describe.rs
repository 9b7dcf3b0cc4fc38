//! What was understood, for people: `tokend check`.

use std::fmt::Write as _;

use super::{Daemon, Loaded, LogFormat, Looked};
use crate::account::{Definition, Refresh};
use crate::document::printable;
use crate::provider::Presentation;

/// What was understood: files, what concerns all accounts, each account with where its secrets come from
/// and whether they are there, what is kept of it, when it is refreshed and what callers may ask for;
/// warnings at the end. Nothing secret.
#[must_use]
pub fn describe(loaded: &Loaded, looked: &Looked) -> String {
    let mut out = String::new();
    for file in &loaded.files {
        let _ = writeln!(out, "read {}", printable(&file.to_string_lossy(), 300));
    }
    if !loaded.files.is_empty() {
        out.push('\n');
    }
    section(&mut out, "daemon", &daemon_lines(&loaded.configuration.daemon));
    if let Some(vault) = &loaded.configuration.vault {
        section(&mut out, "vault", &vault.describe());
    }
    for account in loaded.configuration.accounts.values() {
        section(&mut out, &format!("{} ({})", account.name, account.kind), &account_lines(account, looked));
    }
    let _ = match loaded.configuration.accounts.len() {
        0 => writeln!(out, "no account is configured"),
        1 => writeln!(out, "1 account is configured"),
        count => writeln!(out, "{count} accounts are configured"),
    };
    for warning in &loaded.warnings {
        let _ = writeln!(out, "\n{warning}");
    }
    out
}

fn section(out: &mut String, title: &str, lines: &[(&str, String)]) {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let _ = writeln!(out, "{title}");
    for (name, value) in lines {
        let _ = writeln!(out, "  {name:width$}  {}", printable(value, 500));
    }
    out.push('\n');
}

fn daemon_lines(daemon: &Daemon) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("log", daemon.log.to_owned()),
        ("min_valid", span(daemon.min_valid)),
        ("http_timeout", span(daemon.http_timeout)),
        ("command_timeout", span(daemon.command_timeout)),
    ];
    if daemon.log_format != LogFormat::default() {
        lines.push(("log_format", daemon.log_format.as_str().to_owned()));
    }
    if let Some(path) = &daemon.ca_file {
        lines.push(("ca_file", path.to_string_lossy().into_owned()));
    }
    if let Some(proxy) = &daemon.proxy {
        lines.push(("proxy", proxy.to_string()));
    }
    if let Some(after) = daemon.lock_after {
        lines.push(("lock_after", span(after)));
    }
    if let Some(hook) = &daemon.on_login_needed {
        lines.push(("on_login_needed", hook.describe()));
    }
    if let Some(path) = &daemon.metrics_socket {
        lines.push(("metrics_socket", path.to_string_lossy().into_owned()));
    }
    if !daemon.login_notification {
        lines.push(("login_notification", "no".to_owned()));
    }
    lines
}

fn account_lines(account: &Definition, looked: &Looked) -> Vec<(&'static str, String)> {
    let policy = &account.policy;
    let mut lines = account.provider.describe();
    for (_, value) in &mut lines {
        if let Some(remark) = looked.remark(&account.name, value) {
            value.push_str(&remark);
        }
    }
    let refresh = match policy.refresh {
        Refresh::Eager => "eager: kept fresh before anyone asks",
        Refresh::Auto => "auto: kept fresh once somebody asked",
        Refresh::OnDemand => "on-demand: only when somebody asks",
    };
    if account.provider.renews() {
        lines.push(("refresh", refresh.to_owned()));
        lines.push(("kept", kept(account).to_owned()));
    } else {
        lines.push(("refresh", "never: it is served as it is".to_owned()));
    }
    lines.push(("min_valid", span(policy.min_valid)));
    lines.push(match &policy.presentation {
        Presentation::Header { scheme } => ("sent as", format!("Authorization: {scheme} TOKEN")),
        Presentation::Parameter { name } => ("sent as", format!("the parameter {name}=TOKEN")),
    });
    lines.push(("callers", callers(account)));
    if let Some(lifetime) = policy.assume_lifetime {
        lines.push(("assume_lifetime", span(lifetime)));
    }
    if policy.exclusive {
        lines.push((
            "exclusive",
            "a new token kills the old one: refreshed as late as min_valid allows".to_owned(),
        ));
    }
    if !policy.lock {
        lines.push(("lock", "not covered by tok lock".to_owned()));
    }
    lines
}

/// What of the account survives the daemon.
fn kept(account: &Definition) -> &'static str {
    if account.provider.login().is_some() {
        "the login and the last token, encrypted, over restarts"
    } else if account.provider.spends_refresh_token() {
        "the newest refresh token and the last token, encrypted, over restarts"
    } else {
        "the last token, encrypted, over restarts"
    }
}

/// What callers may ask for.
fn callers(account: &Definition) -> String {
    let scopes = &account.policy.request_scopes;
    let mut more = Vec::new();
    if !scopes.is_empty() {
        more.push(format!("the scopes {}", scopes.join(" ")));
    }
    if account.provider.takes_audience() {
        more.push("an audience".to_owned());
    }
    if more.is_empty() {
        return "the account's own token".to_owned();
    }
    format!("the account's own token; also {}", more.join(" and "))
}

fn span(duration: std::time::Duration) -> String {
    humantime::format_duration(duration).to_string()
}
