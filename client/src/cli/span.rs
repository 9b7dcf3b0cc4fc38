//! Times and spans of time as words.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::complaint::Complaint;

const UNITS: [(u64, &str); 5] = [(365 * 86400, "y"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s")];

/// The two largest units: `23h 59m`, `2m 10s`, `9s`.
pub(crate) fn words(span: Duration) -> String {
    let seconds = span.as_secs();
    let Some(first) = UNITS.iter().position(|(unit, _)| seconds >= *unit) else {
        return "0s".to_owned();
    };
    let (unit, name) = UNITS[first];
    let mut text = format!("{}{name}", seconds / unit);
    if let Some((next, name)) = UNITS.get(first + 1)
        && let count @ 1.. = seconds % unit / next
    {
        let _ = write!(text, " {count}{name}");
    }
    text
}

/// Whole seconds, to the nearest.
pub(crate) fn whole_seconds(ms: i64) -> i64 {
    ms.saturating_add(500).div_euclid(1000)
}

/// 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST: u64 = 253_402_300_799;

/// RFC 3339 in UTC, to the second. What the format cannot say becomes the nearest that it can.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(since_1970.as_secs().min(LAST)))
        .to_string()
}

/// The same, from milliseconds since 1970.
pub(crate) fn rfc3339_ms(ms: i64) -> String {
    let since_1970 = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    // Systems differ in how far their clocks go; all of them go so far.
    rfc3339(UNIX_EPOCH + since_1970.min(Duration::from_secs(LAST)))
}

/// A span as a caller writes it: `90s`, `1h 30m`.
pub(crate) fn parse(option: &str, text: &str) -> Result<Duration, Complaint> {
    let hint = format!("write for example `--{option} 90s`, `--{option} 5m` or `--{option} '1h 30m'`");
    let digits = text.trim();
    if !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.len() < 12
        && digits != "0"
    {
        let message = format!("--{option} {digits}: a duration needs a unit");
        return Err(Complaint::usage(
            message,
            format!("write `--{option} {digits}s` for seconds; units are ms, s, m, h, d"),
        ));
    }
    humantime::parse_duration(digits)
        .map_err(|_| Complaint::usage(format!("--{option}: that is no duration"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        let cases = [
            (0, "0s"),
            (9, "9s"),
            (60, "1m"),
            (130, "2m 10s"),
            (3600, "1h"),
            (86_399, "23h 59m"),
            (86_400 * 10 + 3600 * 5, "10d 5h"),
            (365 * 86_400 * 3, "3y"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn no_time_is_beyond_what_can_be_written() {
        assert_eq!(rfc3339_ms(1_700_000_000_999), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339_ms(-1), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339_ms(i64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_bare_number_is_asked_for_its_unit() {
        assert_eq!(parse("timeout", "1h 30m").ok(), Some(Duration::from_secs(5400)));
        assert_eq!(parse("timeout", "0s").ok(), Some(Duration::ZERO));
        let bare = parse("min-valid", "60").err();
        assert!(bare.is_some_and(|complaint| complaint.hint.contains("60s") && complaint.code == 2));
        assert!(parse("timeout", "soon").is_err());
        assert!(parse("timeout", "").is_err());
        assert!(parse("timeout", "-5s").is_err());
    }
}
