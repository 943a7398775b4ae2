//! Which source the variables choose.

use azure_app_configuration::{Access, SettingKey};
use azure_core::{Clock, Endpoint, HttpClient, TokenSource};
use azure_identity::{Identity, InvalidOptions};
use azure_tables::ConnectionString;

use super::error::CredentialError;
use super::settings::CredentialSettings;

const DEFAULT_KEY: &str = "storage-account-connection-string";
const DEFAULT_LABEL: &str = "async-http-api";

const NOT_A_URL: &str = "it must be an http or https URL without user, query and fragment";

/// Where the connection comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// It is given.
    Given(ConnectionString),
    /// It is in App Configuration, or where a setting there leads.
    Configuration { access: Access, key: SettingKey, tokens: TokenSource },
}

impl CredentialSettings {
    /// The source that is chosen, checked.
    pub(super) fn choose<H, C>(&self, http: H, clock: C) -> Result<Source, CredentialError>
    where
        H: HttpClient + 'static,
        C: Clock + 'static,
    {
        let is_set = |text: &str| !text.trim().is_empty();
        let configuration =
            is_set(self.app_config_connection_string.expose()) || is_set(&self.app_config_endpoint);
        match self.source.trim() {
            "table_connection_string" => self.connection_string(),
            "app_config" => self.configuration(http, clock),
            "table_endpoint" => self.endpoint(http, clock),
            "" | "default" if is_set(self.table_connection_string.expose()) => self.connection_string(),
            "" | "default" if configuration => self.configuration(http, clock),
            "" | "default" if is_set(&self.table_endpoint) => self.endpoint(http, clock),
            "" | "default" => Err(CredentialError::nothing_set()),
            _ => Err(CredentialError::variable(
                "credential_source",
                "it must be table_connection_string, app_config, table_endpoint or default",
            )),
        }
    }

    fn connection_string(&self) -> Result<Source, CredentialError> {
        let connection = self.table_connection_string.expose().parse::<ConnectionString>();
        connection.map(Source::Given).map_err(|why| CredentialError::variable("table_connection_string", why))
    }

    fn configuration<H, C>(&self, http: H, clock: C) -> Result<Source, CredentialError>
    where
        H: HttpClient + 'static,
        C: Clock + 'static,
    {
        let or = |text: &str, default: &str| match text {
            "" => default.to_owned(),
            text => text.to_owned(),
        };
        let key = SettingKey::new(
            &or(&self.app_config_key, DEFAULT_KEY),
            &or(&self.app_config_label, DEFAULT_LABEL),
        )
        .map_err(|why| CredentialError::variable("app_config_key", why))?;
        let tokens = self.tokens(http, clock)?;
        let access = match self.app_config_connection_string.is_blank() {
            false => self
                .app_config_connection_string
                .expose()
                .parse()
                .map_err(|why| CredentialError::variable("app_config_connection_string", why))?,
            true => {
                let endpoint = Endpoint::parse(self.app_config_endpoint.trim())
                    .ok_or_else(|| CredentialError::variable("app_config_endpoint", NOT_A_URL))?;
                Access::Tokens(endpoint, tokens.clone())
            }
        };
        Ok(Source::Configuration { access, key, tokens })
    }

    fn endpoint<H, C>(&self, http: H, clock: C) -> Result<Source, CredentialError>
    where
        H: HttpClient + 'static,
        C: Clock + 'static,
    {
        let endpoint = Endpoint::parse(self.table_endpoint.trim())
            .ok_or_else(|| CredentialError::variable("table_endpoint", NOT_A_URL))?;
        Ok(Source::Given(ConnectionString::with_tokens(endpoint, self.tokens(http, clock)?)))
    }

    fn tokens<H, C>(&self, http: H, clock: C) -> Result<TokenSource, CredentialError>
    where
        H: HttpClient + 'static,
        C: Clock + 'static,
    {
        let choice =
            self.identity.parse().map_err(|why| CredentialError::variable("azure_credential", why))?;
        let identity = Identity::new(choice, &self.options, http, clock).map_err(invalid)?;
        Ok(TokenSource::new(identity).over_plain_http(self.options.allow_http))
    }
}

/// The options' names are not those of the variables.
fn invalid(error: InvalidOptions) -> CredentialError {
    let variable = |option: &str| match option {
        "identity_endpoint" | "identity_header" | "imds_endpoint" => option.to_owned(),
        option => format!("azure_{option}"),
    };
    match error {
        InvalidOptions::Invalid { option, must_be } => {
            CredentialError::variable(variable(option), format!("it must be {must_be}"))
        }
        InvalidOptions::Missing { identity, missing } => {
            let names: Vec<_> = missing.split(", ").map(variable).collect();
            CredentialError::variable(
                "azure_credential",
                format!("the identity {identity} needs the variables {} too", names.join(", ")),
            )
        }
    }
}
