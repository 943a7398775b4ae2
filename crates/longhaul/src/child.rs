//! Sub-orchestrations: how a parent starts and ends them, and how they report.

use crate::create::{Creation, Reuse, Start, StartError};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::history::Child;
use crate::id::{ExecutionId, InstanceId, InstanceKey, TaskId};
use crate::inbox::MessageKind;
use crate::json::Json;
use crate::kick::{Kicks, TickKick};
use crate::lookup::{ReadError, Stored};
use crate::platform::Platform;
use crate::record::{Head, Parent, Record};
use crate::rewind::Rewinding;
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
    /// It has ended already, or cannot be started.
    Ended(Result<Json, Failure>),
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
        {
            if theirs.is_same(&parent) {
                return self.meet_own(&found.key, &stored, rewinds, kicks).await;
            }
            // The same parent has asked for that id anew since: this order is too late.
            if theirs.has_outlived(&parent) {
                return Ok(ChildStart::Ended(Err(in_use(id))));
            }
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
                    false => Ok(ChildStart::Ended(Err(in_use(id)))),
                }
            }
            Err(StartError::TooLarge(failure)) => Ok(ChildStart::Ended(Err(failure))),
            Err(error) => Err(failed(&error)),
        }
    }

    /// An earlier order of the same task has started it.
    async fn meet_own(
        &self,
        key: &InstanceKey,
        stored: &Stored,
        rewinds: bool,
        kicks: &impl Kicks,
    ) -> Result<ChildStart, Failure> {
        let failed = |error: ReadError| Failure::new("StoreFailed", error.to_string());
        let Record { head, control, .. } = &stored.record;
        if head.status.is_finished() && control.outbox.is_empty() {
            if !(rewinds && head.status == RuntimeStatus::Failed) {
                // Its report may have met a parent that had failed, and was rewound since.
                return Ok(ChildStart::Ended(self.result_of(key, head).await.map_err(failed)?));
            }
            match self.rewind_stored(key, stored, "its parent was rewound").await.map_err(failed)? {
                Rewinding::Done => {}
                Rewinding::Changed => {
                    return Err(Failure::new("Busy", "the sub-orchestration changes meanwhile"));
                }
                Rewinding::InCriticalSection => {
                    return Ok(ChildStart::Ended(self.result_of(key, head).await.map_err(failed)?));
                }
            }
        } else if head.status.is_finished() && rewinds {
            return Err(Failure::new("Busy", "the sub-orchestration is about to report"));
        }
        // Whoever created it may have been slow, and gone before it could register it anew.
        let adopted = self.adopt(key).await.map_err(failed)?;
        let kick = adopted.map_or_else(TickKick::default, |started| started.tick);
        self.kick(key, &kick, kicks).await;
        Ok(ChildStart::Started)
    }

    /// How a finished instance has ended, as its parent sees it.
    async fn result_of(&self, key: &InstanceKey, head: &Head) -> Result<Result<Json, Failure>, ReadError> {
        if let Some(failure) = &head.failure {
            return Ok(Err(failure.clone()));
        }
        let output = match &head.output {
            Some(output) => self.value(key, &head.execution, output).await?,
            None => Json::null(),
        };
        Ok(match head.status {
            RuntimeStatus::Completed => Ok(output),
            _ => {
                let reason: String = output.to().unwrap_or_default();
                let message = format!("the sub-orchestration '{}' was terminated: {reason}", head.id);
                Err(Failure::new("Terminated", message))
            }
        })
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
        let what = match self.result_of(key, head).await? {
            Ok(output) => MessageKind::Completed { execution, task, output },
            Err(failure) => MessageKind::Failed { execution, task, failure },
        };
        self.send(&parent, what).await?;
        self.kick(&parent, &TickKick::default(), kicks).await;
        Ok(())
    }
}

fn in_use(id: &InstanceId) -> Failure {
    Failure::new(
        "OrchestrationAlreadyExists",
        format!("an orchestration with the instance id '{id}' exists and has not finished"),
    )
}
