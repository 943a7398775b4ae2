//! What identities are configured with.

use azure_core::Secret;

/// What identities are configured with; an empty text is not configured. The names in parentheses are those of the
/// environment variables that Azure's own SDKs read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityOptions {
    /// The authority (`AZURE_AUTHORITY_HOST`); that of the public cloud by default. Others:
    /// `https://login.microsoftonline.us`, `https://login.partner.microsoftonline.cn`.
    pub authority_host: String,
    /// The tenant (`AZURE_TENANT_ID`): its id or one of its domains.
    pub tenant_id: String,
    /// The application, or the user-assigned managed identity (`AZURE_CLIENT_ID`).
    pub client_id: String,
    /// The application's secret (`AZURE_CLIENT_SECRET`).
    pub client_secret: Secret,
    /// The token of the other issuer: what is in the file that `AZURE_FEDERATED_TOKEN_FILE` names. It is asked for
    /// at each request, so give a new [`Identity`](crate::Identity) the new one when it is renewed.
    pub federated_token: Secret,
    /// Where an App Service gives tokens (`IDENTITY_ENDPOINT`).
    pub identity_endpoint: String,
    /// What it wants to see (`IDENTITY_HEADER`).
    pub identity_header: Secret,
    /// Where a virtual machine gives tokens (`AZURE_POD_IDENTITY_AUTHORITY_HOST`): `http://169.254.169.254` if empty.
    pub imds_endpoint: String,
    /// Whether the authority may be asked over plain http: for tests on one machine.
    pub allow_http: bool,
}

impl Default for IdentityOptions {
    fn default() -> Self {
        Self {
            authority_host: "https://login.microsoftonline.com".to_owned(),
            tenant_id: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            federated_token: Secret::default(),
            identity_endpoint: String::new(),
            identity_header: Secret::default(),
            imds_endpoint: String::new(),
            allow_http: false,
        }
    }
}

/// An option that cannot be used. It quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    /// It has another form.
    #[error("{option} is not valid: it must be {must_be}")]
    Invalid {
        /// Its name among [`IdentityOptions`].
        option: &'static str,
        /// What would be valid.
        must_be: &'static str,
    },
    /// The identity that was named needs more.
    #[error("{identity} needs {missing}")]
    Missing {
        /// The identity.
        identity: &'static str,
        /// The names among [`IdentityOptions`].
        missing: String,
    },
}
