//! Where a service is.

use std::fmt;

use url::Url;

/// The longest base URL, in bytes.
const LONGEST: usize = 2048;

/// The base URL of a service: scheme, host, port, and for some a path (with the emulator's path style that is the
/// account's name). It carries no credential, no query and no slash at its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    host: String,
    path_at: usize,
}

impl Endpoint {
    /// Reads a URL; without a scheme it is taken for https, as Azure's own clients do. `None` if it is no http(s)
    /// URL, or contains what an endpoint has no use for: user, password, query, fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("https://{text}")),
        }
        .ok()?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host_str()?.to_owned();
        let mut base = url.origin().ascii_serialization();
        let path_at = base.len();
        base.push_str(url.path().trim_end_matches('/'));
        // What the URL standard allows and the `http` crate does not must not surface at the first request.
        // Far from the longest, so that paths and queries fit behind it.
        if base.len() > LONGEST || http::Uri::try_from(&base).is_err() {
            return None;
        }
        Some(Self { base, host, path_at })
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Whether requests to it are encrypted.
    pub fn is_https(&self) -> bool {
        self.base.starts_with("https://")
    }

    /// Host and port, as in a URL: the port is left out where it is the scheme's own.
    pub fn authority(&self) -> &str {
        let origin = &self.base[..self.path_at];
        origin.split_once("://").map_or(origin, |(_, authority)| authority)
    }

    /// The host alone, for messages about who could not be reached.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What every request's path begins with: empty, or `/` and more, such as an account's name in the emulator's style.
    pub fn path(&self) -> &str {
        &self.base[self.path_at..]
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_http_url() {
        let cases = [
            ("http://127.0.0.1:10002/devstoreaccount1/", Some(("127.0.0.1", "/devstoreaccount1"))),
            ("HTTPS://Tables.Example.org:443", Some(("tables.example.org", ""))),
            ("a.table.core.windows.net", Some(("a.table.core.windows.net", ""))),
            ("localhost:10002/dev", Some(("localhost", "/dev"))),
            ("http://[::1]:10002/dev", Some(("[::1]", "/dev"))),
            ("ftp://a.example.org", None),
            ("https://user@a.example.org", None),
            ("https://:password@a.example.org", None),
            ("https://a.example.org/?sig=x", None),
            ("https://a.example.org/#x", None),
            ("https://", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let endpoint = Endpoint::parse(text);
            let found = endpoint.as_ref().map(|endpoint| (endpoint.host(), endpoint.path()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
