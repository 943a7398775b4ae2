//! 5. Timers and external events.
//!
//! # Timers
//!
//! A [timer](crate::OrchestrationContext::create_timer) is as long as you like, and costs nothing while it runs. It
//! never fires early, and usually within a second. Dropping it cancels it.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! const DAY: Duration = Duration::from_secs(24 * 60 * 60);
//!
//! async fn remind(ctx: OrchestrationContext, times: u32) -> Result<(), Failure> {
//!     for _ in 0..times {
//!         ctx.create_timer(7 * DAY).await;
//!         ctx.call_activity::<_, ()>("mail", "it is time").await?;
//!     }
//!     Ok(())
//! }
//!
//! let run = TestHub::new(Orchestrators::new().with("remind", remind)).activity("mail", |_: String| Ok(())).run("remind", 3);
//! assert_eq!((run.calls::<String>("mail").len(), run.elapsed()), (3, 21 * DAY));
//! ```
//!
//! [`create_timer_at`](crate::OrchestrationContext::create_timer_at) fires at a time, at once if that is past.
//!
//! # Events
//!
//! An external event has a name and data. [`Engine::raise_event`](crate::Engine::raise_event) sends it to one instance;
//! [`wait_for_event`](crate::OrchestrationContext::wait_for_event) takes it.
//!
//! - The case of the name does not matter.
//! - An event that comes before anybody waits for it is kept: before the orchestrator has begun, while it does
//!   something else, and while the instance is suspended. It costs nothing to wait late.
//! - Events of one name are taken in the order in which they came.
//! - Of several waits for one name, the one that was *made* first gets the first event, whichever is polled. One that
//!   is dropped leaves the queue.
//! - Data of another type than the wait's fails the wait with `BadEvent`. The event is used up.
//! - What is raised twice comes twice. A sender that repeats itself, since it got no answer, puts an id into the data.
//! - What nobody has taken when the instance ends is dropped with it.
//!
//! [`with_timeout`](crate::EventWait::with_timeout) makes the wait end with `None`. An event that comes in the same
//! moment as the time-out counts. One that comes later is kept for the next wait.
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! # const DAY: Duration = Duration::from_secs(24 * 60 * 60);
//! async fn approval(ctx: OrchestrationContext, _: ()) -> Result<String, Failure> {
//!     for _ in 0..3 {
//!         let answer = ctx.wait_for_event::<bool>("Approved").with_timeout(DAY).await?;
//!         match answer {
//!             Some(true) => return Ok("approved".into()),
//!             Some(false) => return Ok("refused".into()),
//!             None => ctx.call_activity::<_, ()>("remind", ()).await?,
//!         }
//!     }
//!     Ok("nobody cared".into())
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("approval", approval)).activity("remind", |_: ()| Ok(()));
//! let run = hub.start("approval", ()).raise_event_after(DAY + DAY / 2, "approved", true).run();
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("approved", DAY + DAY / 2));
//! let run = hub.run("approval", ());
//! assert_eq!((run.output::<String>().unwrap().as_str(), run.elapsed()), ("nobody cared", 3 * DAY));
//! ```
//!
//! Waits are futures as any other. Here one of two events decides, and a queue of them is worked off in order:
//!
//! ```
//! # use std::time::Duration;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! use futures::future::{Either, select};
//!
//! async fn till(ctx: OrchestrationContext, _: ()) -> Result<u32, Failure> {
//!     let mut sum = 0;
//!     let mut closed = ctx.wait_for_event::<()>("close");
//!     loop {
//!         match select(ctx.wait_for_event::<u32>("pay"), closed).await {
//!             Either::Left((paid, still_open)) => {
//!                 sum += paid?;
//!                 closed = still_open;
//!             }
//!             Either::Right((closed, _)) => return closed.map(|()| sum),
//!         }
//!     }
//! }
//!
//! let second = Duration::from_secs(1);
//! let run = TestHub::new(Orchestrators::new().with("till", till))
//!     .start("till", ())
//!     .raise_event_after(second, "pay", 10)
//!     .raise_event_after(second, "pay", 20)
//!     .raise_event_after(2 * second, "close", ())
//!     .raise_event_after(3 * second, "pay", 40)
//!     .run();
//! assert_eq!(run.output(), Ok(30));
//! ```
//!
//! An orchestrator that waits for an event without a time-out, and for nothing else, waits for ever if that is never
//! raised. It costs nothing but the place in the store.
