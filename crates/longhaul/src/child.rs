//! Sub-orchestrations: how a parent starts and ends them, and how they report.

use crate::create::{Creation, Reuse, Start, StartError};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::history::Child;
use crate::id::{ExecutionId, InstanceId, InstanceKey, TaskId};
use crate::inbox::MessageKind;
use crate::json::Json;
use crate::kick::{Kicks, TickKick};
use crate::lookup::ReadError;
use crate::platform::Platform;
use crate::record::{Head, Parent};
use crate::status::RuntimeStatus;

/// An order to start a sub-orchestration. It may be given more than once.
pub(crate) struct Order {
    pub(crate) parent: (InstanceId, InstanceKey),
    /// The parent's version.
    pub(crate) version: Option<String>,
    pub(crate) execution: ExecutionId,
    pub(crate) task: TaskId,
    /// The step of the parent's record.
    pub(crate) step: u64,
    pub(crate) child: Child,
    pub(crate) input: Json,
    /// Whether the sub-orchestration is there, has failed, and is to be rewound.
    pub(crate) rewinds: bool,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum ChildStart {
    /// It is there: its result will come.
    Started,
    /// It cannot be.
    Refused(Failure),
}

impl<P: Platform> Engine<P> {
    /// Starts a sub-orchestration, unless an earlier order of the same task has.
    ///
    /// # Errors
    /// When it is not known whether it is started: give the order again.
    pub(crate) async fn start_child(&self, order: Order, kicks: &impl Kicks) -> Result<ChildStart, Failure> {
        let Order { parent: (parent_id, key), version, execution, task, step, child, input, rewinds } = order;
        let parent = Parent { key, execution, task, step, forgotten: child.forgotten };
        let id = &child.instance;
        let failed = |error: &dyn std::fmt::Display| Failure::new("StoreFailed", error.to_string());
        // An order that is repeated must not be taken for a second one, however far the instance has come.
        if let Some(found) = self.lookup_any(id).await.map_err(|error| failed(&error))?
            && let Some(stored) = self.read_patiently(&found.key).await.map_err(|error| failed(&error))?
            && let Some(theirs) = &stored.record.control.parent
            && (theirs.is_same(&parent) || theirs.has_outlived(&parent))
        {
            if rewinds
                && theirs.is_same(&parent)
                && stored.record.head.status == RuntimeStatus::Failed {
                let rewound = self.rewind_stored(&found.key, &stored, "its parent was rewound").await;
                rewound.map_err(|error| failed(&error))?;
            }
            // Whoever created it may have been slow, and gone before it could register it anew.
            let adopted = self.adopt(&found.key).await.map_err(|error| failed(&error))?;
            let kick = adopted.map_or_else(TickKick::default, |started| started.tick);
            self.kick(&found.key, &kick, kicks).await;
            return Ok(ChildStart::Started);
        }
        let start = Start { version: child.version.clone().or(version), ..Start::new(&child.name, input) };
        match self.start_under(id, start, Reuse::Finished, Some((parent_id, parent.clone()))).await {
            Ok(Creation::Created(started)) => {
                self.kick(&started.key, &started.tick, kicks).await;
                Ok(ChildStart::Started)
            }
            // Somebody else's; or ours, and another tick of ours was faster.
            Ok(Creation::Exists { found, adopted }) => {
                if let Some(started) = adopted {
                    self.kick(&started.key, &started.tick, kicks).await;
                }
                let stored = self.read_patiently(&found.key).await.map_err(|error| failed(&error))?;
                // Its end is under way: it is replaced once that is over.
                if stored.as_ref().is_none_or(|stored| stored.record.head.status.is_finished()) {
                    return Err(failed(&format!("the instance '{id}' is about to end")));
                }
                let theirs = stored.and_then(|stored| stored.record.control.parent);
                match theirs.is_some_and(|theirs| theirs.is_same(&parent)) {
                    true => Ok(ChildStart::Started),
                    false => Ok(ChildStart::Refused(Failure::new(
                        "OrchestrationAlreadyExists",
                        format!("an orchestration with the instance id '{id}' exists and has not finished"),
                    ))),
                }
            }
            Err(StartError::TooLarge(failure)) => Ok(ChildStart::Refused(failure)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Sends the order to end to a sub-orchestration of `execution`.
    pub(crate) async fn terminate_child(
        &self,
        id: &InstanceId,
        execution: ExecutionId,
        reason: String,
        kicks: &impl Kicks,
    ) -> Result<(), ReadError> {
        let Some(found) = self.lookup(id).await?.filter(|found| !found.head.status.is_finished()) else {
            return Ok(());
        };
        self.send(&found.key, MessageKind::Terminate { reason, parent: Some(execution) }).await?;
        self.kick(&found.key, &TickKick::default(), kicks).await;
        Ok(())
    }

    /// Tells the parent how the instance has ended.
    pub(crate) async fn report_to_parent(
        &self,
        key: &InstanceKey,
        head: &Head,
        parent: Parent,
        kicks: &impl Kicks,
    ) -> Result<(), ReadError> {
        let Parent { key: parent, execution, task, .. } = parent;
        // Nobody is there to be told, or cares.
        let Some(stored) = self.read_patiently(&parent).await? else { return Ok(()) };
        if stored.record.head.status.is_finished() || stored.record.head.execution != execution {
            return Ok(());
        }
        let what = match (&head.output, &head.failure) {
            (_, Some(failure)) => MessageKind::Failed { execution, task, failure: failure.clone() },
            (output, None) => {
                let output = match output {
                    Some(output) => self.value(key, &head.execution, output).await?,
                    None => Json::null(),
                };
                match head.status {
                    RuntimeStatus::Completed => MessageKind::Completed { execution, task, output },
                    _ => {
                        let reason: String = output.to().unwrap_or_default();
                        let message = format!("the sub-orchestration '{}' was terminated: {reason}", head.id);
                        MessageKind::Failed { execution, task, failure: Failure::new("Terminated", message) }
                    }
                }
            }
        };
        self.send(&parent, what).await?;
        self.kick(&parent, &TickKick::default(), kicks).await;
        Ok(())
    }
}
