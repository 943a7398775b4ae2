//! longhaul-manifest
