//! 10. Versions.
//!
//! An instance that runs has a history, which the code must [replay](super::replay). So code that asks for other things
//! than before must not meet old histories.
//!
//! Safe at any time are changes of what activities do (as long as they read the old inputs, and give outputs that are
//! read), of logs and custom statuses, of the output, and of whatever comes after the last thing that any running
//! instance has asked for. Not safe are another order, name or input of what is asked for, something more or less in
//! between, and another length of a timer, a time-out or a pause of a retry policy.
//!
//! There are three ways.
//!
//! # Side by side
//!
//! A start may name a [version](crate::Start::version). An instance runs the function that is registered for its very
//! version, or else the one that is registered for any.
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! async fn buy_1(ctx: OrchestrationContext, price: u32) -> Result<String, Failure> {
//!     ctx.call_activity("charge", price).await
//! }
//!
//! async fn buy_2(ctx: OrchestrationContext, price: u32) -> Result<String, Failure> {
//!     let price: u32 = ctx.call_activity("add-tax", price).await?;
//!     ctx.call_activity("charge", price).await
//! }
//!
//! let orchestrators = || Orchestrators::new().with_version("buy", "2", buy_2).with("buy", buy_1);
//! let hub = TestHub::new(orchestrators())
//!     .activity("add-tax", |price: u32| Ok(price + 4))
//!     .activity("charge", |price: u32| Ok(format!("paid {price}")));
//! assert_eq!(hub.start("buy", 20).run().output::<String>().unwrap(), "paid 20");
//! assert_eq!(hub.start("buy", 20).version("2").run().output::<String>().unwrap(), "paid 24");
//! ```
//!
//! Deploy the new function first, then the client function that starts with the new version. The old function may go
//! when no unfinished instance needs it: [`Engine::list`](crate::Engine::list) gives the unfinished ones of a name, and
//! each has its version.
//!
//! # One function that branches
//!
//! For a small difference, [`ctx.version()`](crate::OrchestrationContext::version):
//!
//! ```
//! # use longhaul::testing::TestHub;
//! # use longhaul::{Failure, OrchestrationContext, Orchestrators};
//! async fn buy(ctx: OrchestrationContext, price: u32) -> Result<String, Failure> {
//!     let price = match ctx.version().as_deref() {
//!         None | Some("1") => price,
//!         _ => ctx.call_activity("add-tax", price).await?,
//!     };
//!     ctx.call_activity("charge", price).await
//! }
//! # let hub = TestHub::new(Orchestrators::new().with("buy", buy))
//! #     .activity("add-tax", |price: u32| Ok(price + 4))
//! #     .activity("charge", |price: u32| Ok(format!("paid {price}")));
//! # assert_eq!(hub.start("buy", 20).version("1").run().output::<String>().unwrap(), "paid 20");
//! # assert_eq!(hub.start("buy", 20).version("2").run().output::<String>().unwrap(), "paid 24");
//! ```
//!
//! Ask for old versions by name, and let everything else be new: then the branch goes away with the last old instance.
//!
//! # Letting the old ones finish
//!
//! Where instances take minutes: stop starting new ones, wait until none is `Pending`, `Running` or `Suspended`,
//! deploy. Or start new ones in another [task hub](crate::TaskHub) (the variable `task_hub`), and keep the old
//! application until its hub is empty.
//!
//! # What is handed on
//!
//! A sub-orchestration has the version of whoever asked for it, unless
//! [`with_version`](crate::SubOrchestrationCall::with_version) says another. Continue-as-new, restart and rewind keep
//! the version: an eternal orchestration has the one that it was started with for ever. Let it do its rounds in
//! sub-orchestrations whose version is in its input, or branch as above.
//!
//! # An instance without a function
//!
//! An instance for which no function is registered *waits*. It does not fail: the deploy may be half way, or rolled
//! back. Its status stays what it was, and [`waits_for`](crate::Head::waits_for) says what is missing. Once an
//! application that has the function is deployed, it goes on, within a minute; until then it can be terminated, and
//! keeps whatever else it is told. That is so of orchestrators only: a call of an activity that the activity component
//! does not have fails, for good, with `UnknownActivity`. So deploy an activity before what asks for it, or together.
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
//! # async fn buy(ctx: OrchestrationContext, price: u32) -> Result<u32, Failure> {
//! #     ctx.call_activity("charge", price).await
//! # }
//! # block_on(async {
//! # let engine = Engine::new(MemoryPlatform::new(), TaskHub::new("shop"));
//! let start = Start { version: Some("3".into()), ..Start::new("buy", Json::of(&20)?) };
//! let started = engine.start(start).await?;
//!
//! let without = Orchestrators::new().with_version("buy", "1", buy).with_version("buy", "2", buy);
//! engine.tick(&started.key, &started.tick, &without, &Host, &Host).await?;
//! let head = engine.lookup(&started.id).await?.unwrap().head;
//! assert_eq!(head.status, RuntimeStatus::Pending);
//! assert_eq!(
//!     head.waits_for.unwrap(),
//!     "the instance waits: this application has the orchestrator function 'buy' for the versions '1', '2', and the \
//!      instance was started with '3'. Register the function for that version too, or for any"
//! );
//!
//! let with = without.with_version("buy", "3", buy);
//! engine.tick(&started.key, &TickKick::default(), &with, &Host, &Host).await?;
//! assert_eq!(engine.lookup(&started.id).await?.unwrap().head.status, RuntimeStatus::Completed);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # In continuous integration
//!
//! Save the histories of some typical instances with the code, and replay them in the pipeline: `longhaul replay
//! --history FILE` says where new code differs, before it is deployed. Against the store of a running application,
//! `longhaul replay --instance ID` does the same for one instance. [Chapter 2](super::replay) has what it says.
