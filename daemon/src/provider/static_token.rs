//! A secret served as it is.

use std::time::Duration;

use super::{Class, Defaults, Failure, Identity, MintRequest, Minted, Pending, Provider, http, token};
use crate::document::Table;
use crate::secret::{Errand, Source};

#[derive(Debug)]
struct StaticToken {
    token: Source,
    timeout: Duration,
}

/// Reads `token`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    http::refuse(table, "a static account");
    let token = Source::required(table, "token", &defaults.reach)?;
    Some(Box::new(StaticToken { token, timeout: defaults.command_timeout }))
}

impl StaticToken {
    async fn fetch(&self, errand: &Errand) -> Result<Minted, Failure> {
        let secret = self.token.fetch(errand, self.timeout).await?;
        // What was put there stays there, so only a person can mend it.
        let token = token::accept(&secret.expose(), &self.token.describe()).map_err(|failure| Failure {
            class: Class::Source,
            hint: HINT.to_owned(),
            ..failure
        })?;
        Ok(Minted::of(token))
    }
}

const HINT: &str = "put the token there, in one line of visible ASCII";

impl Provider for StaticToken {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.fetch(&request.errand))
    }

    fn sources(&self) -> Vec<&Source> {
        vec![&self.token]
    }

    fn renews(&self) -> bool {
        false
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        vec![("token", self.token.describe())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{Account, token};

    #[tokio::test]
    async fn the_secret_is_served_as_it_is() {
        let minted = Account::read("static", "token = $abc\n$").get().await.expect("a token");
        assert_eq!((token(&minted), minted.lifetime), ("abc", None));
    }

    #[tokio::test]
    async fn what_is_no_token_waits_for_a_person() {
        let failure = Account::read("static", "token = $two words$").get().await.expect_err("a failure");
        assert_eq!((failure.class, failure.kind), (Class::Source, "bad-token"));
        assert!(!format!("{failure:?}").contains("two words"));
    }

    #[test]
    fn keys_of_a_request_are_refused() {
        let found =
            Account::complaints("static", "token = $abc$\nproxy = 'http://p:1'\nurl = 'https://a.example'");
        assert_eq!(found.len(), 2, "{found:#?}");
    }
}
