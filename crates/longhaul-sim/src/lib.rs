//! The simulator that proves the engine.
//!
//! The engine's real code runs in a world of one thread with virtual time, where a seed decides everything: the order
//! in which tasks run, how long each store operation takes, which process crashes or is suspended between any two of
//! them, which kicks are lost, doubled or late, which activities fail, whose clock is wrong. A seed that fails is its
//! own reproduction.
//!
//! - [`exec`] runs tasks that belong to processes, in virtual time.
//! - [`store`] is an in-memory key-value store with what real backends do, faults included, and watches every write.
//! - [`checks`] are the engine's invariants, held against every write.
//! - [`world`] puts the engine's components into processes and connects them by an unreliable network.
//! - [`scenario`] is one run: clients start instances while everything fails, then all must end as expected.

pub mod checks;
pub mod exec;
pub mod scenario;
pub mod store;
pub mod world;
