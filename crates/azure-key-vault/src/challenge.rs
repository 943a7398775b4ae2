//! The challenge by which a vault says which tokens it takes: the header `WWW-Authenticate` (RFC 9110, section 11.6.1).

use azure_core::Endpoint;

/// What a vault asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scope of the tokens that the vault takes.
    pub scope: String,
    /// The tenant in which they must be made, as the authority's address says.
    pub tenant: Option<String>,
    /// The resource's authority: host, and port if it is not https's own.
    resource: String,
}

impl Challenge {
    /// Reads the header's value. Where there are several challenges, the one for bearer tokens counts.
    ///
    /// # Errors
    ///
    /// [`InvalidChallenge`] if it has no such challenge, or that lacks an authority or an https resource.
    pub fn parse(header: &str) -> Result<Self, InvalidChallenge> {
        let parameters = bearer_parameters(header).ok_or(InvalidChallenge::NoBearer)?;
        let get = |name: &str| {
            let mut all = parameters.iter();
            all.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let authority = get("authorization").or_else(|| get("authorization_uri"));
        let authority = authority.and_then(Endpoint::parse).ok_or(InvalidChallenge::NoAuthority)?;
        let tenant = authority.path().split('/').nth(1).map(str::to_owned);

        let named = get("resource").or_else(|| get("scope")).ok_or(InvalidChallenge::NoResource)?;
        let named = named.strip_suffix("/.default").unwrap_or(named);
        // A name to compare with, not a host to reach: it is taken letter by letter.
        let resource = named.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        let plain = |name: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
            !name.is_empty() && name.bytes().all(allowed)
        };
        let resource = resource.filter(plain).ok_or(InvalidChallenge::NoResource)?.to_owned();
        Ok(Self { scope: format!("{named}/.default"), tenant, resource })
    }

    /// Whether a token for this resource may go to `vault`: the vault's host must be in the resource's domain. Else
    /// anybody to whom a reference leads could ask for a token of another service.
    pub fn is_for(&self, vault: &Endpoint) -> bool {
        let vault = vault.authority().to_ascii_lowercase();
        vault.strip_suffix(&self.resource.to_ascii_lowercase()).is_some_and(|name| name.ends_with('.'))
    }
}

/// The parameters of the first challenge whose scheme is `Bearer`.
fn bearer_parameters(header: &str) -> Option<Vec<(String, String)>> {
    let mut in_bearer = false;
    let mut parameters = Vec::new();
    for part in split_outside_quotes(header) {
        let part = part.trim();
        // The first parameter of a challenge stands behind its scheme and a space.
        let (scheme, parameter) = match part.split_once(' ') {
            Some((scheme, rest)) if !scheme.contains('=') => (Some(scheme), rest.trim()),
            None if !part.contains('=') => (Some(part), ""),
            _ => (None, part),
        };
        if let Some(scheme) = scheme.filter(|scheme| !scheme.is_empty()) {
            if in_bearer {
                break;
            }
            in_bearer = scheme.eq_ignore_ascii_case("bearer");
        }
        if let Some((name, value)) = parameter.split_once('=').filter(|_| in_bearer) {
            parameters.push((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()));
        }
    }
    in_bearer.then_some(parameters)
}

/// The parts between commas that are not in quotes.
fn split_outside_quotes(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .collect()
}

/// Why a header is no challenge that can be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChallenge {
    /// It asks for something else than bearer tokens.
    #[error("it does not ask for a bearer token")]
    NoBearer,
    /// It names no authority.
    #[error("it names no authority that makes the tokens")]
    NoAuthority,
    /// It names no resource.
    #[error("it names no https resource that the tokens are for")]
    NoResource,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bearer_challenge_is_found_among_others_and_commas_in_quotes_are_text() {
        let scope = "https://vault.azure.net/.default";
        for header in [
            r#"Bearer authorization="https://l.example.org/t", resource="https://vault.azure.net""#,
            r#"bearer resource=https://vault.azure.net,authorization=https://l.example.org/t"#,
            r#"PoP nonce="a, b", Bearer realm="x, y", authorization="https://l.example.org/t", resource="https://vault.azure.net", Basic realm="z""#,
            r#"Negotiate, Bearer authorization_uri="https://l.example.org/t/oauth2/authorize", scope="https://vault.azure.net/.default""#,
        ] {
            let challenge = Challenge::parse(header).expect(header);
            assert_eq!(
                (challenge.scope.as_str(), challenge.tenant.as_deref()),
                (scope, Some("t")),
                "{header}"
            );
        }
        for (header, expected) in [
            ("", InvalidChallenge::NoBearer),
            ("Basic realm=\"x\"", InvalidChallenge::NoBearer),
            ("Bearer", InvalidChallenge::NoAuthority),
            ("Bearer resource=\"https://vault.azure.net\"", InvalidChallenge::NoAuthority),
            ("Bearer authorization=\"https://l.example.org/t\"", InvalidChallenge::NoResource),
            (
                "Bearer authorization=\"https://l.example.org/t\", resource=\"http://vault.azure.net\"",
                InvalidChallenge::NoResource,
            ),
        ] {
            assert_eq!(Challenge::parse(header), Err(expected), "{header}");
        }
    }
}
