//! Conditions put together from typed values.

use crate::entity::{InvalidProperty, is_property_name};
use crate::filter::{Filter, FilterError};
use crate::value::Value;

/// A property to compare, `PartitionKey`, `RowKey` and `Timestamp` among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property(String);

/// How a property is compared with a value. A row that lacks the property, or has it with another type, does not meet
/// the comparison, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

impl Property {
    /// The property of this name.
    ///
    /// # Errors
    ///
    /// [`InvalidProperty`] if no property can have it.
    pub fn new(name: &str) -> Result<Self, InvalidProperty> {
        // The words of the language would be names too, and cannot be told from it.
        let word =
            matches!(name, "and" | "or" | "not" | "eq" | "ne" | "gt" | "ge" | "lt" | "le" | "true" | "false");
        match is_property_name(name) && !word {
            true => Ok(Self(name.to_owned())),
            false => Err(InvalidProperty { name: name.to_owned() }),
        }
    }

    /// The rows in which the comparison holds.
    ///
    /// ```
    /// # use azure_tables::{Comparison, Property, Value};
    /// let filter = Property::new("name")?.is(Comparison::Ge, Value::from("O'Neill"))?;
    /// assert_eq!(filter.as_str(), "name ge 'O''Neill'");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FilterError::NotFinite`] for an infinite number or NaN.
    pub fn is(&self, comparison: Comparison, value: Value) -> Result<Filter, FilterError> {
        let operator = match comparison {
            Comparison::Eq => "eq",
            Comparison::Ne => "ne",
            Comparison::Gt => "gt",
            Comparison::Ge => "ge",
            Comparison::Lt => "lt",
            Comparison::Le => "le",
        };
        Ok(Filter::trusted(format!("{} {operator} {}", self.0, value.literal()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_typed_values_are_combined() {
        let property = |name: &str| Property::new(name).expect("a name");
        let is = |name, value| property(name).is(Comparison::Eq, value).expect("a filter");
        let filter = is("a", Value::Int64(1)).and(&is("b", Value::Bool(true)).or(&is("c", Value::from("'"))));
        assert_eq!(filter.as_str(), "(a eq 1L) and ((b eq true) or (c eq ''''))");
        assert_eq!(is("a", Value::Int32(1)).negated().as_str(), "not (a eq 1)");
        let not_finite = property("a").is(Comparison::Lt, Value::Double(f64::NAN));
        assert_eq!(not_finite, Err(FilterError::NotFinite));
    }

    #[test]
    fn a_name_cannot_change_the_meaning() {
        for name in ["", "a b", "a eq 1 or b", "1a", "a'", "not", "and", &"a".repeat(256)] {
            assert!(Property::new(name).is_err(), "{name}");
        }
        for name in ["PartitionKey", "RowKey", "Timestamp", "_a1", "ñ", "Not"] {
            assert!(Property::new(name).is_ok(), "{name}");
        }
    }
}
