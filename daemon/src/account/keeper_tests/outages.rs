//! A service that is not ready, and what callers say meanwhile.

use super::*;
use crate::provider::{CarriedOut, Failure};

/// Gives one token, then breaks over every request.
#[derive(Debug, Default)]
struct Breaking(AtomicUsize);

impl Provider for Breaking {
    fn mint<'a>(&'a self, _: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(async move {
            if self.0.fetch_add(1, Ordering::SeqCst) > 0 {
                let failure = Failure::not_now("service-error", "it broke", "");
                return Err(failure.after(Some(Duration::from_secs(600))).perhaps(CarriedOut::Unclear));
            }
            Ok(Minted {
                lifetime: Some(Duration::from_secs(3600)),
                ..Minted::of(Secret::new(b"t".to_vec()).unwrap())
            })
        })
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_rejection_is_no_way_around_the_pause_that_a_broken_service_wants() {
    let (keeper, clock) = keeper();
    let service = Arc::new(Breaking::default());
    let provider = Arc::clone(&service) as Arc<dyn Provider>;
    keeper
        .reconfigure(vec![Definition { provider, ..definition("a", &Gate::new("unused"), 'x', 60) }])
        .await
        .unwrap();
    assert_eq!(token(&keeper, "a").await, "t");
    clock.advance(Duration::from_secs(10));
    keeper.refresh("a", WAIT).await.unwrap();
    clock.advance(Duration::from_secs(10));
    keeper.reject("a", crate::secret::digest(b"", &Secret::new(b"t".to_vec()).unwrap())).await.unwrap();
    match keeper.ask("a", Variant::default(), Need::Wish, WAIT).await {
        Ok(Reply::Failure(failure)) => assert_eq!(failure.code, Code::NOT_NOW),
        other => panic!("expected a failure, got {other:?}"),
    }
    assert_eq!(service.0.load(Ordering::SeqCst), 2);
}
