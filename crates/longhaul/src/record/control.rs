//! The second line of a record: who may change it, and what it waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::{Caller, EntityControl, EntityId, EntityMessage, Route};
use crate::failure::Failure;
use crate::history::{Child, is_false, is_zero};
use crate::id::{ExecutionId, InstanceId, InstanceKey, TaskId};
use crate::inbox::Message;
use crate::json::Json;
use crate::keys::EntryName;
use crate::payload::Payload;
use crate::platform::until;

/// Who may change the record, and what it waits for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Raised by every change of the record, whoever makes it.
    pub version: u64,
    /// A random text, new with every change: no two values of the record are ever the same bytes.
    pub commit: String,
    /// Raised by every takeover of the lease.
    pub epoch: u64,
    /// Raised by every commit of the lease's holder.
    pub step: u64,
    /// Who holds the lease, or held it last: random, new for each tick. Together with the epoch and the step it tells
    /// whose commit the record is.
    pub owner: String,
    /// The owner's right to advance the instance, for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The entry of a log that stands for the record's need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Wake>,
    /// Activities and sub-orchestrations that are dispatched: activities until they have a result, sub-orchestrations
    /// until they are started.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<TaskId, Task>,
    /// Tasks from here on are not dispatched yet.
    #[serde(default)]
    pub undispatched: TaskId,
    /// What others are to be told, and have perhaps not been.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbox: Vec<Posted>,
    /// How often something was put into the outbox.
    #[serde(default)]
    pub posted: u64,
    /// How far the messages to the instance are taken.
    #[serde(default, skip_serializing_if = "Inbox::is_untouched")]
    pub inbox: Inbox,
    /// Messages that were taken, for an execution that has yet to begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Message>,
    /// Who waits for the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The sealed history segments, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Run>,
    /// The values that are too long to stand in the record or in history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payloads: Vec<Run>,
    /// How many events the history has, the tail included.
    #[serde(default)]
    pub events: u64,
    /// What is needed no more, and is to be deleted: whole keys but for their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub garbage: Vec<Run>,
    /// When the next timer fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timestamp>,
    /// How often it has continued as new.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rounds: u32,
    /// Sub-orchestrations that were asked for before this task are to be rewound, where they have failed.
    #[serde(default, skip_serializing_if = "is_first")]
    pub rewound_below: TaskId,
    /// What is garbage once the outbox is empty: what is to be sent may refer to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Run>,
    /// How often it was rewound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rewinds: u32,
    /// Whether its sub-orchestrations are to be deleted with it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub purges_children: bool,
    /// How often in a row its lease expired without a step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub strikes: u32,
    /// Whether an operator holds it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// The entities that the execution has locked, or asked to, and has not let go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// What there is besides if it is an entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityControl>,
}

/// An entity that an execution has locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The entity.
    pub entity: EntityId,
    /// The critical section: the task with which it asked for its first lock.
    pub section: TaskId,
}

/// The right to change a record, for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// When it was granted or last renewed.
    pub granted: Timestamp,
    /// When others may take it over.
    pub expires: Timestamp,
    /// Whether it was granted to whoever comes with the owner's name, and nobody may have come.
    #[serde(default, skip_serializing_if = "is_false")]
    pub offered: bool,
}

impl Lease {
    /// Whether the lease holds. One that ends implausibly late was granted by a clock that has been set back since, and
    /// holds nobody up.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let length = until(self.granted, self.expires);
        self.expires > now && until(now, self.expires) <= length * 2
    }
}

/// The log entry that brings the scheduler to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// The entry.
    pub entry: EntryName,
    /// The latest need that was committed under this entry. The scheduler, having looked, comes back at the need as it
    /// was then; so an earlier need than this wants an entry of its own.
    pub due: Timestamp,
}

/// An activity without a result, or a sub-orchestration that is not known to be started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// How often it has been dispatched, the present time included.
    pub attempt: u32,
    /// How often it gave no answer (trap, connection failure, 5xx) in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When it is to be dispatched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What the activity has saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<SavedCheckpoint>,
}

/// What an activity has saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedCheckpoint {
    /// Where to go on.
    pub cursor: Json,
    /// The names of its segments, by attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Run>,
}

/// Names that differ only in the number that they end with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What stands before the number.
    pub stem: String,
    /// The first number.
    pub first: u64,
    /// How many there are.
    pub count: u64,
}

impl Run {
    /// Adds a name to the last of `runs`, or as another.
    pub(crate) fn add(runs: &mut Vec<Self>, stem: &str, number: u64) {
        match runs.last_mut() {
            Some(last) if last.stem == stem && last.first + last.count == number => last.count += 1,
            _ => runs.push(Self { stem: stem.to_owned(), first: number, count: 1 }),
        }
    }

    /// The numbers.
    pub(crate) fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.count
    }
}

/// What another instance is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Posted {
    /// Its number in this outbox.
    pub number: u64,
    /// What.
    pub what: Outgoing,
}

/// See [`Posted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outgoing {
    /// An orchestration is to be started.
    Start {
        /// The execution that asked for it.
        execution: ExecutionId,
        /// The task within it.
        task: TaskId,
        /// The step at which it asked.
        step: u64,
        /// What.
        child: Child,
        /// Its input.
        input: Payload,
    },
    /// A sub-orchestration is to be terminated.
    Terminate {
        /// Its id.
        instance: InstanceId,
        /// The execution that asked for it.
        execution: ExecutionId,
        /// Why.
        reason: String,
    },
    /// The parent is to be told how this instance has ended.
    Result,
    /// An entity is to be told something. It is carried out once, however often it is sent.
    Entity {
        /// Which.
        entity: EntityId,
        /// The execution whose values the message refers to.
        execution: ExecutionId,
        /// What.
        message: EntityMessage,
        /// The slot that is taken for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<Route>,
    },
    /// An orchestrator is to learn what an entity answers.
    Answer {
        /// Who.
        caller: Caller,
        /// The execution whose values the answer refers to.
        execution: ExecutionId,
        /// What.
        result: Result<Payload, Failure>,
    },
}

/// Who waits for an instance's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Where the parent is stored.
    pub key: InstanceKey,
    /// The execution that asked for the instance.
    pub execution: ExecutionId,
    /// The task within it.
    pub task: TaskId,
    /// The step of the parent's record at which it asked: a later order has a later one.
    pub step: u64,
    /// Whether nobody is to be told of the end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forgotten: bool,
}

/// How far the messages to an instance are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// Every slot up to this one was looked at.
    pub read: u64,
    /// Those of them that were empty, and may still be filled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holes: BTreeSet<u64>,
    /// Those that were given up: whatever comes there is not taken any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<u64>,
    /// The messages up to this one are deleted.
    #[serde(default)]
    pub deleted: u64,
}

impl Parent {
    /// Whether both stand for the same task.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.key, &self.execution, self.task) == (&other.key, &other.execution, other.task)
    }

    /// Whether the same parent has asked for it anew since `order`.
    pub(crate) fn has_outlived(&self, order: &Self) -> bool {
        self.key == order.key && self.step > order.step
    }
}

impl Inbox {
    fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the message in `slot` has yet to be taken.
    pub fn has_yet_to_take(&self, slot: u64) -> bool {
        slot > self.read || self.holes.contains(&slot)
    }
}

fn is_first(task: &TaskId) -> bool {
    *task == TaskId(0)
}

/// How often a lease may expire without a step before the instance is ticked alone.
pub(crate) const SUSPECT: u32 = 2;

/// How long an instance whose lease expired `strikes` times without a step is left alone after that. The first time may
/// well have been the end of a whole host.
pub(crate) fn poison_pause(strikes: u32) -> Duration {
    match strikes {
        0..SUSPECT => Duration::ZERO,
        _ => Duration::from_secs(1 << strikes.min(6)),
    }
}
