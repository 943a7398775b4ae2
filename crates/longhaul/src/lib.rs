//! Longhaul: durable functions.
//!
//! An orchestrator function is a plain `async fn` that calls activities. The engine here makes it survive crashes: it
//! keeps the history of each instance in a key-value store, replays it, and goes on. There is no server; the engine is
//! run by whoever has something to do, components of a Spin application or anything else with a [`Platform`].
//!
//! It promises that an acknowledged start is never lost, that a result enters history exactly once, and that what
//! follows from a result is done only after the result is stored. It never does I/O of its own, and reads no clock but
//! the platform's.
//!
//! **[The guide](guide)** goes from the first orchestrator to operating many, with examples that are run by the tests.
//!
//! - Writing orchestrations: [`OrchestrationContext`], [`Orchestrators`], [`ActivityFunctions`], [`Failure`].
//! - Running them: [`Engine`], whose surroundings are a [`Platform`] with a [`Store`], [`Activities`] and [`Kicks`].

mod activity;
mod bell;
mod check;
mod child;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod counter;
mod create;
pub mod doors;
mod engine;
mod entity;
mod execution;
mod failure;
mod functions;
mod gaps;
// Only text, whose examples need the features `memory` and `testing`; the tests have them.
#[cfg(doc)]
pub mod guide;
mod history;
mod id;
mod inbox;
mod json;
mod keys;
mod kick;
mod load;
mod log;
mod lookup;
#[cfg(feature = "memory")]
pub mod memory;
mod operations;
mod orchestrators;
mod outbox;
mod payload;
mod platform;
pub mod projection;
mod purge;
mod query;
mod record;
mod replay_door;
mod retry;
mod rewind;
mod scheduler;
mod stage;
mod status;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tick;
mod watch;

pub use activity::{
    Activities, ActivityContext, ActivityFunctions, ActivityLine, ActivityOutcome, ActivityReport,
    ActivityRequest, Cancelled, Checkpoint, NDJSON, NoAnswer, ReportSink, Step, decode_answer,
};
pub use context::{
    ActivityCall, CriticalSection, EntityCall, EventOrTimeout, EventWait, HTTP_ACTIVITY, HttpRequest,
    HttpResponse, MAX_CUSTOM_STATUS, OrchestrationContext, SubOrchestrationCall, Timer, UnprocessedEvents,
};
pub use create::{Creation, Reuse, Start, StartError, Started};
pub use engine::{Engine, Limits, Timing};
pub use entity::{
    Caller, CleanedEntities, EntityAction, EntityBatch, EntityContext, EntityControl, EntityFunctions,
    EntityId, EntityList, EntityMessage, EntityOperation, EntityOutcome, EntityQuery, EntityRequest,
    EntityStatus, InvalidEntityId, MAX_ENTITY_KEY, MAX_ENTITY_NAME, OperationResult, Operations, Route,
    Section,
};
pub use failure::{Failure, public_text};
pub use history::{Child, Event, EventKind};
pub use id::{ExecutionId, InstanceId, InstanceKey, InvalidInstanceId, TaskId};
pub use inbox::{Message, MessageKind};
pub use json::Json;
pub use keys::{EntryName, Log, TaskHub};
pub use kick::{KickError, Kicks, SchedulerKick, TickKick};
pub use lookup::{Concern, Found, ReadError};
pub use operations::{OperationError, Told};
pub use orchestrators::{NotRegistered, Orchestrators, Registered};
pub use payload::{INLINE_LIMIT, Payload, StoredPayload};
pub use platform::{Platform, Stopwatch};
pub use purge::Purged;
pub use query::{Details, Page, Query, QueryError, Wanted};
pub use record::{
    Control, Head, Inbox, Lease, Lock, Outgoing, Parent, Posted, Record, Run, SavedCheckpoint, Task,
    UnreadableRecord, Wake, decode_events,
};
pub use replay_door::{ReplayAnswer, ReplayError, ReplayRequest};
pub use retry::RetryPolicy;
pub use scheduler::{SchedulerError, SchedulerRun};
pub use status::RuntimeStatus;
pub use store::{Store, StoreError, Swapped};
pub use tick::{TickError, Ticked};
pub use watch::SchedulerWatch;
