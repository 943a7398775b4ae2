//! async-query
