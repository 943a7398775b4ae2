//! What the double knows, and what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// What the double knows; a test may change it at any time.
#[derive(Debug)]
pub struct World {
    /// Where it is served.
    pub(super) origin: SocketAddr,
    /// The tenant's id.
    pub tenant: String,
    /// The application's id, and that of the user-assigned managed identity.
    pub client: String,
    /// The application's secrets.
    pub client_secret: String,
    /// The token of the other issuer.
    pub federated_token: String,
    /// What the endpoint of the App Service wants to see.
    pub identity_header: String,
    /// How long Entra ID takes over a token.
    pub token_delay: Duration,
    /// How long tokens live.
    pub token_life: Duration,
    /// The settings, by key and label.
    pub settings: BTreeMap<(String, String), SettingEntry>,
    /// The key of the App Configuration store.
    pub app_key: AppKey,
    /// The secrets by name: version and value, the current one last.
    pub secrets: BTreeMap<String, Vec<(String, String)>>,
    /// The storage account's name.
    pub account: String,
    /// The Table service behind it.
    pub(super) upstream: String,
    /// What does not work at the moment.
    pub trouble: Option<Trouble>,
    /// What it was asked.
    pub counts: Counts,
    /// Tokens that are good, with what for and until when.
    pub(super) tokens: BTreeMap<String, (String, Timestamp)>,
    /// All that must never be found anywhere.
    secrets_seen: Vec<String>,
}

/// A setting.
#[derive(Debug, Clone)]
pub struct SettingEntry {
    /// Its value.
    pub value: String,
    /// Its content type.
    pub content_type: String,
}

/// A key of an App Configuration store.
#[derive(Debug, Clone)]
pub struct AppKey {
    /// Its name.
    pub id: String,
    /// Its secret, in base64.
    pub secret: String,
}

/// What does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Entra ID and managed identities answer 500.
    TokensDown,
    /// The identity has no role anywhere.
    NoRoles,
    /// Key Vault sends a challenge of another service.
    ForeignChallenge,
    /// Entra ID refuses, and quotes the secret that it was shown.
    Blabbing,
}

/// How often it was asked, refusals included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens, by identity and what for.
    pub tokens: BTreeMap<(&'static str, String), u32>,
    /// Settings.
    pub settings: u32,
    /// Secrets, without a token.
    pub challenges: u32,
    /// Secrets, with a token.
    pub secrets: u32,
    /// Pages of tables.
    pub pages: u32,
}

impl Counts {
    /// All tokens.
    pub fn all_tokens(&self) -> u32 {
        self.tokens.values().sum()
    }
}

impl World {
    pub(super) fn new(origin: SocketAddr, connection_string: &str) -> Self {
        let random = || Uuid::new_v4().simple().to_string();
        let setting = |name: &str| {
            let mut settings = connection_string.split(';').filter_map(|setting| setting.split_once('='));
            settings.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        Self {
            origin,
            tenant: Uuid::new_v4().to_string(),
            client: Uuid::new_v4().to_string(),
            // Characters that forms must encode.
            client_secret: format!("s3cr3t~{}%2F+=&%", random()),
            federated_token: format!("eyJhbGciOiJSUzI1NiJ9.{}.federated", random()),
            identity_header: Uuid::new_v4().to_string(),
            token_delay: Duration::ZERO,
            token_life: Duration::from_secs(3600),
            settings: BTreeMap::new(),
            app_key: AppKey {
                id: "abcd-l0-s0:Qm9uam91cg".into(),
                secret: "YXBwY29uZmlnLWhtYWMtc2VjcmV0LTAxMjM0NTY3ODk=".into(),
            },
            secrets: BTreeMap::new(),
            account: setting("AccountName"),
            upstream: connection_string.to_owned(),
            trouble: None,
            counts: Counts::default(),
            tokens: BTreeMap::new(),
            secrets_seen: vec![setting("AccountKey")],
        }
    }

    /// Puts a plain value into App Configuration, where the application looks for it.
    pub fn set(&mut self, value: &str, content_type: &str) {
        let key = ("storage-account-connection-string".to_owned(), "async-http-api".to_owned());
        let setting = SettingEntry { value: value.to_owned(), content_type: content_type.to_owned() };
        self.settings.insert(key, setting);
    }

    /// Puts a reference to a secret there.
    pub fn refer_to(&mut self, secret: &str) {
        let value = serde_json::json!({ "uri": secret }).to_string();
        self.set(&value, "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8");
    }

    /// Puts a new version of a secret into the vault, and answers its name.
    pub fn add_secret(&mut self, name: &str, value: &str) -> String {
        let version = Uuid::new_v4().simple().to_string();
        self.secrets.entry(name.to_owned()).or_default().push((version.clone(), value.to_owned()));
        version
    }

    /// Makes every token that was made so far worthless.
    pub fn revoke_all(&mut self) {
        self.secrets_seen.extend(self.tokens.keys().cloned());
        self.tokens.clear();
    }

    /// Makes a token that is good for `audience`.
    pub(super) fn make_token(&mut self, audience: &str) -> String {
        let token = format!("eyJ0eXAiOiJKV1QifQ.{}.access", Uuid::new_v4().simple());
        let end = Timestamp::now() + self.token_life;
        self.tokens.insert(token.clone(), (audience.to_owned(), end));
        token
    }

    /// The counts that do not grow when all is kept.
    pub fn without_pages(counts: Counts) -> Counts {
        Counts { pages: 0, ..counts }
    }

    /// Everything secret that it gave out or was configured with: none of it may be written anywhere.
    pub fn all_secrets(&self) -> Vec<String> {
        let own = [&self.client_secret, &self.federated_token, &self.identity_header, &self.app_key.secret];
        own.into_iter().chain(self.tokens.keys()).chain(&self.secrets_seen).cloned().collect()
    }
}
