//! A value that is asked for once and kept until shortly before it expires.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// A value, and how long it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh<T> {
    /// The value.
    pub value: T,
    /// From when on it is asked for anew.
    pub renew_at: Timestamp,
    /// From when on it is of no use any more. Between the two it serves if asking anew fails.
    pub expires_at: Timestamp,
}

/// Keeps a value in memory. Callers that come while it is being fetched wait for that and share its outcome, also a
/// failure; a fetch whose caller gives up is taken over by the next.
#[derive(Debug)]
pub struct Cached<T, E> {
    /// Held by whoever fetches.
    flight: futures::lock::Mutex<()>,
    kept: Mutex<Kept<T, E>>,
}

#[derive(Debug)]
struct Kept<T, E> {
    fresh: Option<Fresh<T>>,
    /// How many fetches have ended.
    ended: u64,
    /// How the last one failed, if it did.
    failure: Option<E>,
}

/// After a failed renewal the old value serves this long before the next attempt.
const RENEW_AGAIN: std::time::Duration = std::time::Duration::from_secs(15);

impl<T, E> Default for Cached<T, E> {
    fn default() -> Self {
        let kept = Kept { fresh: None, ended: 0, failure: None };
        Self { flight: futures::lock::Mutex::new(()), kept: Mutex::new(kept) }
    }
}

impl<T: Clone, E: Clone> Cached<T, E> {
    /// The value: the kept one, or what `fetch` brings.
    ///
    /// ```
    /// # use azure_core::{Cached, Fresh, Timestamp};
    /// # futures::executor::block_on(async {
    /// let cached = Cached::<u32, String>::default();
    /// let now = || Timestamp::UNIX_EPOCH;
    /// let fetch = async || Ok(Fresh { value: 7, renew_at: Timestamp::MAX, expires_at: Timestamp::MAX });
    /// assert_eq!(cached.get(now, fetch).await, Ok(7));
    /// assert_eq!(cached.get(now, async || Err("not asked".to_owned())).await, Ok(7));
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// That of the fetch, if there is no kept value that has not expired.
    pub async fn get(
        &self,
        now: impl Fn() -> Timestamp,
        fetch: impl AsyncFnOnce() -> Result<Fresh<T>, E>,
    ) -> Result<T, E> {
        if let Some(value) = self.kept().current(now()) {
            return Ok(value);
        }
        let before = self.kept().ended;
        let _flight = self.flight.lock().await;
        {
            let kept = self.kept();
            if let Some(value) = kept.current(now()) {
                return Ok(value);
            }
            // Somebody else has failed while this call waited for it.
            if let Some(failure) = kept.failure.as_ref().filter(|_| kept.ended != before) {
                return Err(failure.clone());
            }
        }
        let fetched = fetch().await;
        let mut kept = self.kept();
        kept.ended += 1;
        match fetched {
            Ok(fresh) => {
                let value = fresh.value.clone();
                kept.fresh = Some(fresh);
                kept.failure = None;
                Ok(value)
            }
            Err(error) => match &mut kept.fresh {
                Some(old) if now() < old.expires_at => {
                    old.renew_at = now() + RENEW_AGAIN;
                    Ok(old.value.clone())
                }
                _ => {
                    kept.fresh = None;
                    kept.failure = Some(error.clone());
                    Err(error)
                }
            },
        }
    }

    /// Gives the value up if `stale` says so of it, so that the next call asks anew.
    pub fn forget_if(&self, stale: impl FnOnce(&T) -> bool) {
        let mut kept = self.kept();
        if kept.fresh.as_ref().is_some_and(|fresh| stale(&fresh.value)) {
            kept.fresh = None;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept<T, E>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone, E> Kept<T, E> {
    fn current(&self, now: Timestamp) -> Option<T> {
        self.fresh.as_ref().filter(|fresh| now < fresh.renew_at).map(|fresh| fresh.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::future::{join, join3};
    use futures::{FutureExt as _, pin_mut};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    fn until(value: u32, renew: i64, expire: i64) -> Fresh<u32> {
        Fresh { value, renew_at: at(renew), expires_at: at(expire) }
    }

    #[test]
    fn a_value_is_renewed_when_it_is_time_and_the_old_one_serves_while_that_fails() {
        let cached = Cached::<u32, &str>::default();
        let get = |now, answer| block_on(cached.get(|| at(now), async || answer));
        assert_eq!(get(0, Ok(until(1, 10, 20))), Ok(1));
        assert_eq!(get(9, Err("not asked")), Ok(1));
        assert_eq!(get(10, Ok(until(2, 30, 60))), Ok(2));
        assert_eq!(get(30, Err("down")), Ok(2), "it has not expired");
        assert_eq!(get(44, Ok(until(3, 99, 99))), Ok(2), "the next attempt is 15 s later");
        assert_eq!(get(45, Err("down")), Ok(2));
        assert_eq!(get(60, Err("down")), Err("down"));
        assert_eq!(get(60, Ok(until(4, 99, 99))), Ok(4));
        cached.forget_if(|value| *value == 3);
        assert_eq!(get(61, Err("not asked")), Ok(4));
        cached.forget_if(|value| *value == 4);
        assert_eq!(get(61, Ok(until(5, 99, 99))), Ok(5));
    }

    #[test]
    fn callers_at_the_same_time_share_one_fetch_and_its_outcome() {
        for outcome in [Ok(until(1, 10, 20)), Err("refused")] {
            let (cached, fetches) = (Cached::<u32, &str>::default(), Cell::new(0));
            let (open, opened) = oneshot::channel::<()>();
            let opened = opened.shared();
            let get = || {
                let (opened, outcome) = (opened.clone(), outcome.clone());
                let fetches = &fetches;
                cached.get(
                    || at(0),
                    async move || {
                        fetches.set(fetches.get() + 1);
                        let _ = opened.await;
                        outcome
                    },
                )
            };
            let all = join3(get(), get(), get());
            let ((a, b, c), _) = block_on(join(all, async { open.send(()) }));
            assert_eq!(fetches.get(), 1);
            assert_eq!((a, b), (b, c));
            assert_eq!(a, outcome.map(|fresh| fresh.value));
        }
    }

    #[test]
    fn a_fetch_that_is_given_up_is_taken_over() {
        let cached = Cached::<u32, &str>::default();
        {
            let never = cached.get(|| at(0), async || std::future::pending().await);
            pin_mut!(never);
            assert!(never.now_or_never().is_none());
        }
        assert_eq!(block_on(cached.get(|| at(0), async || Ok(until(1, 10, 20)))), Ok(1));
    }
}
