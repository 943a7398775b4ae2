//! 4. Fan-out, fan-in and races.
//!
//! What is asked for is asked for by the call, not by the first poll. So calls that are made one after the other, and
//! then awaited together, run at the same time. (Two are lazy, as `async fn`s are: `call_http` and `continue_as_new`.)
//!
//! # All of them
//!
//! `join_all` waits for all and gives every result; `try_join_all` ends with the first failure.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! use futures::future::{join_all, try_join_all};
//!
//! async fn total(ctx: OrchestrationContext, pages: u32) -> Result<u32, Failure> {
//!     let counts = try_join_all((0..pages).map(|page| ctx.call_activity::<_, u32>("count", page))).await?;
//!     Ok(counts.into_iter().sum())
//! }
//!
//! async fn how_many_work(ctx: OrchestrationContext, pages: u32) -> Result<usize, Failure> {
//!     let results = join_all((0..pages).map(|page| ctx.call_activity::<_, u32>("count", page))).await;
//!     Ok(results.iter().filter(|result| result.is_ok()).count())
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("total", total).with("how-many-work", how_many_work))
//!     .activity_taking("count", Duration::from_secs(60), |page: u32| match page {
//!         13 => Err(Failure::permanent("BadPage", "page 13 is missing")),
//!         page => Ok(page),
//!     });
//! let run = hub.run("total", 10);
//! assert_eq!((run.output(), run.elapsed()), (Ok(45), Duration::from_secs(60)));
//! assert_eq!(hub.run("total", 20).output::<u32>().unwrap_err().kind, "BadPage");
//! assert_eq!(hub.run("how-many-work", 20).output(), Ok(19));
//! ```
//!
//! Ask for as many as you like: of one instance 64 activities run at a time (the variable `activities_in_flight`), the
//! others wait for their turn in the order in which they were asked for. Ten thousand are no trouble. To keep less
//! under way than that, ask later, as a stream does:
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! use futures::stream::{self, StreamExt, TryStreamExt};
//!
//! async fn gently(ctx: OrchestrationContext, pages: u32) -> Result<u32, Failure> {
//!     let calls = stream::iter(0..pages).map(|page| ctx.call_activity::<_, u32>("count", page));
//!     calls.buffered(5).try_fold(0, |sum, count| async move { Ok(sum + count) }).await
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("gently", gently))
//!     .activity_taking("count", Duration::from_secs(60), |page: u32| Ok(page))
//!     .run("gently", 10);
//! assert_eq!((run.output(), run.elapsed()), (Ok(45), Duration::from_secs(2 * 60)));
//! ```
//!
//! # The first of them
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! use futures::future::{Either, select};
//!
//! async fn fastest(ctx: OrchestrationContext, _: ()) -> Result<String, Failure> {
//!     let here = ctx.call_activity::<_, String>("ask", "here");
//!     let there = ctx.call_activity::<_, String>("ask", "there");
//!     let first = match select(here, there).await {
//!         Either::Left((answer, _there)) => answer?,
//!         Either::Right((answer, _here)) => answer?,
//!     };
//!     ctx.create_timer(Duration::from_secs(60)).await;
//!     Ok(first)
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("fastest", fastest))
//!     .activity_with("ask", |call: longhaul::testing::TestCall<String>| {
//!         call.takes(Duration::from_secs(if call.input == "here" { 30 } else { 10 }));
//!         Ok(call.input.clone())
//!     })
//!     .run("fastest", ());
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("there", Duration::from_secs(70)));
//! // The slower one ran on. Its result is in the history, and nobody takes it.
//! assert_eq!(run.outline(), [
//!     "ExecutionStarted fastest",
//!     "TaskScheduled ask",
//!     "TaskScheduled ask",
//!     "TaskCompleted ask",
//!     "TimerCreated",
//!     "TaskCompleted ask",
//!     "TimerFired",
//!     "ExecutionCompleted",
//! ]);
//! ```
//!
//! # What becomes of a future that is dropped
//!
//! | of | it stands for |
//! | --- | --- |
//! | a timer | nothing any more: it is cancelled |
//! | a wait for an event | nothing any more: it takes no event, the next wait gets it |
//! | an activity | an activity that runs on, or will run; its result is ignored, and it is not tried again by its retry policy |
//! | a sub-orchestration | the same |
//!
//! And when the orchestrator ends, or continues as new, while it has asked for something:
//!
//! - An activity that runs is left alone at the end; when the instance is terminated or continues as new, it is
//!   cancelled, and [learns of it](super::long_activities). One that does not run yet never will. So await what must be
//!   done, even if its result does not matter.
//! - A sub-orchestration runs on; one that is not started yet is started. When the instance is *terminated*, those that
//!   it waits for [end with it](super::sub_orchestrations).
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! async fn forgetful(ctx: OrchestrationContext, _: ()) -> Result<(), Failure> {
//!     drop(ctx.call_activity::<_, ()>("log", "done"));
//!     Ok(())
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("forgetful", forgetful)).activity("log", |_: String| Ok(()));
//! assert_eq!(hub.run("forgetful", ()).all_calls().len(), 0, "it was asked for in the last turn, and never run");
//! ```
