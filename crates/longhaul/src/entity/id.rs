//! The name of an entity.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::InstanceId;

/// The longest name of an entity function, in characters.
pub const MAX_ENTITY_NAME: usize = 100;
/// The longest key of an entity, in characters. Both together are no longer than the id of an instance.
pub const MAX_ENTITY_KEY: usize = 150;

/// The name of an entity: that of its function, and a key. As a text `@name@key`.
///
/// The function's name is not case-sensitive, and stands here in lower case; the key is, and may be empty. Entities are
/// ordered by name, then key: this is the order in which they are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityId {
    name: String,
    key: String,
}

/// Why a text is no name of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not the id of an entity: {0}")]
pub struct InvalidEntityId(&'static str);

impl EntityId {
    /// The entity `key` of the entity function `name`.
    ///
    /// # Errors
    /// When the name is empty, longer than [`MAX_ENTITY_NAME`] or contains `@`, when the key is longer than
    /// [`MAX_ENTITY_KEY`], and when either contains `/`, `\`, `#`, `?` or a control character.
    pub fn new(name: &str, key: &str) -> Result<Self, InvalidEntityId> {
        let id = Self { name: name.to_lowercase(), key: key.to_owned() };
        if id.name.is_empty() {
            return Err(InvalidEntityId("the name of its function is empty"));
        }
        if id.name.contains('@') {
            return Err(InvalidEntityId("the name of its function contains '@'"));
        }
        if id.to_string().chars().any(|c| matches!(c, '/' | '\\' | '#' | '?') || c.is_control()) {
            return Err(InvalidEntityId("it contains '/', '\\', '#', '?' or a control character"));
        }
        if id.name.chars().count() > MAX_ENTITY_NAME {
            return Err(InvalidEntityId("the name of its function is longer than 100 characters"));
        }
        if key.chars().count() > MAX_ENTITY_KEY {
            return Err(InvalidEntityId("its key is longer than 150 characters"));
        }
        Ok(id)
    }

    /// The name of the entity function, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of its entities.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name under which it is stored.
    pub(crate) fn instance(&self) -> InstanceId {
        InstanceId::of_entity(self)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}@{}", self.name, self.key)
    }
}

impl From<EntityId> for String {
    fn from(id: EntityId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for EntityId {
    type Error = InvalidEntityId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::str::FromStr for EntityId {
    type Err = InvalidEntityId;

    /// Reads `@name@key`, or the same without the first `@`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('@').unwrap_or(text);
        let (name, key) = text.split_once('@').ok_or(InvalidEntityId("it is not of the form @name@key"))?;
        Self::new(name, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_names_ignore_case() {
        for (text, name, key) in [
            ("@counter@cats", "counter", "cats"),
            ("Counter@Cats", "counter", "Cats"),
            ("@counter@", "counter", ""),
            ("@c@a@b.c", "c", "a@b.c"),
        ] {
            let id: EntityId = text.parse().unwrap();
            assert_eq!((id.name(), id.key()), (name, key), "{text}");
            assert_eq!(id.to_string().parse::<EntityId>().unwrap(), id);
        }
        for text in [
            "counter",
            "@counter",
            "@@key",
            "@c@a/b",
            "@c@a\n",
            &format!("@c@{}", "k".repeat(151)),
            &format!("@{}@k", "c".repeat(101)),
        ] {
            assert!(text.parse::<EntityId>().is_err(), "{text}");
        }
    }
}
