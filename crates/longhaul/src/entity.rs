//! Entities: small pieces of state with operations, each named `@name@key`, created on first use.
//!
//! An entity is stored as an instance is: a record of its own, which the scheduler looks after, with an inbox. A tick
//! takes messages, has the operations in them carried out by the entities component, and commits the new state together
//! with the fact that the messages are taken; only then does it answer and send.
//!
//! **No message is carried out twice.** A message is its slot in the inbox. Whoever may have to repeat it (the outbox of
//! an orchestrator or of another entity) takes the slot first, and commits which one it is; it then writes the same
//! message to the same slot however often it must. If it has to take another slot, since the receiver may have given up
//! on the first, the message names the first: the receiver knows whether it has taken that one.

mod client;
mod context;
mod control;
mod functions;
mod id;
mod message;
mod reach;
mod tick;
mod wire;

pub use client::{CleanedEntities, EntityList, EntityQuery, EntityStatus};
pub use context::EntityContext;
pub use control::EntityControl;
pub use functions::{EntityFunctions, Operations};
pub use id::{EntityId, InvalidEntityId, MAX_ENTITY_KEY, MAX_ENTITY_NAME};
pub use message::{Caller, EntityMessage, EntityRequest, Section};
pub use reach::Route;
pub use wire::{EntityAction, EntityBatch, EntityOperation, EntityOutcome, OperationResult};
