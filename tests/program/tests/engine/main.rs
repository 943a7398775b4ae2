//! The orchestrator `program` on the real engine, over a store in memory and a time of its own.

mod canonical;
mod driver;
mod projection;
mod random;
mod rules;
mod world;
