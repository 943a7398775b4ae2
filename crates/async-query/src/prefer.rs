//! What a client prefers (RFC 7240).

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};

use public_address::header_list;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Where an answer says which preferences it went by (RFC 7240, section 3).
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Whether the client asks for 202 instead of the result (section 4.1).
pub(crate) fn respond_async(headers: &HeaderMap) -> bool {
    value(headers, "respond-async").is_some_and(|value| value.is_empty())
}

/// How long the client is ready to wait for the answer (section 4.3), at most `longest`.
///
/// Anything but a whole number of seconds is no preference, as the RFC has it for what a server does not know.
pub(crate) fn wait(headers: &HeaderMap, longest: Duration) -> Option<Duration> {
    let seconds = value(headers, "wait")?;
    if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number too large to hold is certainly longer than `longest`.
    Some(seconds.parse().map_or(longest, Duration::from_secs).min(longest))
}

/// The value of the first preference called `name`; empty if it has none. A repeated preference counts once.
fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    header_list::elements(headers, PREFER)
        .iter()
        .filter_map(|element| element.first())
        .find(|(preference, _)| *preference == name)
        .map(|(_, value)| value.to_owned())
}
