//! A transport-agnostic client of Azure Key Vault: secrets, by the challenge that the vault gives
