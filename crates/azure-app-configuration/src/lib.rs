//! A transport-agnostic client of Azure App Configuration: settings and Key Vault references
