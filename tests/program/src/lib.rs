//! Orchestrations as data, for tests and measurements.
//!
//! The orchestrator function `program` takes a small program in JSON and evaluates it, with the help of a handful of
//! activity and entity functions. So orchestrations can be made at random, written down, and run by the engine in memory, by the
//! simulator, by the components under a host, and by other engines; and what each of them gives can be compared.
//!
//! - What there is to write: [`Program`], [`Input`], [`Retry`], and with the events that somebody raises, [`Scenario`].
//! - What runs it: [`orchestrators`], [`entities`], and [`activities`] with a [`Host`].
//! - What it may give: [`allows`], which knows nothing of the engine.
//! - Random ones: `generate::scenario`, and `generate::scenario_with_entities`, with the feature `generate`.

mod activities;
mod branches;
mod entities;
#[cfg(feature = "generate")]
pub mod generate;
mod orchestrator;
mod program;
mod reference;
mod scenario;

pub use activities::{Host, activities};
pub use entities::entities;
pub use orchestrator::{PROGRAM, orchestrators};
pub use program::{Input, Program, Retry};
pub use reference::allows;
pub use scenario::{Raise, Scenario};
