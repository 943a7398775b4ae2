//! From the chosen source to a connection.

use azure_app_configuration::{Access, ConfigurationClient, SettingKey};
use azure_core::{Clock, HttpClient, TokenSource};
use azure_key_vault::{SecretId, VaultClient};
use azure_tables::ConnectionString;

use super::error::CredentialError;
use super::settings::CredentialSettings;
use super::source::Source;

/// The chosen source, and what was got from it before.
#[derive(Debug)]
pub struct Credentials<H, C> {
    source: Clients<H, C>,
}

#[derive(Debug)]
enum Clients<H, C> {
    Given(ConnectionString),
    Configuration { store: Box<ConfigurationClient<H, C>>, key: SettingKey, vaults: Box<VaultClient<H, C>> },
}

impl<H, C> Credentials<H, C>
where
    H: HttpClient + Clone + 'static,
    C: Clock + Clone + 'static,
{
    /// What the variables choose. Nothing is sent.
    ///
    /// # Errors
    ///
    /// When nothing is chosen, or a variable is malformed.
    pub fn new(settings: &CredentialSettings, http: H, clock: C) -> Result<Self, CredentialError> {
        let source = match settings.choose(http.clone(), clock.clone())? {
            Source::Given(connection) => Clients::Given(connection),
            Source::Configuration { access, key, tokens } => {
                Self::configuration(access, key, tokens, http, clock)
            }
        };
        Ok(Self { source })
    }

    fn configuration(
        access: Access,
        key: SettingKey,
        tokens: TokenSource,
        http: H,
        clock: C,
    ) -> Clients<H, C> {
        let store = Box::new(ConfigurationClient::new(access, http.clone(), clock.clone()));
        Clients::Configuration { store, key, vaults: Box::new(VaultClient::new(tokens, http, clock)) }
    }

    /// The connection: kept, or fetched.
    ///
    /// # Errors
    ///
    /// At which step there was none.
    pub async fn connect(&self) -> Result<ConnectionString, CredentialError> {
        let (store, key, vaults) = match &self.source {
            Clients::Given(connection) => return Ok(connection.clone()),
            Clients::Configuration { store, key, vaults } => (store, key, vaults),
        };
        let setting =
            store.get(key).await.map_err(|error| CredentialError::setting(store.endpoint(), error))?;
        let reference = setting.reference();
        let Some(uri) =
            reference.map_err(|error| CredentialError::setting(store.endpoint(), error.into()))?
        else {
            return parse(setting.value.expose(), || format!("the setting {key} at {}", store.endpoint()));
        };
        let id: SecretId =
            uri.parse().map_err(|why| CredentialError::reference(store.endpoint(), key, why))?;
        let secret = vaults.get(&id).await.map_err(|error| CredentialError::secret(&id, error))?;
        parse(secret.value.expose(), || format!("the secret at {id}"))
    }

    /// Runs `work` with the connection. If the table refuses a credential that was kept (its key has been rotated), it
    /// runs once more with what is there now.
    ///
    /// # Errors
    ///
    /// Those of `work`, and those of [`Credentials::connect`].
    pub async fn run<T, E: From<CredentialError>>(
        &self,
        is_refusal: impl Fn(&E) -> bool,
        work: impl AsyncFn(ConnectionString) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.connect().await?;
        let refused = match work(connection.clone()).await {
            Err(error) if is_refusal(&error) => error,
            done => return done,
        };
        if !self.forget().await {
            return Err(refused);
        }
        let current = self.connect().await?;
        if current == connection {
            return Err(refused);
        }
        tracing::info!(
            "the table refused the credential that was kept; trying with the one that is there now"
        );
        work(current).await
    }

    /// Gives up what was kept; whether there is anything that could have changed.
    async fn forget(&self) -> bool {
        let Clients::Configuration { store, key, vaults } = &self.source else { return false };
        // Which secret is to be forgotten says the setting, as it is kept.
        if let Ok(setting) = store.get(key).await
            && let Ok(Some(uri)) = setting.reference()
            && let Ok(id) = uri.parse()
        {
            vaults.forget(&id);
        }
        store.forget(key);
        true
    }
}

/// What a setting or a secret holds must be a connection string.
fn parse(text: &str, of: impl Fn() -> String) -> Result<ConnectionString, CredentialError> {
    text.parse().map_err(|why: azure_tables::ConnectionStringError| {
        CredentialError::not_a_connection_string(of(), why)
    })
}
