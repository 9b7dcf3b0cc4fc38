//! Stories of one grant: what is sent, what is on disk by then, and when it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use super::*;
use crate::clock::Wall;
use crate::provider::Revoked;

/// A grant, its disk, and its service, which do what the story says.
struct Story {
    grant: Grant,
    now: Moment,
    in_hand: Option<Steady>,
    /// Another life's is the token in hand.
    asker_has_none: bool,
    source: Result<&'static str, Failure>,
    disk: Option<Kept>,
    /// How the disk refuses.
    refuses: Option<Unwritten>,
    /// What happened, in words.
    log: Vec<String>,
    sending: bool,
    /// The life that has its turn waits here, if turns are not given at once.
    holds_turns: bool,
    held: Vec<Want>,
    origin: Origin,
    /// What the service says to a revocation; nothing yet, if the test answers.
    revoked: Option<Result<Revoked, Failure>>,
    /// How many fields and warnings the tokens had that were served.
    served: Vec<(usize, usize)>,
}

fn secret(text: &str) -> Arc<Secret> {
    Arc::new(Secret::new(text.as_bytes().to_vec()).unwrap())
}

fn text(secret: &Secret) -> String {
    secret.expose().as_str().unwrap().to_owned()
}

fn want(life: u64) -> Want {
    Want { life, generation: 1 }
}

fn failure(class: Class, carried_out: CarriedOut) -> Failure {
    let failure = Failure::not_now("test", "it did not work", "do something").perhaps(carried_out);
    Failure { class, ..failure }
}

impl Story {
    fn new() -> Self {
        Self {
            grant: Grant::new(1, Origin::Source),
            now: Moment { wall: Wall(1_000_000), steady: Steady(1_000_000) },
            in_hand: None,
            asker_has_none: false,
            source: Ok("r0"),
            disk: None,
            refuses: None,
            log: Vec::new(),
            sending: false,
            holds_turns: false,
            held: Vec::new(),
            origin: Origin::Source,
            revoked: Some(Ok(Revoked::Done)),
            served: Vec::new(),
        }
    }

    /// Of an account whose refresh token comes from a person's login.
    fn of_logins() -> Self {
        let source = Err(failure(Class::LoginNeeded, CarriedOut::No));
        Self { grant: Grant::new(1, Origin::Login), origin: Origin::Login, source, ..Self::new() }
    }

    /// A person logs in; the token lives so many seconds, the login's term is so many.
    fn log_in(&mut self, token: Option<&str>, lives: Option<u64>, term: Option<u64>) {
        let minted = Minted {
            refresh_token: token.map(|text| Secret::new(text.as_bytes().to_vec()).unwrap()),
            lifetime: lives.map(Duration::from_secs),
            ..Minted::of(Secret::new(b"access".to_vec()).unwrap())
        };
        let until = term.map(|seconds| self.now.wall.after(Duration::from_secs(seconds)));
        self.tell(Event::LoggedIn(Box::new(NewLogin { requested: self.now, minted, until })));
    }

    /// Everything in memory is gone.
    fn crash(&mut self) {
        self.grant = Grant::new(2, self.origin);
        self.sending = false;
        self.log.push("crash".to_owned());
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.tell(Event::Tick);
    }

    fn tell(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let of_the_asker = self.in_hand.filter(|_| !self.asker_has_none);
            let in_hand = InHand { of_any: self.in_hand, of_the_asker };
            let effects = self.grant.handle(event, self.now, in_hand);
            for effect in effects {
                events.extend(self.carry_out(effect));
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Load => Some(Event::Loaded(Ok(self.disk.clone()))),
            Effect::ReadSource(_) => Some(Event::Sourced(self.source.clone().map(secret))),
            Effect::TakeTurn(want) if self.holds_turns => {
                self.held.push(want);
                None
            }
            Effect::TakeTurn(want) => Some(Event::Turn(want)),
            Effect::Write(kept) => {
                let (token, sendings) = (text(&kept.token), kept.sendings);
                if let Some(refusal) = &self.refuses {
                    self.log.push(format!("refused {token} {sendings}"));
                    return Some(Event::Written(Err(refusal.clone())));
                }
                self.log.push(format!("disk {token} {sendings}"));
                self.disk = Some(kept);
                Some(Event::Written(Ok(())))
            }
            Effect::Remove => {
                if let Some(refusal) = &self.refuses {
                    self.log.push("refused removal".to_owned());
                    return Some(Event::Written(Err(refusal.clone())));
                }
                self.log.push("removed".to_owned());
                self.disk = None;
                Some(Event::Written(Ok(())))
            }
            Effect::Revoke(token) => {
                self.log.push(format!("revoke {}", token.map_or("nothing".to_owned(), |it| text(&it))));
                self.revoked.clone().map(Event::Revoked)
            }
            Effect::LoggedIn(login) => {
                let left = login.minted.lifetime.map_or("ever".to_owned(), |left| left.as_secs().to_string());
                self.log.push(format!("logged in for {left}"));
                None
            }
            Effect::LoggedOut(result) => {
                let end = result.map_or_else(|failure| failure.kind.to_owned(), |it| format!("{it:?}"));
                self.log.push(format!("logged out {end}"));
                None
            }
            Effect::Send(want, token) => {
                self.log.push(format!("send {} for {}", text(&token), want.life));
                self.sending = true;
                None
            }
            Effect::Done { want, result, .. } => {
                self.served.extend(result.iter().map(|minted| (minted.fields.len(), minted.warnings.len())));
                self.log.push(match result {
                    Ok(_) => format!("served {}", want.life),
                    Err(failure) => {
                        let wait = failure.retry_after.map(|wait| format!(" after {}", wait.as_secs()));
                        format!("failed {} {}{}", want.life, failure.kind, wait.unwrap_or_default())
                    }
                });
                None
            }
        }
    }

    fn wanted(&mut self, life: u64) {
        self.tell(Event::Wanted(want(life)));
    }

    fn answered(&mut self, result: Result<Option<&'static str>, Failure>) {
        assert!(std::mem::take(&mut self.sending), "nothing was sent: {:?}", self.log);
        let result = result.map(|rotated| Minted {
            refresh_token: rotated.map(|text| Secret::new(text.as_bytes().to_vec()).unwrap()),
            ..Minted::of(Secret::new(b"access".to_vec()).unwrap())
        });
        self.tell(Event::Answered { requested: self.now, result });
    }

    fn lost(&mut self) {
        self.answered(Err(failure(Class::NotNow, CarriedOut::AnswerLost)));
    }

    fn refused(&mut self) {
        self.answered(Err(failure(Class::LoginNeeded, CarriedOut::No)));
    }

    #[track_caller]
    fn said(&mut self, lines: &[&str]) {
        assert_eq!(std::mem::take(&mut self.log), lines);
    }

    /// A token is in hand for so long.
    fn hold(&mut self, seconds: u64) {
        self.in_hand = Some(self.now.steady.after(Duration::from_secs(seconds)));
    }
}

#[test]
fn the_intent_is_on_disk_before_and_the_new_refresh_token_before_the_access_token_is_served() {
    let mut story = Story::new();
    story.wanted(1);
    story.said(&["disk r0 1", "send r0 for 1"]);
    story.answered(Ok(Some("r1")));
    story.said(&["disk r1 0", "served 1"]);
    story.wanted(1);
    story.said(&["disk r1 1", "send r1 for 1"]);
    // This service keeps its refresh token.
    story.answered(Ok(None));
    story.said(&["disk r1 0", "served 1"]);
}

#[test]
fn a_new_refresh_token_is_kept_also_where_the_access_token_that_came_with_it_is_of_no_use() {
    let mut story = Story::new();
    story.wanted(1);
    let new = Secret::new(b"r1".to_vec()).unwrap();
    story.answered(Err(failure(Class::Doubtful, CarriedOut::No).with_rotated(Some(new))));
    story.said(&["disk r0 1", "send r0 for 1", "disk r1 0", "failed 1 test"]);
    story.wanted(1);
    story.said(&["disk r1 1", "send r1 for 1"]);
}

#[test]
fn one_after_another_each_with_the_newest() {
    let mut story = Story::new();
    for life in 1..=3 {
        story.wanted(life);
    }
    story.said(&["disk r0 1", "send r0 for 1"]);
    story.answered(Ok(Some("r1")));
    story.said(&["disk r1 0", "served 1", "disk r1 1", "send r1 for 2"]);
    story.answered(Ok(Some("r2")));
    story.said(&["disk r2 0", "served 2", "disk r2 1", "send r2 for 3"]);
}

#[test]
fn a_request_that_was_not_carried_out_costs_nothing() {
    let mut story = Story::new();
    for _ in 0..5 {
        story.wanted(1);
        story.answered(Err(failure(Class::NotNow, CarriedOut::No)));
        story.said(&["disk r0 1", "send r0 for 1", "disk r0 0", "failed 1 test"]);
    }
}

#[test]
fn after_a_lost_answer_the_token_in_hand_is_served_to_its_end_and_then_it_is_sent_once_more_only() {
    let mut story = Story::new();
    story.hold(100);
    story.wanted(1);
    story.lost();
    story.said(&["disk r0 1", "send r0 for 1", "failed 1 test after 100"]);
    story.pass(60);
    story.wanted(2);
    story.said(&["failed 2 refresh-in-doubt after 40"]);
    story.pass(40);
    story.wanted(1);
    story.said(&["disk r0 2", "send r0 for 1"]);
    story.lost();
    story.said(&["disk r0 2", "failed 1 grant-lost"]);
    story.wanted(1);
    story.said(&["failed 1 grant-lost"]);
    story.crash();
    story.wanted(1);
    story.said(&["crash", "failed 1 grant-lost"]);
}

#[test]
fn a_service_that_honours_the_second_sending_saves_the_login() {
    let mut story = Story::new();
    story.wanted(1);
    story.lost();
    story.wanted(1);
    story.answered(Ok(Some("r1")));
    story.said(&[
        "disk r0 1",
        "send r0 for 1",
        "failed 1 test",
        "disk r0 2",
        "send r0 for 1",
        "disk r1 0",
        "served 1",
    ]);
}

#[test]
fn an_outage_at_the_second_sending_is_waited_for_but_a_gateway_is_not() {
    let mut story = Story::new();
    story.wanted(1);
    story.lost();
    for _ in 0..3 {
        story.wanted(1);
        story.answered(Err(failure(Class::NotNow, CarriedOut::No)));
    }
    story.log.clear();
    story.wanted(1);
    story.answered(Err(failure(Class::NotNow, CarriedOut::Unclear)));
    story.said(&["disk r0 2", "send r0 for 1", "disk r0 2", "failed 1 grant-lost"]);
}

#[test]
fn what_a_gateway_answers_spares_the_token_in_hand_and_loses_nothing() {
    let mut story = Story::new();
    story.hold(50);
    story.wanted(1);
    story.answered(Err(failure(Class::NotNow, CarriedOut::Unclear)));
    story.said(&["disk r0 1", "send r0 for 1", "disk r0 0", "failed 1 test after 50"]);
    story.crash();
    story.wanted(1);
    story.said(&["crash", "failed 1 refresh-in-doubt after 50"]);
    story.pass(50);
    for _ in 0..5 {
        story.wanted(1);
        story.answered(Err(failure(Class::NotNow, CarriedOut::Unclear)));
    }
    story.wanted(1);
    story.log.clear();
    story.answered(Ok(Some("r1")));
    story.said(&["disk r1 0", "served 1"]);
}

#[test]
fn a_crash_while_it_is_sent_is_a_lost_answer() {
    let mut story = Story::new();
    story.wanted(1);
    story.crash();
    story.hold(10);
    story.wanted(1);
    story.said(&["disk r0 1", "send r0 for 1", "crash", "failed 1 refresh-in-doubt after 10"]);
    story.pass(10);
    story.wanted(1);
    story.crash();
    story.said(&["disk r0 2", "send r0 for 1", "crash"]);
    story.wanted(1);
    story.said(&["disk r0 2", "failed 1 grant-lost"]);
}

#[test]
fn a_refusal_ends_the_grant_for_good_unless_its_source_has_changed() {
    let mut story = Story::new();
    story.wanted(1);
    story.refused();
    story.said(&["disk r0 1", "send r0 for 1", "disk r0 1", "failed 1 test"]);
    story.wanted(1);
    story.crash();
    story.wanted(1);
    story.said(&["failed 1 invalid-grant", "crash", "failed 1 invalid-grant"]);
    story.source = Ok("s0");
    story.wanted(1);
    story.said(&["disk s0 1", "send s0 for 1"]);
    // Somebody puts a newer one there, just when the old one is refused.
    story.source = Ok("t0");
    story.refused();
    story.said(&["disk t0 1", "send t0 for 1"]);
    story.answered(Ok(None));
    story.said(&["disk t0 0", "served 1"]);
}

#[test]
fn a_changed_source_wins_over_what_was_kept_and_a_missing_one_does_not_matter() {
    let mut story = Story::new();
    story.wanted(1);
    story.answered(Ok(Some("r1")));
    story.source = Err(Failure::source("secret-file", "there is no such file", "make it"));
    story.crash();
    story.log.clear();
    story.wanted(1);
    story.said(&["disk r1 1", "send r1 for 1"]);
    story.answered(Ok(Some("r2")));
    story.source = Ok("s0");
    story.log.clear();
    story.wanted(1);
    story.said(&["disk s0 1", "send s0 for 1"]);
}

#[test]
fn without_a_source_and_without_what_was_kept_nothing_is_sent() {
    let mut story = Story::new();
    story.source = Err(Failure::source("secret-file", "there is no such file", "make it"));
    story.wanted(1);
    story.said(&["failed 1 secret-file"]);
}

#[test]
fn what_is_kept_and_cannot_be_read_may_be_newer_so_nothing_is_sent() {
    let mut story = Story::new();
    let effects = story.grant.handle(Event::Wanted(want(1)), story.now, InHand::default());
    assert!(matches!(effects[..], [Effect::Load]));
    story.tell(Event::Loaded(Err(Failure::not_now("kept-state", "the disk hangs", "mend it"))));
    story.said(&["failed 1 kept-state"]);
}

#[test]
fn a_disk_that_refuses_stops_no_refresh_and_is_written_when_it_can_be() {
    let mut story = Story::new();
    story.refuses = Some(Unwritten::Refused("the disk is full".to_owned()));
    story.wanted(1);
    story.answered(Ok(Some("r1")));
    story.said(&["refused r0 1", "send r0 for 1", "refused r1 0", "served 1"]);
    assert_eq!(story.grant.risk(), Some("the disk is full"));
    assert!(!story.grant.is_spare());
    story.tell(Event::Locked);
    story.pass(10);
    story.said(&["refused r1 0"]);
    story.refuses = None;
    let wait = story.now.steady.until(story.grant.deadline().unwrap());
    story.pass(wait.as_secs() + 1);
    story.said(&["disk r1 0"]);
    assert_eq!((story.grant.risk(), story.grant.deadline()), (None, None));
}

#[test]
fn while_the_store_is_locked_nothing_is_spent() {
    let mut story = Story::new();
    story.refuses = Some(Unwritten::Locked);
    story.wanted(1);
    story.said(&["refused r0 1", "failed 1 locked"]);
    story.refuses = None;
    story.wanted(1);
    story.said(&["disk r0 1", "send r0 for 1"]);
}

#[test]
fn a_lock_forgets_what_is_on_disk_once_nothing_is_under_way() {
    let mut story = Story::new();
    story.wanted(1);
    story.tell(Event::Locked);
    story.tell(Event::Withdrawn(1));
    assert!(story.grant.is_busy());
    story.answered(Ok(Some("r1")));
    assert!(story.grant.is_spare() && story.grant.kept.is_none());
    story.log.clear();
    story.wanted(1);
    story.said(&["disk r1 1", "send r1 for 1"]);
}

#[test]
fn whoever_leaves_before_it_is_sent_costs_nothing_and_after_it_everything_is_kept() {
    let mut story = Story::new();
    story.holds_turns = true;
    story.wanted(1);
    story.wanted(2);
    story.wanted(3);
    story.tell(Event::Withdrawn(2));
    story.tell(Event::Withdrawn(1));
    assert_eq!(story.held, [want(1), want(3)]);
    // A turn that comes too late is nobody's.
    story.tell(Event::Turn(want(1)));
    story.said(&[]);
    story.tell(Event::Turn(want(3)));
    story.said(&["disk r0 1", "send r0 for 3"]);
    story.tell(Event::Withdrawn(3));
    story.answered(Ok(Some("r1")));
    story.said(&["disk r1 0", "served 3"]);
}

#[test]
fn while_it_waits_for_its_turn_another_life_may_get_a_token_that_is_to_be_spared() {
    let mut story = Story::new();
    story.wanted(1);
    story.crash();
    story.holds_turns = true;
    story.wanted(1);
    story.hold(30);
    story.log.clear();
    story.tell(Event::Turn(want(1)));
    story.said(&["failed 1 refresh-in-doubt after 30"]);
}

#[test]
fn a_stop_begins_nothing_new_and_lets_what_was_sent_come_to_its_end() {
    let mut story = Story::new();
    story.wanted(1);
    story.wanted(2);
    story.tell(Event::Closing);
    story.log.clear();
    story.answered(Ok(Some("r1")));
    story.said(&["disk r1 0", "served 1"]);
    assert!(!story.grant.is_busy());
}

#[test]
fn a_fault_of_our_own_while_it_is_sent_is_a_lost_answer() {
    let mut story = Story::new();
    story.wanted(1);
    story.sending = false;
    story.log.clear();
    story.tell(Event::Broke(failure(Class::NotNow, CarriedOut::No)));
    story.said(&["failed 1 test"]);
    story.wanted(1);
    story.said(&["disk r0 2", "send r0 for 1"]);
}

#[test]
fn a_stop_writes_what_is_not_on_disk_without_waiting_for_its_time() {
    let mut story = Story::new();
    story.refuses = Some(Unwritten::Refused("the disk is full".to_owned()));
    for rotated in ["r1", "r2", "r3", "r4"] {
        story.wanted(1);
        story.answered(Ok(Some(rotated)));
    }
    story.refuses = None;
    story.log.clear();
    assert!(story.grant.deadline().unwrap() > story.now.steady);
    story.tell(Event::Closing);
    story.said(&["disk r4 0"]);
    assert!(story.grant.is_spare());
}

#[test]
fn once_the_store_is_open_what_is_not_on_disk_is_written() {
    let mut story = Story::new();
    story.wanted(1);
    story.refuses = Some(Unwritten::Locked);
    story.answered(Ok(Some("r1")));
    story.refuses = None;
    story.log.clear();
    story.tell(Event::Writable);
    story.said(&["disk r1 0"]);
    assert_eq!(story.grant.risk(), None);
}

#[test]
fn a_source_that_says_something_else_each_time_costs_one_more_request_at_a_time() {
    let mut story = Story::new();
    story.wanted(1);
    story.source = Ok("s0");
    story.refused();
    story.said(&["disk r0 1", "send r0 for 1", "disk s0 1", "send s0 for 1"]);
    story.source = Ok("t0");
    story.refused();
    story.said(&["disk s0 1", "failed 1 test"]);
    // The next attempt takes it.
    story.tell(Event::Wanted(Want { life: 1, generation: 2 }));
    story.said(&["disk t0 1", "send t0 for 1"]);
}

#[test]
fn nothing_is_sent_for_who_has_left_nor_at_a_stop_though_its_source_has_changed() {
    for event in [Event::Withdrawn(1), Event::Closing] {
        let mut story = Story::new();
        story.wanted(1);
        story.tell(event);
        story.source = Ok("s0");
        story.refused();
        story.said(&["disk r0 1", "send r0 for 1", "disk r0 1", "failed 1 test"]);
        assert!(!story.grant.is_busy());
        story.crash();
        story.wanted(2);
        story.said(&["crash", "disk s0 1", "send s0 for 2"]);
    }
}

mod people;
