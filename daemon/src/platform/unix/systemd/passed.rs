//! What the variables of `sd_listen_fds(3)` and `sd_watchdog_enabled(3)` say.

use std::os::fd::RawFd;
use std::time::Duration;

/// `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;

/// Nobody passes more.
const MOST: usize = 256;

/// What a descriptor is called where nobody gave it a name, as in `sd_listen_fds_with_names(3)`.
pub(super) const NAMELESS: &str = "unknown";

/// Which descriptors were passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// Each with its name.
    Ours(Vec<(RawFd, String)>),
    /// They are this process's, which has left its environment to us.
    Another(u32),
}

/// Reads `$LISTEN_PID`, `$LISTEN_FDS` and `$LISTEN_FDNAMES`.
pub(super) fn descriptors(
    process: Option<String>,
    count: Option<String>,
    names: Option<String>,
    own: u32,
) -> Result<Listing, String> {
    let (Some(process), Some(count)) = (process, count) else { return Ok(Listing::Ours(Vec::new())) };
    let process: u32 =
        process.parse().map_err(|_| format!("$LISTEN_PID is {process:?}, which is no process's number"))?;
    if process != own {
        return Ok(Listing::Another(process));
    }
    let count = count
        .parse()
        .ok()
        .filter(|count| *count <= MOST)
        .ok_or_else(|| format!("$LISTEN_FDS is {count:?}, which is no number of descriptors"))?;
    let names: Vec<String> = match names {
        Some(names) if count > 0 => names.split(':').map(str::to_owned).collect(),
        _ => vec![NAMELESS.to_owned(); count],
    };
    if names.len() != count {
        return Err(format!("$LISTEN_FDNAMES has {} names for {count} descriptors", names.len()));
    }
    Ok(Listing::Ours((FIRST..).zip(names).collect()))
}

/// Reads `$WATCHDOG_PID` and `$WATCHDOG_USEC`; none where there is no watchdog, or one of another process.
pub(super) fn watchdog(process: Option<String>, time: Option<String>, own: u32) -> Option<Duration> {
    if process.is_some_and(|process| process.parse() != Ok(own)) {
        return None;
    }
    let microseconds: u64 = time?.parse().ok()?;
    (microseconds > 0).then(|| Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(process: &str, count: &str, names: Option<&str>) -> Result<Listing, String> {
        descriptors(Some(process.to_owned()), Some(count.to_owned()), names.map(str::to_owned), 7)
    }

    #[test]
    fn each_descriptor_has_its_name() {
        let ours = |named: &[(RawFd, &str)]| {
            Ok(Listing::Ours(named.iter().map(|(number, name)| (*number, (*name).to_owned())).collect()))
        };
        assert_eq!(read("7", "2", Some("tokend:key")), ours(&[(3, "tokend"), (4, "key")]));
        assert_eq!(read("7", "1", None), ours(&[(3, NAMELESS)]));
        assert_eq!(read("7", "0", Some("")), ours(&[]));
        assert_eq!(descriptors(None, Some("1".to_owned()), None, 7), ours(&[]));
    }

    #[test]
    fn those_of_another_process_are_left_alone() {
        assert_eq!(read("8", "1", None), Ok(Listing::Another(8)));
    }

    #[test]
    fn nonsense_is_told() {
        for (process, count, names, said) in [
            ("x", "1", None, "$LISTEN_PID"),
            ("7", "-1", None, "$LISTEN_FDS"),
            ("7", "many", None, "$LISTEN_FDS"),
            ("7", "1000000", None, "$LISTEN_FDS"),
            ("7", "2", Some("one"), "$LISTEN_FDNAMES has 1 names for 2"),
        ] {
            let why = read(process, count, names).err().unwrap_or_default();
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn a_watchdog_is_this_process_s_or_none() {
        let time = |process: Option<&str>, time: Option<&str>| {
            watchdog(process.map(str::to_owned), time.map(str::to_owned), 7)
        };
        assert_eq!(time(Some("7"), Some("300000000")), Some(Duration::from_secs(300)));
        assert_eq!(time(None, Some("1000")), Some(Duration::from_millis(1)));
        for (process, microseconds) in [(Some("8"), Some("1")), (Some("7"), None), (None, Some("0"))] {
            assert_eq!(time(process, microseconds), None);
        }
    }
}
