//! JSON as it was written: inputs, outputs and details travel through the engine without being taken apart.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One JSON value, kept as its text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of `value`.
    ///
    /// # Errors
    /// When `value` has no JSON form (a map with keys that are not strings, a failing `Serialize`).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// Checks that `text` is one JSON value and keeps it.
    ///
    /// # Errors
    /// When it is not.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Box<RawValue>>(text).map(Self)
    }

    /// A text, as JSON.
    pub fn text_of(text: &str) -> Self {
        Self::of(text).expect("a text has a JSON form")
    }

    /// The value `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The value, or None for `null`: where there may be none, a record has nothing else for `null`.
    pub(crate) fn unless_null(self) -> Option<Self> {
        (self.text() != "null").then_some(self)
    }

    /// The text, as a value that serialises as it is.
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// The value as a Rust type.
    ///
    /// # Errors
    /// When the JSON does not have the shape of `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

/// Two values are equal when they mean the same JSON: white space and the order of members do not count.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
            || match (self.to::<serde_json::Value>(), other.to::<serde_json::Value>()) {
                (Ok(mine), Ok(theirs)) => mine == theirs,
                _ => false,
            }
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::null()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::of(&value).expect("a JSON value always has a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_by_meaning_and_keep_their_text() {
        let one = Json::parse(r#"{"a": 1, "b": [true]}"#).unwrap();
        let other = Json::parse(r#"{"b":[true],"a":1}"#).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.text(), r#"{"a": 1, "b": [true]}"#);
        assert_ne!(one, Json::null());
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in ["", "{", "1 2", "nul"] {
            assert!(Json::parse(text).is_err(), "{text:?}");
        }
    }
}
