//! How long a token lives, from whatever a service wrote about it.

use std::time::Duration;

use serde_json::Value;

use super::Failure;
use crate::clock::Wall;

/// Nothing is believed to live longer: ten years. Beyond, sums of times could overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A token that is dead on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dead;

/// The failure that a dead token of `giver` is. *Not now*: the next one may live.
pub(crate) fn dead(giver: &str) -> Failure {
    let message = format!("{giver} gave a token that has expired already");
    Failure::not_now("bad-expiry", message, "look at this machine's clock; tokend tries again")
}

/// A number of seconds as services write it (RFC 6749 5.1 `expires_in`): a number, a string, a fraction.
///
/// Zero, like a missing or unreadable one, counts as *not told*: services that never end a token write it. A negative
/// one says that the token has ended.
pub(crate) fn told(value: Option<&Value>) -> Result<Option<Duration>, Dead> {
    match value.and_then(seconds) {
        None | Some(0.0) => Ok(None),
        Some(seconds) if seconds < 0.0 => Err(Dead),
        Some(seconds) => Ok(Some(at_most_longest(seconds))),
    }
}

/// The number that `value` is or spells. `None` for what is none, and for infinity and NaN.
pub(crate) fn seconds(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite())
}

fn at_most_longest(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)
}

/// A point in time as services write it: Unix seconds (or milliseconds, which no seconds of ours reach), as a number
/// or a string, or RFC 3339.
pub(crate) fn point(value: &Value) -> Option<Wall> {
    /// The year 5138 in seconds, 1973 in milliseconds.
    const MILLISECONDS_FROM: f64 = 1e11;
    if let Some(number) = seconds(value) {
        return Some(wall(if number.abs() < MILLISECONDS_FROM { number } else { number / 1000.0 }));
    }
    let text = value.as_str()?.trim();
    humantime::parse_rfc3339_weak(text).ok().map(Wall::from_system)
}

/// Unix seconds as a time on the wall.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and the far future is as good as the end"
)]
pub(crate) fn wall(seconds: f64) -> Wall {
    Wall((seconds * 1000.0) as i64)
}

/// How long a token lives that ends at `end` by the service's clock, counted from the request.
///
/// The machine's wall may be wrong, so a `Date` that came over TLS counts too; but it never makes a life longer,
/// unless by the wall the token were dead on arrival. It is a whole second that has begun, so the next one counts.
pub(crate) fn until(end: Wall, asked: Wall, date: Option<Wall>) -> Result<Duration, Dead> {
    let by_wall = asked.until(end);
    let by_date = date.map(|date| date.after(Duration::from_secs(1)).until(end));
    let life = match by_date {
        None => by_wall,
        Some(by_date) if by_wall.is_zero() => by_date,
        Some(by_date) => by_date.min(by_wall),
    };
    if life.is_zero() { Err(Dead) } else { Ok(life.min(LONGEST)) }
}

/// The shorter of two lifetimes, where both are known.
pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told_of(text: &str) -> Result<Option<f64>, Dead> {
        let value: Value = serde_json::from_str(text).expect(text);
        told(Some(&value)).map(|life| life.map(|life| life.as_secs_f64()))
    }

    #[test]
    fn expires_in_comes_in_many_forms() {
        const YEARS: f64 = 315_360_000.0;
        for (text, life) in [
            ("3600", Ok(Some(3600.0))),
            ("\"3600\"", Ok(Some(3600.0))),
            ("\" 3600 \"", Ok(Some(3600.0))),
            ("3600.0", Ok(Some(3600.0))),
            ("3600.5", Ok(Some(3600.5))),
            ("\"3600.0\"", Ok(Some(3600.0))),
            ("3.6e3", Ok(Some(3600.0))),
            ("0", Ok(None)),
            ("-0.0", Ok(None)),
            ("\"0\"", Ok(None)),
            ("-1", Err(Dead)),
            ("\"-1\"", Err(Dead)),
            ("-1e300", Err(Dead)),
            ("315360001", Ok(Some(YEARS))),
            ("99999999999999999999999", Ok(Some(YEARS))),
            ("1e300", Ok(Some(YEARS))),
            ("\"1e300\"", Ok(Some(YEARS))),
            ("\"NaN\"", Ok(None)),
            ("\"inf\"", Ok(None)),
            ("\"-infinity\"", Ok(None)),
            ("\"\"", Ok(None)),
            ("\"soon\"", Ok(None)),
            ("null", Ok(None)),
            ("true", Ok(None)),
            ("[3600]", Ok(None)),
            ("{}", Ok(None)),
        ] {
            assert_eq!(told_of(text), life, "{text}");
        }
        assert_eq!(told(None), Ok(None));
    }

    #[test]
    fn a_point_in_time_comes_in_many_forms() {
        const TIME: Option<Wall> = Some(Wall(1_700_000_000_000));
        for value in [
            json!(1_700_000_000),
            json!("1700000000"),
            json!(1_700_000_000.0),
            json!(1_700_000_000_000_u64),
            json!("2023-11-14T22:13:20Z"),
            json!(" 2023-11-14T22:13:20.000Z "),
            json!("2023-11-14 22:13:20"),
        ] {
            assert_eq!(point(&value), TIME, "{value}");
        }
        for value in [json!(null), json!("tomorrow"), json!([1]), json!("NaN")] {
            assert_eq!(point(&value), None, "{value}");
        }
    }

    /// A token that ends in an hour by the service's clock.
    fn hour(wall_is_ahead: i64, date_is_ahead: i64) -> Result<u64, Dead> {
        const TRUE: i64 = 1_700_000_000_000;
        let wall = |ahead: i64| Wall(TRUE + ahead * 1000);
        until(wall(3600), wall(wall_is_ahead), Some(wall(date_is_ahead))).map(|life| life.as_secs())
    }

    #[test]
    fn an_absolute_end_is_read_by_the_services_date_which_never_lengthens_a_life() {
        assert_eq!(hour(0, 0), Ok(3599));
        assert_eq!(hour(-7200, 0), Ok(3599), "the wall is behind");
        assert_eq!(hour(1800, 0), Ok(1800), "the wall is ahead");
        assert_eq!(hour(7200, 0), Ok(3599), "by the wall it would be dead on arrival");
        assert_eq!(hour(0, -86400), Ok(3600), "a Date of yesterday");
        assert_eq!(hour(0, 1800), Ok(1799));
        assert_eq!(hour(0, 7200), Err(Dead));
        assert_eq!(hour(7200, 7200), Err(Dead));
        assert_eq!(until(Wall(5000), Wall(2000), None), Ok(Duration::from_secs(3)));
        assert_eq!(until(Wall(5000), Wall(5000), None), Err(Dead));
        assert_eq!(until(Wall(i64::MAX), Wall(i64::MIN), None), Ok(LONGEST));
    }

    proptest! {
        #[test]
        fn no_number_and_no_time_is_too_odd(number: f64, end: i64, asked: i64, date: Option<i64>) {
            if let Ok(Some(life)) = told(Some(&json!(number))) {
                prop_assert!(!life.is_zero() || number < 1e-6);
                prop_assert!(life <= LONGEST);
            }
            let _ = point(&json!(number));
            if let Ok(life) = until(Wall(end), Wall(asked), date.map(Wall)) {
                prop_assert!(!life.is_zero() && life <= LONGEST);
            }
        }
    }
}
