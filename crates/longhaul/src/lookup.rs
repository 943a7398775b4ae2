//! Reading instances.

use std::future::Future;
use std::time::Duration;

use futures::future::{self, Either};
use futures::pin_mut;
use thiserror::Error;

use crate::counter::{self, Encoding};
use crate::engine::Engine;
use crate::id::{InstanceId, InstanceKey};
use crate::platform::{Platform, Stopwatch, until};
use crate::record::{Head, Record, UnreadableRecord, decode_head};
use crate::store::{Store, StoreError};

/// Why an instance could not be read.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record is of another format, or damaged.
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    /// The claim of a caller-chosen id is damaged.
    #[error("the claim of a caller-chosen id is unreadable: {0}")]
    Claim(#[from] counter::NotACounter),
}

/// A record with the exact bytes that it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) record: Record,
    pub(crate) bytes: Vec<u8>,
}

/// Who holds a caller-chosen id: the ballot in the upper half of the claim (0: nobody yet), the number of ballots in
/// the lower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) chosen: u32,
    pub(crate) count: u32,
    pub(crate) encoding: Encoding,
    pub(crate) bytes: Vec<u8>,
}

impl Claim {
    /// The claim with `ballot` chosen.
    pub(crate) fn choosing(&self, ballot: u32) -> Vec<u8> {
        counter::write(u64::from(ballot) << 32 | u64::from(self.count), self.encoding)
    }

    /// The claim with no ballot chosen, and never the same as before.
    pub(crate) fn choosing_nobody(&self) -> Vec<u8> {
        counter::write(u64::from(self.count + 1), self.encoding)
    }
}

/// An instance that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where it is stored.
    pub key: InstanceKey,
    /// What there is to report of it.
    pub head: Head,
}

/// What is to be done about an instance that somebody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Somebody should have looked at it by now: it is to be kicked, and the scheduler woken.
    Overdue,
    /// Nothing has happened with it for a while, which may well be as it should be; but what it waits for may wait for a
    /// scheduler that is dead. That is to be seen to, with [`SchedulerKick::check`](crate::SchedulerKick::check).
    Quiet,
}

impl<P: Platform> Engine<P> {
    /// The instance `id`: one `get` when the id is a random one.
    ///
    /// # Errors
    /// When the store fails, or the record is of another format.
    pub async fn lookup(&self, id: &InstanceId) -> Result<Option<Found>, ReadError> {
        if id.is_entity() {
            return Ok(None);
        }
        Ok(self.lookup_any(id).await?.filter(|found| !found.head.purging))
    }

    /// The instance `id`, also while it is being deleted.
    pub(crate) async fn lookup_any(&self, id: &InstanceId) -> Result<Option<Found>, ReadError> {
        let key = InstanceKey::of_random(id);
        if let Some(found) = self.found(key, id).await? {
            return Ok(Some(found));
        }
        let Some(claim) = self.claim(id).await?.filter(|claim| claim.chosen > 0) else { return Ok(None) };
        self.found(InstanceKey::of_ballot(id, claim.chosen), id).await
    }

    /// Waits until the instance at `key` has finished or `limit` is over, and answers what it then is.
    ///
    /// # Errors
    /// As [`Engine::lookup`].
    pub async fn wait_until_finished(
        &self,
        key: &InstanceKey,
        limit: Duration,
    ) -> Result<Option<Head>, ReadError> {
        self.wait_until(key, limit, Stopwatch::start(&self.platform)).await
    }

    /// The same, for whoever learns of it when it is `worth_while` to look: until then, the instance is looked at only now
    /// and then, in case that is not heard.
    ///
    /// # Errors
    /// As [`Engine::lookup`].
    pub async fn wait_until_finished_or(
        &self,
        key: &InstanceKey,
        limit: Duration,
        worth_while: impl Future<Output = ()>,
    ) -> Result<Option<Head>, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        let seldom = async {
            self.platform.sleep(self.timing.poll.min(limit)).await;
            self.wait_until(key, limit, watch).await
        };
        pin_mut!(worth_while, seldom);
        match future::select(worth_while, seldom).await {
            Either::Left(((), _)) => self.wait_until(key, limit, watch).await,
            Either::Right((found, _)) => found,
        }
    }

    async fn wait_until(
        &self,
        key: &InstanceKey,
        limit: Duration,
        since: Stopwatch,
    ) -> Result<Option<Head>, ReadError> {
        loop {
            let Some(bytes) = self.platform.store().get(&self.hub.instance(key)).await? else {
                return Ok(None);
            };
            let head = decode_head(&bytes)?;
            let elapsed = since.elapsed(&self.platform);
            let left = limit.saturating_sub(elapsed);
            if head.status.is_finished() || left.is_zero() {
                return Ok(Some(head));
            }
            // A tenth of what it has taken: nobody waits much longer than it takes, and what takes long is looked at
            // seldom.
            let pause = (elapsed / 10).max(Duration::from_millis(5)).min(self.timing.poll);
            self.platform.sleep(pause.min(left)).await;
        }
    }

    /// Whether an instance is overdue: somebody should have looked at it by now, and whoever sees this should wake the
    /// scheduler. Nothing is read for it.
    pub fn is_overdue(&self, head: &Head) -> bool {
        head.need.is_some_and(|need| until(need, self.platform.now()) > self.timing.poll * 4)
    }

    /// What is to be done about an instance, if anything. Nothing is read for it.
    pub fn concern(&self, head: &Head) -> Option<Concern> {
        let still = until(head.updated, self.platform.now());
        match () {
            () if self.is_overdue(head) => Some(Concern::Overdue),
            () if !head.status.is_finished() && still > self.timing.lease * 2 => Some(Concern::Quiet),
            () => None,
        }
    }

    /// The record at `key`, if it is of `id`: a chosen id may look like the key of another's ballot.
    async fn found(&self, key: InstanceKey, id: &InstanceId) -> Result<Option<Found>, ReadError> {
        let Some(bytes) = self.platform.store().get(&self.hub.instance(&key)).await? else { return Ok(None) };
        let head = decode_head(&bytes)?;
        Ok((head.id == *id).then_some(Found { key, head }))
    }

    pub(crate) async fn claim(&self, id: &InstanceId) -> Result<Option<Claim>, ReadError> {
        let Some(bytes) = self.platform.store().get(&self.hub.claim(id)).await? else { return Ok(None) };
        let (value, encoding) = counter::read(&bytes)?;
        Ok(Some(Claim { chosen: (value >> 32) as u32, count: value as u32, encoding, bytes }))
    }

    pub(crate) async fn read(&self, key: &InstanceKey) -> Result<Option<Stored>, ReadError> {
        let Some(bytes) = self.platform.store().get(&self.hub.instance(key)).await? else { return Ok(None) };
        Ok(Some(Stored { record: Record::decode(&bytes)?, bytes }))
    }

    /// Reads a record, trying again while the store fails.
    pub(crate) async fn read_patiently(&self, key: &InstanceKey) -> Result<Option<Stored>, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            match self.read(key).await {
                Err(ReadError::Store(error)) => self.pause_unless_over(&watch, error).await?,
                other => return other,
            }
        }
    }

    /// The record at `key`, if it is an instance.
    pub(crate) async fn read_chosen(&self, key: &InstanceKey) -> Result<Option<Stored>, ReadError> {
        match self.read(key).await? {
            Some(stored) if self.is_chosen(key, &stored.record).await? => Ok(Some(stored)),
            _ => Ok(None),
        }
    }

    /// Whether `record`, stored at `key`, is the instance of its id: a record of a caller-chosen id is one only once
    /// the claim has chosen its ballot.
    pub(crate) async fn is_chosen(&self, key: &InstanceKey, record: &Record) -> Result<bool, ReadError> {
        match key.ballot(&record.head.id) {
            // One that is being deleted has been chosen, and is let go before it is gone.
            _ if record.head.purging => Ok(true),
            None => Ok(true),
            Some(ballot) => {
                Ok(self.claim(&record.head.id).await?.is_some_and(|claim| claim.chosen == ballot))
            }
        }
    }
}
