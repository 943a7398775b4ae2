//! longhaul-spin
