//! The client as its users see it: against what Azure's own SDK produced, and against scripted answers.

mod connection_strings;
mod distinct;
mod errors;
mod filters;
mod paging;
mod retries;
mod scans;
mod scripted;
mod signing;
mod vectors;
mod writes;
