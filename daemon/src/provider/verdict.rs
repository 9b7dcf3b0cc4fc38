//! What an answer without a token means: the rows that all services share, and how a type's own table is
//! read.

use std::ops::RangeInclusive;

use super::http::Reply;
use super::words::Words;
use super::{CarriedOut, Class, Failure};

/// One row of a type's table: answers with these statuses and codes mean this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    statuses: RangeInclusive<u16>,
    codes: Codes,
    class: Class,
}

/// Which of the service's own codes a row is for. Case makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// Any, and none.
    All,
    /// Any.
    Told,
    /// One of these.
    These(&'static [&'static str]),
}

impl Row {
    /// For one status, whatever the body says.
    pub(crate) const fn status(status: u16, class: Class) -> Self {
        Self { statuses: status..=status, codes: Codes::All, class }
    }

    /// For these codes with one status.
    pub(crate) const fn codes(status: u16, codes: &'static [&'static str], class: Class) -> Self {
        Self { statuses: status..=status, codes: Codes::These(codes), class }
    }

    /// For these codes, whatever the status.
    pub(crate) const fn codes_anywhere(codes: &'static [&'static str], class: Class) -> Self {
        Self { statuses: 0..=u16::MAX, codes: Codes::These(codes), class }
    }

    /// For every code, whatever the status.
    pub(crate) const fn any_code(class: Class) -> Self {
        Self { statuses: 0..=u16::MAX, codes: Codes::Told, class }
    }

    fn is_for(&self, status: u16, code: Option<&str>) -> bool {
        let said = match self.codes {
            Codes::All => true,
            Codes::Told => code.is_some(),
            Codes::These(codes) => {
                code.is_some_and(|code| codes.iter().any(|known| known.eq_ignore_ascii_case(code)))
            }
        };
        said && self.statuses.contains(&status)
    }
}

/// What an answer means. In this order: what is never a no, whatever a table says; the type's own rows; the
/// rest.
fn classify(rows: &[Row], status: u16, page: bool, code: Option<&str>) -> (Class, &'static str) {
    match status {
        300..=399 => return (Class::NotNow, "redirect"),
        408 | 425 => return (Class::NotNow, "busy"),
        429 => return (Class::NotNow, "rate-limited"),
        500..=599 => return (Class::NotNow, "service-error"),
        // HTML is never a no: a portal, a firewall, a rate limit.
        _ if page => return (Class::NotNow, "page"),
        _ => {}
    }
    if let Some(row) = rows.iter().find(|row| row.is_for(status, code)) {
        return (row.class, kind_of(row.class));
    }
    match status {
        400..=499 => (Class::Doubtful, kind_of(Class::Doubtful)),
        // A success without a token in it, or a status that nobody knows.
        _ => (Class::NotNow, "bad-answer"),
    }
}

fn kind_of(class: Class) -> &'static str {
    match class {
        Class::No => "refused",
        Class::Doubtful => "unclear-refusal",
        Class::NotNow | Class::Source | Class::Locked | Class::LoginNeeded => "service-error",
    }
}

/// Whether the request behind an answer without a token may have been carried out. `told` says that the body
/// held an error's code: then a success was none.
fn carried_out(status: u16, page: bool, told: bool) -> CarriedOut {
    match status {
        // Each says that the request was not taken, whoever says it.
        300..=399 | 408 | 425 | 429 | 503 => CarriedOut::No,
        // A portal's or a firewall's, or the service's own after the fact.
        200..=299 | 400..=499 if page => CarriedOut::Unclear,
        200..=299 if !told => CarriedOut::AnswerLost,
        200..=299 | 400..=499 => CarriedOut::No,
        // It broke over the request, or a gateway does not know what became of it.
        _ => CarriedOut::Unclear,
    }
}

/// The same, where the body did not arrive whole or was too long to read.
pub(crate) fn carried_out_by_status(status: u16) -> CarriedOut {
    match carried_out(status, false, false) {
        // Nobody saw whether it was a page.
        CarriedOut::No if (400..=499).contains(&status) => carried_out(status, true, false),
        carried_out => carried_out,
    }
}

/// Whether a status may be called a refusal by the configuration: a 4xx that is not *not now* for everybody.
pub(crate) fn may_refuse(status: u16) -> bool {
    (400..=499).contains(&status) && classify(&[], status, false, None).0 == Class::Doubtful
}

/// The failure that an answer is, by the shared rows and the type's own. `credentials` names the keys of the
/// configuration that a refusal is about.
pub(crate) fn judge(reply: &Reply, rows: &[Row], words: &Words, credentials: &str) -> Failure {
    let (class, kind) = classify(rows, reply.status, reply.is_page(), words.code());
    let carried_out = carried_out(reply.status, reply.is_page(), words.code().is_some());
    let (host, status) = (&reply.host, reply.status);
    let (message, hint) = match kind {
        "redirect" => {
            (format!("{host} answered with a redirect ({status}), which is not followed"), PORTAL.to_owned())
        }
        "page" => (format!("{host} answered with a page instead of JSON ({status})"), PORTAL.to_owned()),
        "rate-limited" => (format!("{host} wants fewer requests ({status}{words})"), AGAIN.to_owned()),
        "busy" | "service-error" => (format!("{host} is not ready ({status}{words})"), AGAIN.to_owned()),
        "refused" => {
            (format!("{host} refused the credentials ({status}{words})"), format!("check {credentials}"))
        }
        "unclear-refusal" => (
            format!("{host} did not take the request ({status}{words})"),
            format!("check the url and {credentials}; after three such answers tokend waits for a change"),
        ),
        _ => {
            return unusable(reply, &format!("something else than a token{words}")).perhaps(carried_out);
        }
    };
    Failure { class, kind, message, hint, retry_after: reply.retry_after, carried_out, rotated: None }
}

/// The failure that a success is whose body does not hold what it should; `what` it holds instead.
pub(crate) fn unusable(reply: &Reply, what: &str) -> Failure {
    let message = format!("{} answered {} with {what}", reply.host, reply.status);
    Failure::not_now("bad-answer", message, PORTAL).after(reply.retry_after).perhaps(carried_out(
        reply.status,
        reply.is_page(),
        false,
    ))
}

const PORTAL: &str = "check the url; on a public network, log in to its portal first; tokend tries again";
const AGAIN: &str = "tokend tries again by itself";

/// What each type's table is checked with.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// The class of an answer with this status, this body (a page if it begins so), and this code.
    pub(crate) fn class(rows: &[Row], status: u16, body: &str, code: Option<&str>) -> Class {
        let page = Reply::pretend(status, body).is_page();
        classify(rows, status, page, code).0
    }

    /// Checks that no row of a table takes precedence over what is never a no.
    pub(crate) fn respects_the_shared_rows(rows: &[Row], codes: &[&str]) {
        let codes: Vec<_> = codes.iter().map(|code| Some(*code)).chain([None]).collect();
        for code in codes {
            for status in (300..=399).chain([408, 425, 429]).chain(500..=599) {
                assert_eq!(class(rows, status, "", code), Class::NotNow, "{status} {code:?}");
            }
            for status in [200, 400, 401, 403, 404, 419] {
                assert_eq!(class(rows, status, "<html>", code), Class::NotNow, "{status} {code:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::provider::words::{Held, Members};

    #[test]
    fn the_shared_rows() {
        for (status, body, class, kind) in [
            (100, "", Class::NotNow, "bad-answer"),
            (200, "", Class::NotNow, "bad-answer"),
            (204, "", Class::NotNow, "bad-answer"),
            (200, "<html>", Class::NotNow, "page"),
            (200, "{}", Class::NotNow, "bad-answer"),
            (302, "", Class::NotNow, "redirect"),
            (307, "<html>", Class::NotNow, "redirect"),
            (400, "", Class::Doubtful, "unclear-refusal"),
            (401, "{}", Class::Doubtful, "unclear-refusal"),
            (403, "<!doctype html>", Class::NotNow, "page"),
            (404, "", Class::Doubtful, "unclear-refusal"),
            (407, "", Class::Doubtful, "unclear-refusal"),
            (408, "", Class::NotNow, "busy"),
            (425, "", Class::NotNow, "busy"),
            (429, "<html>", Class::NotNow, "rate-limited"),
            (499, "", Class::Doubtful, "unclear-refusal"),
            (500, "", Class::NotNow, "service-error"),
            (503, "<html>", Class::NotNow, "service-error"),
            (599, "{}", Class::NotNow, "service-error"),
            (600, "", Class::NotNow, "bad-answer"),
        ] {
            let failure = judge(&Reply::pretend(status, body), &[], &Words::default(), "x");
            assert_eq!((failure.class, failure.kind), (class, kind), "{status} {body}");
        }
    }

    #[test]
    fn whether_it_was_carried_out() {
        use CarriedOut::{AnswerLost, No, Unclear};
        for (status, plain, page, told) in [
            (200, AnswerLost, Unclear, No),
            (204, AnswerLost, Unclear, No),
            (302, No, No, No),
            (307, No, No, No),
            (400, No, Unclear, No),
            (401, No, Unclear, No),
            (403, No, Unclear, No),
            (404, No, Unclear, No),
            (408, No, No, No),
            (425, No, No, No),
            (429, No, No, No),
            (500, Unclear, Unclear, Unclear),
            (501, Unclear, Unclear, Unclear),
            (502, Unclear, Unclear, Unclear),
            (503, No, No, No),
            (504, Unclear, Unclear, Unclear),
            (599, Unclear, Unclear, Unclear),
            (600, Unclear, Unclear, Unclear),
        ] {
            let found = [(false, false), (true, false), (false, true)]
                .map(|(page, told)| carried_out(status, page, told));
            assert_eq!(found, [plain, page, told], "{status}");
        }
        let by_status = [200, 302, 400, 404, 429, 500, 503].map(carried_out_by_status);
        assert_eq!(by_status, [AnswerLost, No, Unclear, Unclear, No, Unclear, No]);
    }

    #[test]
    fn the_first_row_that_fits_counts() {
        const ROWS: &[Row] = &[
            Row::codes(400, &["Bad"], Class::No),
            Row::status(401, Class::No),
            Row::codes_anywhere(&["later"], Class::NotNow),
            Row::any_code(Class::Doubtful),
        ];
        let class = |status, code| testing::class(ROWS, status, "", code);
        assert_eq!(class(400, Some("BAD")), Class::No);
        assert_eq!(class(402, Some("Bad")), Class::Doubtful);
        assert_eq!(class(401, None), Class::No);
        assert_eq!(class(400, Some("later")), Class::NotNow);
        assert_eq!(class(200, Some("what")), Class::Doubtful);
        assert_eq!(class(200, None), Class::NotNow);
        testing::respects_the_shared_rows(ROWS, &["Bad", "later"]);
    }

    #[test]
    fn a_failure_says_who_what_in_the_services_words_and_what_to_do() {
        let members = Members { code: &["error"], description: &["why"] };
        let words = Words::read(Some(&json!({"error": "no", "why": "because"})), members, &Held::default());
        let reply = Reply { retry_after: Some(Duration::from_secs(7)), ..Reply::pretend(401, "{}") };
        let failure = judge(&reply, &[Row::status(401, Class::No)], &words, "client_secret");
        assert_eq!(failure.message, "a.example refused the credentials (401 no: because)");
        assert_eq!(failure.hint, "check client_secret");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn only_a_clear_4xx_may_be_called_a_refusal() {
        assert!([400, 401, 403, 404, 419, 499].into_iter().all(may_refuse));
        assert!(![200, 302, 399, 408, 425, 429, 500, 503].into_iter().any(may_refuse));
    }
}
