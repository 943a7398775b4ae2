//! Changing a record: takeover, commit and fence, each one compare-and-swap.
//!
//! A swap that the store calls done is: some store reports failures that are none, but none a success that is none. After
//! any other the record is read back, and who may have written it decides what happened.

use jiff::Timestamp;
use thiserror::Error;

use crate::engine::Engine;
use crate::id::InstanceKey;
use crate::log::{LogEntry, NEAR};
use crate::lookup::{ReadError, Stored};
use crate::platform::{Platform, Stopwatch, after, until};
use crate::record::{Lease, Record, Wake};
use crate::store::{Store, StoreError, Swapped};

/// A record whose lease is ours, as far as we know.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) key: InstanceKey,
    pub(crate) stored: Stored,
}

impl Held {
    pub(crate) fn record(&self) -> &Record {
        &self.stored.record
    }
}

/// Why a commit did not land.
#[derive(Debug, Clone, PartialEq, Error)]
pub(crate) enum CommitError {
    /// Another has the lease now: stop, and dispatch nothing.
    #[error("another has taken over the lease")]
    Lost,
    /// The store failed for too long. Whether the commit landed is unknown; the lease runs out by itself.
    #[error(transparent)]
    Unknown(#[from] ReadError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Unknown(error.into())
    }
}

/// Which wake entry a change uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakeEntry {
    /// The record's present one, if it serves.
    Keep,
    /// A new one.
    Fresh,
}

impl<P: Platform> Engine<P> {
    /// A tick's lease from now on.
    pub(crate) fn lease(&self) -> Lease {
        let granted = self.platform.now();
        Lease { granted, expires: after(granted, self.timing.lease), offered: false }
    }

    /// A lease for the tick that is about to be asked for.
    pub(crate) fn offer(&self) -> Lease {
        let granted = self.platform.now();
        Lease { granted, expires: after(granted, self.timing.grant), offered: true }
    }

    /// Commits `new` over what is held. The caller has set everything but version, step, commit id and wake entry.
    ///
    /// # Errors
    /// When the lease is lost, or the store fails for too long.
    pub(crate) async fn commit(
        &self,
        held: &mut Held,
        mut new: Record,
        wake: WakeEntry,
    ) -> Result<(), CommitError> {
        let watch = Stopwatch::start(&self.platform);
        new.control.step = held.record().control.step + 1;
        let mut bytes = self.seal(&held.key, held.record(), &mut new, wake).await?;
        loop {
            let swap = self.swap(&held.key, &held.stored.bytes, &bytes).await;
            if swap == Ok(Swapped::Done) {
                held.stored = Stored { record: new, bytes };
                return Ok(());
            }
            let Some(found) = self.read_patiently(&held.key).await? else { return Err(CommitError::Lost) };
            let (old, now) = (&held.record().control, &found.record.control);
            if now.epoch != new.control.epoch {
                return Err(CommitError::Lost);
            } else if now.owner == new.control.owner && now.step == new.control.step {
                held.stored = found;
                return Ok(());
            } else if found.bytes == held.stored.bytes {
                let error = swap.err().unwrap_or_else(without_effect);
                self.pause_unless_over(&watch, error).await?;
            } else if now.owner == old.owner && now.step == old.step {
                // Only a fence can have done this: on top of it, then, with a wake entry that it has not retired.
                held.stored = found;
                bytes = self.seal(&held.key, held.record(), &mut new, wake).await?;
            } else {
                return Err(CommitError::Lost); // another used the same grant
            }
        }
    }

    /// Takes over the lease of a record: None when another was faster.
    ///
    /// Tasks that were dispatched are counted as dispatched once more, since the new holder will do that, unless an
    /// operator holds the instance.
    pub(crate) async fn takeover(
        &self,
        key: &InstanceKey,
        old: &Stored,
        owner: &str,
        lease: Lease,
        wake: WakeEntry,
    ) -> Result<Option<Held>, ReadError> {
        let mut new = old.record.clone();
        new.control.epoch += 1;
        new.control.owner = owner.to_owned();
        new.control.strikes = match &old.record.control.lease {
            Some(lost) if lost.offered || lost.is_live(lease.granted) => old.record.control.strikes,
            Some(_) => old.record.control.strikes.saturating_add(1),
            None => 0,
        };
        for task in new.control.tasks.values_mut() {
            if new.control.suspended {
                task.retry_at.get_or_insert(lease.granted);
            } else if task.retry_at.is_none_or(|at| at <= lease.granted) {
                task.attempt += 1;
                task.retry_at = None;
            }
        }
        new.control.lease = Some(lease);
        self.overwrite(key, old, new, wake, owner).await
    }

    /// Replaces a record, whose epoch is raised and whose owner is `owner`: None when another was faster.
    pub(crate) async fn overwrite(
        &self,
        key: &InstanceKey,
        old: &Stored,
        mut new: Record,
        wake: WakeEntry,
        owner: &str,
    ) -> Result<Option<Held>, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        let bytes = self.seal(key, &old.record, &mut new, wake).await?;
        loop {
            let swap = self.swap(key, &old.bytes, &bytes).await;
            if swap == Ok(Swapped::Done) {
                return Ok(Some(Held { key: key.clone(), stored: Stored { record: new, bytes } }));
            }
            let Some(found) = self.read_patiently(key).await? else { return Ok(None) };
            if found.record.control.epoch == new.control.epoch && found.record.control.owner == owner {
                return Ok(Some(Held { key: key.clone(), stored: found }));
            }
            if found.bytes != old.bytes {
                return Ok(None);
            }
            let error = swap.err().unwrap_or_else(without_effect);
            self.pause_unless_over(&watch, error).await?;
        }
    }

    /// Gives a record that another may hold a new wake entry, and changes nothing else: the holder's commit is made again
    /// on top of it, as on top of a fence. None if the record was changed otherwise.
    pub(crate) async fn register(&self, key: &InstanceKey, old: &Stored) -> Result<Option<Held>, ReadError> {
        let mut new = old.record.clone();
        let bytes = self.seal(key, &old.record, &mut new, WakeEntry::Fresh).await?;
        // Whatever this says, the record tells.
        let _ = self.swap(key, &old.bytes, &bytes).await;
        let Some(found) = self.read_patiently(key).await? else { return Ok(None) };
        // Another's new entry is as good as ours.
        let registered = found.record.control.wake != old.record.control.wake;
        let (was, is) = (&old.record.control, &found.record.control);
        let held = registered && (was.epoch, was.step) == (is.epoch, is.step);
        Ok(held.then(|| Held { key: key.clone(), stored: found }))
    }

    /// Raises the version alone, so that whoever was about to change this very value no longer can. Whether it has an
    /// effect does not matter: look again.
    pub(crate) async fn fence(&self, key: &InstanceKey, stored: &Stored) -> Result<(), StoreError> {
        let mut record = stored.record.clone();
        record.control.version += 1;
        record.control.commit = self.nonce();
        self.swap(key, &stored.bytes, &record.encode()).await.map(drop)
    }

    async fn swap(&self, key: &InstanceKey, old: &[u8], new: &[u8]) -> Result<Swapped, StoreError> {
        self.platform.store().swap(&self.hub.instance(key), old, new.to_vec()).await
    }

    /// Makes `new` the successor of `old`: version, commit id, and an entry of a log that will bring the scheduler
    /// here when the record needs it, filed before the record names it.
    async fn seal(
        &self,
        key: &InstanceKey,
        old: &Record,
        new: &mut Record,
        wake: WakeEntry,
    ) -> Result<Vec<u8>, StoreError> {
        new.control.version = old.control.version + 1;
        new.control.commit = self.nonce();
        new.head.need = new.need();
        new.control.wake = match (new.head.need, old.control.wake) {
            (None, _) => None,
            (Some(due), Some(present)) if wake == WakeEntry::Keep && self.serves(present, due) => {
                Some(Wake { due, ..present })
            }
            (Some(due), _) => {
                let entry = self.file(&LogEntry::new(key, old.control.version, due)).await?;
                Some(Wake { entry, due })
            }
        };
        let bytes = new.encode();
        debug_assert_eq!(Record::decode(&bytes).as_ref(), Ok(&*new), "what is encoded is what is decoded");
        Ok(bytes)
    }

    /// Whether the scheduler, going by `present`, looks at the record by `due`, and not for hours before.
    fn serves(&self, present: Wake, due: Timestamp) -> bool {
        due >= present.due && until(self.platform.now(), due) <= NEAR
    }
}

fn without_effect() -> StoreError {
    StoreError("a swap had no effect".into())
}
