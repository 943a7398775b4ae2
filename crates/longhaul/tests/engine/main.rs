//! What the engine does, over a store in memory and in virtual time.

mod activities;
mod children;
mod costs;
mod entities;
mod limits;
mod operations;
mod scheduler;
mod support;
mod timers;
mod waiting;
