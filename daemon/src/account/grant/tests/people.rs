//! Stories of persons who log in and out.

use super::*;
use crate::provider::{ID_TOKEN, jwt};

#[test]
fn without_a_login_nothing_is_sent_and_with_one_its_refresh_token_is() {
    let mut story = Story::of_logins();
    story.wanted(1);
    assert_eq!(story.log, ["failed 1 test"]);
    story.log.clear();
    story.log_in(Some("l0"), Some(60), None);
    assert_eq!(story.log, ["disk l0 0", "logged in for 60"]);
    story.log.clear();
    story.wanted(1);
    story.answered(Ok(Some("l1")));
    assert_eq!(story.log, ["disk l0 1", "send l0 for 1", "disk l1 0", "served 1"]);
    story.crash();
    story.log.clear();
    story.wanted(1);
    story.answered(Ok(None));
    assert_eq!(story.log, ["disk l1 1", "send l1 for 1", "disk l1 0", "served 1"]);
}

#[test]
fn a_login_waits_for_the_request_under_way_and_takes_its_place() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    story.wanted(1);
    story.log.clear();
    story.log_in(Some("m0"), None, None);
    assert!(story.log.is_empty(), "{:?}", story.log);
    story.answered(Ok(Some("l1")));
    assert_eq!(story.log, ["disk l1 0", "served 1", "disk m0 0", "logged in for ever"]);
    assert_eq!(text(&story.disk.clone().unwrap().token), "m0");
    // A grant that the service refused is replaced by the next login, too.
    story.wanted(1);
    story.answered(Err(failure(Class::LoginNeeded, CarriedOut::No)));
    assert_eq!(story.disk.clone().unwrap().ended, Some(End::Refused));
    story.log_in(Some("n0"), None, None);
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["disk n0 1", "send n0 for 1"]);
}

#[test]
fn a_login_without_a_refresh_token_leaves_none_of_an_earlier_one() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    story.log.clear();
    story.log_in(None, Some(60), Some(30));
    assert_eq!(story.log, ["removed", "logged in for 30"]);
    assert!(story.disk.is_none());
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["failed 1 test"]);
}

#[test]
fn a_login_that_cannot_be_written_counts_and_is_at_risk() {
    let mut story = Story::of_logins();
    story.refuses = Some(Unwritten::Refused("the disk is full".to_owned()));
    story.log_in(Some("l0"), None, None);
    assert_eq!(story.log, ["refused l0 0", "logged in for ever"]);
    assert!(story.grant.risk().is_some());
    story.refuses = None;
    story.tell(Event::Writable);
    assert!(story.grant.risk().is_none());
    assert_eq!(text(&story.disk.clone().unwrap().token), "l0");
}

#[test]
fn who_logs_out_leaves_nothing_here_and_nothing_there() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    story.crash();
    story.log.clear();
    story.tell(Event::LogOut { local: false });
    assert_eq!(story.log, ["revoke l0", "removed", "logged out Done"]);
    assert!(story.disk.is_none());
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["failed 1 test"]);
    // Once more: there is nothing to revoke, but perhaps an access token.
    story.log.clear();
    story.tell(Event::LogOut { local: false });
    assert_eq!(story.log, ["revoke nothing", "removed", "logged out Done"]);
    story.log_in(Some("m0"), None, None);
    story.log.clear();
    story.tell(Event::LogOut { local: true });
    assert_eq!(story.log, ["removed", "logged out NotOffered"]);
}

#[test]
fn a_source_that_was_logged_out_is_not_used_until_it_changes() {
    let mut story = Story::new();
    story.tell(Event::LogOut { local: false });
    assert_eq!(story.log, ["revoke r0", "disk - 0", "logged out Done"]);
    story.crash();
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["failed 1 logged-out"]);
    story.source = Ok("s0");
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["disk s0 1", "send s0 for 1"]);
}

#[test]
fn a_service_that_cannot_be_told_leaves_the_login_as_it_is() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    story.revoked = Some(Err(failure(Class::NotNow, CarriedOut::No)));
    story.log.clear();
    story.tell(Event::LogOut { local: false });
    assert_eq!(story.log, ["revoke l0", "logged out test"]);
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["disk l0 1", "send l0 for 1"]);
    story.answered(Ok(None));
    story.log.clear();
    story.refuses = Some(Unwritten::Refused("the disk is full".to_owned()));
    story.tell(Event::LogOut { local: true });
    assert_eq!(story.log, ["refused removal", "logged out login-on-disk"]);
}

#[test]
fn a_file_that_could_not_be_removed_is_removed_later_and_not_at_every_moment() {
    let leaves: [fn(&mut Story); 2] =
        [|story| story.tell(Event::LogOut { local: true }), |story| story.log_in(None, Some(60), None)];
    for leave in leaves {
        let mut story = Story::of_logins();
        story.log_in(Some("l0"), None, None);
        story.refuses = Some(Unwritten::Refused("the disk is read-only".to_owned()));
        leave(&mut story);
        assert!(story.grant.risk().is_none(), "nobody's login would be lost");
        story.log.clear();
        for failures in 1..=3 {
            let due = story.grant.deadline().unwrap();
            assert!(due > story.now.steady, "{failures}");
            story.now = story.now.after(story.now.steady.until(due));
            story.tell(Event::Tick);
        }
        assert_eq!(story.log, ["refused removal"; 3]);
        assert!(story.disk.is_some() && !story.grant.is_spare());
        story.refuses = None;
        story.pass(3600);
        assert!(story.disk.is_none() && story.grant.is_spare());
        assert_eq!(story.grant.deadline(), None);
    }
}

#[test]
fn a_step_of_a_login_that_breaks_down_leaves_nobody_waiting() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    story.revoked = None;
    story.log.clear();
    story.tell(Event::LogOut { local: false });
    story.tell(Event::Broke(failure(Class::NotNow, CarriedOut::No)));
    assert_eq!(story.log, ["revoke l0", "logged out test"]);
    assert!(!story.grant.is_busy());
}

#[test]
fn a_login_ends_with_its_term() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), Some(3600), Some(100));
    assert_eq!(story.log, ["disk l0 0", "logged in for 100"]);
    assert_eq!(story.grant.term(), Some(story.now.wall.after(Duration::from_secs(100))));
    // The token in hand lives to its end: no other is needed.
    story.in_hand = Some(story.now.steady.after(Duration::from_secs(100)));
    story.log.clear();
    story.wanted(1);
    assert_eq!(story.log, ["failed 1 login-ends"]);
    // A token for something else needs one all the same.
    story.asker_has_none = true;
    story.log.clear();
    story.wanted(2);
    assert_eq!(story.log, ["disk l0 1", "send l0 for 2"]);
    story.answered(Ok(Some("l0")));
    story.asker_has_none = false;
    // It was rejected, say: another one, which lives no longer.
    story.in_hand = None;
    story.pass(10);
    story.log.clear();
    story.wanted(1);
    story.answered(Ok(Some("l1")));
    assert_eq!(story.log, ["disk l0 1", "send l0 for 1", "disk l1 0", "served 1"]);
    story.crash();
    story.tell(Event::Look);
    assert_eq!(story.grant.deadline(), Some(story.now.steady.after(Duration::from_secs(90))));
    story.log.clear();
    story.pass(90);
    assert_eq!(story.log, ["disk - 0"]);
    assert_eq!(story.grant.term(), None);
    story.wanted(1);
    assert_eq!(story.log, ["disk - 0", "failed 1 login-over"]);
}

#[test]
fn an_id_token_of_another_person_is_not_served() {
    let id_token = |subject: &str| {
        let claims = serde_json::json!({"sub": subject, "iat": 1, "exp": 2});
        (ID_TOKEN.to_owned(), Secret::new(jwt::testing::forge(&claims).into_bytes()).unwrap())
    };
    let minted = |subject: &str, refresh: &str| {
        let mut minted = Minted::of(Secret::new(b"access".to_vec()).unwrap());
        minted.fields.push(id_token(subject));
        minted.refresh_token = Some(Secret::new(refresh.as_bytes().to_vec()).unwrap());
        minted
    };
    let mut story = Story::of_logins();
    let login = NewLogin { requested: story.now, minted: minted("alice", "l0"), until: None };
    story.tell(Event::LoggedIn(Box::new(login)));
    story.crash();
    for (subject, fields, warnings) in [("alice", 2, 0), ("mallory", 1, 1), ("alice", 2, 0)] {
        story.wanted(1);
        story.served.clear();
        story.tell(Event::Answered { requested: story.now, result: Ok(minted(subject, "l1")) });
        assert_eq!(story.served, [(fields, warnings)], "{subject}");
    }
}

#[test]
fn a_grant_whose_account_was_configured_otherwise_is_left_as_it_is_now() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    // From now on its refresh token comes from a source, which has one that was never used.
    story.grant.comes_from(Origin::Source);
    story.source = Ok("s0");
    story.log.clear();
    story.tell(Event::LogOut { local: true });
    assert_eq!(story.log, ["disk - 0", "logged out NotOffered"]);
}

#[test]
fn a_login_that_cannot_be_read_is_forgotten_all_the_same() {
    let mut story = Story::of_logins();
    story.log_in(Some("l0"), None, None);
    story.crash();
    let effects = story.grant.handle(Event::LogOut { local: true }, story.now, InHand::default());
    assert!(matches!(effects[..], [Effect::Remove]), "{effects:?}");
    story.log.clear();
    story.tell(Event::Written(Ok(())));
    assert_eq!(story.log, ["logged out NotOffered"]);
}
