//! table-service
