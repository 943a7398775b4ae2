//! What an authority or a managed identity answers.

use azure_core::{AccessToken, Fresh, Timestamp};
use serde::Deserialize;

/// How long before its end a token is renewed: a tenth of its life, and five minutes at most.
const EARLIEST_RENEWAL: i64 = 300;

/// No token lives longer (a year); what says so is broken.
const LONGEST_LIFE: i64 = 366 * 24 * 3600;

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: Option<String>,
    /// When it ends, in seconds since 1970.
    expires_on: Option<Seconds>,
    /// How long it lives, in seconds.
    expires_in: Option<Seconds>,
}

/// The services write these as numbers or as strings.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Seconds {
    Number(i64),
    Fraction(f64),
    Text(String),
}

impl Seconds {
    fn read(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            // What is out of range becomes the nearest, which is refused.
            Self::Fraction(number) => number.is_finite().then_some(*number as i64),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// Reads the answer to a request for a token that was received at `now`.
///
/// # Errors
///
/// [`UnreadableToken`] if it has no token, or does not say when that ends.
pub fn read_token(body: &[u8], now: Timestamp) -> Result<Fresh<AccessToken>, UnreadableToken> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| UnreadableToken::Json)?;
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(UnreadableToken::Kind);
    }
    let now_in_seconds = now.as_second();
    let expiry = match (&answer.expires_on, &answer.expires_in) {
        (Some(on), _) if on.read().is_some() => on.read(),
        (_, Some(time)) => time.read().and_then(|time| now_in_seconds.checked_add(time)),
        _ => None,
    };
    let expiry = expiry.ok_or(UnreadableToken::NoExpiry)?;
    let life = expiry.checked_sub(now_in_seconds).unwrap_or(i64::MAX);
    if !(1..=LONGEST_LIFE).contains(&life) {
        return Err(UnreadableToken::Expiry);
    }
    let expires_at = Timestamp::from_second(expiry).map_err(|_| UnreadableToken::Expiry)?;
    let early = (life / 10).clamp(1, EARLIEST_RENEWAL);
    let renew_at = Timestamp::from_second(expiry - early).map_err(|_| UnreadableToken::Expiry)?;
    let value = AccessToken::new(&answer.access_token, expires_at).map_err(|_| UnreadableToken::Token)?;
    Ok(Fresh { value, renew_at, expires_at })
}

/// Why an answer is no token. It quotes nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableToken {
    /// It is not JSON of the known form.
    #[error("it is not JSON with an access_token")]
    Json,
    /// The token is of a kind that this crate cannot use.
    #[error("the token is not a bearer token")]
    Kind,
    /// The token cannot stand in a header.
    #[error("the token is not visible ASCII")]
    Token,
    /// It does not say when the token ends.
    #[error("it does not say when the token expires")]
    NoExpiry,
    /// The token has ended already, or is said to live for years.
    #[error("the token has expired already, or far in the future (is this machine's clock right?)")]
    Expiry,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_token_ends_is_read_from_numbers_and_strings() {
        let now = Timestamp::from_second(1_000_000).expect("a time");
        for (json, expected) in [
            // Entra ID
            (r#"{"token_type":"Bearer","expires_in":3600,"access_token":"a.b"}"#, Ok((1_003_300, 1_003_600))),
            // App Service
            (
                r#"{"access_token":"a","expires_on":"1003600","resource":"r","token_type":"Bearer"}"#,
                Ok((1_003_300, 1_003_600)),
            ),
            (r#"{"access_token":"a","expires_on":1003600}"#, Ok((1_003_300, 1_003_600))),
            (r#"{"access_token":"a","expires_on":1003600.0}"#, Ok((1_003_300, 1_003_600))),
            // IMDS
            (
                r#"{"access_token":"a","expires_in":"10","expires_on":"1000010","not_before":"1"}"#,
                Ok((1_000_009, 1_000_010)),
            ),
            (
                r#"{"access_token":"a","expires_on":"09/14/2017 00:00:00 PM +00:00","expires_in":"100"}"#,
                Ok((1_000_090, 1_000_100)),
            ),
            (r#"{"access_token":"a"}"#, Err(UnreadableToken::NoExpiry)),
            (r#"{"access_token":"a","expires_on":"soon"}"#, Err(UnreadableToken::NoExpiry)),
            (r#"{"access_token":"a","expires_on":1000000}"#, Err(UnreadableToken::Expiry)),
            (r#"{"access_token":"a","expires_in":9223372036854775807}"#, Err(UnreadableToken::NoExpiry)),
            (r#"{"access_token":"a","expires_on":9223372036854775807}"#, Err(UnreadableToken::Expiry)),
            (r#"{"access_token":"a","expires_on":-9223372036854775808}"#, Err(UnreadableToken::Expiry)),
            (r#"{"access_token":"a","expires_on":1e300}"#, Err(UnreadableToken::Expiry)),
            (r#"{"access_token":"a\nb","expires_in":10}"#, Err(UnreadableToken::Token)),
            (r#"{"access_token":"","expires_in":10}"#, Err(UnreadableToken::Token)),
            (r#"{"access_token":"a","token_type":"pop","expires_in":10}"#, Err(UnreadableToken::Kind)),
            (r#"{"expires_in":10}"#, Err(UnreadableToken::Json)),
            ("<html>", Err(UnreadableToken::Json)),
        ] {
            let read = read_token(json.as_bytes(), now);
            let read = read.map(|fresh| (fresh.renew_at.as_second(), fresh.expires_at.as_second()));
            assert_eq!(read, expected, "{json}");
        }
    }
}
