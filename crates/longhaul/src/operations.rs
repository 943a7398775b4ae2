//! What operators tell instances: events, suspend, resume, terminate. Each is a message, which the next tick takes.

use thiserror::Error;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::{InstanceId, InstanceKey};
use crate::inbox::MessageKind;
use crate::json::Json;
use crate::kick::{SchedulerKick, TickKick};
use crate::lookup::{Found, ReadError};
use crate::payload::{Payload, too_large};
use crate::platform::Platform;
use crate::status::RuntimeStatus;
use crate::store::StoreError;

/// An instance that was told something, or changed. It acts on that once its kicks are sent; if they are lost, the
/// scheduler sees to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where the instance is stored.
    pub key: InstanceKey,
    /// For the orchestrator component: run it now.
    pub tick: TickKick,
    /// For the scheduler component: look after it.
    pub scheduler: SchedulerKick,
}

/// Why an operation on an instance was not done.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum OperationError {
    /// There is no such instance.
    #[error("there is no instance '{0}'")]
    NotFound(InstanceId),
    /// The instance has finished, and the operation is for those that have not.
    #[error("the instance '{id}' has finished: it is {status:?}")]
    Finished {
        /// The instance.
        id: InstanceId,
        /// What it is.
        status: RuntimeStatus,
    },
    /// The instance has not finished, and the operation is for those that have.
    #[error("the instance '{id}' has not finished: it is {status:?}")]
    NotFinished {
        /// The instance.
        id: InstanceId,
        /// What it is.
        status: RuntimeStatus,
    },
    /// The instance is in a state for which the operation is not.
    #[error("the instance '{id}' is {status:?}; this is for those that are {wanted:?}")]
    WrongState {
        /// The instance.
        id: InstanceId,
        /// What it is.
        status: RuntimeStatus,
        /// What it would have to be.
        wanted: RuntimeStatus,
    },
    /// The instance failed in a critical section, and has let go of its locks.
    #[error(
        "the instance '{0}' failed in a critical section, whose locks it has let go: it cannot be rewound into it. \
         Restart it instead"
    )]
    InCriticalSection(InstanceId),
    /// What it was to be told is too large.
    #[error(transparent)]
    TooLarge(Failure),
    /// The store failed. Whether the operation was done is then unknown.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StoreError> for OperationError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl<P: Platform> Engine<P> {
    /// Raises the external event `name`: allowed while the instance has not finished.
    ///
    /// # Errors
    /// When there is no such instance, it has finished, or the data is too large.
    pub async fn raise_event(&self, id: &InstanceId, name: &str, data: Json) -> Result<Told, OperationError> {
        let (size, limit) = (data.text().len(), self.limits.max_payload);
        if size as u64 > limit {
            return Err(OperationError::TooLarge(too_large("the event's data", size, limit)));
        }
        let found = self.unfinished(id).await?;
        self.tell(found, MessageKind::Event { name: name.to_owned(), data: Payload::Inline(data) }).await
    }

    /// Ends the instance, and its sub-orchestrations with it: allowed while it has not finished.
    ///
    /// # Errors
    /// When there is no such instance, or it has finished.
    pub async fn terminate(&self, id: &InstanceId, reason: &str) -> Result<Told, OperationError> {
        let found = self.unfinished(id).await?;
        self.tell(found, MessageKind::Terminate { reason: reason.to_owned(), parent: None }).await
    }

    /// Holds the instance: it does nothing new until it is resumed, and keeps what arrives. Allowed while it has not
    /// finished and is not suspended.
    ///
    /// # Errors
    /// When there is no such instance, or it is in another state.
    pub async fn suspend(&self, id: &InstanceId, reason: &str) -> Result<Told, OperationError> {
        let found = self.unfinished(id).await?;
        if found.head.status == RuntimeStatus::Suspended {
            let (status, wanted) = (found.head.status, RuntimeStatus::Running);
            return Err(OperationError::WrongState { id: id.clone(), status, wanted });
        }
        self.tell(found, MessageKind::Suspend { reason: reason.to_owned() }).await
    }

    /// Lets a suspended instance go on from where it was. Allowed while it is suspended.
    ///
    /// # Errors
    /// When there is no such instance, or it is in another state.
    pub async fn resume(&self, id: &InstanceId, reason: &str) -> Result<Told, OperationError> {
        let found = self.unfinished(id).await?;
        if found.head.status != RuntimeStatus::Suspended {
            let (status, wanted) = (found.head.status, RuntimeStatus::Suspended);
            return Err(OperationError::WrongState { id: id.clone(), status, wanted });
        }
        self.tell(found, MessageKind::Resume { reason: reason.to_owned() }).await
    }

    async fn tell(&self, found: Found, what: MessageKind) -> Result<Told, OperationError> {
        self.send(&found.key, what).await?;
        Ok(self.told(found.key))
    }

    pub(crate) fn told(&self, key: InstanceKey) -> Told {
        let due = Some(self.platform.now());
        Told { key, tick: TickKick::default(), scheduler: SchedulerKick { due, ..SchedulerKick::default() } }
    }

    pub(crate) async fn existing(&self, id: &InstanceId) -> Result<Found, OperationError> {
        self.lookup(id).await?.ok_or_else(|| OperationError::NotFound(id.clone()))
    }

    async fn unfinished(&self, id: &InstanceId) -> Result<Found, OperationError> {
        let found = self.existing(id).await?;
        match found.head.status {
            status if status.is_finished() => Err(OperationError::Finished { id: id.clone(), status }),
            _ => Ok(found),
        }
    }

    pub(crate) async fn finished(&self, id: &InstanceId) -> Result<Found, OperationError> {
        let found = self.existing(id).await?;
        match found.head.status {
            status if status.is_finished() => Ok(found),
            status => Err(OperationError::NotFinished { id: id.clone(), status }),
        }
    }
}
