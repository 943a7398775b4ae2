//! How long things took: percentiles.

use std::time::Duration;

use serde::Serialize;

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

impl Percentiles {
    /// Those of so many measurements, each the smallest that so many hundredths of them do not pass; `None` of none.
    pub fn of(mut took: Vec<Duration>) -> Option<Self> {
        took.sort_unstable();
        let at = |hundredths: usize| {
            let rank = (took.len() * hundredths).div_ceil(100).max(1);
            took.get(rank - 1).map(|took| milliseconds(*took))
        };
        Some(Self { p50_ms: at(50)?, p95_ms: at(95)?, p99_ms: at(99)? })
    }
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The one in the middle; not a number if there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_that_so_many_do_not_pass() {
        let of = |milliseconds: &[u64]| {
            let took = milliseconds.iter().copied().map(Duration::from_millis).collect();
            Percentiles::of(took).map(|of| [of.p50_ms, of.p95_ms, of.p99_ms])
        };
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let thousand: Vec<u64> = (1..=1000).collect();
        for (milliseconds, expected) in [
            (&[][..], None),
            (&[7][..], Some([7.0, 7.0, 7.0])),
            (&[2, 1][..], Some([1.0, 2.0, 2.0])),
            (&hundred[..], Some([50.0, 95.0, 99.0])),
            (&thousand[..], Some([500.0, 950.0, 990.0])),
        ] {
            assert_eq!(of(milliseconds), expected, "{} of them", milliseconds.len());
        }
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
