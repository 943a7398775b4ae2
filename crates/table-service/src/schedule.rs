//! Which request meets which fault: decided by its number and the seed alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

use crate::options::{DropWhen, Every, Options, Throttle};

/// The options of a running service, which may be changed at any time. Clones are handles to the same service.
///
/// A change holds for the requests that arrive after it; the count by which faults strike begins anew.
#[derive(Debug, Clone)]
pub struct OptionsHandle(Arc<RwLock<Arc<Schedule>>>);

impl OptionsHandle {
    pub(crate) fn new(options: Options) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Schedule::new(options)))))
    }

    /// The options in force.
    pub fn get(&self) -> Options {
        self.schedule().options.clone()
    }

    /// Puts other options in force.
    pub fn set(&self, options: Options) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Schedule::new(options));
    }

    /// The schedule in force, to be kept for the whole of one request.
    pub(crate) fn schedule(&self) -> Arc<Schedule> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Options and the count of the requests that met them.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub options: Options,
    requests: AtomicU64,
    pages: AtomicU64,
    continuations: AtomicU64,
}

/// What happens to one request besides its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fate {
    pub throttle: Option<Throttle>,
    pub drop: Option<DropWhen>,
}

/// Faults are scheduled independently of each other.
#[derive(Clone, Copy)]
enum Fault {
    Throttle = 1,
    DropConnection = 2,
    EmptyPage = 3,
    ExpiredToken = 4,
}

impl Schedule {
    fn new(options: Options) -> Self {
        Self {
            options,
            requests: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            continuations: AtomicU64::new(0),
        }
    }

    /// Counts a request and tells what happens to it.
    pub fn next_request(&self) -> Fate {
        let index = self.requests.fetch_add(1, Ordering::Relaxed);
        let options = &self.options;
        Fate {
            throttle: options.throttle.filter(|t| self.strikes(Fault::Throttle, t.every, index)),
            drop: options
                .drop_connection
                .filter(|d| self.strikes(Fault::DropConnection, d.every, index))
                .map(|d| d.when),
        }
    }

    /// Counts a page and tells whether it is to be empty.
    pub fn next_page_is_empty(&self) -> bool {
        let index = self.pages.fetch_add(1, Ordering::Relaxed);
        self.strikes(Fault::EmptyPage, self.options.empty_page, index)
    }

    /// Counts a request for a later page and tells whether its continuation has expired.
    pub fn next_token_has_expired(&self) -> bool {
        let index = self.continuations.fetch_add(1, Ordering::Relaxed);
        self.strikes(Fault::ExpiredToken, self.options.expired_token, index)
    }

    /// Whether the fault strikes at this index: at one place in each run, drawn for that run. ChaCha's stream is
    /// the same on every platform and in every version, and can be read at any place.
    fn strikes(&self, fault: Fault, every: Every, index: u64) -> bool {
        let Some(run) = every.run() else { return false };
        let run = u64::from(run.get());
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.options.seed.to_le_bytes());
        key[8] = fault as u8;
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index / run);
        u64::from(rng.next_u32()) % run == index % run
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{DropConnection, ThrottleStatus};

    fn throttled(seed: u64, every: u32, requests: usize) -> Vec<bool> {
        let throttle = Throttle {
            every: Every::nth(every),
            status: ThrottleStatus::ServiceUnavailable,
            retry_after: None,
        };
        let schedule = Schedule::new(Options { throttle: Some(throttle), seed, ..Options::default() });
        (0..requests).map(|_| schedule.next_request().throttle.is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_once_in_each_run() {
        for (seed, every) in [(0, 1), (0, 2), (1, 7), (42, 10)] {
            for run in throttled(seed, every, 70 * every as usize).chunks(every as usize) {
                assert_eq!(run.iter().filter(|hit| **hit).count(), 1, "seed {seed}, every {every}");
            }
        }
        assert!(throttled(0, 0, 50).iter().all(|hit| !hit));
    }

    #[test]
    fn the_seed_decides_where_a_fault_strikes() {
        assert_eq!(throttled(7, 10, 1000), throttled(7, 10, 1000));
        assert_ne!(throttled(7, 10, 1000), throttled(8, 10, 1000));
    }

    #[test]
    fn setting_options_starts_the_count_anew() {
        let drop = DropConnection { every: Every::nth(5), when: DropWhen::MidBody };
        let options = Options { drop_connection: Some(drop), ..Options::default() };
        let fates = |handle: &OptionsHandle, n| -> Vec<Fate> {
            (0..n).map(|_| handle.schedule().next_request()).collect()
        };
        let handle = OptionsHandle::new(options.clone());
        let first = fates(&handle, 13);
        handle.set(Options::default());
        assert_eq!(fates(&handle, 13), vec![Fate::default(); 13]);
        handle.set(options);
        assert_eq!(fates(&handle, 13), first);
    }
}
