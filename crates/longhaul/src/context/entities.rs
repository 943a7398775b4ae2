//! Entities, as orchestrators see them.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::OrchestrationContext;
use super::state::{Action, EntityAsk, TaskFuture};
use crate::entity::{EntityId, EntityRequest};
use crate::failure::{Failure, malformed};
use crate::id::TaskId;
use crate::json::Json;

/// A call of an entity: see [`OrchestrationContext::call_entity`].
#[must_use = "the result is lost if the call is not awaited"]
pub struct EntityCall<O> {
    what: String,
    asked: Result<TaskFuture, Failure>,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> Future for EntityCall<O> {
    type Output = Result<O, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.asked {
            Ok(task) => match Pin::new(task).poll(cx) {
                Poll::Ready(result) => result,
                Poll::Pending => return Poll::Pending,
            },
            Err(failure) => Err(failure.clone()),
        };
        let what = &self.what;
        Poll::Ready(result.and_then(|output| {
            output.to().map_err(|error| malformed("BadOutput", format!("the output of {what}"), &error))
        }))
    }
}

/// A critical section: see [`OrchestrationContext::lock_entities`]. The entities are let go when this is dropped.
#[must_use = "the entities are let go when this is dropped"]
pub struct CriticalSection {
    context: OrchestrationContext,
    section: TaskId,
    /// What it has asked for.
    requested: Vec<EntityId>,
}

/// The critical section in which an orchestrator is, or which it enters.
#[derive(Debug)]
pub(super) struct Entered {
    section: TaskId,
    entities: Vec<EntityId>,
}

impl OrchestrationContext {
    /// Asks an entity for an operation, and waits for its result. The entity is created if there is none yet.
    ///
    /// The future fails with the operation's failure, with a permanent failure of type `BadInput` if `input` has no JSON
    /// form, `PayloadTooLarge` if it is too long, `BadOutput` if the result is not an `O`, and `NotLocked` in a critical
    /// section of which the entity is no part.
    pub fn call_entity<I, O>(&self, entity: &EntityId, operation: &str, input: I) -> EntityCall<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let what = format!("operation '{operation}' of {entity}");
        let request = EntityRequest::Call { operation: operation.to_owned() };
        let asked = self.section_for(entity).and_then(|section| {
            let input = self.input(&input, || format!("the input of {what}"))?;
            Ok(self.ask(Action::Entity(EntityAsk { entity: entity.clone(), request, input, section })))
        });
        EntityCall { what, asked, output: PhantomData }
    }

    /// Asks an entity for an operation, and waits for nothing. Signals and calls of one orchestrator to one entity are
    /// carried out in the order in which they were made.
    ///
    /// # Errors
    /// When `input` has no JSON form, or is too long, and for an entity that this orchestrator has locked.
    pub fn signal_entity<I: Serialize>(
        &self,
        entity: &EntityId,
        operation: &str,
        input: I,
    ) -> Result<(), Failure> {
        self.signal(entity, operation, &input, None)
    }

    /// Asks an entity for an operation at a later time, and waits for nothing.
    ///
    /// # Errors
    /// As [`OrchestrationContext::signal_entity`].
    pub fn signal_entity_at<I: Serialize>(
        &self,
        entity: &EntityId,
        operation: &str,
        input: I,
        due: Timestamp,
    ) -> Result<(), Failure> {
        self.signal(entity, operation, &input, Some(due))
    }

    /// Waits until all these entities work for this orchestrator only, and keeps them so until the
    /// [`CriticalSection`] is dropped, or this orchestrator ends in any way. Others' operations wait meanwhile.
    ///
    /// Whoever locks entities does so in the same order, so nobody waits in a circle. For the same reason there is one
    /// critical section at a time in an orchestrator, in which it calls only the entities that it has locked, signals
    /// only others, and calls no sub-orchestrations.
    ///
    /// # Errors
    /// A permanent failure of type `InCriticalSection` when the orchestrator is in one, or enters one.
    pub async fn lock_entities(
        &self,
        entities: impl IntoIterator<Item = EntityId>,
    ) -> Result<CriticalSection, Failure> {
        let mut entities: Vec<_> = entities.into_iter().collect();
        entities.sort_unstable();
        entities.dedup();
        let section = self.with(|state| {
            if state.section.is_some() {
                return Err(Failure::permanent(
                    "InCriticalSection",
                    "the orchestrator is in a critical section already, or enters one: it can be in one only",
                ));
            }
            let section = state.next_task();
            state.section = Some(Entered { section, entities: entities.clone() });
            Ok(section)
        })?;
        // From now on whatever was asked for is let go, also when this future is dropped.
        let mut entered = CriticalSection { context: self.clone(), section, requested: Vec::new() };
        for entity in entities {
            entered.requested.push(entity.clone());
            let ask = EntityAsk {
                entity,
                request: EntityRequest::Lock,
                input: Json::null(),
                section: Some(section),
            };
            self.ask(Action::Entity(ask)).await?;
        }
        Ok(entered)
    }

    /// Whether the orchestrator is in a critical section, or enters one.
    pub fn is_in_critical_section(&self) -> bool {
        self.with(|state| state.section.is_some())
    }

    pub(super) fn outside_critical_section(&self, what: &str) -> Result<(), Failure> {
        match self.is_in_critical_section() {
            false => Ok(()),
            true => Err(Failure::permanent(
                "InCriticalSection",
                format!(
                    "{what} cannot be called in a critical section: it might wait for what is locked here"
                ),
            )),
        }
    }

    fn signal(
        &self,
        entity: &EntityId,
        operation: &str,
        input: &impl Serialize,
        due: Option<Timestamp>,
    ) -> Result<(), Failure> {
        if self.with(|state| state.section.as_ref().is_some_and(|entered| entered.entities.contains(entity)))
        {
            return Err(Failure::permanent(
                "Locked",
                format!("{entity} is locked by this orchestrator: call it, a signal would wait for the lock"),
            ));
        }
        let input = self.input(input, || format!("the input of operation '{operation}' of {entity}"))?;
        let request = EntityRequest::Signal { operation: operation.to_owned(), due };
        let ask = EntityAsk { entity: entity.clone(), request, input, section: None };
        self.with(|state| state.request(Action::Entity(ask)));
        Ok(())
    }

    /// The critical section on whose behalf an entity is called.
    fn section_for(&self, entity: &EntityId) -> Result<Option<TaskId>, Failure> {
        self.with(|state| match &state.section {
            None => Ok(None),
            Some(entered) if entered.entities.contains(entity) => Ok(Some(entered.section)),
            Some(_) => Err(Failure::permanent(
                "NotLocked",
                format!("{entity} is no part of the critical section: lock it too, or call it outside"),
            )),
        })
    }
}

impl Drop for CriticalSection {
    fn drop(&mut self) {
        let section = self.section;
        self.context.with(|state| {
            state.section = None;
            for entity in self.requested.drain(..) {
                let (request, input) = (EntityRequest::Unlock, Json::null());
                state.request(Action::Entity(EntityAsk { entity, request, input, section: Some(section) }));
            }
        });
    }
}
