//! When to try again, and how long to wait before it.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// How often a request is tried and how long is waited in between. The default is close to that of Azure's SDKs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many requests are sent for a page or a change before its failure is reported; 0 is like 1.
    pub tries: u32,
    /// What the waits grow from. The first retry comes at once, the n-th after 2ⁿ⁻¹ times this or (by chance) up to
    /// half of that less.
    pub factor: Duration,
    /// What no such wait exceeds.
    pub longest_wait: Duration,
    /// The longest `Retry-After` that is obeyed. When the service asks for more, its failure is reported at once.
    pub longest_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 10,
            factor: Duration::from_millis(800),
            longest_wait: Duration::from_secs(60),
            longest_retry_after: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after so many failed tries (at least one); `None` to give up. `jitter` is from 0 to 1. What
    /// the service asks for takes precedence, except that asking for no wait at all is as good as not asking.
    pub fn wait(&self, failed_tries: u32, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
        if failed_tries >= self.tries {
            return None;
        }
        if let Some(asked) = retry_after.filter(|asked| !asked.is_zero()) {
            return (asked <= self.longest_retry_after).then_some(asked);
        }
        if failed_tries <= 1 {
            return Some(Duration::ZERO);
        }
        let longest =
            self.factor.saturating_mul(2_u32.saturating_pow(failed_tries - 1)).min(self.longest_wait);
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
        Some(longest - (longest / 2).mul_f64(jitter))
    }
}

/// Whether the same request may succeed later. These are the statuses that Azure's SDKs retry.
pub fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The header `Retry-After`: seconds, or an HTTP date (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = DateTimeParser::new().parse_timestamp(text).ok()?;
    // A date that has passed means now.
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn waits_double_from_the_second_retry_up_to_the_longest() {
        let policy = RetryPolicy::default();
        let waits: Vec<_> = (1..=10).map(|failed| policy.wait(failed, None, 0.0)).collect();
        let seconds = [0.0, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0].map(Duration::from_secs_f64);
        assert_eq!(waits[..9], seconds.map(Some));
        assert_eq!(waits[9], None);
    }

    #[test]
    fn jitter_takes_at_most_half_of_a_wait() {
        let policy = RetryPolicy::default();
        for (jitter, milliseconds) in
            [(0.0, 1600), (0.5, 1200), (1.0, 800), (9.0, 800), (-1.0, 1600), (f64::NAN, 1600)]
        {
            assert_eq!(policy.wait(2, None, jitter), Some(Duration::from_millis(milliseconds)), "{jitter}");
        }
    }

    #[test]
    fn what_the_service_asks_for_is_waited_unless_it_is_too_long() {
        let policy = RetryPolicy::default();
        let ask = |seconds| policy.wait(3, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(ask(0), policy.wait(3, None, 0.0));
        assert_eq!(ask(300), Some(Duration::from_secs(300)));
        assert_eq!(ask(301), None);
    }

    #[test]
    fn extreme_policies_do_not_overflow() {
        let policy = RetryPolicy {
            tries: u32::MAX,
            factor: Duration::MAX,
            longest_wait: Duration::MAX,
            ..Default::default()
        };
        assert_eq!(policy.wait(u32::MAX - 1, None, 0.0), Some(Duration::MAX));
        assert_eq!(RetryPolicy { tries: 0, ..policy }.wait(1, None, 0.0), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2021-10-10T08:49:37Z".parse().expect("a timestamp");
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 10 Oct 2021 08:50:07 GMT", Some(30)),
            ("Sun, 10 Oct 2021 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
