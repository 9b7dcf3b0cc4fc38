//! Two clocks: the wall jumps, the machine sleeps, and neither serves a dead token nor loses a live one (promise 7).

use super::*;
use crate::account::schedule::BACKOFF_CAP;
use crate::account::token::Token;

const SECOND: Duration = Duration::from_secs(1);
const TWO_HOURS: i64 = 7_200_000;

impl Story {
    /// Sets the wall by so many milliseconds. The keeper looks at every life when the system tells of it.
    fn set_wall_by(&mut self, milliseconds: i64) {
        self.set_wall_unseen(milliseconds);
        self.tell(Event::Tick);
    }

    /// The same, and nobody is told.
    fn set_wall_unseen(&mut self, milliseconds: i64) {
        self.now.wall = Wall(self.now.wall.0 + milliseconds);
    }

    /// The token that a reader gets without asking the account's task.
    fn at_once(&self, need: Need) -> Option<String> {
        let snapshot = self.life.snapshot(self.now, self.used);
        let token = snapshot.serve(need, self.now)?;
        Some(String::from_utf8_lossy(&token.fields[0].1.expose()).into_owned())
    }

    /// Asks, and lets so many seconds pass until there is an answer.
    fn ask_and_wait(&mut self) -> (String, usize) {
        let caller = self.ask();
        for _ in 0..3 {
            if self.answers.iter().all(|(id, _)| *id != caller) {
                self.pass(SECOND);
            }
        }
        self.token(caller)
    }
}

/// A token of an hour, ten minutes old.
fn holding(refresh: Refresh) -> Story {
    let mut story = Story::new(refresh);
    if refresh != Refresh::Eager {
        story.ask();
    }
    story.mint("t1", Some(HOUR));
    story.answers.clear();
    story.pass(SECOND * 600);
    story
}

#[test]
fn a_jump_makes_an_eager_account_refresh_at_once() {
    for by in [TWO_HOURS, -TWO_HOURS, 5001, -5001] {
        let mut story = holding(Refresh::Eager);
        story.set_wall_by(by);
        assert_eq!(story.mints.len(), 2, "{by}");
        story.mint("t2", Some(HOUR));
        assert_eq!(story.at_once(Need::Wish).as_deref(), Some("t2"));
        story.pass(SECOND * 2600);
        assert_eq!(story.mints.len(), 2, "and that was all");
    }
}

#[test]
fn up_to_five_seconds_are_no_jump() {
    for by in [5000, -5000] {
        let mut story = holding(Refresh::Eager);
        story.set_wall_by(by);
        assert_eq!((story.mints.len(), story.at_once(Need::Wish).as_deref()), (1, Some("t1")), "{by}");
    }
}

#[test]
fn before_the_next_answer_a_refresh_is_tried_and_its_caller_waits_for_it() {
    for by in [TWO_HOURS, -TWO_HOURS] {
        for refresh in [Refresh::OnDemand, Refresh::Auto, Refresh::Eager] {
            let mut story = holding(refresh);
            story.set_wall_unseen(by);
            assert_eq!(story.at_once(Need::Wish), None, "not without a question");
            assert_eq!(story.at_once(Need::Demand(SECOND)), None);
            let caller = story.ask();
            assert_eq!(story.mints.len(), 2);
            assert!(story.answer(caller).is_none());
            story.mint("t2", Some(HOUR));
            assert_eq!(story.token(caller), ("t2".to_owned(), 0));
            assert_eq!(story.at_once(Need::Wish).as_deref(), Some("t2"));
        }
    }
}

#[test]
fn a_caller_waits_two_seconds_for_that_refresh_then_has_what_is_left_with_a_warning() {
    for by in [TWO_HOURS, -TWO_HOURS] {
        let mut story = holding(Refresh::OnDemand);
        story.set_wall_by(by);
        let caller = story.ask();
        story.pass(Duration::from_millis(1999));
        assert!(story.answer(caller).is_none());
        story.pass(Duration::from_millis(1));
        assert_eq!(story.token(caller), ("t1".to_owned(), 1));
        // Who comes later does not wait for the same request again.
        let caller = story.ask();
        assert_eq!(story.token(caller), ("t1".to_owned(), 1));
        let hasty = story.ask_for(Need::Wish, Duration::from_millis(500));
        assert_eq!(story.token(hasty), ("t1".to_owned(), 1));
        assert_eq!(story.mints.len(), 2);
        story.mint("t2", Some(HOUR));
        assert_eq!(story.at_once(Need::Wish).as_deref(), Some("t2"));
    }
}

#[test]
fn a_caller_that_waits_less_has_it_when_its_time_is_over() {
    let mut story = holding(Refresh::OnDemand);
    story.set_wall_by(TWO_HOURS);
    let hasty = story.ask_for(Need::Wish, Duration::from_millis(700));
    story.pass(Duration::from_millis(700));
    assert_eq!(story.token(hasty), ("t1".to_owned(), 1));
}

#[test]
fn while_the_service_is_down_calls_do_not_try_again_and_the_backoff_does() {
    for by in [TWO_HOURS, -TWO_HOURS] {
        let mut story = holding(Refresh::Eager);
        story.set_wall_by(by);
        story.fail(Class::NotNow);
        let mut asked = 0;
        for _ in 0..1500 {
            let caller = story.ask();
            if story.mints.len() > 2 + asked {
                asked += 1;
                story.fail(Class::NotNow);
            }
            assert_eq!(story.token(caller), ("t1".to_owned(), 1), "nobody waits, nobody goes without");
            story.pass(SECOND);
        }
        assert!(asked <= 15, "{asked} tries in 25 minutes");
        // The service is back.
        story.pass(BACKOFF_CAP * 2);
        story.mint("t2", Some(HOUR));
        assert_eq!(story.at_once(Need::Wish).as_deref(), Some("t2"));
    }
}

#[test]
fn no_live_token_is_lost_by_a_wall_set_ahead_and_none_is_served_after_its_end() {
    let mut story = holding(Refresh::OnDemand);
    story.set_wall_by(TWO_HOURS);
    story.ask();
    story.fail_with(Class::NotNow, Some(HOUR * 9));
    story.pass(SECOND * 2999);
    let caller = story.ask();
    assert_eq!(story.token(caller), ("t1".to_owned(), 1), "in its last second");
    story.pass(SECOND);
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::NOT_NOW);
    assert!(story.life.token_to_keep().is_none());
}

#[test]
fn a_wall_set_back_neither_loops_nor_stalls() {
    let mut story = holding(Refresh::Eager);
    story.set_wall_by(-TWO_HOURS);
    story.mint("t2", Some(HOUR));
    // The next refresh comes at its time by the steady hand, not two hours later.
    story.pass(SECOND * 3060);
    assert_eq!(story.mints.len(), 3);
    story.mint("t3", Some(HOUR));
    story.pass(HOUR * 5);
    assert!(story.mints.len() <= 5, "{:?}", story.mints);
}

#[test]
fn what_only_the_wall_calls_alive_is_served_with_a_warning_while_no_other_can_be_had() {
    let mut story = holding(Refresh::OnDemand);
    story.set_wall_by(-TWO_HOURS);
    story.ask();
    story.fail_with(Class::NotNow, Some(HOUR * 9));
    story.pass(HOUR);
    let caller = story.ask();
    assert_eq!(story.token(caller), ("t1".to_owned(), 1));
    // A demand is for a life that is sure.
    let caller = story.ask_for(Need::Demand(SECOND), Duration::from_secs(5));
    assert_eq!(story.code(caller), Code::NOT_NOW);
    story.pass(HOUR * 2);
    let caller = story.ask();
    assert_eq!(story.code(caller), Code::NOT_NOW, "now both call it dead");
}

#[test]
fn a_demand_is_met_by_what_both_clocks_leave_after_the_try() {
    let mut story = holding(Refresh::OnDemand);
    story.set_wall_by(-TWO_HOURS);
    let demand = Need::Demand(SECOND * 1800);
    let caller = story.ask_for(demand, SECOND * 30);
    assert_eq!(story.mints.len(), 2);
    assert!(story.answer(caller).is_none());
    story.fail(Class::NotNow);
    assert_eq!(story.token(caller), ("t1".to_owned(), 1));
}

#[test]
fn a_suspend_moves_both_hands_and_a_token_that_died_in_it_is_not_served() {
    let mut story = holding(Refresh::OnDemand);
    story.now = story.now.after(SECOND * 2960);
    story.tell(Event::Tick);
    assert_eq!(story.at_once(Need::Wish), None, "less than the wish is left");
    let mut story = holding(Refresh::OnDemand);
    story.now = story.now.after(SECOND * 1800);
    story.tell(Event::Tick);
    assert_eq!((story.at_once(Need::Wish).as_deref(), story.mints.len()), (Some("t1"), 1));
    story.now = story.now.after(HOUR * 12);
    // Whoever is faster than the keeper's timer is not served either.
    assert_eq!(story.at_once(Need::Wish), None);
    let caller = story.ask();
    assert!(story.answer(caller).is_none());
    assert_eq!(story.mints.len(), 2);
}

#[test]
fn a_token_of_unknown_life_and_one_that_cannot_be_renewed_are_served_on() {
    let mut unknown = Story::new(Refresh::Eager);
    unknown.mint("t1", None);
    let mut only = Story::with(Refresh::Eager, false, false);
    only.mint("t1", None);
    let mut ends = Story::with(Refresh::Eager, false, false);
    ends.mint("t1", Some(HOUR * 3));
    for story in [&mut unknown, &mut only, &mut ends] {
        story.pass(SECOND * 10);
        story.set_wall_by(TWO_HOURS);
        assert_eq!((story.at_once(Need::Wish).as_deref(), story.mints.len()), (Some("t1"), 1));
        let caller = story.ask();
        assert_eq!((story.token(caller), story.mints.len()), (("t1".to_owned(), 0), 1));
    }
}

#[test]
fn a_service_that_gives_the_same_token_again_is_asked_once() {
    let mut story = holding(Refresh::Eager);
    story.set_wall_by(TWO_HOURS);
    story.mint("t1", Some(SECOND * 3000));
    for _ in 0..100 {
        let caller = story.ask();
        assert_eq!(story.token(caller), ("t1".to_owned(), 0));
        story.pass(SECOND);
    }
    assert_eq!(story.mints.len(), 2);
}

#[test]
fn a_parked_account_serves_what_is_left_with_a_warning_and_asks_nobody() {
    let mut story = holding(Refresh::Eager);
    story.refresh();
    story.fail(Class::No);
    let before = story.mints.len();
    story.set_wall_by(TWO_HOURS);
    let caller = story.ask();
    assert_eq!((story.token(caller), story.mints.len()), (("t1".to_owned(), 1), before));
}

#[test]
fn clocks_that_disagree_again_and_again_do_not_hammer_the_service() {
    let mut story = holding(Refresh::Eager);
    let mut answered = 1;
    for round in 0..200 {
        story.set_wall_by(if round % 2 == 0 { TWO_HOURS } else { -TWO_HOURS });
        let caller = story.ask();
        // A short pause is waited out.
        for _ in 0..6 {
            if story.mints.len() > answered {
                answered += 1;
                story.mint(&format!("r{round}"), Some(HOUR));
            }
            story.pass(SECOND / 2);
        }
        assert!(story.token(caller).1 <= 1);
    }
    assert!(story.mints.len() <= 14, "{} requests in ten minutes", story.mints.len());
}

#[test]
fn a_few_jumps_in_a_row_each_bring_a_new_token_at_once() {
    let mut story = holding(Refresh::OnDemand);
    for (round, by) in [TWO_HOURS, -TWO_HOURS, 60_000, -60_000].into_iter().enumerate() {
        story.pass(SECOND);
        story.set_wall_by(by);
        let caller = story.ask();
        story.mint(&format!("r{round}"), Some(HOUR));
        assert_eq!(story.token(caller), (format!("r{round}"), 0));
    }
}

#[test]
fn a_jump_right_after_a_request_is_waited_out() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    story.mint("t1", Some(HOUR));
    story.set_wall_by(-TWO_HOURS);
    let caller = story.ask();
    assert_eq!(story.mints.len(), 1, "the smallest gap");
    assert!(story.answer(caller).is_none());
    story.pass(SECOND);
    assert_eq!(story.mints.len(), 2);
    story.mint("t2", Some(HOUR));
    assert_eq!(story.token(caller), ("t2".to_owned(), 0));
}

#[test]
fn a_jump_while_the_request_is_under_way_loses_no_token() {
    for by in [TWO_HOURS, -TWO_HOURS] {
        let mut story = Story::new(Refresh::Eager);
        let caller = story.ask();
        let requested = story.now;
        story.pass(SECOND);
        story.set_wall_by(by);
        let minted = Minted { lifetime: Some(HOUR), ..Minted::of(secret("t1")) };
        story.tell(Event::Minted { generation: 1, requested, result: Ok(minted) });
        // Its life is in dispute already, and another is tried for.
        assert_eq!(story.mints.len(), 2);
        story.fail(Class::NotNow);
        assert_eq!(story.token(caller), ("t1".to_owned(), 1), "{by}");
        assert_eq!(story.ask_and_wait().0, "t1");
    }
}

#[test]
fn a_life_counts_from_before_the_request_was_sent() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    let requested = story.now;
    story.pass(SECOND * 20);
    let minted = Minted { lifetime: Some(SECOND * 60), ..Minted::of(secret("t1")) };
    story.tell(Event::Minted { generation: 1, requested, result: Ok(minted) });
    story.pass(SECOND * 39);
    assert!(story.life.token_to_keep().is_some());
    story.pass(SECOND);
    assert!(story.life.token_to_keep().is_none());
}

#[test]
fn clocks_that_were_trimmed_a_little_over_days_agree() {
    let mut story = Story::new(Refresh::Eager);
    story.mint("t1", Some(HOUR * 24 * 7));
    for _ in 0..24 * 4 {
        story.pass(HOUR);
        story.set_wall_by(50);
        assert_eq!(story.at_once(Need::Wish).as_deref(), Some("t1"));
    }
    assert_eq!(story.mints.len(), 1);
}

#[test]
fn a_kept_token_over_a_jump_is_served_after_a_refresh_was_tried() {
    let policy = policy(Refresh::OnDemand);
    let mut story = Story::begun(Life::new(traits(false, true), policy.clone()).restoring(), policy);
    let kept = story.kept(SECOND * 600, true);
    let ahead = Moment { wall: Wall(kept.token.requested.wall.0 - TWO_HOURS), ..kept.token.requested };
    let token = Token { requested: ahead, ..kept.token };
    story.tell(Event::Restored(Some(Restored { token, ..kept })));
    assert_eq!(story.at_once(Need::Wish), None);
    let caller = story.ask();
    assert_eq!(story.mints.len(), 1);
    story.fail(Class::NotNow);
    assert_eq!(story.token(caller), ("kept".to_owned(), 1));
}

#[test]
fn the_services_own_clock_is_told_and_lengthens_no_life() {
    let mut story = Story::new(Refresh::OnDemand);
    story.ask();
    let date = Some(Wall(story.now.wall.0 - TWO_HOURS));
    let minted = Minted { lifetime: Some(HOUR), date, ..Minted::of(secret("t1")) };
    story.tell(Event::Minted { generation: 1, requested: story.now, result: Ok(minted) });
    let skew = |story: &Story| {
        let clock = story.life.snapshot(story.now, story.used).service_clock;
        clock.map(|clock| clock.skew(story.now))
    };
    assert!(skew(&story).is_some_and(|skew| skew.abs_diff(TWO_HOURS) <= 1000));
    story.pass(HOUR);
    assert!(story.life.token_to_keep().is_none());
    // The wall is put right, and the service tells nothing more: what it told counts on.
    story.set_wall_by(-TWO_HOURS);
    story.ask();
    story.mint("t2", Some(HOUR));
    assert!(skew(&story).is_some_and(|skew| skew.unsigned_abs() <= 1000));
}

#[test]
fn an_exclusive_account_is_asked_for_once_and_by_the_backoff() {
    let mut policy = policy(Refresh::Eager);
    policy.exclusive = true;
    let begin = || Story::begun(Life::new(traits(false, true), policy.clone()), policy.clone());
    let mut story = begin();
    story.mint("t1", Some(HOUR));
    story.pass(SECOND * 600);
    story.set_wall_by(TWO_HOURS);
    assert_eq!(story.mints.len(), 2);
    story.mint("t2", Some(HOUR));
    story.pass(SECOND * 600);
    assert_eq!((story.mints.len(), story.at_once(Need::Wish).as_deref()), (2, Some("t2")));

    let mut story = begin();
    story.mint("t1", Some(HOUR));
    story.pass(SECOND * 600);
    story.set_wall_by(-TWO_HOURS);
    story.fail(Class::NotNow);
    let caller = story.ask();
    assert_eq!((story.token(caller), story.mints.len()), (("t1".to_owned(), 1), 2));
    story.pass(BACKOFF_CAP);
    assert_eq!(story.mints.len(), 3);
}
