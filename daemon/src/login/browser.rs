//! A login by browser (RFC 6749 4.1): it comes back to the listener, or a person pastes where it ended.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::message::{LoggedIn, LoginStep};

use super::board::blank;
use super::flow::Flow;
use super::listener::{Arrival, Listener, Page};
use super::{Pasted, words};
use crate::provider::Failure;
use crate::provider::login::{Authorization, LogIn, Response};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Who brought an answer.
enum Bringer {
    Browser(Arrival),
    Person(Pasted),
}

/// An answer that is ours.
struct Answer {
    /// Its code, or why there is none.
    code: Result<Secret, Failure>,
    /// The browser that brought it, and waits for a page.
    browser: Option<Arrival>,
}

impl Flow {
    /// A login by a browser on this machine, or elsewhere.
    pub(super) async fn by_browser(
        &mut self,
        log_in: &dyn LogIn,
        is_here: bool,
    ) -> Result<LoggedIn, Failure> {
        let redirect = log_in.redirect();
        let (mut listener, port) = match (Listener::bind(&redirect).await, redirect.port) {
            (Ok(listener), _) => {
                let port = listener.port();
                (Some(listener), port)
            }
            // Where the browser is elsewhere nobody needs to listen; its address must only be the right one.
            (Err(failure), Some(port)) if !is_here => {
                self.board.note(failure.message);
                (None, port)
            }
            (Err(failure), _) => return Err(failure),
        };
        let began = self.clock.now();
        let authorization = log_in.authorize(&redirect.uri(port), began).await?;
        let deadline = began.steady.after(PATIENCE);
        let (step, message) = if is_here {
            (LoginStep::BROWSER, words::open_here())
        } else {
            (LoginStep::REDIRECT, words::open_elsewhere())
        };
        let url = authorization.url.to_string();
        self.board.show(LoginStep { url, takes_redirect: true, message, ..blank(step) }, deadline);

        let answer = {
            let clock = Arc::clone(&self.clock);
            tokio::select! {
                answer = self.answer(&authorization, listener.as_mut()) => answer,
                () = clock.reach(deadline) => return Err(words::nobody_came(PATIENCE)),
            }
        };
        if answer.code.is_ok() {
            self.board.note(words::answer_has_come());
        }
        let result = self.redeem(authorization, answer.code, listener.as_mut()).await;
        if let Some(browser) = answer.browser {
            let account = &self.account.name;
            browser.show(match &result {
                Ok(_) => Page::done(account),
                Err(failure) => Page::failed(account, &failure.message, &words::hint(account, failure)),
            });
        }
        if let Some(listener) = listener {
            listener.finish();
        }
        result
    }

    /// The answer that repeats our state. Any other is turned away, and the login goes on.
    async fn answer(&mut self, authorization: &Authorization, mut listener: Option<&mut Listener>) -> Answer {
        loop {
            let bringer = self.bringer(listener.as_deref_mut()).await;
            let query = match &bringer {
                Bringer::Browser(arrival) => &arrival.query,
                Bringer::Person(pasted) => &pasted.query,
            };
            let response = authorization.read(&query.expose());
            let (response, bringer) = match (response, bringer) {
                (Response::Code(code), bringer) => (Ok(code), bringer),
                (Response::Failed(failure), bringer) => (Err(failure), bringer),
                (Response::OtherIssuer(failure), Bringer::Browser(arrival)) => {
                    (Err(failure), Bringer::Browser(arrival))
                }
                (Response::Foreign, Bringer::Browser(arrival)) => {
                    arrival.show(Page::foreign());
                    self.board.note(words::foreign_answer());
                    continue;
                }
                (Response::Unfinished, Bringer::Browser(arrival)) => {
                    arrival.show(Page::unfinished());
                    self.board.note(words::unfinished_answer());
                    continue;
                }
                (Response::Foreign, Bringer::Person(pasted)) => {
                    let _ = pasted.answer.send(Err(words::foreign_redirect(&self.account.name)));
                    continue;
                }
                (Response::OtherIssuer(failure), Bringer::Person(pasted)) => {
                    let wrong = words::redirect_of_another_issuer(&self.account.name, &failure);
                    let _ = pasted.answer.send(Err(wrong));
                    continue;
                }
                (Response::Unfinished, Bringer::Person(pasted)) => {
                    let uri = &authorization.redirect_uri;
                    let _ = pasted.answer.send(Err(words::unfinished_redirect(&self.account.name, uri)));
                    continue;
                }
            };
            let browser = match bringer {
                Bringer::Browser(arrival) => Some(arrival),
                Bringer::Person(pasted) => {
                    let _ = pasted.answer.send(Ok(()));
                    None
                }
            };
            return Answer { code: response, browser };
        }
    }

    async fn bringer(&mut self, listener: Option<&mut Listener>) -> Bringer {
        let came_back = async {
            match listener {
                Some(listener) => listener.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            arrival = came_back => Bringer::Browser(arrival),
            Some(pasted) = self.pasted.recv() => Bringer::Person(pasted),
        }
    }

    /// Trades the code, and keeps what it brings. Whoever comes with an answer meanwhile is told that it is
    /// over.
    async fn redeem(
        &mut self,
        authorization: Authorization,
        code: Result<Secret, Failure>,
        mut listener: Option<&mut Listener>,
    ) -> Result<LoggedIn, Failure> {
        let code = code?;
        // No longer looked at: who pastes something now is told that the login is over.
        self.pasted.close();
        let this = &*self;
        let mut work = pin!(async move {
            let asking = this.asking();
            let (account, now) = (Arc::clone(&this.account), asking.now);
            let request = async move {
                let log_in = account.provider.login().ok_or_else(words::fault)?;
                log_in.redeem(&authorization, &code, &asking).await
            };
            let minted = this.trade().outcome(request, Some).await?;
            this.keep(now, minted).await
        });
        loop {
            let late = async {
                match listener.as_deref_mut() {
                    Some(listener) => listener.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                result = &mut work => return result,
                arrival = late => arrival.show(Page::over()),
            }
        }
    }
}

/// What a terminal puts around something that was pasted (xterm's bracketed paste mode).
const BRACKETS: [&str; 2] = ["\u{1b}[200~", "\u{1b}[201~"];

/// What people and programs put around an address. None is the end of one: there they are written as %XX.
const QUOTES: &[char] =
    &['"', '\'', '`', '<', '>', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}'];

/// What stands behind the `?` of an address that was pasted, or all of it where it is that; nothing where it
/// cannot be either.
pub(super) fn query_of(pasted: &Secret) -> Option<Secret> {
    let pasted = pasted.expose();
    let text = bare(pasted.as_str()?);
    // Browsers add a fragment; a terminal that breaks lines adds white space, which no address has.
    let text = text.split('#').next()?;
    let query = match text.split_once('?') {
        Some((_, query)) => query,
        None if text.contains("://") => return None,
        None => text,
    };
    let bytes: Vec<u8> = query.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if bytes.contains(&b'=') { Secret::new(bytes).ok() } else { None }
}

/// The same without what is around it, in whatever order.
fn bare(mut text: &str) -> &str {
    loop {
        let mut inner = text.trim().trim_matches(QUOTES);
        for bracket in BRACKETS {
            inner = inner.trim_start_matches(bracket).trim_end_matches(bracket);
        }
        if inner.len() == text.len() {
            return text;
        }
        text = inner;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_is_an_address_or_its_query() {
        let of = |text: &str| {
            let secret = Secret::new(text.as_bytes().to_vec()).expect("short");
            query_of(&secret).map(|query| query.expose().as_str().map(str::to_owned).expect("text"))
        };
        for text in [
            "http://127.0.0.1:8400/?code=c&state=s",
            "  http://127.0.0.1:8400/callback?code=c&state=s#_=_\n",
            "http://127.0.0.1:8400/?code=c\n&state=s",
            "127.0.0.1:8400/?code=c&state=s",
            "?code=c&state=s",
            "code=c&state=s",
            "\"http://127.0.0.1:8400/?code=c&state=s\"",
            "'http://127.0.0.1:8400/?code=c&state=s'\n",
            "<http://127.0.0.1:8400/?code=c&state=s#_=_>",
            "\u{201c}code=c&state=s\u{201d}",
            "\u{1b}[200~http://127.0.0.1:8400/?code=c&state=s\u{1b}[201~\n",
            " <\"\u{1b}[200~ 'http://127.0.0.1:8400/?code=c&state=s' \u{1b}[201~",
            "http://127.0.0.1:8400/?code=c&state=s>",
        ] {
            assert_eq!(of(text).as_deref(), Some("code=c&state=s"), "{text}");
        }
        for text in [
            "",
            "c",
            "\"<>\"",
            "\u{1b}[200~\u{1b}[201~",
            "http://127.0.0.1:8400/",
            "http://127.0.0.1:8400/?",
            "https://a.example/x=y",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
