//! What clients and operators do with entities.

use std::time::Duration;

use futures::future::try_join_all;
use jiff::Timestamp;

use super::message::{EntityMessage, EntityRequest, Section};
use super::{EntityControl, EntityId};
use crate::commit::WakeEntry;
use crate::engine::Engine;
use crate::id::{InstanceId, InstanceKey};
use crate::json::Json;
use crate::keys::{EntryName, Log};
use crate::log::LogEntry;
use crate::lookup::{ReadError, Stored};
use crate::operations::{OperationError, Told};
use crate::payload::{Payload, too_large};
use crate::platform::{Platform, Stopwatch};
use crate::record::Record;
use crate::store::Store;

/// How many slots are looked at together.
const BATCH: u64 = 64;

/// An entity, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityStatus {
    /// The entity.
    pub id: EntityId,
    /// When an operation was carried out last; when the entity was created, if none was.
    pub last_operation: Timestamp,
    /// Its state, if it has one and it was asked for.
    pub state: Option<Json>,
    /// Whether it has a state.
    pub exists: bool,
    /// The orchestration that has locked it.
    pub locked_by: Option<InstanceId>,
    /// How many messages wait for the lock, or for their time.
    pub waiting: usize,
}

/// Which entities to list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EntityQuery {
    /// Those of this entity function; its case does not matter.
    pub name: Option<String>,
    /// Those whose last operation was at this time or later.
    pub last_operation_from: Option<Timestamp>,
    /// Those whose last operation was at this time or earlier.
    pub last_operation_to: Option<Timestamp>,
    /// Whether to tell their states.
    pub fetch_state: bool,
    /// Also those that have no state.
    pub include_empty: bool,
    /// At most how many; 100 if it is not said.
    pub page_size: Option<usize>,
    /// Where the page before this one ended.
    pub continuation: Option<u64>,
}

/// A page of entities, in the order of their creation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EntityList {
    /// The entities.
    pub entities: Vec<EntityStatus>,
    /// Where the next page begins, if there is one.
    pub continuation: Option<u64>,
}

/// What cleaning has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanedEntities {
    /// How many entities without a state it has removed.
    pub removed: u64,
    /// How many locks it has released whose holders are gone.
    pub released: u64,
    /// Where it stopped, if there may be more.
    pub continuation: Option<u64>,
}

impl<P: Platform> Engine<P> {
    /// Signals an entity, now or at `due`: it is created if there is none yet. The signal is stored when this returns.
    ///
    /// # Errors
    /// When the input is too large, or the store fails; in the latter case the signal may be stored nevertheless.
    pub async fn signal_entity(
        &self,
        entity: &EntityId,
        operation: &str,
        input: Json,
        due: Option<Timestamp>,
    ) -> Result<Told, OperationError> {
        let (size, limit) = (input.text().len(), self.limits.max_payload);
        if size as u64 > limit {
            return Err(OperationError::TooLarge(too_large("the signal's input", size, limit)));
        }
        let request = EntityRequest::Signal { operation: operation.to_owned(), due };
        let input = Payload::Inline(input);
        let message = EntityMessage { request, input, caller: None, section: None };
        Ok(self.told(self.send_to_entity(entity, message).await?))
    }

    /// An entity, with its state. None: it was never sent anything.
    ///
    /// # Errors
    /// When the store fails, or the record is unreadable.
    pub async fn entity(&self, entity: &EntityId) -> Result<Option<EntityStatus>, ReadError> {
        let id = entity.instance();
        let Some(claim) = self.claim(&id).await?.filter(|claim| claim.chosen > 0) else { return Ok(None) };
        let key = InstanceKey::of_ballot(&id, claim.chosen);
        match self.read_patiently(&key).await? {
            Some(stored) if !stored.record.head.purging => self.entity_status(&key, &stored, true).await,
            _ => Ok(None),
        }
    }

    /// The entities that `query` selects, a page of them.
    ///
    /// # Errors
    /// When the store fails, or a record is unreadable.
    pub async fn list_entities(&self, query: &EntityQuery) -> Result<EntityList, ReadError> {
        let size = query.page_size.unwrap_or(100).max(1);
        let name = query.name.as_ref().map(|name| name.to_lowercase());
        let mut next = query.continuation.unwrap_or(1).max(1);
        let mut page = EntityList::default();
        let last = self.last_slot(Log::Entities).await?;
        while next <= last {
            let slots = next..=last.min(next + BATCH - 1);
            next = slots.end() + 1;
            let read = try_join_all(slots.clone().map(|slot| self.entity_at(slot))).await?;
            for (slot, found) in slots.zip(read) {
                let Some((key, stored)) = found else { continue };
                let head = &stored.record.head;
                let selected = name.as_ref().is_none_or(|name| *name == head.name)
                    && (query.include_empty || head.output.is_some())
                    && query.last_operation_from.is_none_or(|from| head.updated >= from)
                    && query.last_operation_to.is_none_or(|to| head.updated <= to);
                if !selected {
                    continue;
                }
                if page.entities.len() == size {
                    page.continuation = Some(slot);
                    return Ok(page);
                }
                page.entities.extend(self.entity_status(&key, &stored, query.fetch_state).await?);
            }
        }
        Ok(page)
    }

    /// Removes entities that have no state and nothing to do, and releases locks whose holders have ended or are gone,
    /// for as long as `limit`. An entity that it removed is created anew when it is next sent something.
    ///
    /// # Errors
    /// When the store fails, or a record is unreadable.
    pub async fn clean_entities(
        &self,
        remove_empty: bool,
        release_orphaned_locks: bool,
        continuation: Option<u64>,
        limit: Duration,
    ) -> Result<CleanedEntities, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        let mut cleaned = CleanedEntities::default();
        for slot in continuation.unwrap_or(1).max(1)..=self.last_slot(Log::Entities).await? {
            if watch.elapsed(&self.platform) >= limit {
                cleaned.continuation = Some(slot);
                break;
            }
            let Some((key, stored)) = self.entity_at(slot).await? else { continue };
            if release_orphaned_locks && self.release_orphaned_lock(&stored).await? {
                cleaned.released += 1;
            } else if remove_empty && self.remove_if_empty(&key, stored).await? {
                cleaned.removed += 1;
            }
        }
        Ok(cleaned)
    }

    async fn entity_status(
        &self,
        key: &InstanceKey,
        stored: &Stored,
        fetch_state: bool,
    ) -> Result<Option<EntityStatus>, ReadError> {
        let Record { head, control, .. } = &stored.record;
        let (Ok(id), Some(entity)) = (head.id.as_str().parse(), &control.entity) else { return Ok(None) };
        let state = match &head.output {
            Some(state) if fetch_state => Some(self.value(key, &head.execution, state).await?),
            _ => None,
        };
        let locked_by = match &entity.locked_by {
            Some(section) => self.read(&section.key).await?.map(|holder| holder.record.head.id),
            None => None,
        };
        Ok(Some(EntityStatus {
            id,
            last_operation: head.updated,
            state,
            exists: head.output.is_some(),
            locked_by,
            waiting: entity.waiting.len() + entity.scheduled.len(),
        }))
    }

    async fn entity_at(&self, slot: u64) -> Result<Option<(InstanceKey, Stored)>, ReadError> {
        let name = self.hub.slot(EntryName { log: Log::Entities, slot });
        let entry = self.platform.store().get(&name).await?.and_then(|bytes| LogEntry::decode(&bytes));
        let Some(LogEntry { key, .. }) = entry else { return Ok(None) };
        let stored = self.read_chosen(&key).await?;
        let is_it = |stored: &Stored| !stored.record.head.purging && stored.record.head.created_slot == slot;
        Ok(stored.filter(is_it).map(|stored| (key, stored)))
    }

    /// Releases a lock whose holder no longer needs it.
    async fn release_orphaned_lock(&self, stored: &Stored) -> Result<bool, ReadError> {
        let entity = stored.record.control.entity.as_ref();
        let Some(section) = entity.and_then(|entity| entity.locked_by.clone()) else { return Ok(false) };
        if self.holds_locks(&section).await? {
            return Ok(false);
        }
        let Ok(id) = stored.record.head.id.as_str().parse::<EntityId>() else { return Ok(false) };
        let (request, input) = (EntityRequest::Unlock, Payload::default());
        let message = EntityMessage { request, input, caller: None, section: Some(section) };
        self.send_to_entity(&id, message).await?;
        Ok(true)
    }

    /// Whether a critical section may still be in use, or will let go by itself.
    async fn holds_locks(&self, section: &Section) -> Result<bool, ReadError> {
        let Some(holder) = self.read_patiently(&section.key).await? else { return Ok(false) };
        let Record { head, control, .. } = &holder.record;
        let lives = !head.status.is_finished() && head.execution == section.execution;
        Ok(lives || !control.outbox.is_empty())
    }

    /// Removes an entity that has no state, and nothing to do: see [`Engine::is_reachable`] for why no message is lost.
    async fn remove_if_empty(&self, key: &InstanceKey, stored: Stored) -> Result<bool, ReadError> {
        let is_empty = |record: &Record, retiring: bool| {
            let Record { head, control, .. } = record;
            let inbox = &control.inbox;
            head.output.is_none()
                && control.lease.is_none()
                && control.outbox.is_empty()
                // Who sent what was lost may ask whether it was.
                && inbox.holes.is_empty()
                && inbox.lost.is_empty()
                && control.entity.as_ref().is_some_and(|entity| entity.is_idle() && entity.retiring == retiring)
        };
        let marked = stored.record.control.entity.as_ref().is_some_and(|entity| entity.retiring);
        if !is_empty(&stored.record, marked) {
            return Ok(false);
        }
        let owner = self.nonce();
        let mut new = stored.record.clone();
        new.control.entity = Some(EntityControl { retiring: true, ..EntityControl::default() });
        new.control.epoch += 1;
        new.control.owner.clone_from(&owner);
        let Some(held) = self.overwrite(key, &stored, new, WakeEntry::Keep, &owner).await? else {
            return Ok(false);
        };
        if self.messages_sent(key).await? > held.record().control.inbox.read || !is_empty(held.record(), true)
        {
            return Ok(false);
        }
        let owner = self.nonce();
        let mut new = held.record().clone();
        new.head.purging = true;
        new.control.epoch += 1;
        new.control.owner.clone_from(&owner);
        match self.overwrite(key, &held.stored, new, WakeEntry::Fresh, &owner).await? {
            Some(held) => self.finish_purge(key, &held.stored).await.map(|()| true),
            None => Ok(false),
        }
    }
}
