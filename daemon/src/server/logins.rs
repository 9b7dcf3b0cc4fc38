//! A person logs in: what the login waits for is shown as it comes, until it ends.

use std::sync::Arc;

use tokend_proto::Answer;
use tokend_proto::message::{Failure, Login, LoginRedirect};

use super::Server;
use super::answers::find;
use crate::login::{Participation, Progress};

/// Begins a login, or joins the one that is under way. What comes back ends it when it is dropped, unless others wait
/// for it, too.
pub(super) async fn begin(server: &Arc<Server>, login: &Login) -> Result<Participation, Failure> {
    server.lock.lock_if_overdue().await;
    server.keeper.touch(server.keeper.now().steady);
    server.logins.log_in(find(server, &login.account)?, login)
}

/// What is sent next, and whether it is the last.
pub(super) async fn next(participation: &mut Participation) -> (Answer, bool) {
    match participation.next().await {
        Progress::Step(step) => (Answer::LoginStep(step), false),
        Progress::End(Ok(logged_in)) => (Answer::LoggedIn(logged_in), true),
        Progress::End(Err(failure)) => (Answer::Failure(failure), true),
    }
}

/// Where the browser ended, pasted by a person.
pub(super) async fn redirect(server: &Arc<Server>, redirect: &LoginRedirect) -> Result<Answer, Failure> {
    find(server, &redirect.account)?;
    server.logins.redirect(redirect).await.map(|()| Answer::Done)
}
