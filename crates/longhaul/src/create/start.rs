//! What to start, and what became of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::failure::Failure;
use crate::id::{InstanceId, InstanceKey};
use crate::json::Json;
use crate::kick::{SchedulerKick, TickKick};
use crate::lookup::{Found, ReadError};
use crate::store::StoreError;

/// What to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The orchestrator function.
    pub name: String,
    /// Its input.
    pub input: Json,
    /// When to begin. None: now.
    pub scheduled: Option<Timestamp>,
    /// The version, which the orchestrator function sees, and by which one that is registered for it is chosen.
    pub version: Option<String>,
    /// Anything else, for whoever looks at the instance.
    pub tags: BTreeMap<String, String>,
}

impl Start {
    /// Starts the orchestrator function `name` now, with this input.
    pub fn new(name: impl Into<String>, input: Json) -> Self {
        Self { name: name.into(), input, scheduled: None, version: None, tags: BTreeMap::new() }
    }
}

/// What a start does when there is an instance of its id that has finished. One that has not is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// The instance is left as it is.
    Never,
    /// It begins anew, with the new start's name and input.
    Finished,
}

/// An instance that is stored. It runs once its kicks are sent; if they are lost, the scheduler finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The public name.
    pub id: InstanceId,
    /// Where it is stored.
    pub key: InstanceKey,
    /// For the orchestrator component: run it now.
    pub tick: TickKick,
    /// For the scheduler component: look after it.
    pub scheduler: SchedulerKick,
}

/// What became of a start with a chosen id.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// There is a new instance.
    Created(Started),
    /// There was one of that id already; it is left as it is.
    Exists {
        /// The instance.
        found: Box<Found>,
        /// Set when it has not begun to run, and wants to be kicked.
        adopted: Option<Started>,
    },
}

/// Why an instance could not be started.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StartError {
    /// The input is too large.
    #[error(transparent)]
    TooLarge(Failure),
    /// Nothing was stored.
    #[error("the instance was not stored: {0}")]
    NotStored(ReadError),
    /// The store failed at a moment when it may or may not have stored the instance.
    #[error("whether the instance was stored is unknown: {0}")]
    Unknown(ReadError),
}

impl StartError {
    pub(super) fn not_stored(error: StoreError) -> Self {
        Self::NotStored(error.into())
    }

    pub(super) fn unknown(error: StoreError) -> Self {
        Self::Unknown(error.into())
    }
}
