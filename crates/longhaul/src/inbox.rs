//! Messages to instances: how they are sent, and how a tick takes them.
//!
//! Each instance has a counter and numbered slots of its own, so that a sender never touches its record. Who dies
//! between the two writes leaves a hole, which the receiver waits for in vain; who was slow sends once more, and says so.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::counter;
use crate::engine::Engine;
use crate::entity::EntityMessage;
use crate::failure::Failure;
use crate::id::{ExecutionId, InstanceKey, TaskId};
use crate::json::Json;
use crate::keys::Log;
use crate::log::LogEntry;
use crate::payload::Payload;
use crate::platform::{Platform, Stopwatch};
use crate::record::Inbox;
use crate::store::{Store, StoreError};

/// A message, as it stands in its slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// When it was sent.
    pub at: Timestamp,
    /// The slots to which its sender had tried to write it before, and may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<u64>,
    /// What it says.
    pub what: MessageKind,
}

/// What an instance can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MessageKind {
    /// An external event.
    Event {
        /// Its name.
        name: String,
        /// Its data.
        data: Payload,
    },
    /// An operator suspends the instance.
    Suspend {
        /// Why.
        reason: String,
    },
    /// An operator resumes it.
    Resume {
        /// Why.
        reason: String,
    },
    /// An operator, or its terminated parent, ends it.
    Terminate {
        /// Why.
        reason: String,
        /// The parent's execution that started it, if the parent says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<ExecutionId>,
    },
    /// A sub-orchestration, or an operation of an entity, has ended well.
    Completed {
        /// The execution that asked for it.
        execution: ExecutionId,
        /// The task within it.
        task: TaskId,
        /// The output.
        output: Json,
    },
    /// A sub-orchestration, or an operation of an entity, has failed.
    Failed {
        /// The execution that asked for it.
        execution: ExecutionId,
        /// The task within it.
        task: TaskId,
        /// How.
        failure: Failure,
    },
    /// Something for an entity.
    Entity(EntityMessage),
}

/// How many messages a tick takes at once.
const BATCH: u64 = 64;

/// The holes of an inbox, with when this process first saw them.
pub(crate) type Holes = BTreeMap<u64, Stopwatch>;

impl<P: Platform> Engine<P> {
    /// Sends a message to the instance at `key`. It is stored, and so is a wake entry for it, when this returns.
    ///
    /// # Errors
    /// When the store fails for too long; whether the message was sent is then unknown.
    pub(crate) async fn send(&self, key: &InstanceKey, what: MessageKind) -> Result<(), StoreError> {
        let watch = Stopwatch::start(&self.platform);
        let mut message = Message { at: self.platform.now(), again: Vec::new(), what };
        loop {
            let since = Stopwatch::start(&self.platform);
            let slot = self.increment(&self.hub.inbox(key)).await?;
            let bytes = serde_json::to_vec(&message).expect("a message has a JSON form");
            match self.platform.store().set(&self.hub.message(key, slot), bytes).await {
                Ok(()) if self.is_in_time(&since) => {
                    let due = self.platform.now();
                    let entry = LogEntry { message: Some(slot), ..LogEntry::new(key, 0, due) };
                    self.append(Log::Wake, &entry).await?;
                    return Ok(());
                }
                Ok(()) => {}
                Err(error) => self.pause_unless_over(&watch, error).await?,
            }
            // It may have been given up, or come late.
            message.again.push(slot);
        }
    }

    /// How many messages were ever sent to the instance at `key`, holes included.
    pub(crate) async fn messages_sent(&self, key: &InstanceKey) -> Result<u64, StoreError> {
        match self.get_patiently(&self.hub.inbox(key)).await? {
            None => Ok(0),
            Some(bytes) => {
                counter::read(&bytes).map(|(last, _)| last).map_err(|error| StoreError(error.to_string()))
            }
        }
    }

    /// Takes messages that `inbox` has yet to take, and notes in it that they are taken.
    pub(crate) async fn take_messages(
        &self,
        key: &InstanceKey,
        inbox: &mut Inbox,
        holes: &mut Holes,
    ) -> Result<Vec<Message>, StoreError> {
        let last = self.messages_sent(key).await?.min(inbox.read + BATCH);
        // Measured before the slots are read: this process may be suspended between the two.
        let waited: BTreeMap<_, _> =
            holes.iter().map(|(slot, since)| (*slot, since.elapsed(&self.platform))).collect();
        let slots: Vec<u64> = inbox.holes.iter().copied().chain(inbox.read + 1..=last).collect();
        let mut read = self.read_messages(key, &slots).await?;
        // Of two messages of one sender the later may have been seen, and the earlier, which was there before, not: then
        // it is there now.
        loop {
            let seen = read.iter().rev().find(|(_, value)| value.is_some()).map_or(0, |(slot, _)| *slot);
            let missed = read.range(..seen).filter(|(_, value)| value.is_none());
            let missed: Vec<_> = missed.map(|(slot, _)| *slot).collect();
            let found = self.read_messages(key, &missed).await?;
            if found.values().all(Option::is_none) {
                break;
            }
            read.extend(found);
        }
        let mut taken = Vec::new();
        for (slot, value) in read {
            match value {
                Some(message) => {
                    inbox.holes.remove(&slot);
                    if message.as_ref().is_none_or(|message| !was_taken(inbox, message)) {
                        taken.extend(message);
                    }
                }
                None if waited.get(&slot).is_some_and(|waited| *waited >= self.timing.hole_grace) => {
                    inbox.holes.remove(&slot);
                    inbox.lost.insert(slot);
                }
                None => {
                    inbox.holes.insert(slot);
                    holes.entry(slot).or_insert_with(|| Stopwatch::start(&self.platform));
                }
            }
        }
        inbox.read = last.max(inbox.read);
        holes.retain(|slot, _| inbox.holes.contains(slot));
        Ok(taken)
    }

    async fn read_messages(
        &self,
        key: &InstanceKey,
        slots: &[u64],
    ) -> Result<BTreeMap<u64, Option<Option<Message>>>, StoreError> {
        let read = slots.iter().map(|slot| async { Ok((*slot, self.read_message(key, *slot).await?)) });
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    /// `Some(None)`: there is something, and it is no message.
    async fn read_message(
        &self,
        key: &InstanceKey,
        slot: u64,
    ) -> Result<Option<Option<Message>>, StoreError> {
        let Some(bytes) = self.get_patiently(&self.hub.message(key, slot)).await? else { return Ok(None) };
        let message = serde_json::from_slice(&bytes);
        if let Err(error) = &message {
            tracing::error!("message {slot} to instance {key} is skipped: {error}");
        }
        Ok(Some(message.ok()))
    }
}

/// Whether an earlier try to send `message` was taken. If not, none of them ever will be.
fn was_taken(inbox: &mut Inbox, message: &Message) -> bool {
    let (holes, lost) = (&inbox.holes, &inbox.lost);
    if message.again.iter().any(|slot| !holes.contains(slot) && !lost.contains(slot)) {
        return true;
    }
    for slot in &message.again {
        inbox.holes.remove(slot);
        inbox.lost.insert(*slot);
    }
    false
}
