//! 3. Failures, retries and time-outs.
//!
//! Activities and orchestrators fail with a [`Failure`](crate::Failure), which travels as JSON:
//!
//! | field | what it is |
//! | --- | --- |
//! | `kind` | a short name for programs, such as `OutOfStock` (in JSON: `type`) |
//! | `message` | what went wrong and what to do, for people |
//! | `retriable` | whether trying again may help: true of [`Failure::new`](crate::Failure::new), false of [`Failure::permanent`](crate::Failure::permanent) |
//! | `details` | anything more, as JSON |
//!
//! What the author does not catch ends the orchestrator, and the instance is `Failed` with that failure. What he does
//! is plain Rust, such as taking back what was done before:
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RuntimeStatus};
//! async fn trip(ctx: OrchestrationContext, city: String) -> Result<(), Failure> {
//!     let hotel: u32 = ctx.call_activity("book-hotel", &city).await?;
//!     let flight: Result<(), Failure> = ctx.call_activity("book-flight", &city).await;
//!     if let Err(failure) = flight {
//!         ctx.call_activity::<_, ()>("cancel-hotel", hotel).await?;
//!         return Err(failure);
//!     }
//!     Ok(())
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("trip", trip))
//!     .activity("book-hotel", |_: String| Ok(7))
//!     .activity("book-flight", |_: String| Err::<(), _>(Failure::permanent("SoldOut", "no seat is left")))
//!     .activity("cancel-hotel", |_: u32| Ok(()))
//!     .run("trip", "Ulm");
//! assert_eq!((run.status(), run.output::<()>().unwrap_err().kind.as_str()), (RuntimeStatus::Failed, "SoldOut"));
//! assert_eq!(run.calls::<u32>("cancel-hotel"), [7]);
//! ```
//!
//! A failure that is stored is bounded: a message of more than 8,000 characters is cut, and details of more than 32 KiB
//! are left out. [`Failure::public_message`](crate::Failure::public_message) is what may be shown to the public.
//!
//! # Retries
//!
//! [`with_retry`](crate::ActivityCall::with_retry) repeats an activity, or a sub-orchestration, that failed:
//!
//! | of the [policy](crate::RetryPolicy) | what it says | unless it is set |
//! | --- | --- | --- |
//! | `first_interval` | the first pause | |
//! | `max_attempts` | how many attempts, the first included | |
//! | `backoff_coefficient` | each pause is the one before times this | 1 |
//! | `max_interval` | the longest pause | no limit |
//! | `retry_timeout` | no attempt begins later than this after the call | no limit |
//! | `when` | only failures for which this is true are tried again | all |
//!
//! A failure that is not `retriable` is never tried again. The pauses are durable timers. Each attempt is a task of its
//! own in the history; the activity sees in [`ActivityContext::retry`](crate::ActivityContext::retry) how often it was
//! repeated. The call has to be polled for that: one that is dropped is not repeated.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::{TestCall, TestHub};
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RetryPolicy};
//! async fn read(ctx: OrchestrationContext, page: u32) -> Result<String, Failure> {
//!     let policy = RetryPolicy::new(Duration::from_secs(5), 6)
//!         .backoff_coefficient(2.0)
//!         .max_interval(Duration::from_secs(15))
//!         .retry_timeout(Duration::from_secs(300))
//!         .when(|failure| failure.kind != "NoSuchPage");
//!     ctx.call_activity("read", page).with_retry(policy).await
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("read", read)).activity_with("read", |call: TestCall<u32>| {
//!     match (call.input, call.retry) {
//!         (404, _) => Err(Failure::new("NoSuchPage", "there is no such page")),
//!         (_, 0..4) => Err(Failure::new("Busy", "the server is busy")),
//!         _ => Ok("once upon a time"),
//!     }
//! });
//! let run = hub.run("read", 1);
//! assert_eq!(run.output::<String>().unwrap(), "once upon a time");
//! assert_eq!(run.elapsed(), Duration::from_secs(5 + 10 + 15 + 15));
//! assert_eq!(hub.run("read", 404).all_calls().len(), 1);
//! ```
//!
//! # Time-outs
//!
//! [`with_timeout`](crate::ActivityCall::with_timeout) limits each attempt. What takes longer fails with `Timeout`,
//! which is retriable. The activity is not told: it runs on, and its result is ignored. Of [long
//! activities](super::long_activities) it is better to limit the work itself.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! async fn ask(ctx: OrchestrationContext, _: ()) -> Result<String, Failure> {
//!     let call = ctx.call_activity("ask", ()).with_timeout(Duration::from_secs(10));
//!     match call.await {
//!         Err(failure) if failure.kind == "Timeout" => Ok("no answer".into()),
//!         other => other,
//!     }
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("ask", ask))
//!     .activity_taking("ask", Duration::from_secs(60), |_: ()| Ok("yes"))
//!     .run("ask", ());
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("no answer", Duration::from_secs(10)));
//! ```
//!
//! # What is not the activity's answer
//!
//! An activity component that traps, cannot be reached, answers a status other than 200 or is [silent for ten
//! minutes](super::long_activities) has given *no answer*. The orchestrator does not see that: the engine calls again
//! by itself, after 0.5 s, then 1 s, 2 s and so on up to 60 s, with the last checkpoint. After 20 times in a row, about
//! 13 minutes, the task fails with `ActivityUnavailable`, which is retriable. So an activity that panics is called 20
//! times; return a permanent failure where that is no use.
//!
//! An orchestrator that panics takes its component down. Others take the instance up again, with growing pauses, and in
//! the end alone; after ten such deaths it ends with `PoisonedInstance`. Return an `Err` instead.
//!
//! # Failures of the engine
//!
//! | type | what it says | retriable |
//! | --- | --- | --- |
//! | `BadInput`, `BadOutput` | an input or output is not of the type that is expected, or has no JSON form | no |
//! | `BadEvent` | so is an event's data | no |
//! | `PayloadTooLarge` | a value is [too long](super::limits) | no |
//! | `UnknownActivity` | the activity component has no such function | no |
//! | `ActivityUnavailable` | see above | yes |
//! | `Timeout` | see above | yes |
//! | `Terminated` | the sub-orchestration was ended by an operator | yes |
//! | `OrchestrationAlreadyExists` | the instance id of the sub-orchestration is taken | yes |
//! | `NonDeterministicOrchestrator`, `StuckOrchestrator` | see [chapter 2](super::replay): the instance has ended | no |
//! | `PoisonedInstance` | see above: the instance has ended | no |
