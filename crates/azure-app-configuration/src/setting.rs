//! Settings: by which key and label they are found, and what is in them.

use std::fmt;

use azure_core::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The content type of a setting that refers to a secret in Key Vault, without parameters.
pub const REFERENCE_TYPE: &str = "application/vnd.microsoft.appconfig.keyvaultref+json";

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Less than any URI may have; App Configuration itself allows about 10,000 characters.
const LONGEST_TARGET: usize = 32 * 1024;

const API_VERSION: &str = "2023-11-01";

/// Key and label, which together name a setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SettingKey {
    key: String,
    label: Option<String>,
}

impl SettingKey {
    /// The setting of this key with this label; an empty one means the setting without a label.
    ///
    /// # Errors
    ///
    /// [`InvalidSettingKey`] if the key is empty, `.` or `..`, which App Configuration does not allow, or both are
    /// longer than can be sent.
    pub fn new(key: &str, label: &str) -> Result<Self, InvalidSettingKey> {
        if matches!(key, "" | "." | "..") {
            return Err(InvalidSettingKey);
        }
        let this = Self { key: key.to_owned(), label: (!label.is_empty()).then(|| label.to_owned()) };
        if this.target().len() > LONGEST_TARGET { Err(InvalidSettingKey) } else { Ok(this) }
    }

    /// Path and query of a request for it.
    pub fn target(&self) -> String {
        let encoded = |text| utf8_percent_encode(text, ENCODED);
        let target = format!("/kv/{}?api-version={API_VERSION}", encoded(&self.key));
        match &self.label {
            Some(label) => format!("{target}&label={}", encoded(label)),
            None => target,
        }
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.label {
            Some(label) => write!(f, "{} (label {label})", self.key),
            None => write!(f, "{} (no label)", self.key),
        }
    }
}

/// A text that cannot be a setting's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a setting's key must not be empty, . or .., nor longer than 10,000 characters")]
pub struct InvalidSettingKey;

/// What is in a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value, which may well be a secret.
    pub value: Secret,
    /// What the value is; empty if nobody said.
    pub content_type: String,
}

impl Setting {
    /// The address of the secret in Key Vault that the setting refers to; `None` if its value is a plain one.
    ///
    /// # Errors
    ///
    /// [`UnreadableSetting::Reference`] if it is said to refer to one and does not.
    pub fn reference(&self) -> Result<Option<String>, UnreadableSetting> {
        #[derive(Deserialize)]
        struct Reference {
            uri: String,
        }
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(REFERENCE_TYPE) {
            return Ok(None);
        }
        serde_json::from_str(self.value.expose())
            .map(|Reference { uri }| Some(uri))
            .map_err(|_| UnreadableSetting::Reference)
    }
}

/// Reads the answer to a request for a setting.
///
/// # Errors
///
/// [`UnreadableSetting::Json`] if it is none.
pub fn read_setting(body: &[u8]) -> Result<Setting, UnreadableSetting> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "key")]
        _key: IgnoredAny,
        value: Option<String>,
        content_type: Option<String>,
    }
    let Answer { value, content_type, .. } =
        serde_json::from_slice(body).map_err(|_| UnreadableSetting::Json)?;
    Ok(Setting {
        value: Secret::new(value.unwrap_or_default()),
        content_type: content_type.unwrap_or_default(),
    })
}

/// Why an answer is no setting, or a setting not what it says. It quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableSetting {
    /// The answer is not a setting in JSON.
    #[error("it is not a setting in JSON")]
    Json,
    /// The value is said to be a reference to Key Vault, and is none.
    #[error("its content type says that it refers to Key Vault, and its value is not {{\"uri\": …}}")]
    Reference,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_content_type_makes_a_reference() {
        let uri = "https://v.vault.azure.net/secrets/s";
        let json = format!("{{\"uri\":\"{uri}\"}}");
        let found = Ok(Some(uri.to_owned()));
        for (content_type, value, expected) in [
            (format!("{REFERENCE_TYPE};charset=utf-8"), json.as_str(), found.clone()),
            (REFERENCE_TYPE.to_owned(), &json, found.clone()),
            (format!("{} ; charset=UTF-8", REFERENCE_TYPE.to_uppercase()), &json, found),
            ("application/json".to_owned(), &json, Ok(None)),
            (String::new(), &json, Ok(None)),
            (REFERENCE_TYPE.to_owned(), uri, Err(UnreadableSetting::Reference)),
            (REFERENCE_TYPE.to_owned(), "{}", Err(UnreadableSetting::Reference)),
        ] {
            let setting = Setting { value: Secret::new(value), content_type };
            assert_eq!(setting.reference(), expected, "{setting:?}");
        }
    }

    #[test]
    fn an_answer_has_a_value_or_null() {
        for (body, expected) in [
            (
                r#"{"etag":"e","key":"k","label":null,"content_type":"t","value":"v","tags":{}}"#,
                Ok(("v", "t")),
            ),
            (r#"{"key":"k","value":null,"content_type":null}"#, Ok(("", ""))),
            (r#"{"value":"v"}"#, Err(UnreadableSetting::Json)),
            (r#"{"items":[]}"#, Err(UnreadableSetting::Json)),
            ("", Err(UnreadableSetting::Json)),
        ] {
            let setting = read_setting(body.as_bytes());
            let found = setting.as_ref().map(|s| (s.value.expose(), s.content_type.as_str()));
            assert_eq!(found, expected.as_ref().map(|pair| *pair), "{body}");
        }
    }
}
