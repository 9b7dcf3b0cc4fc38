//! A program that prints a token.

use std::time::Duration;

use tokend_proto::Secret;

use super::lifetime::{Dead, dead};
use super::{
    Defaults, Failure, Identity, MintRequest, Minted, Pending, Provider, http, jwt, lifetime, token,
};
use crate::clock::Wall;
use crate::document::Table;
use crate::secret::Program;

#[derive(Debug)]
struct Command {
    program: Program,
    lifetime: Option<Duration>,
    timeout: Duration,
}

/// Reads `command` (with `pass_env`) and `lifetime`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    http::refuse(table, "a command account");
    let program = Program::required(table, "command");
    let lifetime = table.duration_within("lifetime", &(Duration::from_secs(1)..=lifetime::LONGEST));
    Some(Box::new(Command {
        program: program?,
        lifetime: lifetime.map(|lifetime| lifetime.value),
        timeout: defaults.command_timeout,
    }))
}

impl Command {
    async fn run(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let output = self.program.run(self.timeout).await?;
        let giver = self.program.describe();
        let token = token::accept(&output.expose(), &giver)?;
        if token.expose().starts_with(b"<") {
            // Of a service that its request did not reach.
            let message = format!("{giver} printed a page instead of a token");
            return Err(Failure::not_now("page", message, "run it by hand, and see what it says"));
        }
        let lifetime = life(&token, self.lifetime, asked.now.wall).map_err(|Dead| dead(&giver))?;
        Ok(Minted { lifetime, ..Minted::of(token) })
    }
}

/// What the configuration says, or less where the token is a JWT that says when it ends: programs that keep tokens
/// themselves print one that is no longer new.
fn life(token: &Secret, configured: Option<Duration>, wall: Wall) -> Result<Option<Duration>, Dead> {
    let told = jwt::life(token, wall, None)?;
    Ok(lifetime::shorter(configured, told))
}

impl Provider for Command {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.run(request))
    }

    fn program(&self) -> Option<&Program> {
        Some(&self.program)
    }

    fn identity(&self) -> Identity {
        Identity { origin: self.program.describe(), ..Identity::default() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("command", self.program.describe())];
        if let Some(lifetime) = self.lifetime {
            lines.push(("lifetime", humantime::format_duration(lifetime).to_string()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::testing;
    use crate::provider::stand_in::{Account, NOW, secret, token};
    use crate::provider::{CarriedOut, Class, jwt};

    #[tokio::test]
    async fn what_the_program_prints_is_the_token() {
        if !testing::has_sh() {
            return;
        }
        let account = Account::read("command", "command = ['echo', ' abc']\nlifetime = '55m'");
        let minted = account.get().await.expect("a token");
        assert_eq!((token(&minted), minted.lifetime), ("abc", Some(Duration::from_secs(3300))));
        let minted = Account::read("command", "command = ['echo', 'abc']").get().await.expect("a token");
        assert_eq!(minted.lifetime, None);
    }

    #[tokio::test]
    async fn the_table() {
        if !testing::has_sh() {
            return;
        }
        let not_now = |kind| (Class::NotNow, kind);
        for (command, wanted) in [
            ("['false']", not_now("command")),
            ("['sh', '-c', 'echo Please log in >&2; exit 7']", not_now("command")),
            ("['true']", not_now("command")),
            ("['echo']", not_now("command")),
            ("['head', '-c', '70000', '/dev/zero']", not_now("command")),
            ("['printf', 'P\\154ease log in.']", not_now("bad-token")),
            ("['printf', 'Please\\007']", not_now("bad-token")),
            ("['echo', '<!doctype html><html>Please log in']", not_now("bad-token")),
            ("['echo', '<html>Please</html>']", not_now("page")),
            ("['sleep', '60']", not_now("command")),
            ("['/nowhere/Please']", (Class::Source, "command")),
            ("['there-is-no-such-program']", (Class::Source, "command")),
            ("['/etc']", (Class::Source, "command")),
        ] {
            let timeout = if command.contains("sleep") { 100 } else { 30_000 };
            let defaults =
                Defaults { command_timeout: Duration::from_millis(timeout), ..Defaults::default() };
            let account = Account::try_read("command", &format!("command = {command}"), &defaults);
            let failure = account.expect("an account").get().await.expect_err(command);
            assert_eq!((failure.class, failure.kind), wanted, "{command}: {failure}");
            assert_eq!(failure.carried_out, CarriedOut::No);
            assert!(!format!("{failure:?}").contains("log in"), "{failure:?}");
        }
        let dead = jwt::testing::forge(&json!({"exp": NOW - 1}));
        let account = Account::read("command", &format!("command = ['echo', '{dead}']"));
        assert_eq!(account.get().await.expect_err("dead").kind, "bad-expiry");
    }

    #[test]
    fn a_jwt_lives_no_longer_than_it_says() {
        let forged = |left: i64| secret(&jwt::testing::forge(&json!({"exp": NOW + left})));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let wall = Wall(NOW * 1000);
        assert_eq!(life(&forged(60), seconds(3300), wall), Ok(seconds(60)));
        assert_eq!(life(&forged(6000), seconds(3300), wall), Ok(seconds(3300)));
        assert_eq!(life(&forged(60), None, wall), Ok(seconds(60)));
        assert_eq!(life(&forged(-1), seconds(3300), wall), Err(Dead));
        assert_eq!(life(&secret("opaque"), seconds(3300), wall), Ok(seconds(3300)));
    }

    #[test]
    fn a_command_is_needed_and_keys_of_a_request_are_refused() {
        let found = Account::complaints("command", "headers = {}\nlifetime = '0s'");
        assert_eq!(found.len(), 3, "{found:#?}");
    }
}
