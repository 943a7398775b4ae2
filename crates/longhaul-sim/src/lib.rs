//! The simulator that proves the engine.
//!
//! The engine's real code runs in a world of one thread with virtual time, where a seed decides everything: the order
//! in which tasks run, how long each store operation takes, which process crashes or is suspended between any two of
//! them, which kicks are lost, doubled or late, which activities fail, whose clock is wrong. A seed that fails is its
//! own reproduction.
//!
//! - [`exec`] runs tasks that belong to processes, in virtual time; [`process`] is what befalls these.
//! - [`weather`] is what fails how often, and the engine's timing; [`focus`] a place where much fails.
//! - [`store`] is an in-memory key-value store with what real backends do, [`faults`] included.
//! - [`checks`] are the engine's invariants, held against every write.
//! - [`world`] puts the engine's components into processes and connects them by an unreliable network; [`functions`]
//!   are the orchestrators and activities that run there.
//! - [`bank`] has accounts that are entities, and tellers that lock them; [`customers`] signal and clean entities, and
//!   [`audit`] looks into the books at the end.
//! - [`users`] start instances and poll them, while [`chaos`] lets processes crash and clocks jump.
//! - [`scenario`] is one run; [`trace`] and [`story`] tell what happened in one that failed.

pub mod audit;
pub mod bank;
pub mod chaos;
pub mod checks;
pub mod customers;
pub mod exec;
pub mod faults;
pub mod focus;
pub mod functions;
pub mod process;
pub mod scenario;
pub mod store;
pub mod story;
pub mod trace;
pub mod users;
pub mod weather;
pub mod world;
