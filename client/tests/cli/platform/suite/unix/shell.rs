//! `tok` in a line of shell.

use super::shell;
use crate::cli::daemon::{Daemon, credential};
use crate::cli::tok::{run, tok};

#[test]
fn a_shell_reads_back_what_env_prints() {
    let daemon = Daemon::giving(|get| credential(&get.account, "T0k'en.1"));
    let env = run(tok(&daemon, &["get", "lyve-prod", "--format", "env"]));
    assert_eq!(env.printed(), "export LYVE_PROD_TOKEN='T0k'\\''en.1'\n");
    let line = r#"eval "$("$TOK" get lyve-prod --format env --var MINE)"; printf %s "$MINE""#;
    assert_eq!(shell(&daemon, line).printed(), "T0k'en.1");
}

#[test]
fn an_output_that_takes_nothing_is_a_fault() {
    let daemon = Daemon::giving(|get| credential(&get.account, "T"));
    let closed = shell(&daemon, r#""$TOK" get x >&-"#);
    assert!(closed.failed_with(1).0.contains("closed"), "{closed:?}");
    shell(&daemon, r#""$TOK" get x > /dev/full"#).failed_with(1);
    assert_eq!(shell(&daemon, r#""$TOK" get x > /dev/null"#).code, 0);
}
