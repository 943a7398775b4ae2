//! azure-tables
