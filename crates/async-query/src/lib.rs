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
//! | [`base_uri`] | under which scheme and host does the client know us? |
//! | [`idempotency`] | which instance does an `Idempotency-Key` stand for? |
//!
//! It promises that no request makes it panic and that work is bounded by the size of the request. It never does
//! I/O and has no clock: a component passes in today's date, and sends what it gets back.

mod answers;
mod header_list;
mod prefer;

pub mod base_uri;
pub mod dates;
pub mod idempotency;
pub mod status;
pub mod submit;
