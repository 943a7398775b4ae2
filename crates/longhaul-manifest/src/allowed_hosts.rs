//! Where a component may connect to.

use std::{fmt, net::IpAddr, ops::Range};

use ipnet::IpNet;
use url::Host;

use crate::ComponentId;

const CHAINING_SUFFIX: &str = ".spin.internal";

/// A component's `allowed_outbound_hosts`, with the variables in them resolved.
///
/// An entry is `<scheme>://<host>[:<port>]`:
/// - the scheme is a name, or `*` for any;
/// - the host is a name, `*.` and a name for its subdomains (not itself), an address (`10.0.0.1`, `[::1]`), a network
///   (`10.0.0.0/8`), `self` for requests without a host (to the application itself), or `*` for any;
/// - the port is a number, a range `8000..9000` (which, as in Spin, does not include its end), or `*` for any. Without
///   one it is the scheme's own: http 80, https 443, postgres 5432, mysql 3306, redis 6379, mqtt 1883.
///
/// `http://<component>.spin.internal` allows requests to another component of the application, and
/// `http://*.spin.internal` those to all of them.
///
/// Names are compared whole and without regard to case, after the rules for hosts in URLs (international names become
/// punycode, `0x7f.1` is an address). A name with a dot at its end is another name. A network holds addresses only: no
/// name is looked up.
///
/// ```
/// use longhaul_manifest::AllowedHosts;
///
/// let hosts = AllowedHosts::parse(["https://*.example.com", "http://localhost:8000..9000"], [])?;
/// assert!(hosts.allows("https", "api.example.com", None));
/// assert!(!hosts.allows("https", "example.com.evil.org", None));
/// assert!(hosts.allows("http", "localhost", Some(8999)));
/// # Ok::<(), longhaul_manifest::AllowedHostsError>(())
/// ```
#[derive(Clone, Default)]
pub struct AllowedHosts {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    /// `None` is any.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Clone)]
enum HostPattern {
    Any,
    /// What a name must end with: a dot and the rest.
    Subdomains(String),
    /// The components of this application, by their chaining hosts.
    Components(Vec<String>),
    Exactly(Host),
    Network(IpNet),
    /// The application itself, which requests without a host go to.
    Application,
}

#[derive(Clone)]
enum PortPattern {
    Any,
    Exactly(u16),
    Range(Range<u16>),
}

/// Why an entry was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is not a host to allow: {problem}")]
pub struct AllowedHostsError {
    /// The entry, or its template if that holds a secret.
    pub entry: String,
    /// What is wrong with it, and what to write.
    pub problem: String,
}

impl AllowedHosts {
    /// Reads the entries; `components` are those that `*.spin.internal` stands for.
    pub fn parse<'e, 'c>(
        entries: impl IntoIterator<Item = &'e str>,
        components: impl IntoIterator<Item = &'c ComponentId>,
    ) -> Result<Self, AllowedHostsError> {
        let components: Vec<_> =
            components.into_iter().map(|id| id.chaining_host().to_ascii_lowercase()).collect();
        let entries = entries
            .into_iter()
            .map(|text| {
                entry(text.trim(), &components)
                    .map_err(|problem| AllowedHostsError { entry: text.to_owned(), problem })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Whether a connection may be made. `host` is a name or an address (IPv6 with or without brackets), without user
    /// information or port; `port` is `None` where the URL has none. Anything that is not a host is denied.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let scheme = scheme.to_ascii_lowercase();
        let parsed = match host.parse() {
            Ok(IpAddr::V4(address)) => Ok(Host::Ipv4(address)),
            Ok(IpAddr::V6(address)) => Ok(Host::Ipv6(address)),
            Err(_) => Host::parse(host),
        };
        let Ok(host) = parsed else { return false };
        let Some(port) = port.or_else(|| default_port(&scheme)) else {
            // Only an entry for any port can allow a scheme whose port is not known.
            return self.entries.iter().any(|entry| {
                matches!(entry.port, PortPattern::Any)
                    && entry.allows_scheme(&scheme)
                    && entry.host.allows(&host)
            });
        };
        self.entries
            .iter()
            .any(|entry| entry.allows_scheme(&scheme) && entry.host.allows(&host) && entry.port.allows(port))
    }

    /// Whether a request without a host, to the application itself, may be made.
    pub fn allows_self(&self, scheme: &str) -> bool {
        let scheme = scheme.to_ascii_lowercase();
        self.entries.iter().any(|entry| {
            matches!(entry.host, HostPattern::Any | HostPattern::Application) && entry.allows_scheme(&scheme)
        })
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Joins two lists: what either allows is allowed.
    pub(crate) fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }
}

/// The component that a request to `host` (without a port) is for, if it is for one of the application:
/// `<component>.spin.internal`. Whether there is such a component, and whether it may be called, is another question.
pub fn service_chaining_target(host: &str) -> Option<ComponentId> {
    // The id keeps its case, which ids may have.
    let (id, suffix) = host.split_at_checked(host.len().checked_sub(CHAINING_SUFFIX.len())?)?;
    suffix.eq_ignore_ascii_case(CHAINING_SUFFIX).then(|| id.parse().ok()).flatten()
}

/// An entry may hold a secret, so this says only how many there are.
impl fmt::Debug for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AllowedHosts({} entries)", self.entries.len())
    }
}

impl Entry {
    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
    }
}

impl HostPattern {
    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomains(suffix), Host::Domain(name)) => {
                name.strip_suffix(suffix.as_str()).is_some_and(|front| !front.is_empty())
            }
            (Self::Components(hosts), Host::Domain(name)) => hosts.contains(name),
            (Self::Exactly(allowed), host) => allowed == host,
            (Self::Network(network), Host::Ipv4(address)) => network.contains(&IpAddr::V4(*address)),
            (Self::Network(network), Host::Ipv6(address)) => network.contains(&IpAddr::V6(*address)),
            (Self::Subdomains(_) | Self::Components(_) | Self::Network(_) | Self::Application, _) => false,
        }
    }
}

impl PortPattern {
    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(allowed) => *allowed == port,
            Self::Range(range) => range.contains(&port),
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "postgres" => 5432,
        "mysql" => 3306,
        "redis" => 6379,
        "mqtt" => 1883,
        _ => return None,
    })
}

fn entry(text: &str, components: &[String]) -> Result<Entry, String> {
    if text == "insecure:allow-all" {
        return Err("version 2 of the manifest has no such entry; list the hosts, or write \"*://*:*\", \
                    which really does allow everything"
            .to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("write <scheme>://<host>[:<port>], such as \"https://api.example.com\"".to_owned());
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "*" && (scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        return Err(format!("{scheme:?} is no scheme; write one such as \"https\", or \"*\" for any"));
    }
    let (host, port) = split_port(rest)?;
    let port = match port {
        Some(port) => port_pattern(port)?,
        None => match default_port(&scheme) {
            Some(port) => PortPattern::Exactly(port),
            None => return Err(format!("{scheme:?} has no port of its own; write one, or \":*\" for any")),
        },
    };
    Ok(Entry { host: host_pattern(host, components)?, port, scheme: (scheme != "*").then_some(scheme) })
}

/// Parts the host from the port, and drops a `/` at the end, which URLs like to have.
fn split_port(rest: &str) -> Result<(&str, Option<&str>), String> {
    // A network has its own '/': what comes after it is digits and perhaps a port.
    let network_end = |text: &str| {
        let (address, after) = text.split_once('/')?;
        address.parse::<IpAddr>().ok()?;
        let bits = after.bytes().take_while(u8::is_ascii_digit).count();
        (bits > 0).then_some(address.len() + 1 + bits)
    };
    let rest = rest.trim();
    let (host, after) = match (network_end(rest), rest.starts_with('[')) {
        (Some(end), _) => rest.split_at(end),
        (None, true) => {
            let end = rest.find(']').ok_or("'[' without a ']'; write an IPv6 address as [::1]")?;
            rest.split_at(end + 1)
        }
        (None, false) => rest.split_at(rest.find([':', '/']).unwrap_or(rest.len())),
    };
    let after = after.strip_suffix('/').unwrap_or(after);
    match after.strip_prefix(':') {
        _ if after.contains('/') => {
            Err("it must have no path; leave out what comes after the host and port".to_owned())
        }
        Some("") | None if after.is_empty() || after == ":" => Ok((host, None)),
        Some(port) => Ok((host, Some(port))),
        None => Err(format!("{after:?} cannot follow the host; write <scheme>://<host>[:<port>]")),
    }
}

fn port_pattern(text: &str) -> Result<PortPattern, String> {
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u16>().ok(),
        false => None,
    };
    let refuse = || {
        format!(
            "{text:?} is no port; write a number up to 65535, a range such as 8000..9000, or \"*\" for any"
        )
    };
    if text == "*" {
        return Ok(PortPattern::Any);
    }
    match text.split_once("..") {
        Some((start, end)) => {
            let range = number(start).zip(number(end)).map(|(start, end)| start..end).ok_or_else(refuse)?;
            if range.is_empty() {
                return Err(format!("no port is in {text:?}: a range does not include its end"));
            }
            Ok(PortPattern::Range(range))
        }
        None => number(text).map(PortPattern::Exactly).ok_or_else(refuse),
    }
}

fn host_pattern(text: &str, components: &[String]) -> Result<HostPattern, String> {
    if text.is_empty() {
        return Err("the host is missing; write one, or \"*\" for any".to_owned());
    }
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    // Spin calls it `self.alt` too.
    if text.eq_ignore_ascii_case("self") || text.eq_ignore_ascii_case("self.alt") {
        return Ok(HostPattern::Application);
    }
    if text.contains('/') {
        let network: IpNet =
            text.parse().map_err(|_| format!("{text:?} is no network; write one such as 10.0.0.0/8"))?;
        return Ok(HostPattern::Network(network.trunc()));
    }
    if text.contains('@') {
        return Err("it must have no user information; leave out everything up to the '@'".to_owned());
    }
    let parse = |text: &str| Host::parse(text).map_err(|error| format!("{text:?} is no host: {error}"));
    if let Some(domain) = text.strip_prefix("*.") {
        if domain.contains('*') {
            return Err("'*' may stand only for the whole front of a name, as in *.example.com".to_owned());
        }
        return match parse(domain)? {
            Host::Domain(domain) if format!(".{domain}") == CHAINING_SUFFIX => {
                Ok(HostPattern::Components(components.to_vec()))
            }
            Host::Domain(domain) => Ok(HostPattern::Subdomains(format!(".{domain}"))),
            Host::Ipv4(_) | Host::Ipv6(_) => {
                Err("an address has no subdomains; write a name after \"*.\"".to_owned())
            }
        };
    }
    if text.contains('*') {
        return Err("'*' may stand only for the whole front of a name, as in *.example.com".to_owned());
    }
    Ok(HostPattern::Exactly(parse(text)?))
}

#[cfg(test)]
mod tests;
