//! The API over an engine in memory: each operation, each answer. `docs/management-api.md` says which test shows which.

mod documentation;
mod looking;
mod many;
mod scene;
mod starting;
mod telling;
mod who;
