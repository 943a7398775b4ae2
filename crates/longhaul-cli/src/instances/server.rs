//! Which server is spoken to, and with which key.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use clap::Args;
use http::HeaderValue;
use url::Url;

use super::failure::Failure;

/// Where Azure Durable Functions serves the API, and Longhaul too.
const BASE: [&str; 3] = ["runtime", "webhooks", "durabletask"];
/// The last segment of every base: the usual one, that for SDKs, and that of version 1 of the Functions host.
const LAST_SEGMENTS: [&str; 2] = ["durabletask", "DurableTaskExtension"];

#[derive(Args)]
pub struct ServerArgs {
    /// The server, such as https://example.org; with a path that ends in /durabletask, exactly that base
    #[arg(
        long,
        global = true,
        help_heading = "Server",
        value_name = "URL",
        env = "LONGHAUL_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:3000"
    )]
    url: String,

    /// The key: Longhaul's variable management_key, or Azure's system key durabletask_extension. Better set in the
    /// environment than given here, where every process on this machine can read it
    #[arg(
        long,
        global = true,
        help_heading = "Server",
        value_name = "KEY",
        env = "LONGHAUL_KEY",
        hide_env_values = true
    )]
    key: Option<Key>,
}

/// A secret. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl FromStr for Key {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Whether this text is the key.
    pub fn is(&self, text: &str) -> bool {
        self.0 == text
    }

    /// As the value of a header.
    pub fn header(&self) -> Result<HeaderValue, Failure> {
        let value = HeaderValue::from_str(&self.0);
        let mut value = value.map_err(|_| Failure::Usage("the key has characters that no key has".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// A management API.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// The base, without credentials and query.
    base: Url,
    /// What else the URL said, such as `taskHub`; goes with each request.
    parameters: Vec<(String, String)>,
    pub key: Option<Key>,
}

impl ServerArgs {
    /// The server that they name.
    ///
    /// # Errors
    /// When the URL is none. What it says is not repeated, since it may have a key in it.
    pub fn server(&self) -> Result<Server, Failure> {
        let mut server = Server::parse(&self.url)?;
        // A variable that is empty says nothing.
        server.key = self.key.clone().filter(|key| !key.is("")).or(server.key);
        Ok(server)
    }
}

impl Server {
    /// Reads a URL. The key may be its parameter `code`, as in Azure's links, or its password, as SDKs are told it.
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::Usage(format!("the URL of the server {why}"));
        let mut base = Url::parse(text).map_err(|error| wrong(&format!("is none: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(wrong("must begin with http:// or https://"));
        }
        let mut key = base.password().map(|password| {
            let password = percent_encoding::percent_decode_str(password);
            Key(password.decode_utf8_lossy().into_owned())
        });
        let mut parameters = Vec::new();
        for (name, value) in base.query_pairs() {
            match &*name {
                "code" => key = Some(Key(value.into_owned())),
                _ => parameters.push((name.into_owned(), value.into_owned())),
            }
        }
        base.set_query(None);
        base.set_fragment(None);
        let unchangeable = "a URL with a host has user information and segments";
        base.set_username("").and_then(|()| base.set_password(None)).expect(unchangeable);
        let last = base.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let is_base = LAST_SEGMENTS.iter().any(|segment| segment.eq_ignore_ascii_case(last));
        let mut segments = base.path_segments_mut().expect(unchangeable);
        segments.pop_if_empty();
        if !is_base {
            segments.extend(BASE);
        }
        drop(segments);
        Ok(Self { base, parameters, key })
    }

    /// The URL of something below the base. Neither key nor credentials are in it.
    pub fn url(&self, segments: &[&str], parameters: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("a URL with a host has segments").extend(segments);
        let own = self.parameters.iter().map(|(name, value)| (name.as_str(), value));
        let all: Vec<_> = own.chain(parameters.iter().map(|(name, value)| (*name, value))).collect();
        if !all.is_empty() {
            url.query_pairs_mut().extend_pairs(all);
        }
        url
    }

    /// Whether the key would travel in the open to another machine.
    pub fn tells_the_key_to_all(&self) -> bool {
        let is_local = match self.base.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.key.is_some() && self.base.scheme() == "http" && !is_local
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.base, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Server {
        Server::parse(text).unwrap()
    }

    #[test]
    fn a_server_is_named_by_its_origin_or_its_base() {
        let standard = "http://h:3000/runtime/webhooks/durabletask";
        for (text, base) in [
            ("http://h:3000", standard),
            ("http://h:3000/", standard),
            (standard, standard),
            ("http://h:3000/runtime/webhooks/durabletask/", standard),
            ("http://h:3000/runtime/webhooks/durableTask", "http://h:3000/runtime/webhooks/durableTask"),
            ("http://h/durabletask", "http://h/durabletask"),
            (
                "http://h/admin/extensions/DurableTaskExtension",
                "http://h/admin/extensions/DurableTaskExtension",
            ),
            ("https://h/v1/", "https://h/v1/runtime/webhooks/durabletask"),
        ] {
            assert_eq!(parse(text).to_string(), base, "{text}");
        }
    }

    #[test]
    fn a_key_in_the_url_is_taken_out_of_it_and_other_parameters_are_kept() {
        let server = parse("https://h/durabletask?taskHub=a%20b&code=a%3D%3D&connection=S#x");
        assert_eq!(server.to_string(), "https://h/durabletask");
        assert!(server.key.as_ref().unwrap().is("a=="));
        let url = server.url(&["instances", "a/b %c"], &[("top", "5".into())]);
        let expected = "https://h/durabletask/instances/a%2Fb%20%25c?taskHub=a+b&connection=S&top=5";
        assert_eq!(url.as_str(), expected);
        let server = parse("http://longhaul:k%2Fy@h");
        assert!(server.key.as_ref().unwrap().is("k/y"));
        assert!(
            !format!("{server:?}{server}").contains("k/y") && !format!("{server:?}").contains("longhaul:")
        );
        assert_eq!(server.url(&["instances"], &[]).query(), None);
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in ["localhost:3000", "", "ftp://h", "h?code=secret", "http://", "data:text/plain,secret"] {
            let message = Server::parse(text).unwrap_err().to_string();
            assert!(
                message.starts_with("the URL of the server ") && !message.contains("secret"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_key_over_plain_http_is_told_to_all_but_on_this_machine() {
        for (url, expected) in [
            ("http://example.org?code=k", true),
            ("http://10.0.0.1?code=k", true),
            ("http://example.org", false),
            ("https://example.org?code=k", false),
            ("http://localhost:3000?code=k", false),
            ("http://127.0.0.2?code=k", false),
            ("http://[::1]:80?code=k", false),
        ] {
            assert_eq!(parse(url).tells_the_key_to_all(), expected, "{url}");
        }
    }
}
