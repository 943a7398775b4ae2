//! What an entity is known by: its keys, and the tag of the version that was read.

use std::fmt;
use std::str::FromStr;

use percent_encoding::utf8_percent_encode;

use crate::request::ENCODED;
use crate::value::quoted;

/// The two keys that are an entity's name in its table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey {
    partition_key: String,
    row_key: String,
}

impl EntityKey {
    /// The entity of this partition and row. Either may be empty.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if one has a character that keys may not have: `/`, `\`, `#`, `?` and control characters.
    /// <https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#characters-disallowed-in-key-fields>
    pub fn new(partition_key: impl Into<String>, row_key: impl Into<String>) -> Result<Self, InvalidKey> {
        let (partition_key, row_key) = (partition_key.into(), row_key.into());
        for (name, key) in [("PartitionKey", &partition_key), ("RowKey", &row_key)] {
            let forbidden = |c: &char| matches!(c, '/' | '\\' | '#' | '?') || c.is_control();
            if let Some(character) = key.chars().find(forbidden) {
                return Err(InvalidKey { name, character });
            }
        }
        Ok(Self { partition_key, row_key })
    }

    /// The partition.
    pub fn partition_key(&self) -> &str {
        &self.partition_key
    }

    /// The row in the partition.
    pub fn row_key(&self) -> &str {
        &self.row_key
    }

    /// `(PartitionKey='…',RowKey='…')`, as a path has it.
    pub(crate) fn in_path(&self) -> String {
        let encoded = |key: &str| utf8_percent_encode(&quoted(key), ENCODED).to_string();
        format!("(PartitionKey={},RowKey={})", encoded(&self.partition_key), encoded(&self.row_key))
    }
}

/// A text that cannot be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {name} contains {character:?}; the Table service allows no / \\ # ? and no control characters in keys"
)]
pub struct InvalidKey {
    /// Which key.
    pub name: &'static str,
    /// The first character that is not allowed.
    pub character: char,
}

/// The tag of one version of an entity; each change gives it another. What it contains is the service's own affair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// The tag as the service writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ETag {
    type Err = InvalidETag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A bare `*` would mean any version, which is a different wish.
        let valid = text != "*" && !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidETag) }
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be an entity's tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entity's tag is a text of visible ASCII as the service gave it, and not *")]
pub struct InvalidETag;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_and_their_quotes_doubled() {
        for (partition, row, path) in [
            ("2021-10-10", "1", "(PartitionKey=%272021-10-10%27,RowKey=%271%27)"),
            ("O'Neill", "", "(PartitionKey=%27O%27%27Neill%27,RowKey=%27%27)"),
            ("a b%20", "ñ,=&", "(PartitionKey=%27a%20b%2520%27,RowKey=%27%C3%B1%2C%3D%26%27)"),
        ] {
            assert_eq!(EntityKey::new(partition, row).map(|key| key.in_path()).as_deref(), Ok(path));
        }
    }

    #[test]
    fn characters_that_the_service_forbids_are_refused() {
        for character in ['/', '\\', '#', '?', '\t', '\n', '\u{0}', '\u{7f}', '\u{85}'] {
            let text = format!("a{character}b");
            assert_eq!(EntityKey::new(&text, "r"), Err(InvalidKey { name: "PartitionKey", character }));
            assert_eq!(EntityKey::new("p", text), Err(InvalidKey { name: "RowKey", character }));
        }
    }

    #[test]
    fn a_tag_can_be_sent_back() {
        for (text, valid) in [("W/\"datetime'2021'\"", true), ("*", false), ("", false), ("a\r\nb", false)] {
            assert_eq!(text.parse::<ETag>().is_ok(), valid, "{text}");
        }
    }
}
