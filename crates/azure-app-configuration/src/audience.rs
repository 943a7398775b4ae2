//! For which service a store's tokens are.

use azure_core::Endpoint;

/// The domains of the stores in each cloud; a token is for the domain.
const DOMAINS: [&str; 6] = [
    "azconfig.io",
    "azconfig.azure.us",
    "azconfig.azure.cn",
    "appconfig.azure.com",
    "appconfig.azure.us",
    "appconfig.azure.cn",
];

/// The scope of the tokens for a store, found by its host as Azure's clients find it. What is at none of the known
/// domains (a private address, a test) is taken for a store of the public cloud.
///
/// ```
/// # use azure_app_configuration::audience;
/// # use azure_core::Endpoint;
/// let scope = |url| audience(&Endpoint::parse(url).unwrap());
/// assert_eq!(scope("https://contoso.azconfig.io"), "https://azconfig.io/.default");
/// assert_eq!(scope("https://contoso.azconfig.azure.cn"), "https://azconfig.azure.cn/.default");
/// ```
pub fn audience(endpoint: &Endpoint) -> String {
    let host = endpoint.host().to_ascii_lowercase();
    let is_of = |domain: &&str| host.strip_suffix(*domain).is_some_and(|name| name.ends_with('.'));
    let domain = DOMAINS.into_iter().find(is_of).unwrap_or("appconfig.azure.com");
    format!("https://{domain}/.default")
}
