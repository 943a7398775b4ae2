//! 11. Entities.
//!
//! An *entity* is a small piece of state with operations: a counter, an account, a device, a shopping basket. It has a
//! name, `@name@key`: which entity function, and which of its entities. Nobody creates it, it is there when it is first
//! used. Its operations are carried out one at a time, each exactly once as far as its state can tell.
//!
//! # Writing one
//!
//! The state is a type with `Default` and serde, the operations are its methods. One that fails changes nothing, and asks
//! for nothing.
//!
//! ```
//! use longhaul::{EntityContext, EntityFunctions, Failure, Operations};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Account {
//!     balance: i64,
//! }
//!
//! impl Account {
//!     async fn deposit(&mut self, _: &EntityContext, amount: i64) -> Result<i64, Failure> {
//!         self.balance += amount;
//!         Ok(self.balance)
//!     }
//!
//!     async fn withdraw(&mut self, _: &EntityContext, amount: i64) -> Result<i64, Failure> {
//!         self.balance -= amount;
//!         match self.balance < 0 {
//!             true => Err(Failure::permanent("InsufficientFunds", "insufficient funds")),
//!             false => Ok(self.balance),
//!         }
//!     }
//! }
//!
//! fn entities() -> EntityFunctions {
//!     let account = Operations::new().with("deposit", Account::deposit).with("withdraw", Account::withdraw);
//!     EntityFunctions::new().with("account", account)
//! }
//! # let _ = entities();
//! ```
//!
//! The operation `delete`, unless the entity has one of its own, removes the state. A function can also take all
//! operations itself, with [`with_dispatch`](crate::EntityFunctions::with_dispatch); its
//! [context](crate::EntityContext) has the operation's name, its input, and the state to get, set and delete. From any
//! operation other entities can be signalled and orchestrations started: that is done once the new state is stored.
//!
//! An operation whose component gives no answer 20 times in a row, each time alone, fails with `EntityUnavailable`, so that
//! it does not hold up the others; a signal is then given up, and the log says so.
//!
//! An operation may be carried out again, after a crash before its state was stored. So it is not for side effects:
//! leave those to an activity of an orchestration that it starts.
//!
//! # Calls and signals
//!
//! An orchestrator [calls](crate::OrchestrationContext::call_entity) an entity and waits for the result, or
//! [signals](crate::OrchestrationContext::signal_entity) it and does not. What one orchestrator (or one entity, or one
//! client that waits for its answers) sends to an entity is carried out in the order in which it was sent. A signal can
//! be [for later](crate::OrchestrationContext::signal_entity_at).
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{EntityContext, EntityFunctions, EntityId, Failure, Operations, OrchestrationContext, Orchestrators};
//! # let add = async |sum: &mut u32, _: &EntityContext, n: u32| { *sum += n; Ok(*sum) };
//! # let functions = EntityFunctions::new().with("counter", Operations::<u32>::new().with("add", add));
//! async fn count(ctx: OrchestrationContext, _: ()) -> Result<u32, Failure> {
//!     let counter = EntityId::new("counter", "visits").expect("it is an id");
//!     ctx.signal_entity(&counter, "add", 2)?;
//!     ctx.call_entity(&counter, "add", 3).await
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("count", count)).entities(functions);
//! assert_eq!(hub.run("count", ()).output(), Ok(5));
//! ```
//!
//! A client function signals with [`Engine::signal_entity`](crate::Engine::signal_entity), and reads the state with
//! [`Engine::entity`](crate::Engine::entity); operators also [list](crate::Engine::list_entities) entities.
//!
//! # Critical sections
//!
//! To change several entities as if they were one, an orchestrator [locks](crate::OrchestrationContext::lock_entities)
//! them. Others' operations wait until the [`CriticalSection`](crate::CriticalSection) is dropped, or the orchestrator
//! ends: by completing, failing, continuing as new, or by being terminated.
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::*;
//! # let add = async |sum: &mut i64, _: &EntityContext, n: i64| { *sum += n; Ok(*sum) };
//! # let functions = EntityFunctions::new().with("account", Operations::<i64>::new().with("add", add));
//! async fn transfer(ctx: OrchestrationContext, amount: i64) -> Result<(), Failure> {
//!     let (from, to) = (account("anna"), account("ben"));
//!     let section = ctx.lock_entities([from.clone(), to.clone()]).await?;
//!     if ctx.call_entity::<_, i64>(&from, "add", 0).await? >= amount {
//!         ctx.call_entity::<_, i64>(&from, "add", -amount).await?;
//!         ctx.call_entity::<_, i64>(&to, "add", amount).await?;
//!     }
//!     drop(section);
//!     Ok(())
//! }
//! # fn account(key: &str) -> EntityId { EntityId::new("account", key).expect("it is an id") }
//!
//! let hub = TestHub::new(Orchestrators::new().with("transfer", transfer)).entities(functions).entity_state("@account@anna", 5);
//! let run = hub.run("transfer", 3);
//! assert_eq!((run.entity_state("@account@anna"), run.entity_state("@account@ben")), (Some(2), Some(3)));
//! assert_eq!(hub.run("transfer", 9).entity_state("@account@anna"), Some(5));
//! ```
//!
//! Locks are taken in one order everywhere, so nobody waits in a circle. For the same reason an orchestrator is in one
//! critical section at a time, calls in it only what it has locked, signals only what it has not, and calls no
//! sub-orchestrations: what breaks these rules fails at once. A section is no transaction: if the orchestrator fails in
//! its middle, what it has changed stays changed. An orchestrator that failed in a section is not rewound into it, since
//! it has let go of its locks.
//!
//! # Tidying up
//!
//! An idle entity is a value in the store, and nothing else. One without a state can be removed for good with
//! [`Engine::clean_entities`](crate::Engine::clean_entities), which loses no message that comes meanwhile. It also
//! releases locks whose holders are gone, which only happens if records were deleted by hand.
//!
//! # In components
//!
//! The component `entities` is `longhaul_spin::entities!(shop::entities());`; the component `orchestrator` must be allowed
//! to reach it (`http://entities.spin.internal`). The sample `samples/patterns` has one, in `aggregator.rs`.
//!
//! # What it costs
//!
//! A signal is 4 durable writes for who sends it; the first one creates the entity with 5 more. An entity carries out
//! all that is there, up to 256 operations, with one call of its component and one write, however many there are who
//! sent them. An orchestrator takes the slots for its messages (a write each) before the step that asks for them, and
//! writes them after it (3 each, and 1 to strike all of them off); a call takes the entity 2 more for a wake entry, the
//! answer 4, and 1 to strike it off. An orchestrator that calls one entity and ends costs 17 in all.
