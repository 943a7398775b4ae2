//! longhaul-tests

pub mod azurite;
