//! Names of tables.

use std::fmt;
use std::str::FromStr;

/// The name of a table: an ASCII letter, then 2 to 62 ASCII letters and digits.
///
/// The rule is Azure's: <https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#table-names>.
/// It also means that a name needs no encoding in a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName(String);

impl TableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TableName {
    type Err = InvalidTableName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (3..=63).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidTableName) }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a table's name is 3 to 63 ASCII letters and digits and begins with a letter")]
pub struct InvalidTableName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_three_to_sixty_three_letters_and_digits() {
        let longest = "a".repeat(63);
        let too_long = "a".repeat(64);
        for (text, valid) in [
            ("audit", true),
            ("A1b", true),
            (longest.as_str(), true),
            ("ab", false),
            ("1ab", false),
            ("audit()", false),
            ("au/dit", false),
            ("año", false),
            (too_long.as_str(), false),
            ("", false),
        ] {
            assert_eq!(text.parse::<TableName>().is_ok(), valid, "{text}");
        }
    }
}
