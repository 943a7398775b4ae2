//! 1. A first orchestrator, and an activity.
//!
//! An *orchestrator function* says what is to be done, and in which order. An *activity function* does one of these
//! things: it reads a table, sends a mail, charges a card. Both are `async fn`s with one input and one output, which
//! are anything that serde knows; all of it travels as JSON.
//!
//! ```
//! use longhaul::testing::TestHub;
//! use longhaul::{ActivityContext, ActivityFunctions, Failure, OrchestrationContext, Orchestrators};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order {
//!     item: String,
//!     count: u32,
//! }
//!
//! /// The orchestrator function.
//! async fn buy(ctx: OrchestrationContext, order: Order) -> Result<String, Failure> {
//!     let price: u32 = ctx.call_activity("price", &order).await?;
//!     ctx.call_activity("charge", price).await
//! }
//!
//! /// The activity functions.
//! async fn price(_: ActivityContext, order: Order) -> Result<u32, Failure> {
//!     match order.item.as_str() {
//!         "hat" => Ok(20 * order.count),
//!         other => Err(Failure::permanent("UnknownItem", format!("nobody sells '{other}'"))),
//!     }
//! }
//!
//! async fn charge(_: ActivityContext, price: u32) -> Result<String, Failure> {
//!     Ok(format!("paid {price}"))
//! }
//!
//! /// Under which names they are called.
//! pub fn orchestrators() -> Orchestrators {
//!     Orchestrators::new().with("buy", buy)
//! }
//!
//! pub fn activities() -> ActivityFunctions<'static> {
//!     ActivityFunctions::new().with("price", price).with("charge", charge)
//! }
//!
//! // A test: closures stand for the activities.
//! let run = TestHub::new(orchestrators())
//!     .activity("price", |order: Order| Ok(20 * order.count))
//!     .activity("charge", |price: u32| Ok(format!("paid {price}")))
//!     .run("buy", Order { item: "hat".into(), count: 2 });
//! assert_eq!(run.output::<String>().unwrap(), "paid 40");
//! # let _ = activities();
//! ```
//!
//! The orchestrator may take a second or a year. Each time that it waits, what has happened so far is in the store. If
//! the process dies, another goes on from there: `price` is not asked for again, its result is in the *history*.
//!
//! # How it is deployed
//!
//! Functions live in a library, which compiles and tests natively; components are a few lines around it. With the crate
//! `longhaul-spin`, the orchestrator component is, as a whole:
//!
//! ```text
//! longhaul_spin::orchestrator!(shop::orchestrators());
//! ```
//!
//! and the activity component:
//!
//! ```text
//! longhaul_spin::activity!(shop::activities());
//! ```
//!
//! and the scheduler component `longhaul_spin::scheduler!();`. A *client function* is any component that starts
//! instances:
//!
//! ```text
//! let engine = hub::engine().await?;
//! let started = engine.start(Start::new("buy", Json::of(&order)?)).await?;
//! in_background(kick::run(started));
//! ```
//!
//! The documentation of `longhaul-spin` has the lines of `spin.toml` that belong to these four.
//!
//! # What happens then
//!
//! [`Engine::start`](crate::Engine::start) returns once the *instance* is stored; it is not lost any more. The *kick*
//! that is sent after it has the orchestrator component run it now. A lost kick costs some seconds, and never the
//! instance: the scheduler finds it.
//!
//! An activity is run *at least once*. When it, its component or its host dies half way, it is run again. Its result
//! enters the history exactly once, before anything that follows from it is done. [Chapter 8](super::long_activities)
//! says how an activity keeps from charging twice.
