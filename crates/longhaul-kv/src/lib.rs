//! longhaul-kv
