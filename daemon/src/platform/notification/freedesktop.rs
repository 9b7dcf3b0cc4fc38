//! The notification service of freedesktop.org on the session bus.
//!
//! Specification: <https://specifications.freedesktop.org/notification-spec/latest/>.

use std::collections::HashMap;

use zbus::Connection;
use zbus::zvariant::Value;

use super::NotShown;

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// It stays until the person has seen it.
const NEVER_EXPIRES: i32 = 0;

/// The most urgent but one: a login can wait.
const NORMAL: u8 = 1;

/// Shows a notification. Dropping the future gives it up.
///
/// # Errors
/// There is no session bus, or nobody on it shows notifications.
pub async fn show(headline: &str, text: &str) -> Result<(), NotShown> {
    let bus = Connection::session().await.map_err(|_| NotShown)?;
    let hints = HashMap::from([("urgency", Value::from(NORMAL))]);
    let no_actions: [&str; 0] = [];
    let arguments = (
        "tokend",
        0_u32,
        "dialog-password",
        plain(headline),
        plain(text),
        &no_actions[..],
        hints,
        NEVER_EXPIRES,
    );
    let shown = bus.call_method(Some(SERVICE), PATH, Some(SERVICE), "Notify", &arguments).await;
    shown.map(drop).map_err(|_| NotShown)
}

/// Some services read markup in it and some do not: without what could be any, both show the same.
fn plain(text: &str) -> String {
    let lookalike = |c| match c {
        '<' => '‹',
        '>' => '›',
        '&' => '＆',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(lookalike).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_in_it_is_markup() {
        assert_eq!(plain("<a href='x'>&amp;</a>\u{1b}"), "‹a href='x'›＆amp;‹/a› ");
    }
}
