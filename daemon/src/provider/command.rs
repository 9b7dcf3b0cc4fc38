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
    use crate::provider::stand_in::{Account, NOW, secret, token};
    use crate::provider::{Class, jwt};

    #[tokio::test]
    async fn what_the_program_prints_is_the_token() {
        let account = Account::read("command", "command = ['echo', ' abc']\nlifetime = '55m'");
        let minted = account.get().await.expect("a token");
        assert_eq!((token(&minted), minted.lifetime), ("abc", Some(Duration::from_secs(3300))));
        let minted = Account::read("command", "command = ['echo', 'abc']").get().await.expect("a token");
        assert_eq!(minted.lifetime, None);
    }

    #[tokio::test]
    async fn a_program_that_fails_or_prints_no_token_is_not_now() {
        for command in ["['false']", "['true']", "['printf', 'P\\154ease log in.']"] {
            let failure =
                Account::read("command", &format!("command = {command}")).get().await.expect_err(command);
            assert_eq!(failure.class, Class::NotNow, "{command}");
            assert!(!format!("{failure:?}").contains("Please"));
        }
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
