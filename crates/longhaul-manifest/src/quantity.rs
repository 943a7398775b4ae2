//! Amounts with units: sizes and durations as people write them.

use std::{fmt, str::FromStr, time::Duration};

/// An amount of memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = String;

    /// `"256MiB"`, `"64 KB"`, `"1000"`: a whole number, and one of B, KB, MB, GB (powers of 1000), KiB, MiB, GiB.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse =
            || format!("{text:?} is not a size; write a number of bytes, or text such as \"256MiB\"");
        let (number, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
            .unwrap_or((text, 1));
        let number = number.trim_end();
        // `parse` alone would take a leading '+'.
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        let number: u64 = number.parse().map_err(|_| refuse())?;
        number.checked_mul(unit).map(Self).ok_or_else(refuse)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The largest binary unit that says it exactly; decimal sizes come out in bytes.
        match UNITS[..3].iter().rev().find(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// Reads a duration such as `"30s"`, `"1m 30s"`, `"1.5s"` or `"PT5M"`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let refuse =
        || format!("{text:?} is not a duration; write one with its unit, such as \"30s\" or \"1m 30s\"");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| refuse())?;
    duration.try_into().map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        for (text, bytes, shown) in [
            ("0", 0, "0B"),
            ("1000", 1000, "1000B"),
            ("1024", 1024, "1KiB"),
            ("5B", 5, "5B"),
            ("64 KB", 64_000, "64000B"),
            ("256MiB", 256 << 20, "256MiB"),
            ("2GiB", 2 << 30, "2GiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size, size.to_string().as_str()), (ByteSize(bytes), shown), "{text}");
        }
        for text in ["", "MiB", "-1", "+1", "1.5GiB", "256 mib", "99999999999GiB", "1TB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn durations_carry_their_unit() {
        for (text, milliseconds) in [("30s", 30_000), ("1m 30s", 90_000), ("250ms", 250), ("PT5M", 300_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "soon", "-5s"] {
            assert!(duration(text).is_err(), "{text:?} must be refused");
        }
    }
}
