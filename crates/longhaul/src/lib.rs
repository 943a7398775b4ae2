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
//! - Writing orchestrations: [`OrchestrationContext`], [`Orchestrators`], [`ActivityFunctions`], [`Failure`].
//! - Running them: [`Engine`], whose surroundings are a [`Platform`] with a [`Store`], [`Activities`] and [`Kicks`].

mod activity;
mod commit;
mod context;
mod counter;
mod create;
pub mod doors;
mod engine;
mod failure;
mod history;
mod id;
mod json;
mod keys;
mod kick;
mod log;
mod lookup;
#[cfg(feature = "memory")]
pub mod memory;
mod orchestrators;
mod platform;
mod record;
mod replay;
mod scheduler;
mod status;
mod store;
mod tick;
mod watch;

pub use activity::{
    Activities, ActivityContext, ActivityFunctions, ActivityOutcome, ActivityRequest, NoAnswer,
};
pub use context::{ActivityCall, OrchestrationContext};
pub use create::{Creation, Start, StartError, Started};
pub use engine::{Engine, Timing};
pub use failure::{Failure, public_text};
pub use history::{Event, EventKind};
pub use id::{ExecutionId, InstanceId, InstanceKey, InvalidInstanceId, TaskId};
pub use json::Json;
pub use keys::{EntryName, Log, TaskHub};
pub use kick::{KickError, Kicks, SchedulerKick, TickKick};
pub use lookup::{Found, ReadError};
pub use orchestrators::Orchestrators;
pub use platform::{Platform, Stopwatch};
pub use record::{Control, Head, Lease, Record, Task, UnreadableRecord, Wake};
pub use scheduler::{SchedulerError, SchedulerRun};
pub use status::RuntimeStatus;
pub use store::{Store, StoreError};
pub use tick::{TickError, Ticked};
pub use watch::SchedulerWatch;
