//! The logs: numbered slots that lead the scheduler to what needs attention.
//!
//! What is due within an hour stands in the near logs. What is due later is filed under its hour, where nobody looks
//! before; what is due later than the last of these hours is filed there, and filed again when that hour comes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::id::InstanceKey;
use crate::keys::{EntryName, Log};
use crate::platform::{Platform, Stopwatch, until};
use crate::store::{Store, StoreError};

/// How far ahead the near logs reach.
pub(crate) const NEAR: Duration = Duration::from_secs(3600);
/// How many hours ahead anything is filed.
pub(crate) const HOURS_AHEAD: u32 = 47;

/// What stands in a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogEntry {
    /// The instance to look at.
    pub(crate) key: InstanceKey,
    /// The version of the record that the writer was about to change. Once the record has a later one and does not
    /// name this entry, nobody will ever need it.
    pub(crate) base: u64,
    /// When to look first.
    pub(crate) due: Timestamp,
    /// The message for whose sake it was written: it is needed until that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<u64>,
    /// When the instance was created; in the creation log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<Timestamp>,
}

impl LogEntry {
    pub(crate) fn new(key: &InstanceKey, base: u64, due: Timestamp) -> Self {
        Self { key: key.clone(), base, due, message: None, created: None }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an entry has a JSON form")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The hour of `at`, counted from 1970.
pub(crate) fn hour_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0) / 3600).unwrap_or(u32::MAX)
}

/// When an hour begins.
pub(crate) fn begin_of(hour: u32) -> Timestamp {
    Timestamp::from_second(i64::from(hour) * 3600).unwrap_or(Timestamp::MAX)
}

impl<P: Platform> Engine<P> {
    /// Appends `entry`. After an error it takes another slot, since the write to the first may still land; and so it
    /// does when it was so slow that the scheduler may have given up on the slot.
    pub(crate) async fn append(&self, log: Log, entry: &LogEntry) -> Result<EntryName, StoreError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let since = Stopwatch::start(&self.platform);
            let name = self.next_slot(log).await?;
            match self.platform.store().set(&self.hub.slot(name), entry.encode()).await {
                Ok(()) if self.is_in_time(&since) => return Ok(name),
                Ok(()) => {}
                Err(error) => self.pause_unless_over(&watch, error).await?,
            }
        }
    }

    /// Files `entry` where the scheduler finds it in time.
    pub(crate) async fn file(&self, entry: &LogEntry) -> Result<EntryName, StoreError> {
        let now = self.platform.now();
        if until(now, entry.due) <= NEAR {
            return self.append(Log::Wake, entry).await;
        }
        let hour = hour_of(entry.due).min(hour_of(now) + HOURS_AHEAD);
        let watch = Stopwatch::start(&self.platform);
        let since = Stopwatch::start(&self.platform);
        let name = self.next_slot(Log::Far(hour)).await?;
        // The scheduler publishes that it has come to an hour before it reads that hour's counter: so either it sees our
        // increment, or we see that it was there.
        if self.far_hours_begun(&watch).await?.is_some_and(|begun| hour <= begun) {
            return self.append(Log::Wake, entry).await;
        }
        match self.platform.store().set(&self.hub.slot(name), entry.encode()).await {
            Ok(()) if self.is_in_time(&since) => Ok(name),
            // The near log does as well.
            _ => self.append(Log::Wake, entry).await,
        }
    }

    /// Whether a slot that was taken after the start of `since` has certainly not been given up: half of the grace for
    /// holes is not over.
    pub(crate) fn is_in_time(&self, since: &Stopwatch) -> bool {
        since.elapsed(&self.platform) <= self.timing.hole_grace / 2
    }

    /// Takes the next slot of `log`.
    pub(crate) async fn next_slot(&self, log: Log) -> Result<EntryName, StoreError> {
        Ok(EntryName { log, slot: self.increment(&self.hub.counter(log)).await? })
    }

    /// Increments a counter. That may be repeated after an error: a skipped number is a hole, and readers go on past
    /// holes.
    pub(crate) async fn increment(&self, counter: &str) -> Result<u64, StoreError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            match self.platform.store().increment(counter).await {
                Ok(number) => return Ok(number),
                Err(error) => self.pause_unless_over(&watch, error).await?,
            }
        }
    }

    /// Reads a key, trying again while the store fails.
    pub(crate) async fn get_patiently(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            match self.platform.store().get(key).await {
                Ok(value) => return Ok(value),
                Err(error) => self.pause_unless_over(&watch, error).await?,
            }
        }
    }

    /// Waits before another try, or gives `error` back when there was patience enough.
    pub(crate) async fn pause_unless_over(
        &self,
        watch: &Stopwatch,
        error: StoreError,
    ) -> Result<(), StoreError> {
        let elapsed = watch.elapsed(&self.platform);
        if elapsed >= self.timing.patience {
            return Err(error);
        }
        // Doubles the time since the beginning, from a short pause on.
        self.platform.sleep(elapsed.clamp(Duration::from_millis(20), self.timing.poll)).await;
        Ok(())
    }
}
