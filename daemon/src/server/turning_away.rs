//! Who waits at a socket that nobody will serve is told so at once.

use std::time::Duration;

use tokend_proto::Answer;
use tokend_proto::message::{Code, Failure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::platform::{self, Listener, Stream};

/// Nobody has come for so long: nobody waits any more.
const SOON: Duration = Duration::from_millis(50);

/// However many come, it ends: who comes later is told by the next one, or by systemd.
const LONGEST: Duration = Duration::from_secs(1);

/// Gives everybody who waits at the listener the reason why nobody is served. What waited there unaccepted would make
/// systemd start another daemon at once.
pub async fn turn_away(listener: &Listener, why: &str, hint: &str) {
    let failure = Failure {
        code: Code::NO_DAEMON,
        kind: "cannot-start".to_owned(),
        message: format!("tokend cannot start: {why}"),
        hint: hint.to_owned(),
        next_try_in_ms: None,
    };
    // 0 is the id of an answer to what was not read.
    let Ok(frame) = Answer::Failure(failure).frame(0, true) else { return };
    let all = async {
        while let Ok(Ok(stream)) = tokio::time::timeout(SOON, platform::accept(listener)).await {
            // Who has gone needs no reason, and a new connection has room for one.
            let _ = tokio::time::timeout(SOON, tell(stream, &frame)).await;
        }
    };
    let _ = tokio::time::timeout(LONGEST, all).await;
}

/// Whoever is about to ask would find the connection closed: what is asked is read first.
async fn tell(mut stream: Stream, frame: &[u8]) -> std::io::Result<()> {
    stream.write_all(frame).await?;
    let mut asked = [0; 1024];
    while stream.read(&mut asked).await? > 0 {}
    Ok(())
}
