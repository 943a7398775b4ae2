//! Creating instances under ids that the caller chose.
//!
//! Concurrent creations store a record each under a ballot of their own, and the claim decides by one compare-and-swap.

use crate::commit::{Held, WakeEntry};
use crate::engine::Engine;
use crate::id::{InstanceId, InstanceKey};
use crate::keys::{EntryName, Log};
use crate::lookup::{Found, ReadError, Stored};
use crate::platform::{Platform, Stopwatch};
use crate::record::{Parent, Record, Run, Wake};
use crate::stage::belongings;
use crate::status::RuntimeStatus;
use crate::store::{Store, StoreError};

use super::{Creation, Reuse, Start, StartError, Started, started};

/// How often a start with a chosen id looks again when others start and abandon it at the same time.
const ROUNDS: usize = 8;

/// What becomes of the instance that is there already.
enum Present {
    Left(Creation),
    Replaced(Box<Started>),
    /// It has finished, and somebody is yet to be told: look again.
    Ending(Creation),
    /// It was changed meanwhile, or is being deleted: look again.
    Changed,
}

impl<P: Platform> Engine<P> {
    /// Starts an instance under an id of the caller's choice, unless there is one of that id.
    ///
    /// # Errors
    /// When the input is too large, or the store fails. Repeating the call is safe.
    pub async fn start_with_id(
        &self,
        id: &InstanceId,
        start: Start,
        reuse: Reuse,
    ) -> Result<Creation, StartError> {
        self.start_under(id, start, reuse, None).await
    }

    pub(crate) async fn start_under(
        &self,
        id: &InstanceId,
        start: Start,
        reuse: Reuse,
        parent: Option<(InstanceId, Parent)>,
    ) -> Result<Creation, StartError> {
        self.check_size(&start)?;
        let patience = Stopwatch::start(&self.platform);
        let mut ending = None;
        for _ in 0..ROUNDS {
            let Some(found) = self.lookup_any(id).await.map_err(StartError::NotStored)? else {
                match self.claim_and_create(id, start.clone(), parent.clone()).await? {
                    Some(started) => return Ok(Creation::Created(started)),
                    None => continue,
                }
            };
            match self.meet(found, &start, reuse, parent.clone()).await? {
                Present::Left(creation) => return Ok(creation),
                Present::Replaced(started) => return Ok(Creation::Created(*started)),
                Present::Ending(creation) => ending = Some(creation),
                Present::Changed => {}
            }
            let busy = StoreError("the instance of that id changes all the time".into());
            self.pause_unless_over(&patience, busy).await.map_err(StartError::unknown)?;
        }
        if let Some(creation) = ending {
            return Ok(creation);
        }
        Err(StartError::unknown(StoreError("others start and abandon the same id all the time".into())))
    }

    async fn meet(
        &self,
        found: Found,
        start: &Start,
        reuse: Reuse,
        parent: Option<(InstanceId, Parent)>,
    ) -> Result<Present, StartError> {
        if reuse == Reuse::Never || !found.head.status.is_finished() {
            if found.head.purging {
                return Ok(Present::Changed);
            }
            let adopted = self.adopt(&found.key).await.map_err(StartError::Unknown)?;
            return Ok(Present::Left(Creation::Exists { found: Box::new(found), adopted }));
        }
        let Some(stored) = self.read_patiently(&found.key).await.map_err(StartError::NotStored)? else {
            return Ok(Present::Changed);
        };
        let Record { head, control, .. } = &stored.record;
        if head.purging {
            return Ok(Present::Changed);
        }
        let is_ours = |theirs: &Parent| {
            parent.as_ref().is_some_and(|(_, ours)| theirs.is_same(ours) || theirs.has_outlived(ours))
        };
        // A late order for a sub-orchestration that has ended meanwhile is not one for another.
        if control.parent.as_ref().is_some_and(is_ours) {
            return Ok(Present::Left(Creation::Exists { found: Box::new(found), adopted: None }));
        }
        if !head.status.is_finished() || !control.outbox.is_empty() {
            let creation = Creation::Exists { found: Box::new(found), adopted: None };
            return Ok(Present::Ending(creation));
        }
        let replaced = self.replace(&found.key, &stored, start.clone(), parent).await?;
        Ok(replaced.map_or(Present::Changed, |started| Present::Replaced(Box::new(started))))
    }

    /// Gives the finished instance at `key` a new execution. None: somebody else was faster.
    pub(crate) async fn replace(
        &self,
        key: &InstanceKey,
        old: &Stored,
        start: Start,
        parent: Option<(InstanceId, Parent)>,
    ) -> Result<Option<Started>, StartError> {
        let was = &old.record.control;
        // Messages to the execution that is over are not for the next one.
        let sent = self.messages_sent(key).await.map_err(StartError::not_stored)?;
        let slot = self.next_slot(Log::Created).await.map_err(StartError::not_stored)?;
        let (mut new, writes) = self.new_record(&old.record.head.id, key, start, parent, slot, None);
        new.control.epoch = was.epoch + 1;
        new.control.step = was.step;
        new.control.inbox = was.inbox.clone();
        new.control.inbox.read = sent.max(was.inbox.read);
        new.control.inbox.holes.clear();
        new.control.garbage = was.garbage.clone();
        new.control.garbage.extend(belongings(&self.hub, key, &old.record));
        let stem = format!("{}/", self.hub.counter(Log::Created));
        Run::add(&mut new.control.garbage, &stem, old.record.head.created_slot);
        let entry = self.creation_entry(key, &new, was.version);
        let writes: Vec<_> = writes.into_iter().chain([(self.hub.slot(slot), entry.encode())]).collect();
        self.platform.store().set_many(writes).await.map_err(StartError::not_stored)?;
        // The scheduler may have given up on the slot, which is for listing; the need gets an entry that is certainly
        // alive.
        let owner = new.control.owner.clone();
        let held = self.overwrite(key, old, new, WakeEntry::Fresh, &owner).await;
        Ok(held.map_err(StartError::Unknown)?.map(|held| started(&held)))
    }

    /// Stores the instance under a ballot of its own and tries to have the ballot chosen; None when another was.
    async fn claim_and_create(
        &self,
        id: &InstanceId,
        start: Start,
        parent: Option<(InstanceId, Parent)>,
    ) -> Result<Option<Started>, StartError> {
        let store = self.platform.store();
        let claimed = store.increment(&self.hub.claim(id)).await.map_err(StartError::not_stored)?;
        let ballot = claimed as u32;
        let key = InstanceKey::of_ballot(id, ballot);
        let watch = Stopwatch::start(&self.platform);
        let far = self.file_if_far(&key, &start).await.map_err(StartError::not_stored)?;
        let unknown = EntryName { log: Log::Created, slot: 0 };
        let (mut record, mut writes) = self.new_record(id, &key, start, parent, unknown, far);
        let entry = self.creation_entry(&key, &record, 0);
        let slot = self.append(Log::Created, &entry).await.map_err(StartError::not_stored)?;
        record.head.created_slot = slot.slot;
        if far.is_none() {
            record.control.wake = record.head.need.map(|due| Wake { entry: slot, due });
        }
        let bytes = record.encode();
        writes.push((self.hub.instance(&key), bytes.clone()));
        match <[_; 1]>::try_from(writes) {
            Ok([(key, value)]) => store.set(&key, value).await,
            Err(writes) => store.set_many(writes).await,
        }
        .map_err(StartError::not_stored)?;
        match self.choose(id, ballot, &key).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(StartError::Unknown(error)),
        }
        let held = Held { key, stored: Stored { record, bytes } };
        self.register_if_late(held, &watch).await.map(Some)
    }

    /// Has the ballot chosen under which a record of `id` is staged at `key`, unless another is: false, and the record is
    /// gone. Its log entry dies by itself.
    pub(crate) async fn choose(
        &self,
        id: &InstanceId,
        ballot: u32,
        key: &InstanceKey,
    ) -> Result<bool, ReadError> {
        let store = self.platform.store();
        let patience = Stopwatch::start(&self.platform);
        let mut tried = false;
        loop {
            let error = match self.claim(id).await {
                Ok(Some(claim)) if claim.chosen == ballot => return Ok(true),
                Ok(Some(claim)) if claim.chosen > 0 => {
                    let _ = store.delete_many(vec![self.hub.instance(key)]).await;
                    return Ok(false);
                }
                Ok(Some(claim)) => {
                    // It may have been chosen, and be deleted already: then it was marked before the claim was let go.
                    if std::mem::replace(&mut tried, true) && self.is_gone(key).await? {
                        return Ok(true);
                    }
                    match store.swap(&self.hub.claim(id), &claim.bytes, claim.choosing(ballot)).await {
                        Ok(_) => continue,
                        Err(error) => error,
                    }
                }
                Ok(None) => StoreError("the claim has vanished".into()),
                Err(ReadError::Store(error)) => error,
                Err(other) => return Err(other),
            };
            self.pause_unless_over(&patience, error).await?;
        }
    }

    /// Whether the record at `key` is deleted, or is being.
    async fn is_gone(&self, key: &InstanceKey) -> Result<bool, ReadError> {
        Ok(self.read_patiently(key).await?.is_none_or(|stored| stored.record.head.purging))
    }

    /// Sees to an instance that has never been ticked: its creator may have been slow, and then gone before it could
    /// register the instance anew. No clock can tell, so it gets a wake entry that is certainly alive. Whoever holds its
    /// lease keeps it: a client that repeats itself does not get in the way of the first tick.
    pub(crate) async fn adopt(&self, key: &InstanceKey) -> Result<Option<Started>, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let Some(stored) = self.read_patiently(key).await? else { return Ok(None) };
            if stored.record.head.status != RuntimeStatus::Pending {
                return Ok(None);
            }
            let lease = stored.record.control.lease.as_ref();
            let waits = stored.record.head.scheduled.is_some_and(|at| at > self.platform.now());
            let held = match waits || lease.is_some_and(|lease| lease.is_live(self.platform.now())) {
                true => self.register(key, &stored).await?,
                false => self.takeover(key, &stored, &self.nonce(), self.offer(), WakeEntry::Fresh).await?,
            };
            if let Some(held) = held {
                return Ok(Some(started(&held)));
            }
            // Somebody else has changed it meanwhile: look again.
            self.pause_unless_over(&watch, StoreError("the instance changes all the time".into())).await?;
        }
    }
}
