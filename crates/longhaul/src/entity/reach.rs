//! Sending messages to entities so that none is carried out twice.

use serde::{Deserialize, Serialize};

use super::{EntityControl, EntityId, EntityMessage};
use crate::commit::WakeEntry;
use crate::engine::Engine;
use crate::id::InstanceKey;
use crate::inbox::{Message, MessageKind};
use crate::keys::Log;
use crate::log::LogEntry;
use crate::lookup::ReadError;
use crate::platform::{Platform, Stopwatch};
use crate::record::Record;
use crate::status::RuntimeStatus;
use crate::store::{Store, StoreError};

/// A slot of an entity's inbox that is taken for a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where the entity is stored.
    pub key: InstanceKey,
    /// The slot.
    pub slot: u64,
    /// The slots that were taken for the message before, and may hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<u64>,
    /// Who took it. Nobody else knows how long ago that was, and so whether the receiver may have given it up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// There is no new slot for a message, since the entity was removed meanwhile: which it is only when it has taken
/// everything for which a slot was taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unroutable;

impl<P: Platform> Engine<P> {
    /// Takes a slot for a message to an entity, which is created if there is none yet.
    pub(crate) async fn route(&self, entity: &EntityId, by: &str) -> Result<Route, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let key = self.entity_key(entity).await?;
            let slot = self.increment(&self.hub.inbox(&key)).await?;
            if self.is_reachable(&key).await? {
                return Ok(Route { key, slot, again: Vec::new(), by: by.to_owned() });
            }
            self.pause_unless_over(&watch, StoreError(format!("{entity} is removed all the time"))).await?;
        }
    }

    /// Takes another slot for a message whose first one the receiver may have given up.
    pub(crate) async fn route_again(
        &self,
        old: Route,
        by: &str,
    ) -> Result<Result<Route, Unroutable>, ReadError> {
        let Route { key, slot: last, mut again, .. } = old;
        let slot = self.increment(&self.hub.inbox(&key)).await?;
        again.push(last);
        let reachable = self.is_reachable(&key).await?;
        Ok(reachable.then(|| Route { key, slot, again, by: by.to_owned() }).ok_or(Unroutable))
    }

    /// Writes a message to the slot that was taken for it, and has the entity looked after. False: it came so late that
    /// the receiver may have given the slot up; take another one.
    pub(crate) async fn deposit(
        &self,
        route: &Route,
        since: &Stopwatch,
        message: EntityMessage,
    ) -> Result<bool, StoreError> {
        let at = self.platform.now();
        let message = Message { at, again: route.again.clone(), what: MessageKind::Entity(message) };
        let bytes = serde_json::to_vec(&message).expect("a message has a JSON form");
        let name = self.hub.message(&route.key, route.slot);
        let watch = Stopwatch::start(&self.platform);
        while let Err(error) = self.platform.store().set(&name, bytes.clone()).await {
            self.pause_unless_over(&watch, error).await?;
        }
        if !self.is_in_time(since) {
            return Ok(false);
        }
        let entry = LogEntry { message: Some(route.slot), ..LogEntry::new(&route.key, 0, at) };
        self.append(Log::Wake, &entry).await?;
        Ok(true)
    }

    /// Sends a message on behalf of a client, and answers where to.
    pub(crate) async fn send_to_entity(
        &self,
        entity: &EntityId,
        message: EntityMessage,
    ) -> Result<InstanceKey, ReadError> {
        let mut since = Stopwatch::start(&self.platform);
        let mut route = self.route(entity, "").await?;
        while !self.deposit(&route, &since, message.clone()).await? {
            since = Stopwatch::start(&self.platform);
            let key = route.key.clone();
            match self.route_again(route, "").await? {
                Ok(another) => route = another,
                Err(Unroutable) => return Ok(key),
            }
        }
        Ok(route.key)
    }

    /// Whether what comes into the inbox at `key` will be taken, if its slot was taken before this was asked.
    ///
    /// An entity is removed in two steps: it is marked, then its inbox is looked at, then it goes. Whoever meets the
    /// mark takes it back; who does not has taken his slot before the mark, and so before the look.
    async fn is_reachable(&self, key: &InstanceKey) -> Result<bool, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let Some(stored) = self.read_patiently(key).await? else { return Ok(false) };
            let Record { head, control, .. } = &stored.record;
            if head.purging {
                return Ok(false);
            }
            if !control.entity.as_ref().is_some_and(|entity| entity.retiring) {
                return Ok(true);
            }
            let owner = self.nonce();
            let mut new = stored.record.clone();
            new.control.entity =
                Some(EntityControl { retiring: false, ..control.entity.clone().unwrap_or_default() });
            new.control.epoch += 1;
            new.control.owner.clone_from(&owner);
            if self.overwrite(key, &stored, new, WakeEntry::Keep, &owner).await?.is_some() {
                return Ok(true);
            }
            self.pause_unless_over(&watch, StoreError("the entity changes all the time".into())).await?;
        }
    }

    /// Where an entity is stored. One that does not exist is created.
    async fn entity_key(&self, entity: &EntityId) -> Result<InstanceKey, ReadError> {
        let id = entity.instance();
        let watch = Stopwatch::start(&self.platform);
        loop {
            if let Some(claim) = self.claim(&id).await?.filter(|claim| claim.chosen > 0) {
                return Ok(InstanceKey::of_ballot(&id, claim.chosen));
            }
            if let Err(ReadError::Store(error)) = self.create_entity(entity).await {
                self.pause_unless_over(&watch, error).await?;
            }
        }
    }

    /// Creates an entity without a state, unless somebody else does.
    async fn create_entity(&self, entity: &EntityId) -> Result<(), ReadError> {
        let id = entity.instance();
        let ballot = self.platform.store().increment(&self.hub.claim(&id)).await? as u32;
        let key = InstanceKey::of_ballot(&id, ballot);
        let created = self.platform.now();
        let entry = LogEntry { created: Some(created), ..LogEntry::new(&key, 0, created) };
        let slot = self.append(Log::Entities, &entry).await?;
        let status = RuntimeStatus::Running;
        let mut record = self.first_record(id.clone(), entity.name().to_owned(), status, created, slot);
        record.control.entity = Some(EntityControl::default());
        self.platform.store().set(&self.hub.instance(&key), record.encode()).await?;
        if !self.choose(&id, ballot, &key).await? {
            // Nobody refers to what was staged.
            let _ = self.platform.store().delete_many(vec![self.hub.slot(slot)]).await;
        }
        Ok(())
    }
}
