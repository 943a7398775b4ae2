//! 7. Continuing as new, and the custom status.
//!
//! # Continuing as new
//!
//! A replay reads the whole history. An orchestration that goes on for ever, or through a great many steps, therefore
//! ends its execution now and then, and begins the next with an empty history: it keeps its instance id, its version
//! and its tags, and hands the next execution an input.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators, RuntimeStatus};
//! use longhaul::UnprocessedEvents;
//!
//! const HOUR: Duration = Duration::from_secs(60 * 60);
//!
//! /// Cleans every hour, until somebody says stop. The input is how often it has done so.
//! async fn cleaner(ctx: OrchestrationContext, rounds: u32) -> Result<u32, Failure> {
//!     ctx.set_custom_status(format!("{rounds} rounds"))?;
//!     ctx.call_activity::<_, ()>("clean", ()).await?;
//!     match ctx.wait_for_event::<()>("stop").with_timeout(HOUR).await? {
//!         Some(()) => Ok(rounds + 1),
//!         None => ctx.continue_as_new(rounds + 1, UnprocessedEvents::Keep).await,
//!     }
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("cleaner", cleaner)).activity("clean", |_: ()| Ok(()));
//! let run = hub.start("cleaner", 0).raise_event_after(3 * HOUR + HOUR / 2, "stop", ()).run();
//! assert_eq!((run.output(), run.rounds().len()), (Ok(4), 4));
//! // It would never end by itself.
//! let run = hub.start("cleaner", 0).until(99 * HOUR + HOUR / 2).run();
//! assert_eq!((run.status(), run.custom_status::<String>().unwrap().as_str()), (RuntimeStatus::Running, "99 rounds"));
//! ```
//!
//! `return ctx.continue_as_new(…).await`: the call does not return, unless the input cannot be stored.
//!
//! - Events that came and that nobody took go to the next execution with [`Keep`](crate::UnprocessedEvents::Keep), in
//!   their order, and are gone with [`Drop`](crate::UnprocessedEvents::Drop). Keep them if in doubt: an event may come
//!   at any moment, also between your last look and the end.
//! - Timers and waits are gone. Activities that run are cancelled, and their results are nothing to the next execution.
//!   So await what was asked for before.
//! - Sub-orchestrations run on, and nobody takes their results; a later termination does not reach them.
//! - The custom status is empty, until the next execution sets one.
//!
//! **Do so before a history has more than 10,000 events.** An activity makes three (asked for, result, and the turn
//! that takes it). Longer ones work, and each replay then takes longer: after a crash, a deploy, or a wait of more than
//! some seconds. A round costs one write, so rather sooner than later: a few hundred steps is a good round.
//!
//! # The custom status
//!
//! [`set_custom_status`](crate::OrchestrationContext::set_custom_status) shows anything of up to 16 KiB of JSON to
//! whoever looks at the instance. It is stored with the turn that sets it, at no cost of its own; of several in one
//! turn, the last one shows. It stays after the end.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! async fn steps(ctx: OrchestrationContext, count: u32) -> Result<(), Failure> {
//!     for done in 0..count {
//!         ctx.set_custom_status((done, count))?;
//!         ctx.create_timer(Duration::from_secs(60)).await;
//!     }
//!     let refused = ctx.set_custom_status("x".repeat(20_000)).unwrap_err();
//!     assert_eq!(refused.kind, "CustomStatusTooLarge");
//!     Ok(())
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("steps", steps));
//! let run = hub.start("steps", 3).until(Duration::from_secs(90)).run();
//! assert_eq!(run.custom_status(), Some((1, 3)));
//! assert_eq!(hub.run("steps", 3).custom_status(), Some((2, 3)), "the one before the refused one");
//! ```
//!
//! What one activity shows of itself while it runs is its [progress](super::long_activities), which is another thing.
