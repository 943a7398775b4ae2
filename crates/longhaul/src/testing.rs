//! Unit tests of orchestrator functions, without a host: feature `testing`.
//!
//! A [`TestHub`] runs an orchestrator on your machine, in the unit test itself. Its activities are answered by closures,
//! its clock is virtual (a timer of ten days takes no time), and what comes from outside comes when you say. It is the
//! same code that runs in production which drives the orchestrator, and at the end the whole history is replayed: a test
//! fails if the orchestrator does not do the same again.
//!
//! ```toml
//! [dev-dependencies]
//! longhaul = { version = "…", features = ["testing"] }
//! ```
//!
//! # A first test
//!
//! ```
//! use longhaul::testing::TestHub;
//! use longhaul::{Failure, OrchestrationContext, Orchestrators, RuntimeStatus};
//!
//! async fn checkout(ctx: OrchestrationContext, order: String) -> Result<u32, Failure> {
//!     let price: u32 = ctx.call_activity("price", &order).await?;
//!     ctx.call_activity::<_, ()>("charge", price).await?;
//!     Ok(price)
//! }
//!
//! fn orchestrators() -> Orchestrators {
//!     Orchestrators::new().with("checkout", checkout)
//! }
//!
//! let run = TestHub::new(orchestrators())
//!     .activity("price", |order: String| Ok(order.len() as u32))
//!     .activity("charge", |_: u32| Ok(()))
//!     .run("checkout", "a hat");
//! assert_eq!(run.output::<u32>(), Ok(5));
//! assert_eq!(run.status(), RuntimeStatus::Completed);
//! assert_eq!(run.calls::<u32>("charge"), [5]);
//! assert_eq!(run.outline(), [
//!     "ExecutionStarted checkout",
//!     "TaskScheduled price",
//!     "TaskCompleted price",
//!     "TaskScheduled charge",
//!     "TaskCompleted charge",
//!     "ExecutionCompleted",
//! ]);
//! ```
//!
//! [`TestInstance::history`] has the events with all that is in them. An activity for which there is no closure fails the
//! test, with a message that names it.
//!
//! # Time, and what comes from outside
//!
//! Activities take no time unless they are [said to](TestHub::activity_taking). A run that is begun with
//! [`TestHub::start`] can be sent events, suspended, resumed and terminated, each after a while. What happens at the same
//! moment is told in the order of these calls; a result or an event comes before a timer.
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RuntimeStatus};
//! use std::time::Duration;
//!
//! const DAY: Duration = Duration::from_secs(24 * 60 * 60);
//!
//! async fn approval(ctx: OrchestrationContext, _: ()) -> Result<&'static str, Failure> {
//!     let answer = ctx.wait_for_event::<bool>("approved").with_timeout(10 * DAY).await?;
//!     Ok(match answer {
//!         Some(true) => "approved",
//!         Some(false) => "refused",
//!         None => "nobody cared",
//!     })
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("approval", approval));
//! let run = hub.start("approval", ()).raise_event_after(3 * DAY, "Approved", true).run();
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("approved", 3 * DAY));
//! let run = hub.run("approval", ());
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("nobody cared", 10 * DAY));
//! let run = hub.start("approval", ()).terminate_after(DAY, "the shop is closed").run();
//! assert_eq!(run.status(), RuntimeStatus::Terminated);
//! ```
//!
//! An orchestrator that waits for something that never comes is `Running` at the end of the run, and
//! [`TestInstance::waits_for`] says for what. One that never ends needs an end: [`TestStart::until`].
//!
//! # Failures and retries
//!
//! A closure may keep state of its own, or look at [its call](TestHub::activity_with): how often the orchestrator's retry
//! policy has repeated it, for one. It can also say how long this very call takes, or that an event will come because of
//! it.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::{TestCall, TestHub};
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RetryPolicy};
//! async fn patient(ctx: OrchestrationContext, _: ()) -> Result<String, Failure> {
//!     let policy = RetryPolicy::new(Duration::from_secs(60), 5);
//!     ctx.call_activity::<_, ()>("ask", "the boss").with_retry(policy).await?;
//!     ctx.wait_for_event("answer").await
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("patient", patient))
//!     .activity_with("ask", |call: TestCall<String>| {
//!         if call.retry < 2 {
//!             return Err(Failure::new("Busy", "the line is busy"));
//!         }
//!         call.takes(Duration::from_secs(5));
//!         call.raise_event_after(Duration::from_secs(600), "answer", format!("{} says no", call.input));
//!         Ok(())
//!     })
//!     .run("patient", ());
//! assert_eq!(run.output::<String>().unwrap(), "the boss says no");
//! assert_eq!(run.elapsed(), Duration::from_secs(2 * 60 + 600));
//! ```
//!
//! # Sub-orchestrations, and continuing as new
//!
//! Sub-orchestrations run, too, if they are registered; or [a closure](TestHub::sub_orchestration) stands for them. Each is
//! an [instance of the run](TestRun::instances). Every execution of an orchestrator that continues as new is a
//! [round](TestInstance::rounds).
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, UnprocessedEvents};
//! async fn countdown(ctx: OrchestrationContext, n: u32) -> Result<u32, Failure> {
//!     match n {
//!         0 => ctx.call_sub_orchestration("launch", ()).await,
//!         _ => ctx.continue_as_new(n - 1, UnprocessedEvents::Keep).await,
//!     }
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("countdown", countdown))
//!     .sub_orchestration("launch", |_: ()| Ok(42))
//!     .run("countdown", 3);
//! assert_eq!(run.output(), Ok(42));
//! assert_eq!(run.rounds().len(), 4);
//! ```
//!
//! # Entities
//!
//! Entities are the real ones: give the hub their functions, and look at their states afterwards.
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{EntityContext, EntityFunctions, EntityId, Failure, Operations, OrchestrationContext, Orchestrators};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Default, Serialize, Deserialize)]
//! struct Stock(u32);
//!
//! impl Stock {
//!     async fn take(&mut self, _: &EntityContext, n: u32) -> Result<u32, Failure> {
//!         self.0 = self.0.checked_sub(n).ok_or_else(|| Failure::permanent("SoldOut", "there are not so many"))?;
//!         Ok(self.0)
//!     }
//! }
//!
//! async fn order(ctx: OrchestrationContext, n: u32) -> Result<u32, Failure> {
//!     let hats = EntityId::new("stock", "hats").expect("it is one");
//!     ctx.call_entity(&hats, "take", n).await
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("order", order))
//!     .entities(EntityFunctions::new().with("stock", Operations::new().with("take", Stock::take)))
//!     .entity_state("@stock@hats", 7);
//! let run = hub.run("order", 3);
//! assert_eq!((run.output::<u32>(), run.entity_state::<u32>("@stock@hats")), (Ok(4), Some(4)));
//! assert_eq!(hub.run("order", 8).output::<u32>().unwrap_err().kind, "SoldOut");
//! ```
//!
//! # Determinism
//!
//! After each execution its history is replayed from the start, as it is in production whenever an instance is loaded. A
//! difference is [an error](TestError::NonDeterministic), with which [`TestHub::run`] panics:
//!
//! ```
//! # use std::cell::Cell;
//! # use std::rc::Rc;
//! # use longhaul::testing::{TestError, TestHub};
//! # use longhaul::{OrchestrationContext, Orchestrators};
//! let random = Rc::new(Cell::new(0));
//! let moody = move |ctx: OrchestrationContext, _: ()| {
//!     random.set(random.get() + 1); // as a random number would, or the time of the system
//!     let n = random.get();
//!     async move { ctx.call_activity::<_, ()>("act", n).await }
//! };
//! let hub = TestHub::new(Orchestrators::new().with("moody", moody)).activity("act", |_: u32| Ok(()));
//! let error = hub.start("moody", ()).try_run().unwrap_err();
//! assert!(matches!(error, TestError::NonDeterministic { .. }), "{error}");
//! assert!(error.to_string().contains("at event 2 history asked for activity 'act'"), "{error}");
//! ```
//!
//! It is found only if it shows: beware of the macro `futures::select!`, which polls in random order (`select_biased!` and
//! `futures::future::select` do not), and of iterating over a `HashMap`.

mod check;
mod dispatch;
mod entities;
mod hub;
mod instance;
mod mock;
mod run;
mod start;
#[cfg(test)]
mod tests;
mod world;

use thiserror::Error;

use crate::entity::EntityId;
use crate::failure::Failure;
use crate::id::InstanceId;
use crate::json::Json;
use crate::orchestrators::NotRegistered;

pub use hub::TestHub;
pub use mock::TestCall;
pub use run::{Round, TestInstance, TestRun};
pub use start::TestStart;

/// Why a run could not be carried through, or shows a mistake in the orchestrator.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TestError {
    /// An orchestrator has asked for an activity that the test hub does not have.
    #[error(
        "instance '{instance}' asked for the activity '{name}' with the input {input}, and the test has none: add \
         .activity(\"{name}\", |input| …); it has: {known}"
    )]
    NoActivity {
        /// The activity.
        name: String,
        /// Its input.
        input: Json,
        /// Who asked.
        instance: InstanceId,
        /// The activities that there are.
        known: String,
    },
    /// An orchestrator is not registered, and no closure stands for it.
    #[error("instance '{instance}' cannot run: {missing}; or add .sub_orchestration(…) to the test")]
    NotRegistered {
        /// The instance.
        instance: InstanceId,
        /// What is missing.
        missing: NotRegistered,
    },
    /// An orchestrator does something else when it is replayed.
    #[error("the orchestrator '{name}' of instance '{instance}' is not deterministic: {difference}{}", details(.difference))]
    NonDeterministic {
        /// The orchestrator.
        name: String,
        /// The instance.
        instance: InstanceId,
        /// Where it differs.
        difference: Failure,
    },
    /// An event is raised for an instance that is not there at the time.
    #[error("an event is raised for the instance '{id}', which is not there; there are: {known}")]
    NoInstance {
        /// The instance.
        id: InstanceId,
        /// Those that there are.
        known: String,
    },
    /// An operation of an entity waits for something: here there is nothing that it could wait for.
    #[error(
        "an operation of {entity} waits for something; in a test there is nothing that it could wait for"
    )]
    EntityWaits {
        /// The entity.
        entity: EntityId,
    },
    /// It does not come to an end.
    #[error(
        "the run has not ended after {turns} turns of its orchestrators; last came instance '{instance}'. If it goes on \
         for ever, give the run an end: hub.start(…).until(…)"
    )]
    Endless {
        /// How many turns there were.
        turns: usize,
        /// The instance that took the last.
        instance: InstanceId,
    },
}

/// The inputs that differ, if it is those.
fn details(difference: &Failure) -> String {
    difference.details.as_ref().map(|details| format!(" (inputs: {details})")).unwrap_or_default()
}
