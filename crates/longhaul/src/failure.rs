//! Failures of activities and orchestrations, and what of them the public may see.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::json::Json;
use crate::payload::INLINE_LIMIT;

/// Why an activity or an orchestration failed, as it is stored and handed on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure, for programs: a short name such as `TableNotFound`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong and what to do, for people.
    pub message: String,
    /// Whether trying again may help.
    #[serde(default = "yes")]
    pub retriable: bool,
    /// Anything more, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Json>,
}

fn yes() -> bool {
    true
}

impl Failure {
    /// A failure that trying again may mend.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), retriable: true, details: None }
    }

    /// A failure that will come again however often it is tried.
    pub fn permanent(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retriable: false, ..Self::new(kind, message) }
    }

    /// The same failure, small enough to stand in a record: a long message is cut, long details are left out.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let cut = |text: &mut String, most: usize| {
            if let Some((end, _)) = text.char_indices().nth(most) {
                text.truncate(end);
                text.push('…');
            }
        };
        cut(&mut self.kind, 200);
        cut(&mut self.message, 8000);
        self.details =
            self.details.and_then(Json::unless_null).filter(|details| details.text().len() <= INLINE_LIMIT);
        self
    }

    /// The message with nothing in it that the public may not see: see [`public_text`].
    pub fn public_message(&self) -> String {
        public_text(&self.message)
    }
}

/// `what` does not have the JSON shape that is expected of it. How it differs may quote it, so that is in the details.
pub(crate) fn malformed(kind: &str, what: String, error: &serde_json::Error) -> Failure {
    let message = format!("{what} does not have the expected shape");
    Failure { details: Json::of(&error.to_string()).ok(), ..Failure::permanent(kind, message) }
}

/// The longest public message, in characters.
const PUBLIC_LENGTH: usize = 500;

/// `message` without what the public may not see: only its first line (what follows may be a stack trace), with
/// addresses, credentials and long encoded values replaced by a word in brackets, and of a bounded length.
///
/// It is the second line of defence: the messages of this project's own failures contain no credentials, and of addresses
/// those that an operator must know.
pub fn public_text(message: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
        [
            // scheme://…, up to white space or a quote
            (r#"(?i)\b[a-z][a-z0-9+.-]*://[^\s'"<>]+"#, "[address]"),
            // Name=value pairs of connection strings and signatures, and bearer tokens
            (
                r#"(?i)\b(account_?key|account_?name|shared_?access_?signature|shared_?access_?key|table_?endpoint|endpoint|sig|signature|secret|password|pwd|token|api_?key|code|client_?secret|id)\s*=\s*[^\s;&,'"]+"#,
                "$1=[hidden]",
            ),
            (r"(?i)\b(bearer|sharedkey|sharedkeylite|basic)\s+[A-Za-z0-9+/=_.:~-]{4,}", "$1 [hidden]"),
            // IPv4 with an optional port, bracketed IPv6
            (r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b", "[address]"),
            (r"\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\](:\d+)?", "[address]"),
            // host names with a port, and hosts of the platform's own
            (r"(?i)\b(localhost|[a-z0-9-]+(\.[a-z0-9-]+)*):\d{2,5}\b", "[address]"),
            (r"(?i)\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(internal|local|windows\.net|azure\.net|azconfig\.io|azure\.com|azure\.cn|chinacloudapi\.cn|usgovcloudapi\.net)\b", "[address]"),
            // long encoded values: keys, hashes, tokens
            (r"[A-Za-z0-9+/_-]{40,}={0,2}", "[hidden]"),
            // paths of files on the machine
            (r"(^|[\s('\x22])/(?:[\w.-]+/)+[\w.-]+(:\d+)*", "$1[path]"),
        ]
        .map(|(pattern, with)| (Regex::new(pattern).expect("the pattern is well-formed"), with))
        .into()
    });
    let first = message.lines().next().unwrap_or_default().trim();
    let mut text = first.to_owned();
    for (pattern, with) in RULES.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    match text.char_indices().nth(PUBLIC_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_sees_no_credentials_addresses_or_traces() {
        for (message, public) in [
            ("Set the variable table_connection_string.", "Set the variable table_connection_string."),
            ("The table 'audit' does not exist.", "The table 'audit' does not exist."),
            ("bad filter: CertNumber ne ''", "bad filter: CertNumber ne ''"),
            ("boom\n   at main.rs:12\n   at lib.rs", "boom"),
            ("GET https://acc.table.core.windows.net/audit()?sig=abc failed", "GET [address] failed"),
            ("cannot reach 10.0.0.7:10002", "cannot reach [address]"),
            ("cannot reach [::1]:10002", "cannot reach [address]"),
            ("cannot reach localhost:8080 now", "cannot reach [address] now"),
            ("no answer from activity.spin.internal", "no answer from [address]"),
            (
                "bad AccountName=me;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6==;",
                "bad AccountName=[hidden];AccountKey=[hidden];",
            ),
            ("token=abc&x=1", "token=[hidden]&x=1"),
            ("sent Bearer eyJhbGciOi.eyJzdWIi.c2ln", "sent Bearer [hidden]"),
            ("sent SharedKey acc:c2lnbmF0dXJl=", "sent SharedKey [hidden]"),
            (
                "key Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq+K1SZFPTOtr==",
                "key [hidden]",
            ),
            ("panicked at /home/me/src/lib.rs:3:4", "panicked at [path]"),
            ("", ""),
        ] {
            assert_eq!(public_text(message), public, "{message}");
        }
    }

    #[test]
    fn a_public_message_is_bounded() {
        let text = public_text(&"word ".repeat(1000));
        assert!(text.chars().count() <= PUBLIC_LENGTH + 1);
    }
}
