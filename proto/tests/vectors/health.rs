//! How the daemon is.

use tokend_proto::finding::{CONFIGURATION_RELOAD_DUE, MEMORY_LOCKED, SECRET_VARIABLE};
use tokend_proto::message::{Health, Variable};
use tokend_proto::{Answer, List};

use super::Vector;

pub(super) fn answers() -> Vec<Vector> {
    let variable =
        |name: &str, value: Option<&str>| Variable { name: name.to_owned(), value: value.map(str::to_owned) };
    let plain = Health {
        program: "/usr/bin/tokend".to_owned(),
        replaced: false,
        unit: None,
        watchdog_ms: None,
        loaded_at_ms: 1_799_990_000_000,
        files: List::default(),
        environment: List::truncating(vec![variable("HOME", Some("/home/alice"))]),
        findings: List::truncating(vec![MEMORY_LOCKED.found("the key of secrets in memory is locked", "")]),
    };
    let rich = Health {
        program: "/home/alice/.cargo/bin/tokend".to_owned(),
        replaced: true,
        unit: Some("tokend.service".to_owned()),
        watchdog_ms: Some(30_000),
        loaded_at_ms: 1_799_990_000_001,
        files: List::truncating(vec![
            "/home/alice/.config/tokend/config.toml".to_owned(),
            "/home/alice/.config/tokend/accounts.d/work.toml".to_owned(),
        ]),
        environment: List::truncating(vec![
            variable("PATH", Some("/usr/bin:/bin")),
            variable("HTTPS_PROXY", None),
        ]),
        findings: List::truncating(vec![
            CONFIGURATION_RELOAD_DUE.found("config.toml was changed 2min ago", "`tok reload`"),
            SECRET_VARIABLE
                .found(
                    "the variable GRAPH_SECRET is not set",
                    "set it where the daemon is started, and start the daemon anew",
                )
                .of("graph"),
        ]),
    };
    vec![
        Vector::answer("answer-health", "How it is: nothing is wrong.", 17, &Answer::Health(plain)),
        Vector::answer("answer-health-findings", "How it is, under systemd.", 18, &Answer::Health(rich)),
    ]
}
