//! 2. What replay demands.
//!
//! An orchestrator that waits is not kept in memory. When it is to go on and nobody has it, the engine runs the
//! function from its beginning, and answers what it asks for out of the history, until the history is at its end. That
//! is a *replay*.
//!
//! So an orchestrator has to ask for the same things, in the same order, with the same inputs, in every replay.
//!
//! | instead of | use |
//! | --- | --- |
//! | the clock | [`current_time`](crate::OrchestrationContext::current_time): the time at which this turn began |
//! | random numbers, new ids | [`new_guid`](crate::OrchestrationContext::new_guid) |
//! | sleeping | [`create_timer`](crate::OrchestrationContext::create_timer) |
//! | files, network, environment, variables, statics that change | an activity, or the input |
//! | other tasks, threads, other runtimes' futures | what the context returns, combined with `futures` |
//! | the order of a `HashMap` or `HashSet` | `BTreeMap`, `BTreeSet`, `Vec` |
//! | the macro `futures::select!`, which polls in random order | `select_biased!`, `futures::future::select` |
//!
//! Everything else is allowed: loops, conditions, arithmetic, helper `async fn`s, any combinator that polls in a fixed
//! order, channels and cells that only this orchestrator's own futures use. A *turn* is what it does between two waits;
//! the time does not pass within one.
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, Json, OrchestrationContext, Orchestrators};
//! async fn invoice(ctx: OrchestrationContext, _: ()) -> Result<String, Failure> {
//!     let number = ctx.new_guid();
//!     let written = ctx.current_time();
//!     ctx.call_activity("print", (number, written)).await
//! }
//!
//! let hub = TestHub::new(Orchestrators::new().with("invoice", invoice))
//!     .activity("print", |(_, written): (Json, String)| Ok(written));
//! let run = hub.run("invoice", ());
//! assert_eq!(run.output::<String>().unwrap(), "2000-01-01T00:00:00Z");
//! assert_eq!(run.calls::<Json>("print"), hub.run("invoice", ()).calls::<Json>("print"), "the same GUID");
//! ```
//!
//! # Logs
//!
//! `tracing` is silent while an orchestrator is replayed, by itself: what it logs is logged once. (If a process dies
//! between a turn and its commit, the turn is taken again, and logs again.) For anything else that should not be
//! repeated there is [`is_replaying`](crate::OrchestrationContext::is_replaying). What the orchestrator asks for must
//! not depend on it.
//!
//! ```
//! # use std::cell::Cell;
//! # use std::rc::Rc;
//! # use longhaul::testing::TestHub;
//! # use longhaul::{OrchestrationContext, Orchestrators};
//! let (begun, counted) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
//! let seen = (begun.clone(), counted.clone());
//! let counts = move |ctx: OrchestrationContext, _: ()| {
//!     let (begun, counted) = seen.clone();
//!     async move {
//!         begun.set(begun.get() + 1);
//!         if !ctx.is_replaying() {
//!             counted.set(counted.get() + 1);
//!         }
//!         ctx.call_activity::<_, ()>("act", ()).await
//!     }
//! };
//! TestHub::new(Orchestrators::new().with("counts", counts)).activity("act", |_: ()| Ok(())).run("counts", ());
//! assert_eq!((begun.get(), counted.get()), (2, 1), "the test kit replays every run");
//! ```
//!
//! # A mismatch
//!
//! A replay compares, for each thing that was asked for: what it is, its place in the order, its name, its input (by
//! meaning: white space and the order of members do not count, up to 32 KiB; a longer one must be the same text), when
//! a timer is to fire, and what a sub-orchestration was asked for with (its instance id, version, whether it is
//! detached). So the pauses of a retry policy and the lengths of time-outs are compared too, where the history has
//! their timers.
//!
//! What differs ends the instance as `Failed`, with a permanent failure of type `NonDeterministicOrchestrator`. Its
//! message has the number of the event (from 0), what history says and what the code asks for; the inputs are in its
//! details. Once code that fits is back, a [rewind](super::operating) lets it go on from where it last asked for
//! something. Better to check new code before it is deployed.
//!
//! An orchestrator that awaits something that is not durable, and nothing else, fails with `StuckOrchestrator`.
//!
//! # Checking new code against old histories
//!
//! `longhaul replay --history FILE` replays a history that was saved, and `longhaul replay --instance ID` one that is
//! in the store, with the components that are built. Nothing is changed, and no activity is called. They do what
//! [`Engine::check_replay`](crate::Engine::check_replay) does:
//!
//! ```
//! # use futures::executor::block_on;
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
//! # block_on(async {
//! let old = Orchestrators::new()
//!     .with("buy", |ctx: OrchestrationContext, n: u32| async move { ctx.call_activity::<_, u32>("price", n).await });
//! let new = Orchestrators::new()
//!     .with("buy", |ctx: OrchestrationContext, n: u32| async move { ctx.call_activity::<_, u32>("quote", n).await });
//!
//! let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("shop"));
//! let started = engine.start(Start::new("buy", Json::of(&7)?)).await?;
//! engine.tick(&started.key, &started.tick, &old, &Host, &Host).await?;
//!
//! assert_eq!(engine.check_replay(&started.id, &old).await?, None);
//! let difference = engine.check_replay(&started.id, &new).await?.expect("they differ");
//! assert_eq!(difference.kind, "NonDeterministicOrchestrator");
//! let (what, _advice) = difference.message.split_once(": ").unwrap();
//! assert_eq!(
//!     what,
//!     "at event 2 history asked for activity 'price' as task 0, the code asks for activity 'quote' as task 0"
//! );
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [Chapter 10](super::versions) says how code changes without a mismatch.
