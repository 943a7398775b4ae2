//! Kicks: requests to have something looked at now. They are answered at once, and may be lost, late or doubled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::history::is_false;
use crate::id::InstanceKey;

/// Asks the orchestrator component to advance one instance: the body of `POST /tick/{key}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TickKick {
    /// The owner in whose name the record's lease was granted: with it the tick need not take the lease over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Leases granted before this time belong to processes that are gone, and may be taken over at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned_before: Option<Timestamp>,
    /// Whether the body of the answer is to end when the tick does, for whoever waits for that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub watched: bool,
}

/// Asks the scheduler component to look after its logs: the body of `POST /run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchedulerKick {
    /// When it is needed. A scheduler that rests until an earlier time need not be disturbed. None: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Only to see whether the scheduler is alive: it takes over if the one before it has died, or has overlooked
    /// something, and changes nothing else.
    #[serde(default, skip_serializing_if = "is_false")]
    pub check: bool,
    /// Sent by a host that has just started and knows that no other process uses the store: whatever was leased
    /// before this time was leased to a process that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

/// A kick that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the orchestrator component did not take the kick: {0}")]
pub struct KickError(pub String);

/// How the scheduler reaches the orchestrator component.
#[allow(async_fn_in_trait)]
pub trait Kicks {
    /// Has the instance at `key` advanced; answers when the request is accepted, not when it is done. Gives up after some
    /// seconds: of the kicks of a scheduler only so many are under way at a time, and it does not rest before they are
    /// answered.
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError>;
}
