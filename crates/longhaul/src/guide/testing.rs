//! 14. Tests.
//!
//! The module `longhaul::testing` (feature `testing`) has a hub that runs orchestrators in a unit test: closures stand
//! for activities, the clock is virtual, and every run is replayed at its end, so that an orchestrator that is not
//! deterministic fails its test. Its documentation goes through all of it. What is worth a test:
//!
//! - The way through, and what is asked for on it: `TestRun::outline`.
//! - Every failure that is dealt with, and the retries: `TestCall::retry`.
//! - Every time-out and race, by saying how long something takes: `TestHub::activity_taking`.
//! - Events that come early, late, twice, and never.
//! - That it goes on from old histories: [`longhaul replay`](super::versions).
//!
//! ```
//! use std::time::Duration;
//! use futures::future::{Either, select};
//! use longhaul::testing::TestHub;
//! use longhaul::{Failure, OrchestrationContext, Orchestrators, RuntimeStatus};
//!
//! async fn deliver(ctx: OrchestrationContext, parcel: u32) -> Result<String, Failure> {
//!     ctx.call_activity::<_, ()>("ship", parcel).await?;
//!     let arrived = ctx.wait_for_event::<String>("arrived");
//!     let too_late = ctx.create_timer(Duration::from_secs(7 * 24 * 60 * 60));
//!     match select(arrived, too_late).await {
//!         Either::Left((place, _)) => place,
//!         Either::Right(_) => Err(Failure::permanent("Lost", format!("parcel {parcel} is lost"))),
//!     }
//! }
//!
//! let hour = Duration::from_secs(60 * 60);
//! let hub = TestHub::new(Orchestrators::new().with("deliver", deliver)).activity_taking("ship", hour, |_: u32| Ok(()));
//!
//! // The way through.
//! let run = hub.start("deliver", 7).raise_event_after(30 * hour, "arrived", "Ulm").run();
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("Ulm", 30 * hour));
//! // An event that comes before anybody waits.
//! let run = hub.start("deliver", 7).raise_event_after(hour / 2, "arrived", "Ulm").run();
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("Ulm", hour));
//! // One that never comes.
//! let run = hub.run("deliver", 7);
//! assert_eq!((run.status(), run.output::<String>().unwrap_err().kind.as_str()), (RuntimeStatus::Failed, "Lost"));
//! assert_eq!(run.outline(), [
//!     "ExecutionStarted deliver",
//!     "TaskScheduled ship",
//!     "TaskCompleted ship",
//!     "TimerCreated",
//!     "TimerFired",
//!     "ExecutionCompleted",
//! ]);
//! ```
//!
//! An activity is tested as the `async fn` that it is; [chapter 8](super::long_activities) has one that is called
//! through [`ActivityFunctions::run`](crate::ActivityFunctions::run), as its component calls it.
//!
//! What is built on the engine itself (client functions, operations) can be tested with the platform in memory,
//! `longhaul::memory` (feature `memory`), as the examples of chapters [11](super::operating) and [12](super::limits)
//! are.
