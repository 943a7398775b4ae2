//! The near logs: numbered slots that lead the scheduler to what needs attention.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::id::InstanceKey;
use crate::keys::{EntryName, Log};
use crate::platform::{Platform, Stopwatch};
use crate::store::{Store, StoreError};

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
}

impl LogEntry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an entry has a JSON form")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
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

    /// Whether a slot that was taken after the start of `since` has certainly not been given up: half of the grace for
    /// holes is not over.
    pub(crate) fn is_in_time(&self, since: &Stopwatch) -> bool {
        since.elapsed(&self.platform) <= self.timing.hole_grace / 2
    }

    /// Takes the next slot of `log`. An increment may be repeated after an error: a skipped number is a hole, and
    /// readers go on past holes.
    pub(crate) async fn next_slot(&self, log: Log) -> Result<EntryName, StoreError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            match self.platform.store().increment(&self.hub.counter(log)).await {
                Ok(slot) => return Ok(EntryName { log, slot }),
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
        self.platform.sleep(elapsed.clamp(std::time::Duration::from_millis(20), self.timing.poll)).await;
        Ok(())
    }
}
