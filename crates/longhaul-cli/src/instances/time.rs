//! Times and durations as people write and read them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// Reads a point in time: one of ISO 8601, in UTC unless it names its offset, a day (its begin), `now`, or how long ago it
/// was, such as `2h`, `1d 6h` or `90 minutes ago`.
///
/// # Errors
/// With what can be written, when it is none of these.
pub fn point(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return TimeZone::UTC.to_timestamp(time).map_err(|error| error.to_string());
    }
    let ago: Span = text.parse().map_err(|_| {
        "write a time such as 2026-11-24T10:00:00Z, a day such as 2026-11-24, or how long ago: 90s, 2h, 1d 6h".to_owned()
    })?;
    let time = now.to_zoned_datetime(TimeZone::UTC).checked_sub(ago.abs());
    Ok(time.map_err(|_| "that is too long ago".to_owned())?.timestamp())
}

/// As [`point`], from now.
pub fn point_from_now(text: &str) -> Result<Timestamp, String> {
    point(text, Timestamp::now())
}

/// Reads a duration that is not negative.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let duration: SignedDuration =
        text.parse().map_err(|_| "write a duration such as 500ms, 30s or 5m".to_owned())?;
    duration.try_into().map_err(|_| "a duration is not negative".to_owned())
}

/// A time with whole seconds, in UTC.
pub fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// How long something took, with as much precision as people want of it.
pub fn shown_duration(duration: SignedDuration) -> String {
    let millis = duration.as_millis().max(0);
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1000 / 100),
        60..3600 => format!("{minutes}m {:02}s", seconds % 60),
        3600..86400 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_written_in_many_ways() {
        let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("now", "2026-03-31T12:00:00Z"),
            ("2026-02-28T05:18:49Z", "2026-02-28T05:18:49Z"),
            ("2026-02-28T05:18:49.5+02:00", "2026-02-28T03:18:49.5Z"),
            ("2026-02-28T05:18", "2026-02-28T05:18:00Z"),
            ("2026-02-28 05:18:49", "2026-02-28T05:18:49Z"),
            ("2026-02-28", "2026-02-28T00:00:00Z"),
            ("2h", "2026-03-31T10:00:00Z"),
            ("2h ago", "2026-03-31T10:00:00Z"),
            (" 90 minutes ", "2026-03-31T10:30:00Z"),
            ("1d 6h", "2026-03-30T06:00:00Z"),
            ("PT30S", "2026-03-31T11:59:30Z"),
            ("1mo", "2026-02-28T12:00:00Z"),
            ("0s", "2026-03-31T12:00:00Z"),
        ] {
            assert_eq!(point(text, now).map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
        for text in ["", "yesterday", "2", "2026-13-01", "10:00", "2x", "90000y"] {
            assert!(point(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_shown() {
        assert_eq!(duration("1m 30s"), Ok(std::time::Duration::from_secs(90)));
        assert!(duration("-1s").is_err() && duration("1").is_err());
        for (millis, expected) in [
            (-5, "0 ms"),
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (60_000, "1m 00s"),
            (3_599_999, "59m 59s"),
            (3_660_000, "1h 01m"),
            (90_000_000, "1d 01h"),
        ] {
            assert_eq!(shown_duration(SignedDuration::from_millis(millis)), expected);
        }
    }
}
