//! longhaul-tests

pub mod azurite;
pub mod guests;
