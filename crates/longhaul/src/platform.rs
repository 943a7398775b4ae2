//! What the engine needs from where it runs: a store, a clock, random bytes.

use std::time::Duration;

use jiff::Timestamp;

use crate::store::Store;

/// The surroundings of the engine. The components give it Spin's interfaces, the simulation a world of its own.
#[allow(async_fn_in_trait)]
pub trait Platform {
    /// The store.
    type Store: Store;

    /// The store that holds the task hub.
    fn store(&self) -> &Self::Store;

    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// A clock that never goes back, from an arbitrary beginning. It may stop while the machine is suspended.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// Random bytes, fit for ids that must not be guessed.
    fn random(&self) -> [u8; 16];
}

/// Measures how long something has taken: the larger of what the two clocks say, since a suspended machine stops the
/// monotonic one.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    wall: Timestamp,
    monotonic: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub fn start(platform: &impl Platform) -> Self {
        Self { wall: platform.now(), monotonic: platform.monotonic() }
    }

    /// The time since the start.
    pub fn elapsed(&self, platform: &impl Platform) -> Duration {
        let wall = Duration::try_from(platform.now().duration_since(self.wall)).unwrap_or(Duration::ZERO);
        wall.max(platform.monotonic().saturating_sub(self.monotonic))
    }
}

/// `at` later by `duration`, at most the last time there is.
pub(crate) fn after(at: Timestamp, duration: Duration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long it is from `now` until `at`; zero if it is past.
pub(crate) fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}
