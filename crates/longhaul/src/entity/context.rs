//! What an operation of an entity is given.

use std::cell::{Cell, RefCell};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::EntityId;
use super::wire::{EntityAction, EntityBatch, EntityOperation};
use crate::failure::{Failure, malformed};
use crate::id::InstanceId;
use crate::json::Json;
use crate::payload::handed_on;

/// The context of one operation on one entity.
///
/// What is asked for here happens once the operation has succeeded and its state is stored; an operation that fails has
/// asked for nothing.
pub struct EntityContext {
    entity: EntityId,
    operation: EntityOperation,
    now: Timestamp,
    seed: String,
    max_payload: u64,
    pub(super) state: RefCell<Option<Json>>,
    deleted: Cell<bool>,
    pub(super) actions: RefCell<Vec<EntityAction>>,
}

impl EntityContext {
    /// The context of the operation at `position` of a batch, whose predecessors left `state`.
    pub(super) fn new(batch: &EntityBatch, position: usize, state: Option<Json>, now: Timestamp) -> Self {
        Self {
            entity: batch.entity_id.clone(),
            operation: batch.operations[position].clone(),
            now,
            seed: format!("{}:{position}", batch.seed),
            max_payload: batch.max_payload,
            state: RefCell::new(state),
            deleted: Cell::new(false),
            actions: RefCell::default(),
        }
    }

    /// The entity.
    pub fn entity_id(&self) -> &EntityId {
        &self.entity
    }

    /// The name of the operation.
    pub fn operation(&self) -> &str {
        &self.operation.operation
    }

    /// Whether nobody waits for the result.
    pub fn is_signal(&self) -> bool {
        self.operation.is_signal
    }

    /// The time.
    pub fn current_time(&self) -> Timestamp {
        self.now
    }

    /// The operation's input.
    ///
    /// # Errors
    /// A permanent failure of type `BadInput` when it is not a `T`.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let what = || format!("the input of operation '{}' of {}", self.operation(), self.entity);
        self.operation.input.to().map_err(|error| malformed("BadInput", what(), &error))
    }

    /// The state. None: the entity has none.
    ///
    /// # Errors
    /// A permanent failure of type `BadState` when it is not an `S`.
    pub fn state<S: DeserializeOwned>(&self) -> Result<Option<S>, Failure> {
        let state = self.state.borrow();
        let read = state.as_ref().map(Json::to).transpose();
        read.map_err(|error| malformed("BadState", format!("the state of {}", self.entity), &error))
    }

    /// Changes the state. Of an entity whose operations are methods of its state, the state as they leave it counts.
    ///
    /// # Errors
    /// When it has no JSON form, or is too long.
    pub fn set_state<S: Serialize>(&self, state: &S) -> Result<(), Failure> {
        let state = self.json(state, "BadState", || format!("the state of {}", self.entity))?;
        self.state.replace(Some(state));
        self.deleted.set(false);
        Ok(())
    }

    /// Removes the state once the operation has succeeded. The next operation finds none, as on first use.
    pub fn delete_state(&self) {
        self.state.replace(None);
        self.deleted.set(true);
    }

    /// Signals another entity, or this one.
    ///
    /// # Errors
    /// When the input has no JSON form, or is too long.
    pub fn signal_entity<I: Serialize>(
        &self,
        entity: &EntityId,
        operation: &str,
        input: I,
    ) -> Result<(), Failure> {
        self.signal(entity, operation, &input, None)
    }

    /// Signals another entity, or this one, at a later time.
    ///
    /// # Errors
    /// When the input has no JSON form, or is too long.
    pub fn signal_entity_at<I: Serialize>(
        &self,
        entity: &EntityId,
        operation: &str,
        input: I,
        due: Timestamp,
    ) -> Result<(), Failure> {
        self.signal(entity, operation, &input, Some(due))
    }

    /// Starts an orchestration under the id `id`, or a new random one, and answers it. If one of that id exists and has
    /// not finished, it stays as it is.
    ///
    /// # Errors
    /// When the input has no JSON form, or is too long.
    pub fn start_orchestration<I: Serialize>(
        &self,
        name: &str,
        input: I,
        id: Option<InstanceId>,
    ) -> Result<InstanceId, Failure> {
        let input = self.json(&input, "BadInput", || format!("the input of orchestration '{name}'"))?;
        let mut actions = self.actions.borrow_mut();
        let derived = || {
            let name = format!("{}:{}", self.seed, actions.len());
            InstanceId::random(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).into_bytes())
        };
        let instance_id = id.unwrap_or_else(derived);
        actions.push(EntityAction::Start { name: name.to_owned(), instance_id: instance_id.clone(), input });
        Ok(instance_id)
    }

    fn signal(
        &self,
        entity: &EntityId,
        operation: &str,
        input: &impl Serialize,
        due: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let input = self.json(input, "BadInput", || format!("the input of '{operation}' for {entity}"))?;
        let (entity_id, operation) = (entity.clone(), operation.to_owned());
        self.actions.borrow_mut().push(EntityAction::Signal { entity_id, operation, input, due });
        Ok(())
    }

    /// Whether the state was removed last.
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted.get()
    }

    pub(super) fn json(
        &self,
        value: &impl Serialize,
        kind: &str,
        what: impl Fn() -> String,
    ) -> Result<Json, Failure> {
        handed_on(value, self.max_payload, kind, what)
    }
}
