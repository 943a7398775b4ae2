//! The names that a manifest gives to components and variables.

use std::{borrow::Borrow, fmt, str::FromStr};

/// The id of a component: words of letters and digits joined by single hyphens, each beginning with a letter and either
/// all lower or all upper case (Spin's "kebab id").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(String);

/// The name of a variable: lower-case letters, digits and single underscores; it begins with a letter and does not end
/// with an underscore.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(String);

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a {kind}: {problem}")]
pub struct InvalidName {
    /// What was given.
    pub name: String,
    /// "component id" or "variable name".
    pub kind: &'static str,
    /// The rule that it breaks.
    pub problem: &'static str,
}

impl ComponentId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host name that other components of the application reach this one by.
    pub fn chaining_host(&self) -> String {
        format!("{}.spin.internal", self.0)
    }
}

impl VariableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The environment variable that sets it: `SPIN_VARIABLE_` and the name in upper case.
    pub fn environment_name(&self) -> String {
        format!("SPIN_VARIABLE_{}", self.0.to_ascii_uppercase())
    }
}

impl FromStr for ComponentId {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let refuse = |problem| Err(InvalidName { name: name.to_owned(), kind: "component id", problem });
        if name.contains('_') {
            return refuse("join words with '-', not '_'");
        }
        for word in name.split('-') {
            let Some(first) = word.chars().next() else {
                return refuse("it needs a word before, after and between its hyphens");
            };
            if !first.is_ascii_alphabetic() {
                return refuse("each word between hyphens must begin with an ASCII letter");
            }
            if !word.chars().all(|c| c.is_ascii_alphanumeric()) {
                return refuse("only ASCII letters, digits and '-' may stand in it");
            }
            if word.chars().any(|c| c.is_ascii_uppercase()) && word.chars().any(|c| c.is_ascii_lowercase()) {
                return refuse("each word between hyphens must be all lower case or all upper case");
            }
        }
        Ok(Self(name.to_owned()))
    }
}

impl FromStr for VariableName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let refuse = |problem| Err(InvalidName { name: name.to_owned(), kind: "variable name", problem });
        if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return refuse("only lower-case ASCII letters, digits and '_' may stand in it");
        }
        // Each word between underscores must begin with a letter, as in Spin.
        for word in name.split('_') {
            match word.chars().next() {
                None => return refuse("it needs a word before, after and between its underscores"),
                Some(first) if !first.is_ascii_lowercase() => {
                    return refuse("each word between underscores must begin with a letter");
                }
                Some(_) => {}
            }
        }
        Ok(Self(name.to_owned()))
    }
}

macro_rules! text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // A map keyed by the name can be asked with plain text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}
text!(ComponentId, VariableName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_ids_are_kebab_case() {
        for good in ["a", "api", "my-api", "api2", "a-B2", "HTTP-api"] {
            assert_eq!(good.parse::<ComponentId>().map(|id| id.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "-", "a-", "-a", "a--b", "my_api", "2a", "a-2", "Api", "a.b", "a b", "é"] {
            assert!(bad.parse::<ComponentId>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn variable_names_are_lower_snake_case() {
        for good in ["a", "table_endpoint", "a1", "a_b_c2"] {
            assert_eq!(good.parse::<VariableName>().map(|name| name.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "_", "a_", "_a", "a__b", "A", "a-b", "1a", "a_1", "a b", "ä"] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn the_environment_name_is_upper_case_with_a_prefix() {
        let name: VariableName = "table_endpoint".parse().unwrap();
        assert_eq!(name.environment_name(), "SPIN_VARIABLE_TABLE_ENDPOINT");
    }
}
