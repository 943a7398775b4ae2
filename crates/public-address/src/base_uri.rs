//! The scheme and host under which the client knows this application.
//!
//! They go into the URIs that a client is told to follow, so nothing that a request says is taken on trust: a host
//! that could end the header line or change the meaning of the URI is refused.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName};
use http::uri::{Scheme, Uri};

use crate::header_list;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What a deployment decides about its public address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The address that stands in place of the request's scheme and host.
    pub public_base_url: Option<BaseUri>,
    /// Whether a proxy in front sets `Forwarded`, `X-Forwarded-Proto` and `X-Forwarded-Host`, and strips those that
    /// clients send.
    pub trust_forwarded_headers: bool,
}

impl Settings {
    /// Reads the variables `public_base_url` (empty: not set) and `trust_forwarded_headers` (empty: `false`).
    pub fn from_variables(
        public_base_url: &str,
        trust_forwarded_headers: &str,
    ) -> Result<Self, InvalidSettings> {
        let public_base_url = match public_base_url.trim() {
            "" => None,
            url => Some(url.parse()?),
        };
        let trust_forwarded_headers = match trust_forwarded_headers.trim() {
            "true" => true,
            "" | "false" => false,
            other => return Err(InvalidSettings::TrustForwardedHeaders(other.to_owned())),
        };
        Ok(Self { public_base_url, trust_forwarded_headers })
    }
}

/// A variable has a value that the application cannot run with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// The variable `public_base_url` is not an address to build URIs on.
    #[error(
        "the variable public_base_url is {0:?}: write a URL such as https://example.com/app, without query, \
         fragment or credentials"
    )]
    PublicBaseUrl(String),
    /// The variable `trust_forwarded_headers` is not a truth value.
    #[error("the variable trust_forwarded_headers is {0:?}: write true or false")]
    TrustForwardedHeaders(String),
}

/// `{scheme}://{host}[:{port}]`, with a path if a deployment sets one; visible ASCII, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUri(String);

impl fmt::Display for BaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BaseUri {
    type Err = InvalidSettings;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSettings::PublicBaseUrl(text.to_owned());
        // `Uri` forgets a fragment and takes what a header may not carry, hence the look at the text itself.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['?', '#']) {
            return Err(invalid());
        }
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let has_scheme = uri.scheme().is_some_and(|s| *s == Scheme::HTTP || *s == Scheme::HTTPS);
        let has_host = uri.authority().is_some_and(|authority| is_host(authority.as_str()));
        if !has_scheme || !has_host {
            return Err(invalid());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

/// The request does not say in a usable way which host it was sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBaseUri {
    /// Neither a header nor the request's URI names a host.
    #[error("Missing Host header.")]
    Missing,
    /// There is more than one `Host` header (RFC 9112, section 3.2, asks for 400).
    #[error("More than one Host header.")]
    SeveralHosts,
    /// The header, or the URI, names something that is not a host.
    #[error("Invalid host in {0}: write a host name or an IP address, with an optional port.")]
    InvalidHost(&'static str),
    /// A header that a proxy sets names another scheme than `http` and `https`.
    #[error("Invalid scheme in {0}: write http or https.")]
    InvalidScheme(&'static str),
}

/// The base of the URIs in the answer to `request`.
pub fn of_request(request: &http::request::Parts, settings: &Settings) -> Result<BaseUri, NoBaseUri> {
    if let Some(base) = &settings.public_base_url {
        return Ok(base.clone());
    }
    let (mut scheme, mut host) = (None, None);
    if settings.trust_forwarded_headers {
        scheme = forwarded_scheme(&request.headers)?;
        host = forwarded_host(&request.headers)?;
    }
    let scheme = scheme.unwrap_or(match request.uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => "https",
        _ => "http",
    });
    let host = match host {
        Some(host) => host,
        None => own_host(request)?,
    };
    Ok(BaseUri(format!("{scheme}://{host}")))
}

fn own_host(request: &http::request::Parts) -> Result<String, NoBaseUri> {
    let mut lines = request.headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (Some(_), Some(_)) => Err(NoBaseUri::SeveralHosts),
        (Some(line), None) => checked_host(line.to_str().unwrap_or_default(), "Host"),
        (None, _) => {
            let authority = request.uri.authority().ok_or(NoBaseUri::Missing)?;
            checked_host(authority.as_str(), "the request URI")
        }
    }
}

/// The host of `Forwarded`, else of `X-Forwarded-Host`.
fn forwarded_host(headers: &HeaderMap) -> Result<Option<String>, NoBaseUri> {
    from_proxy(headers, "host", X_FORWARDED_HOST, "X-Forwarded-Host")
        .map(|(host, header)| checked_host(&host, header))
        .transpose()
}

/// The scheme of `Forwarded`, else of `X-Forwarded-Proto`.
fn forwarded_scheme(headers: &HeaderMap) -> Result<Option<&'static str>, NoBaseUri> {
    from_proxy(headers, "proto", X_FORWARDED_PROTO, "X-Forwarded-Proto")
        .map(|(scheme, header)| match scheme.to_ascii_lowercase().as_str() {
            "http" => Ok("http"),
            "https" => Ok("https"),
            _ => Err(NoBaseUri::InvalidScheme(header)),
        })
        .transpose()
}

/// What the proxy nearest to the client, whose word stands first, says; and which header says it.
fn from_proxy(
    headers: &HeaderMap,
    parameter: &str,
    fallback: HeaderName,
    fallback_name: &'static str,
) -> Option<(String, &'static str)> {
    let elements = header_list::elements(headers, FORWARDED);
    if let Some(value) = elements.first().and_then(|element| element.get(parameter)) {
        return Some((value.to_owned(), "Forwarded"));
    }
    let line = headers.get(fallback)?.to_str().unwrap_or_default();
    let first = line.split(',').next().unwrap_or_default();
    Some((first.trim().to_owned(), fallback_name))
}

fn checked_host(host: &str, source: &'static str) -> Result<String, NoBaseUri> {
    if is_host(host) { Ok(host.to_owned()) } else { Err(NoBaseUri::InvalidHost(source)) }
}

/// Whether `text` is a DNS name or an IP address, an IPv6 one in brackets, with an optional port.
///
/// Narrower than RFC 3986's `host`, whose reg-name allows `'`, `(` and percent-encoding, which no client sends.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_name = |name: &str| {
        (1..=253).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let is_address = |host: &str| match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    port.is_none_or(is_port) && is_address(host)
}
