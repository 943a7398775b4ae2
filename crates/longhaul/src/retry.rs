//! Retry policies, as orchestrators give them for activities and sub-orchestrations.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use crate::failure::Failure;
use crate::platform::until;

/// How often, and after which pauses, something that failed is tried again. The pauses are durable timers.
///
/// A failure that is not [`retriable`](Failure::retriable) is not tried again, nor one that [`RetryPolicy::when`]
/// refuses.
///
/// ```
/// use std::time::Duration;
/// use longhaul::RetryPolicy;
///
/// // After 5 s, then 10 s, 20 s, 30 s, 30 s, …; at most 8 attempts, and none later than 5 minutes after the first.
/// let policy = RetryPolicy::new(Duration::from_secs(5), 8)
///     .backoff_coefficient(2.0)
///     .max_interval(Duration::from_secs(30))
///     .retry_timeout(Duration::from_secs(300))
///     .when(|failure| failure.kind != "InsufficientFunds");
/// # let _ = policy;
/// ```
#[derive(Clone)]
pub struct RetryPolicy {
    first_interval: Duration,
    max_attempts: u32,
    backoff_coefficient: f64,
    max_interval: Option<Duration>,
    retry_timeout: Option<Duration>,
    when: Option<Rc<Predicate>>,
}

type Predicate = dyn Fn(&Failure) -> bool;

impl RetryPolicy {
    /// Waits for `first_interval` before each further attempt, of which there are `max_attempts`, the first included.
    pub fn new(first_interval: Duration, max_attempts: u32) -> Self {
        Self {
            first_interval,
            max_attempts,
            backoff_coefficient: 1.0,
            max_interval: None,
            retry_timeout: None,
            when: None,
        }
    }

    /// Each pause is the one before times this; 1 unless it is set. What is below 1 counts as 1.
    #[must_use]
    pub fn backoff_coefficient(self, coefficient: f64) -> Self {
        // A NaN is not greater either.
        Self { backoff_coefficient: if coefficient > 1.0 { coefficient } else { 1.0 }, ..self }
    }

    /// The longest pause.
    #[must_use]
    pub fn max_interval(self, interval: Duration) -> Self {
        Self { max_interval: Some(interval), ..self }
    }

    /// No attempt begins later than this after the first.
    #[must_use]
    pub fn retry_timeout(self, timeout: Duration) -> Self {
        Self { retry_timeout: Some(timeout), ..self }
    }

    /// Only failures for which `predicate` is true are tried again. It must say the same in every replay.
    #[must_use]
    pub fn when(self, predicate: impl Fn(&Failure) -> bool + 'static) -> Self {
        Self { when: Some(Rc::new(predicate)), ..self }
    }

    /// How long to wait after the `failures`th failure; None: that was the last attempt.
    pub(crate) fn pause(
        &self,
        failures: u32,
        failure: &Failure,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<Duration> {
        let refused = self.when.as_ref().is_some_and(|when| !when(failure));
        if failures >= self.max_attempts || !failure.retriable || refused {
            return None;
        }
        let longest = self.max_interval.unwrap_or(Duration::MAX);
        // By multiplication, one after the other: that gives the same bits on every machine, as a replay needs.
        let mut pause = self.first_interval.min(longest);
        for _ in 1..failures {
            if pause >= longest || pause.is_zero() || self.backoff_coefficient == 1.0 {
                break;
            }
            let next = Duration::try_from_secs_f64(pause.as_secs_f64() * self.backoff_coefficient);
            pause = next.unwrap_or(Duration::MAX).min(longest);
        }
        let over = self.retry_timeout.is_some_and(|limit| until(since, now).saturating_add(pause) > limit);
        (!over).then_some(pause)
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("first_interval", &self.first_interval)
            .field("max_attempts", &self.max_attempts)
            .field("backoff_coefficient", &self.backoff_coefficient)
            .field("max_interval", &self.max_interval)
            .field("retry_timeout", &self.retry_timeout)
            .field("when", &self.when.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(policy: &RetryPolicy) -> Vec<u128> {
        let failure = Failure::new("F", "f");
        let mut at = Timestamp::UNIX_EPOCH;
        let mut pauses = Vec::new();
        while let Some(pause) = policy.pause(pauses.len() as u32 + 1, &failure, Timestamp::UNIX_EPOCH, at) {
            pauses.push(pause.as_millis());
            at = crate::platform::after(at, pause);
        }
        pauses
    }

    #[test]
    fn pauses_grow_by_the_coefficient_up_to_the_longest() {
        let policy = RetryPolicy::new(Duration::from_millis(100), 6);
        assert_eq!(pauses(&policy), [100; 5]);
        let policy = policy.backoff_coefficient(2.0);
        assert_eq!(pauses(&policy), [100, 200, 400, 800, 1600]);
        assert_eq!(
            pauses(&policy.clone().max_interval(Duration::from_millis(300))),
            [100, 200, 300, 300, 300]
        );
        assert_eq!(pauses(&policy.clone().retry_timeout(Duration::from_millis(700))), [100, 200, 400]);
        assert_eq!(pauses(&RetryPolicy::new(Duration::from_millis(1), 1)), [0; 0]);
        assert_eq!(pauses(&RetryPolicy::new(Duration::MAX, 3).backoff_coefficient(9.0)).len(), 2);
    }

    #[test]
    fn what_need_not_be_tried_again_is_not() {
        let policy = RetryPolicy::new(Duration::from_millis(1), 9).when(|failure| failure.kind == "Busy");
        let at = Timestamp::UNIX_EPOCH;
        let tries = |failure: &Failure| policy.pause(1, failure, at, at).is_some();
        assert!(tries(&Failure::new("Busy", "")));
        assert!(!tries(&Failure::new("Gone", "")));
        assert!(!tries(&Failure::permanent("Busy", "")));
    }
}
