//! What a deployment decides, from the component's variables.

use std::time::Duration;

use http::request::Parts;
use jiff::{Span, SpanRelativeTo};
use public_address::NoBaseUri;
use thiserror::Error;

use crate::keys::Keys;
use crate::links::Links;

/// How long links are good for unless the variable `link_lifetime` says otherwise.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The variables, as they are written. What is empty is not set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variables<'a> {
    /// `management_key`: the key that opens the API, and that signs. Without any key the API is closed.
    pub management_key: &'a str,
    /// `management_key_secondary`: another that does, so that keys can be replaced without a gap.
    pub management_key_secondary: &'a str,
    /// `link_lifetime`: for how long links are good, such as `7d` or `12h`. Days have 24 hours.
    pub link_lifetime: &'a str,
    /// `public_base_url`: under which scheme and host clients reach the application, if not those of their requests.
    pub public_base_url: &'a str,
    /// `trust_forwarded_headers`: whether `Forwarded` and `X-Forwarded-*` say what clients asked for.
    pub trust_forwarded_headers: &'a str,
}

/// What a deployment decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The keys that open the API.
    pub keys: Keys,
    /// For how long links are good.
    pub link_lifetime: Duration,
    /// Under which address clients know the application.
    pub address: public_address::Settings,
}

/// A variable has a value with which the API cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidSettings {
    /// The variable `link_lifetime` is no duration.
    #[error("the variable link_lifetime is {0:?}: write a duration such as 7d or 12h")]
    LinkLifetime(String),
    /// A variable of the public address is malformed.
    #[error(transparent)]
    Address(#[from] public_address::InvalidSettings),
}

/// Why there are no links.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoLinks {
    /// No key is set: there is nothing to sign with, and the API would not answer either.
    #[error("the management API is closed: set the variable management_key")]
    Closed,
    /// The request does not say in a usable way which host it was sent to.
    #[error(transparent)]
    NoBaseUri(#[from] NoBaseUri),
}

impl Settings {
    /// Reads the variables.
    ///
    /// # Errors
    /// Names the one that is malformed.
    pub fn from_variables(variables: &Variables<'_>) -> Result<Self, InvalidSettings> {
        let Variables { public_base_url, trust_forwarded_headers, .. } = variables;
        Ok(Self {
            keys: Keys::new([variables.management_key, variables.management_key_secondary]),
            link_lifetime: lifetime(variables.link_lifetime)?,
            address: public_address::Settings::from_variables(public_base_url, trust_forwarded_headers)?,
        })
    }

    /// What makes links to the instances of the task hub `hub`, under the address that `request` was sent to.
    ///
    /// # Errors
    /// When the API is closed, or the request does not name a host.
    pub fn links(&self, hub: &str, request: &Parts) -> Result<Links, NoLinks> {
        if self.keys.is_empty() {
            return Err(NoLinks::Closed);
        }
        Ok(Links {
            keys: self.keys.clone(),
            lifetime: self.link_lifetime,
            hub: hub.to_owned(),
            base: public_address::of_request(request, &self.address)?,
        })
    }
}

fn lifetime(text: &str) -> Result<Duration, InvalidSettings> {
    if text.is_empty() {
        return Ok(DEFAULT_LIFETIME);
    }
    let span = text.parse::<Span>().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| InvalidSettings::LinkLifetime(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_and_anything_else_is_refused() {
        for (text, hours) in [("", 168), ("7d", 168), ("1d 12h", 36), ("90m", 1), ("P1D", 24)] {
            assert_eq!(lifetime(text).map(|lifetime| lifetime.as_secs() / 3600), Ok(hours), "{text}");
        }
        for text in ["7", "0s", "-1d", "soon", "1 month"] {
            let error = lifetime(text).unwrap_err().to_string();
            assert!(error.contains("write a duration such as 7d"), "{error}");
        }
    }

    #[test]
    fn without_a_key_there_are_no_links() {
        let request = http::Request::get("/").body(()).unwrap().into_parts().0;
        let settings = Settings::from_variables(&Variables::default()).unwrap();
        assert_eq!(settings.links("hub", &request).unwrap_err(), NoLinks::Closed);
        let variables = Variables { management_key_secondary: "k", ..Variables::default() };
        let settings = Settings::from_variables(&variables).unwrap();
        assert_eq!(settings.links("hub", &request).unwrap_err(), NoBaseUri::Missing.into());
    }
}
