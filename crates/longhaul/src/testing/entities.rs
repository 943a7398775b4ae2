//! Entities in a run: they take what is sent to them at once, and their operations wait for nothing.

use futures::future::FutureExt;

use super::TestError;
use super::instance::Task;
use super::world::{Happening, World};
use crate::context::{EntityAsk, Identity};
use crate::engine::Limits;
use crate::entity::{
    Caller, EntityAction, EntityBatch, EntityControl, EntityId, EntityMessage, EntityOperation,
    EntityOutcome, EntityRequest, OperationResult, Section,
};
use crate::execution::Beginning;
use crate::failure::Failure;
use crate::history::{Event, EventKind};
use crate::id::{InstanceKey, TaskId};
use crate::json::Json;
use crate::payload::Payload;

/// An entity, as it is in a run.
#[derive(Default)]
pub(super) struct TestEntity {
    pub(super) state: Option<Json>,
    control: EntityControl,
    /// For when its next need is on the agenda.
    awaited: Option<jiff::Timestamp>,
}

impl World<'_, '_> {
    /// Sends what an instance asks of entities.
    pub(super) fn send_to_entities(
        &mut self,
        index: usize,
        messages: Vec<(TaskId, EntityAsk)>,
    ) -> Result<(), TestError> {
        for (task, EntityAsk { entity, request, input, section }) in messages {
            let identity = &self.instances[index].beginning.identity;
            // Where it is stored does not matter: an execution is of one instance.
            let key = InstanceKey::of_random(&identity.instance);
            let execution = identity.execution.clone();
            let caller = Caller { key: key.clone(), execution: execution.clone(), task };
            let message = EntityMessage {
                caller: request.is_answered().then_some(caller),
                request,
                input: Payload::Inline(input),
                section: section.map(|task| Section { key, execution, task }),
            };
            self.tell_entity(entity, vec![message])?;
        }
        Ok(())
    }

    /// Lets go of what the execution of an instance still holds, which has been ended from outside.
    pub(super) fn release_locks(&mut self, index: usize) -> Result<(), TestError> {
        let round = self.instances[index].seen.rounds.last().expect("an instance has an execution");
        let mut held = Vec::new();
        for Event { event, .. } in &round.history {
            let EventKind::EntityAsked { entity, request, section: Some(section), .. } = event else {
                continue;
            };
            match request {
                EntityRequest::Lock => held.push((entity.clone(), *section)),
                EntityRequest::Unlock => held.retain(|lock| *lock != (entity.clone(), *section)),
                _ => {}
            }
        }
        let unlock = |(entity, section)| {
            let request = EntityRequest::Unlock;
            (TaskId(0), EntityAsk { entity, request, input: Json::null(), section: Some(section) })
        };
        self.send_to_entities(index, held.into_iter().map(unlock).collect())
    }

    /// Has an entity take messages, and what is due.
    pub(super) fn tell_entity(
        &mut self,
        id: EntityId,
        messages: Vec<EntityMessage>,
    ) -> Result<(), TestError> {
        self.count_turn(id.instance())?;
        let hub = self.hub;
        let entity = self
            .entities
            .entry(id.clone())
            .or_insert_with(|| TestEntity { state: hub.states.get(&id).cloned(), ..TestEntity::default() });
        let accepted = entity.control.accept(messages, self.now, usize::MAX);
        let batch = EntityBatch {
            entity_id: id.clone(),
            state: entity.state.clone(),
            operations: accepted.operations.iter().map(operation).collect(),
            seed: format!("{id}:{}", self.turns),
            max_payload: Limits::default().max_payload,
        };
        let outcome = hub.entities.run(batch, self.now).now_or_never();
        let Some(EntityOutcome { state, results, actions }) = outcome else {
            return Err(TestError::EntityWaits { entity: id });
        };
        entity.state = state;
        let need = entity.control.need(self.now).filter(|need| entity.awaited.is_none_or(|at| *need < at));
        entity.awaited = need.or(entity.awaited.filter(|at| *at > self.now));
        if let Some(at) = need {
            self.decide(at, Happening::Entity(id.clone()));
        }
        for caller in accepted.granted {
            self.answer_caller(caller, Ok(Json::null()));
        }
        for (message, result) in accepted.operations.into_iter().zip(results) {
            let result = match result {
                OperationResult::Output(output) => Ok(output),
                OperationResult::Error(failure) => Err(failure),
            };
            if let Some(caller) = message.caller {
                self.answer_caller(caller, result);
            }
        }
        actions.into_iter().try_for_each(|action| self.act(&id, action))
    }

    fn answer_caller(&mut self, Caller { execution, task, .. }: Caller, result: Result<Json, Failure>) {
        let of = |instance: &super::instance::Instance| instance.beginning.identity.execution == execution;
        if let Some(instance) = self.instances.iter().position(of) {
            self.decide(self.now, Happening::Result(Task { instance, execution, id: task }, result));
        }
    }

    fn act(&mut self, from: &EntityId, action: EntityAction) -> Result<(), TestError> {
        match action {
            EntityAction::Signal { entity_id, operation, input, due } => {
                let request = EntityRequest::Signal { operation, due };
                let input = Payload::Inline(input);
                self.tell_entity(
                    entity_id,
                    vec![EntityMessage { request, input, caller: None, section: None }],
                )
            }
            EntityAction::Start { name, instance_id, input } => {
                let taken = |instance: &super::instance::Instance| {
                    instance.seen.id == instance_id && instance.execution.is_some()
                };
                if self.instances.iter().any(taken) {
                    return Ok(());
                }
                let identity = Identity {
                    instance: instance_id,
                    execution: self.new_execution(),
                    version: None,
                    parent: Some(from.instance()),
                    max_payload: Limits::default().max_payload,
                };
                self.add(Beginning { identity, name, input, at: self.now }, None)
            }
        }
    }
}

fn operation(message: &EntityMessage) -> EntityOperation {
    EntityOperation {
        operation: message.request.operation().unwrap_or_default().to_owned(),
        input: message.input.inline().cloned().unwrap_or_default(),
        is_signal: message.caller.is_none(),
    }
}
