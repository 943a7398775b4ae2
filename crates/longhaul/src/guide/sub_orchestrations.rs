//! 6. Sub-orchestrations.
//!
//! An orchestrator can ask for another, as it does for an activity. The other is an instance of its own: it has a
//! history, a status, an instance id, and can be suspended, terminated and rewound by that.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RuntimeStatus};
//! use futures::future::try_join_all;
//! use longhaul::InstanceId;
//!
//! async fn region(ctx: OrchestrationContext, name: String) -> Result<u32, Failure> {
//!     ctx.create_timer(Duration::from_secs(60)).await;
//!     ctx.call_activity("count", name).await
//! }
//!
//! async fn world(ctx: OrchestrationContext, regions: Vec<String>) -> Result<u32, Failure> {
//!     let counts = regions.into_iter().map(|name| {
//!         let id = InstanceId::new(format!("{}-{name}", ctx.instance_id())).expect("it is short, and has no slash");
//!         ctx.call_sub_orchestration::<_, u32>("region", name).with_id(id)
//!     });
//!     Ok(try_join_all(counts).await?.into_iter().sum())
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("region", region).with("world", world))
//!     .activity("count", |name: String| Ok(name.len() as u32));
//! let run = hub.run("world", ["north", "south"]);
//! assert_eq!(run.output(), Ok(10));
//! let north = run.instance("test-instance-north").unwrap();
//! assert_eq!((north.status(), north.parent()), (RuntimeStatus::Completed, Some(run.id())));
//!
//! // Termination reaches them.
//! let run = hub.start("world", ["north"]).terminate_after(Duration::from_secs(5), "enough").run();
//! let north = run.instance("test-instance-north").unwrap();
//! assert_eq!((north.status(), north.elapsed()), (RuntimeStatus::Terminated, Duration::from_secs(5)));
//! ```
//!
//! | how it is asked for | the result | when the instance that asked is terminated |
//! | --- | --- | --- |
//! | [`call_sub_orchestration`](crate::OrchestrationContext::call_sub_orchestration) | awaited | it is terminated, too, with the same reason |
//! | the same, [`detached`](crate::SubOrchestrationCall::detached) | awaited | it runs on |
//! | [`start_orchestration`](crate::OrchestrationContext::start_orchestration) | nobody's: fire and forget | it runs on |
//!
//! Only termination reaches it. When the instance that asked fails, completes, continues as new or is suspended, the
//! other runs on; after continue-as-new nobody takes its result.
//!
//! # Instance ids
//!
//! An id that is not chosen is derived from the execution and the task, so that it is the same in every replay. A
//! chosen one ([`with_id`](crate::SubOrchestrationCall::with_id)) must come out of the input, the instance's own id or
//! [`new_guid`](crate::OrchestrationContext::new_guid).
//!
//! - If an instance of that id has not finished, the call fails with `OrchestrationAlreadyExists`.
//!   `start_orchestration` leaves it as it is, and that is no failure.
//! - If one has finished, it begins anew: its output and history are replaced.
//!
//! A [retry policy](super::failures) repeats a sub-orchestration under the same id, with a new execution. One that an
//! operator terminates fails the call with `Terminated`.
//!
//! A sub-orchestration has the [version](super::versions) of the instance that asked, unless
//! [`with_version`](crate::SubOrchestrationCall::with_version) says another. Tags are not handed on.
//!
//! # Fire and forget
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! async fn order(ctx: OrchestrationContext, item: String) -> Result<String, Failure> {
//!     let started = ctx.start_orchestration("survey", &item, None)?;
//!     Ok(started.to_string())
//! }
//!
//! async fn survey(ctx: OrchestrationContext, item: String) -> Result<String, Failure> {
//!     ctx.create_timer(Duration::from_secs(14 * 24 * 60 * 60)).await;
//!     Ok(format!("how do you like your {item}?"))
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("order", order).with("survey", survey)).run("order", "hat");
//! assert_eq!(run.elapsed(), Duration::ZERO, "it has not waited");
//! let survey = run.instance(&run.output::<String>().unwrap()).unwrap();
//! assert_eq!(survey.output::<String>().unwrap(), "how do you like your hat?");
//! ```
//!
//! # When to use one
//!
//! For a part that an operator is to see, stop or rewind by itself; for a part that is long (a history of its own keeps
//! each short); for a part that has a version of its own. A part that is only a part is an `async fn`, which costs
//! nothing: a sub-orchestration costs about fifteen [writes](super::limits).
