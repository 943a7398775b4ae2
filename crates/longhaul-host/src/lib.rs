//! longhaul-host
