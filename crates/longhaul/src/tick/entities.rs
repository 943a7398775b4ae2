//! What an orchestrator asks of entities: it goes into the outbox with the commit that says so.

use jiff::Timestamp;

use super::Tick;
use super::end::{FEW, post};
use crate::activity::Activities;
use crate::context::EntityAsk;
use crate::entity::{Caller, EntityMessage, EntityRequest, Section};
use crate::id::{InstanceKey, TaskId};
use crate::keys::TaskHub;
use crate::kick::Kicks;
use crate::payload::Payload;
use crate::platform::{Platform, after};
use crate::record::{Lock, Outgoing, Record};
use crate::stage::Stage;

/// Puts what the orchestrator asks of entities into the outbox of `record`, and notes which of them it locks.
pub(super) fn post_messages(
    stage: &mut Stage,
    hub: &TaskHub,
    key: &InstanceKey,
    record: &mut Record,
    messages: Vec<(TaskId, EntityAsk)>,
) {
    for (task, EntityAsk { entity, request, input, section }) in messages {
        let mut input = Payload::Inline(input);
        if record.control.outbox.len() >= FEW {
            // The record is not to grow with all that is yet to be sent.
            stage.set_aside(hub, key, record, &mut input);
        }
        stage.payload(hub, key, record, &mut input);
        let execution = record.head.execution.clone();
        if let Some(section) = section {
            let lock = Lock { entity: entity.clone(), section };
            match request {
                EntityRequest::Lock => record.control.locks.push(lock),
                EntityRequest::Unlock => record.control.locks.retain(|held| *held != lock),
                _ => {}
            }
        }
        let caller =
            request.is_answered().then(|| Caller { key: key.clone(), execution: execution.clone(), task });
        let section = section.map(|task| Section { key: key.clone(), execution: execution.clone(), task });
        let message = EntityMessage { request, input, caller, section };
        post(record, Outgoing::Entity { entity, execution, message, route: None });
    }
}

impl<P: Platform, A: Activities, K: Kicks> Tick<'_, P, A, K> {
    /// Whether answers of entities are waited for with the lease held: they mostly come at once.
    pub(super) fn expects_answers(&self, record: &Record, now: Timestamp) -> bool {
        let waits = self.execution.as_ref().is_some_and(|execution| execution.awaits_entities());
        waits && !record.control.suspended && now < self.expects_answers_until(record)
    }

    pub(super) fn expects_answers_until(&self, record: &Record) -> Timestamp {
        after(record.head.updated, self.around.engine.timing.hold)
    }
}

/// Lets go of all that the execution of `record` has locked, since it is over.
pub(super) fn release_locks(key: &InstanceKey, record: &mut Record) {
    let execution = record.head.execution.clone();
    for Lock { entity, section } in std::mem::take(&mut record.control.locks) {
        let section = Section { key: key.clone(), execution: execution.clone(), task: section };
        let message = EntityMessage {
            request: EntityRequest::Unlock,
            input: Payload::default(),
            caller: None,
            section: Some(section),
        };
        let execution = execution.clone();
        post(record, Outgoing::Entity { entity, execution, message, route: None });
    }
}
