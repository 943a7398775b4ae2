//! What to check when a step fails.

use azure_core::{ServiceFailure, TokenError, Unanswered};

const REACH: &str = "the address, and that it may be reached: Azure's own domains may, another host only if a variable \
    names it (table_emulator_host, azure_private_host, identity_host)";
const LATER: &str = "the state of Azure, and try again later";

fn unanswered(why: &Unanswered) -> &'static str {
    match why {
        Unanswered::Transport { .. } => REACH,
        Unanswered::StillFailing { .. } => LATER,
    }
}

pub(super) fn token(error: &TokenError) -> &'static str {
    match error {
        TokenError::NotConfigured { .. } => "the variables azure_credential and azure_client_id",
        TokenError::Insecure { .. } => {
            "that the address begins with https (the variable azure_allow_http is for tests on one machine)"
        }
        TokenError::Refused { said, .. } => refused_token(said),
        TokenError::Unanswered { why, .. } => unanswered(why),
        TokenError::BadAnswer { .. } => {
            "the variables azure_authority_host, identity_endpoint and imds_endpoint: does something else answer there?"
        }
        TokenError::All(_) => "each of these, or name the right one with the variable azure_credential",
    }
}

/// By Entra ID's own numbers.
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
fn refused_token(said: &ServiceFailure) -> &'static str {
    let message = said.message.as_deref().unwrap_or_default();
    let number = message.strip_prefix("AADSTS").map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    match number.flatten() {
        Some("7000215") => "the variable azure_client_secret: it must be the secret's value, not its id",
        Some("7000222") => "the client secret: it has expired, so make a new one and set azure_client_secret",
        Some("700016") => "the variables azure_client_id and azure_tenant_id",
        Some("90002" | "900023" | "900021") => "the variable azure_tenant_id",
        Some("70021" | "700211" | "700212" | "700213" | "7002111" | "50027") => {
            "the variable azure_federated_token, and issuer, subject and audience of the application's federated credential"
        }
        Some("500011" | "65001") => {
            "that the tenant is the one that the storage account, store or vault belongs to"
        }
        _ => {
            "the variables azure_tenant_id, azure_client_id and azure_client_secret or azure_federated_token; for a \
             managed identity, that one is assigned"
        }
    }
}

pub(super) fn setting(error: &azure_app_configuration::Error) -> &'static str {
    use azure_app_configuration::Error;
    match error {
        Error::Token(error) => token(error),
        Error::Refused(_) => {
            "that the identity has the role App Configuration Data Reader, or the variable \
             app_config_connection_string, and the clock"
        }
        Error::NotFound(_) => "the variables app_config_key and app_config_label",
        Error::Unanswered(why) => unanswered(why),
        Error::BadAnswer(_) => "the setting in App Configuration",
        Error::Unexpected(_) => "the variable app_config_endpoint",
    }
}

pub(super) fn secret(error: &azure_key_vault::Error) -> &'static str {
    use azure_key_vault::Error;
    match error {
        Error::Token(error) => token(error),
        Error::Refused(_) => {
            "that the identity has the role Key Vault Secrets User, that the secret is enabled, and the vault's network"
        }
        Error::NotFound(_) => "the reference in App Configuration: the secret's name and version",
        Error::Unanswered(why) => unanswered(why),
        Error::BadAnswer(_) => "the secret in Key Vault",
        Error::BadChallenge(_) | Error::ForeignChallenge { .. } | Error::Unexpected(_) => {
            "the reference in App Configuration: is its address that of a Key Vault?"
        }
    }
}
