//! 11. Operating.
//!
//! All of this is done with an [`Engine`](crate::Engine), which a client function gets from
//! `longhaul_spin::hub::engine()`. What returns a [`Started`](crate::Started) or [`Told`](crate::Told) is to be
//! followed by its kicks (`longhaul_spin::kick::run`, `kick::told`), after the answer.
//!
//! # Starting
//!
//! [`Engine::start`](crate::Engine::start) gives the instance a random id, which nobody guesses.
//! [`Engine::start_with_id`](crate::Engine::start_with_id) takes one of up to 256 characters, not beginning with `@`,
//! and without `/`, `\`, `#`, `?` and control characters. There is at most one instance of an id:
//!
//! | there is one that | [`Reuse::Never`](crate::Reuse::Never) | [`Reuse::Finished`](crate::Reuse::Finished) |
//! | --- | --- | --- |
//! | has not finished | [`Exists`](crate::Creation::Exists) | `Exists` |
//! | has finished | `Exists` | [`Created`](crate::Creation::Created): it begins anew, with the new name and input |
//!
//! | of a [`Start`](crate::Start) | what it is |
//! | --- | --- |
//! | `name`, `input` | the orchestrator function, and its input |
//! | `scheduled` | when to begin; it is `Pending` until then, keeps what it is told, and can be terminated |
//! | `version` | see [chapter 10](super::versions) |
//! | `tags` | texts for whoever looks at the instance |
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use futures::executor::block_on;
//! # use longhaul::memory::MemoryPlatform;
//! # use longhaul::*;
//! # block_on(async {
//! # let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("shop"));
//! let start = Start {
//!     scheduled: Some("2100-01-01T00:00:00Z".parse()?),
//!     tags: BTreeMap::from([("customer".into(), "7".into())]),
//!     ..Start::new("buy", Json::of(&20)?)
//! };
//! let id = InstanceId::new("order-7")?;
//! let Creation::Created(started) = engine.start_with_id(&id, start.clone(), Reuse::Never).await? else { panic!() };
//! let Creation::Exists { found, .. } = engine.start_with_id(&id, start, Reuse::Finished).await? else { panic!() };
//! assert_eq!((started.id, found.head.status), (id, RuntimeStatus::Pending));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! A start that ends with [`StartError::NotStored`](crate::StartError::NotStored) has had no effect. After
//! [`StartError::Unknown`](crate::StartError::Unknown) there may be an instance. A start with a chosen id can then be
//! repeated; one with a random id cannot, without the chance of a second instance. So give the client an idempotency
//! key, and make that the id.
//!
//! # Looking
//!
//! | what | gives |
//! | --- | --- |
//! | [`lookup`](crate::Engine::lookup) | the [head](crate::Head): status, times, custom status, progress, failure, and `waits_for`. One read (three for a chosen id) |
//! | [`wait_until_finished`](crate::Engine::wait_until_finished) | the same, once it has finished or the time is up |
//! | [`details`](crate::Engine::details) | also input, output and history, as far as they are [wanted](crate::Wanted) |
//! | [`list`](crate::Engine::list), [`count`](crate::Engine::count) | those of a [query](crate::Query) by time of creation, status, name and id prefix; the oldest first, page by page |
//!
//! A page costs what it looks at: every instance that was created between its first and its last. Give a query a time.
//!
//! | status | what it says |
//! | --- | --- |
//! | `Pending` | stored, and not begun |
//! | `Running` | begun, and not finished; also while it waits |
//! | `Suspended` | held by an operator |
//! | `Completed` | finished, with an output |
//! | `Failed` | finished, with a failure |
//! | `Terminated` | ended by an operator; its output is the reason |
//!
//! # Operations, and in which states they are allowed
//!
//! Anything else is refused with an [`OperationError`](crate::OperationError), and changes nothing. This is the table,
//! as the tests check it:
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
//! #         _: &ActivityRequest,
//! #         _: &dyn Fn(ActivityReport),
//! #     ) -> Result<ActivityOutcome, NoAnswer> {
//! #         Err(NoAnswer("there is none".into()))
//! #     }
//! # }
//! # impl Kicks for Host {
//! #     async fn tick(&self, _: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
//! #         Ok(())
//! #     }
//! # }
//! # fn orchestrators() -> Orchestrators {
//! #     Orchestrators::new().with("door", |ctx: OrchestrationContext, open: Option<bool>| async move {
//! #         match open {
//! #             Some(true) => Ok(()),
//! #             Some(false) => Err(Failure::new("Closed", "the door is closed")),
//! #             None => ctx.wait_for_event::<()>("open").await,
//! #         }
//! #     })
//! # }
//! # let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("shop"));
//! # let tick = |key: &InstanceKey, kick: &TickKick| {
//! #     block_on(engine.tick(key, kick, &orchestrators(), &Host, &Host)).unwrap();
//! # };
//! # let instance = |status: &str| {
//! #     let open = match status {
//! #         "Completed" => Some(true),
//! #         "Failed" => Some(false),
//! #         _ => None,
//! #     };
//! #     let scheduled = (status == "Pending").then(|| "2100-01-01T00:00:00Z".parse().unwrap());
//! #     let start = Start { scheduled, ..Start::new("door", Json::of(&open).unwrap()) };
//! #     let started = block_on(engine.start(start)).unwrap();
//! #     if status != "Pending" {
//! #         tick(&started.key, &started.tick);
//! #     }
//! #     let told = match status {
//! #         "Suspended" => Some(block_on(engine.suspend(&started.id, "")).unwrap()),
//! #         "Terminated" => Some(block_on(engine.terminate(&started.id, "")).unwrap()),
//! #         _ => None,
//! #     };
//! #     if let Some(told) = told {
//! #         tick(&told.key, &told.tick);
//! #     }
//! #     let found = block_on(engine.lookup(&started.id)).unwrap().unwrap();
//! #     assert_eq!(format!("{:?}", found.head.status), status);
//! #     started.id
//! # };
//! # let answer = |operation: &str, id: &InstanceId| {
//! #     let done = block_on(async {
//! #         match operation {
//! #             "raise_event" => engine.raise_event(id, "open", Json::null()).await.map(drop),
//! #             "terminate" => engine.terminate(id, "").await.map(drop),
//! #             "suspend" => engine.suspend(id, "").await.map(drop),
//! #             "resume" => engine.resume(id, "").await.map(drop),
//! #             "rewind" => engine.rewind(id, "").await.map(drop),
//! #             "restart" => engine.restart(id, false).await.map(drop),
//! #             "purge" => engine.purge(id, true).await,
//! #             other => panic!("{other}"),
//! #         }
//! #     });
//! #     match done {
//! #         Ok(()) => "ok",
//! #         Err(OperationError::NotFound(_)) => "NotFound",
//! #         Err(OperationError::Finished { .. }) => "Finished",
//! #         Err(OperationError::NotFinished { .. }) => "NotFinished",
//! #         Err(OperationError::WrongState { .. }) => "WrongState",
//! #         Err(error) => panic!("{error}"),
//! #     }
//! # };
//! let states = ["Pending", "Running", "Suspended", "Completed", "Failed", "Terminated"];
//! for (operation, answers) in [
//!     ("raise_event", ["ok", "ok", "ok", "Finished", "Finished", "Finished"]),
//!     ("terminate", ["ok", "ok", "ok", "Finished", "Finished", "Finished"]),
//!     ("suspend", ["ok", "ok", "WrongState", "Finished", "Finished", "Finished"]),
//!     ("resume", ["WrongState", "WrongState", "ok", "Finished", "Finished", "Finished"]),
//!     ("rewind", ["WrongState", "WrongState", "WrongState", "WrongState", "ok", "WrongState"]),
//!     ("restart", ["NotFinished", "NotFinished", "NotFinished", "ok", "ok", "ok"]),
//!     ("purge", ["NotFinished", "NotFinished", "NotFinished", "ok", "ok", "ok"]),
//! ] {
//!     for (state, expected) in states.iter().zip(answers) {
//!         assert_eq!(answer(operation, &instance(state)), expected, "{operation}, {state}");
//!     }
//!     assert_eq!(answer(operation, &InstanceId::new("nobody")?), "NotFound");
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! - **raise_event**: the next turn takes the [event](super::timers_and_events).
//! - **suspend**: the orchestrator takes no turns and timers do not fire; events and results are kept. Activities that
//!   run run on; none is begun, nor called again. Sub-orchestrations are not suspended. One that has not begun does not
//!   begin until it is resumed.
//! - **resume**: it goes on from there. Timers that were due meanwhile fire at once.
//! - **terminate**: it ends, and its [sub-orchestrations](super::sub_orchestrations) with it; activities that run are
//!   [cancelled](super::long_activities).
//! - **rewind**: the instance goes back to where the orchestrator last asked for something. The activities and
//!   sub-orchestrations that have failed since run again, and nothing else does; what else came since is told once more,
//!   in a new turn, in which mended code may do something else. A failure after which the orchestrator asked for
//!   something was dealt with, and stays. One that failed by a time-out fails again, since the time is still over.
//! - **restart**: the same function with the same input, version and tags, under a new id, which is allowed in any state,
//!   or as the same instance (or [another](crate::Engine::restart_as)) with
//!   a new history.
//! - **purge**: deletes the instance and everything that belongs to it; with `children` also its sub-orchestrations
//!   that have finished. [`purge_where`](crate::Engine::purge_where) does so with those of a query that have finished,
//!   for a limited time, and says where to go on. The id is free again.
//!
//! # What is promised
//!
//! What is acknowledged is stored, and outlives a crash of everything a moment later. A lost kick delays it, no more.
//!
//! - A *start*: the instance runs, once and to its end, whoever dies.
//! - *Events, suspend, resume, terminate*: the message is stored, and the next turn takes it, in the order in which the
//!   messages came. So the status changes a moment later; and an instance that ends by itself in that moment has ended,
//!   and the message is dropped.
//! - *Rewind, restart, purge*: the change is made.
//!
//! When the store fails, the error says so, and whether the operation was done is unknown. Repeating it does no harm,
//! except that an event may come twice, and a restart be made twice.
