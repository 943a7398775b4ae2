//! Texts that are never shown.

use std::fmt;

/// A text that no error, log or `Debug` output may contain. Whoever needs it says so: [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, to be sent or read and not to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it but white space.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// `text` with every occurrence of this secret, as it is and as forms and URLs encode it, replaced.
    pub fn removed_from(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let encoded: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        text.replace(&self.0, HIDDEN).replace(&encoded, HIDDEN)
    }
}

const HIDDEN: &str = "[hidden]";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_neither_by_debug_nor_by_a_text_that_quotes_it() {
        let secret = Secret::new("s3cr3t+/=");
        assert_eq!(format!("{secret:?}"), "[hidden]");
        let said = secret.removed_from("client_secret=s3cr3t%2B%2F%3D, that is s3cr3t+/=, is wrong");
        assert_eq!(said, "client_secret=[hidden], that is [hidden], is wrong");
        assert_eq!(Secret::default().removed_from("text"), "text");
    }
}
