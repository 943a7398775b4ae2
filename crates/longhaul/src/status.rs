//! The states of an instance, as Azure Durable Functions names them.

use serde::{Deserialize, Serialize};

/// The runtime status of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuntimeStatus {
    /// Stored, not yet started.
    Pending,
    /// Started, not finished.
    Running,
    /// Finished with an output.
    Completed,
    /// Finished one execution and about to start the next with a new history.
    ContinuedAsNew,
    /// Finished with a failure.
    Failed,
    /// Ended by an operator, with a reason.
    Terminated,
    /// Held by an operator until it is resumed.
    Suspended,
    /// Called off before it started.
    Canceled,
}

impl RuntimeStatus {
    /// Whether nothing will happen to the instance any more.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Terminated | Self::Canceled)
    }
}
