//! 13. Limits and costs.
//!
//! # Limits
//!
//! | what | limit | what happens then |
//! | --- | --- | --- |
//! | an input, an output, an event's data | 8 MiB of JSON; the variable `max_payload` | `PayloadTooLarge`: the call fails, or the start or event is refused |
//! | a value that stands in the record itself | 32 KiB ([`INLINE_LIMIT`](crate::INLINE_LIMIT)) | it gets a key of its own: one more write and read |
//! | the custom status | 16 KiB ([`MAX_CUSTOM_STATUS`](crate::MAX_CUSTOM_STATUS)) | `CustomStatusTooLarge`, and the status stays |
//! | a failure's message, its details | 8,000 characters, 32 KiB | cut, left out |
//! | an instance id | 256 characters | refused |
//! | activities of one instance at a time | 64; the variable `activities_in_flight` | the others wait |
//! | one call of an activity | 20 s; the variable `activity_budget` | its [deadline](super::long_activities) is over; nothing is forced |
//! | silence of an activity | 10 minutes | it is called again |
//! | calls of an activity without an answer | 20 in a row | `ActivityUnavailable` |
//! | the history | none; continue as new beyond [10,000 events](super::continue_as_new) | replays take longer |
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::{INLINE_LIMIT, Limits, MAX_CUSTOM_STATUS, Timing};
//! let (limits, timing) = (Limits::default(), Timing::default());
//! assert_eq!((limits.max_payload, INLINE_LIMIT, MAX_CUSTOM_STATUS), (8 << 20, 32 << 10, 16 << 10));
//! assert_eq!((limits.in_flight, limits.max_deaths, timing.max_failures), (64, 10, 20));
//! assert_eq!(limits.activity_budget, Some(Duration::from_secs(20)));
//! assert_eq!(timing.activity_silence, Duration::from_secs(600));
//! assert_eq!((timing.first_retry, timing.max_retry), (Duration::from_millis(500), Duration::from_secs(60)));
//! ```
//!
//! Values are stored again wherever they go: into the history as an input, and again as an output. Hand on where large
//! data is (a key, a name), rather than the data.
//!
//! # Poison
//!
//! An instance whose tick dies without a step, twice in a row, is a suspect: its next ticks run alone in their
//! component instance, after pauses of up to a minute, so that it takes nobody along. After ten more deaths it ends as
//! `Failed`, with `PoisonedInstance`. An orchestrator that panics, loops for ever or needs more memory than there is
//! comes to this. One whose activity dies does not.
//!
//! # What it costs
//!
//! A *durable write* is what a store makes safe before it answers (`longhaul up`: before anything leaves the process that
//! tells of it), and is what takes time. Without contention:
//!
//! | what | durable writes |
//! | --- | --- |
//! | a start | 2 |
//! | a start under a chosen id | 5; repeated once it runs, none |
//! | a start for later than an hour | 2 more |
//! | a *step*: a turn of the orchestrator, with all that it was told and all that it asks for | 1 |
//! | a timer of up to 2 s | none but the steps that ask for it and that it causes |
//! | a longer timer | 1 more, to take the instance up again; 2 or 3 more where it needs a wake entry of its own: due in more than an hour, or within the 15 s of the lease under which it was asked for |
//! | an event | 4 to raise it, and 4 to wake an instance that waits, its step included |
//! | suspend, resume, terminate | the same |
//! | a sub-orchestration | 5 to create it, 1 to note that, its steps, 5 to report its end; and up to 3 to take the one that waits for it up again |
//! | a round of continue-as-new | 1 |
//! | a checkpoint | 1, and 1 more with a segment |
//! | an activity that runs for long | 1 for each 5 s, for the lease |
//! | a value of more than 32 KiB | 1 more; none for the input of a start |
//!
//! A step takes everything that is there: of a fan-out of 1,000 the results come in batches, and it costs some dozens
//! of writes, not 1,000. A status poll is one read, three of a chosen id.
//!
//! ```
//! # use futures::executor::block_on;
//! # use futures::future::try_join_all;
//! # use longhaul::memory::MemoryPlatform;
//! # use longhaul::*;
//! # struct Host;
//! # impl Activities for Host {
//! #     async fn call(
//! #         &self,
//! #         _: &str,
//! #         request: &ActivityRequest,
//! #         _: &dyn Fn(ActivityReport),
//! #     ) -> Result<ActivityOutcome, NoAnswer> {
//! #         Ok(ActivityOutcome::Completed(request.input.clone()))
//! #     }
//! # }
//! # impl Kicks for Host {
//! #     async fn tick(&self, _: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
//! #         Ok(())
//! #     }
//! # }
//! let orchestrators = Orchestrators::new()
//!     .with("in-sequence", |ctx: OrchestrationContext, n: u32| async move {
//!         for i in 0..n {
//!             ctx.call_activity::<_, u32>("echo", i).await?;
//!         }
//!         Ok(())
//!     })
//!     .with("together", |ctx: OrchestrationContext, n: u32| async move {
//!         try_join_all((0..n).map(|i| ctx.call_activity::<_, u32>("echo", i))).await.map(drop)
//!     })
//!     .with("rounds", |ctx: OrchestrationContext, n: u32| async move {
//!         match n {
//!             0 => Ok(()),
//!             n => ctx.continue_as_new(n - 1, UnprocessedEvents::Keep).await,
//!         }
//!     });
//! for (name, n, steps) in [("in-sequence", 0, 1), ("in-sequence", 5, 6), ("together", 10, 2), ("rounds", 10, 11)] {
//!     let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("cost"));
//!     block_on(async {
//!         let started = engine.start(Start::new(name, Json::of(&n)?)).await?;
//!         assert_eq!(engine.platform().operations().writes, 2);
//!         engine.tick(&started.key, &started.tick, &orchestrators, &Host, &Host).await?;
//!         assert_eq!(engine.platform().operations().writes, 2 + steps, "{name}");
//!         Ok::<_, Box<dyn std::error::Error>>(())
//!     })?;
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Idle
//!
//! An instance that waits is not in memory, and costs nothing: no read, no write, no timer in a process. While anything
//! runs, or is due within 20 s, the scheduler reads two counters every half second. Otherwise it rests until the next
//! need, without an operation. Where several hosts share a store, set the variable `idle_poll` (such as `30s`): it then
//! looks at least that often, for what a host that died has left.
//!
//! A replay reads the record, and of a long history a value for each 16 KiB of it.
