//! What the variables say of credentials, as text.

use azure_core::Secret;
use azure_identity::IdentityOptions;

/// What the variables say of credentials; an empty text is not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialSettings {
    /// `credential_source`: `table_connection_string`, `app_config`, `table_endpoint`, or what is set.
    pub source: String,
    /// `table_connection_string`.
    pub table_connection_string: Secret,
    /// `table_endpoint`: the Table service, for tokens.
    pub table_endpoint: String,
    /// `app_config_endpoint`: the App Configuration store, for tokens.
    pub app_config_endpoint: String,
    /// `app_config_connection_string`: the store and its key.
    pub app_config_connection_string: Secret,
    /// `app_config_key`: which setting.
    pub app_config_key: String,
    /// `app_config_label`: with which label.
    pub app_config_label: String,
    /// `azure_credential`: which identity.
    pub identity: String,
    /// What identities are configured with: `azure_tenant_id`, `azure_client_id` and so on.
    pub options: IdentityOptions,
}

impl CredentialSettings {
    /// Reads the variables, each by its name.
    pub async fn read(variable: impl AsyncFn(&'static str) -> String) -> Self {
        let secret = async |name| Secret::new(variable(name).await);
        let default = IdentityOptions::default();
        let authority_host = variable("azure_authority_host").await;
        let options = IdentityOptions {
            authority_host: if authority_host.is_empty() { default.authority_host } else { authority_host },
            tenant_id: variable("azure_tenant_id").await,
            client_id: variable("azure_client_id").await,
            client_secret: secret("azure_client_secret").await,
            federated_token: secret("azure_federated_token").await,
            identity_endpoint: variable("identity_endpoint").await,
            identity_header: secret("identity_header").await,
            imds_endpoint: variable("imds_endpoint").await,
            allow_http: variable("azure_allow_http").await.trim() == "true",
        };
        Self {
            source: variable("credential_source").await,
            table_connection_string: secret("table_connection_string").await,
            table_endpoint: variable("table_endpoint").await,
            app_config_endpoint: variable("app_config_endpoint").await,
            app_config_connection_string: secret("app_config_connection_string").await,
            app_config_key: variable("app_config_key").await,
            app_config_label: variable("app_config_label").await,
            identity: variable("azure_credential").await,
            options,
        }
    }
}
