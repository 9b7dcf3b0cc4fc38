//! Two hours of tokens that live ten seconds, each with a refresh token that is good for one use: in
//! simulated time, with a real disk and a daemon that is stopped and started again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use super::keeping::put;
use super::*;
use crate::clock::{Clock, Moment, Steady, Wall};
use crate::provider::Failure;
use crate::provider::stand_in::with_table;
use crate::secret::Source;
use crate::secret::store::Store;

/// How long a token lives.
const LIFE: Duration = Duration::from_secs(10);

/// How long it all goes on.
const TWO_HOURS: u32 = 2 * 3600;

/// The daemon is stopped and started so often, in seconds.
const RESTART_EVERY: u32 = 600;

/// A service that forgives nothing: a refresh token that is sent a second time ends the login.
#[derive(Debug)]
struct Strict {
    source: Source,
    clock: SimulatedClock,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// How often each refresh token was sent, by its number; the newest is one more than the last.
    sent: Vec<usize>,
    /// When each access token dies.
    ends: BTreeMap<String, Steady>,
    has_ended: bool,
}

impl Strict {
    fn new(home: &Path, clock: &SimulatedClock) -> Arc<Self> {
        let path = home.join("refresh-token");
        put(&path, "r0");
        let mut source = None;
        with_table(&format!("refresh_token = {{ file = {path:?} }}"), |table| {
            source = Source::read(table, "refresh_token", &crate::secret::Reach::default());
        });
        Arc::new(Self { source: source.unwrap(), clock: clock.clone(), book: Mutex::default() })
    }

    fn is_live(&self, token: &str) -> bool {
        let book = self.book.lock().unwrap();
        !book.has_ended && book.ends[token] > self.clock.now().steady
    }
}

impl Provider for Strict {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            let sent = request.refresh_token.as_ref().unwrap().expose().as_str().unwrap().to_owned();
            let number: usize = sent[1..].parse().unwrap();
            // The answer is on its way for a while.
            tokio::task::yield_now().await;
            let mut book = self.book.lock().unwrap();
            if number != book.sent.len() || book.has_ended {
                book.has_ended = true;
                book.sent[number] += 1;
                return Err(Failure::login_needed("invalid-grant", "an old refresh token", "log in"));
            }
            book.sent.push(1);
            let token = format!("t{}", number + 1);
            book.ends.insert(token.clone(), self.clock.now().after(LIFE).steady);
            Ok(Minted {
                lifetime: Some(LIFE),
                refresh_token: Some(Secret::new(format!("r{}", number + 1).into_bytes()).unwrap()),
                ..Minted::of(Secret::new(token.into_bytes()).unwrap())
            })
        })
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    fn first_refresh_token(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A daemon on this home.
async fn begin(home: &Path, clock: &SimulatedClock, service: &Arc<Strict>) -> Keeper {
    let cabinet = Cabinet::new(&home.join("state"), Arc::new(Store::at(&home.join("data"))));
    let keeper = Keeper::start(Arc::new(clock.clone()), Some(cabinet));
    let mut definition = Definition {
        provider: Arc::clone(service) as Arc<dyn Provider>,
        ..definition("a", &Gate::new("unused"), 'x', 60)
    };
    definition.policy.refresh = Refresh::Eager;
    keeper.reconfigure(vec![definition]).await.unwrap();
    keeper
}

#[tokio::test]
async fn two_hours_of_ten_second_tokens_cost_one_request_a_rotation_and_lose_none() {
    let home = tempfile::tempdir().unwrap();
    let clock = SimulatedClock::at(Moment { wall: Wall(1_700_000_000_000), steady: Steady(1_000_000_000) });
    let service = Strict::new(home.path(), &clock);
    let mut keeper = begin(home.path(), &clock, &service).await;
    let mut served = Vec::new();
    for second in 1..=TWO_HOURS {
        // Whoever asks waits for a token that has the wished life left; time stands meanwhile.
        let asked = token(&keeper, "a").await;
        assert!(service.is_live(&asked), "second {second}: a dead token was served");
        if served.last() != Some(&asked) {
            served.push(asked);
        }
        let held = keeper.account("a").unwrap().shared.snapshot();
        if let Some(at_once) = held.serve(Need::Wish, clock.now()) {
            let at_once = at_once.fields[0].1.expose().as_str().unwrap().to_owned();
            assert!(service.is_live(&at_once), "second {second}: a dead token is at hand");
        }
        if second % RESTART_EVERY == 0 {
            keeper.stop_spending().await.unwrap();
            keeper.flush().await.unwrap();
            drop(keeper);
            keeper = begin(home.path(), &clock, &service).await;
        }
        clock.advance(Duration::from_secs(1));
    }
    keeper.stop_spending().await.unwrap();

    let book = service.book.lock().unwrap();
    assert!(!book.has_ended);
    assert!(book.sent.iter().all(|times| *times == 1), "{:?}", book.sent);
    // Every token that was given was served, in order; of the last one nobody may have asked yet.
    let given: Vec<String> = (1..=book.sent.len()).map(|number| format!("t{number}")).collect();
    assert!(
        given.starts_with(&served) && given.len() - served.len() <= 1,
        "{} {}",
        given.len(),
        served.len()
    );
    // After 7.5 s at the earliest; at the latest when a caller finds less than the wish left, a fifth of it.
    let (most, fewest) = (TWO_HOURS * 10 / 75 + 1, TWO_HOURS / 9);
    assert!((fewest..=most).contains(&u32::try_from(given.len()).unwrap()), "{} rotations", given.len());
}
