//! Why the query does not come to the table.

use std::fmt;

use azure_app_configuration::SettingKey;
use azure_core::{Endpoint, TokenError};
use azure_key_vault::SecretId;
use azure_tables::ConnectionStringError;

use super::advice;

/// At which step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading the variables.
    Variables,
    /// Getting a token of Entra ID.
    Token,
    /// Reading the setting in App Configuration.
    Setting,
    /// Reading the secret in Key Vault.
    Secret,
    /// Asking the table.
    Table,
}

/// Why the query does not come to the table: the step, the address without query, and what to check. It contains no
/// secret, no token and no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {what}. Check {check}.")]
pub struct CredentialError {
    /// At which step.
    pub step: Step,
    /// What went wrong, and where.
    what: String,
    /// What to check.
    check: String,
    /// Whether the same may succeed later.
    pub may_pass: bool,
}

impl Step {
    /// The kind of failure, for programs.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Variables => "InvalidVariable",
            Self::Token => "NoToken",
            Self::Setting => "NoSetting",
            Self::Secret => "NoSecret",
            Self::Table => "NoTable",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variables => "The variables are not usable",
            Self::Token => "No token",
            Self::Setting => "No setting",
            Self::Secret => "No secret",
            Self::Table => "No table",
        })
    }
}

impl CredentialError {
    pub(super) fn nothing_set() -> Self {
        Self {
            step: Step::Variables,
            what: "nothing says which storage account to ask, and as whom".to_owned(),
            check: "that one of the variables table_connection_string, app_config_endpoint, \
                    app_config_connection_string and table_endpoint is set"
                .to_owned(),
            may_pass: false,
        }
    }

    pub(super) fn variable(name: impl fmt::Display, why: impl fmt::Display) -> Self {
        let (what, check) = (format!("{name}: {why}"), format!("the variable {name}"));
        Self { step: Step::Variables, what, check, may_pass: false }
    }

    /// There is no token.
    pub(crate) fn token(error: &TokenError) -> Self {
        let (what, check) = (error.to_string(), advice::token(error).to_owned());
        Self { step: Step::Token, what, check, may_pass: error.may_pass() }
    }

    pub(super) fn setting(store: &Endpoint, error: azure_app_configuration::Error) -> Self {
        if let azure_app_configuration::Error::Token(error) = &error {
            return Self::token(error);
        }
        let check = advice::setting(&error).to_owned();
        Self { step: Step::Setting, what: format!("{store}: {error}"), check, may_pass: error.may_pass() }
    }

    pub(super) fn reference(store: &Endpoint, key: &SettingKey, why: impl fmt::Display) -> Self {
        Self {
            step: Step::Setting,
            what: format!("{store}: the address in the Key Vault reference {key} cannot be used: {why}"),
            check: "the reference in App Configuration".to_owned(),
            may_pass: false,
        }
    }

    pub(super) fn secret(id: &SecretId, error: azure_key_vault::Error) -> Self {
        if let azure_key_vault::Error::Token(error) = &error {
            return Self::token(error);
        }
        let check = advice::secret(&error).to_owned();
        Self { step: Step::Secret, what: format!("{id}: {error}"), check, may_pass: error.may_pass() }
    }

    pub(super) fn not_a_connection_string(of: String, why: ConnectionStringError) -> Self {
        let step = if of.starts_with("the secret") { Step::Secret } else { Step::Setting };
        let what = format!("{of} is no connection string that can be used: {why}");
        Self { step, what, check: "its value".to_owned(), may_pass: false }
    }
}
