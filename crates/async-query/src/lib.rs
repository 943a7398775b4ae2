//! The async query application: everything its public components decide.
//!
//! A client submits a date range and gets a status URI at once; it polls that URI until the query's result is
//! there. This crate is the part of that with a right and a wrong answer: what counts as a date, in which order a
//! submission is checked, what each answer says byte for byte, how a status is shown.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`dates`] | which date did a person write? |
//! | [`submit`] | is this a valid submission, and what do we answer? |
//! | [`status`] | which instance is asked for, and how is its status shown? |
//! | [`idempotency`] | which instance does an `Idempotency-Key` stand for? |
//! | [`service`] | what do submit and status do with the engine? |
//! | [`query`] | which orchestrator, which activity, which query of the table? |
//!
//! It promises that no request makes it panic and that work is bounded by the size of the request. It does no I/O of
//! its own and reads no clock: both come with the engine's platform and the activity's HTTP client.

mod answers;
mod prefer;

pub mod dates;
pub mod idempotency;
pub mod query;
pub mod service;
pub mod status;
pub mod submit;
