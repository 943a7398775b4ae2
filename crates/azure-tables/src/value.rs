//! Typed values, and how a filter spells them.

use std::fmt::Write as _;

use jiff::Timestamp;
use uuid::Uuid;

use crate::filter::FilterError;

/// A value of one of the types that a table's property can have. There is no null: a filter cannot ask for it, and an
/// entity has it by not having the property.
///
/// <https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities#constructing-filter-strings>
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `Edm.String`.
    Text(String),
    /// `Edm.Boolean`.
    Bool(bool),
    /// `Edm.Int32`.
    Int32(i32),
    /// `Edm.Int64`.
    Int64(i64),
    /// `Edm.Double`; in a filter it must be finite.
    Double(f64),
    /// `Edm.DateTime`, which the service keeps in steps of 100 ns; what is finer is cut off.
    DateTime(Timestamp),
    /// `Edm.Guid`.
    Guid(Uuid),
    /// `Edm.Binary`.
    Binary(Vec<u8>),
}

impl Value {
    /// The value as a filter spells it.
    ///
    /// # Errors
    ///
    /// [`FilterError::NotFinite`] for an infinite number or NaN.
    pub fn literal(&self) -> Result<String, FilterError> {
        Ok(match self {
            Self::Text(text) => quoted(text),
            Self::Bool(value) => value.to_string(),
            Self::Int32(number) => number.to_string(),
            Self::Int64(number) => format!("{number}L"),
            // Not `Display`: a double keeps a point or an exponent, else it would be read as an integer.
            Self::Double(number) if number.is_finite() => format!("{number:?}"),
            Self::Double(_) => return Err(FilterError::NotFinite),
            Self::DateTime(time) => format!("datetime'{}'", date_time(*time)),
            Self::Guid(guid) => format!("guid'{}'", guid.hyphenated()),
            Self::Binary(bytes) => format!("X'{}'", hexadecimal(bytes)),
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A text between quotes, with every quote in it doubled, so that none ends it early.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Microseconds always, as the SDK writes them; one digit more only where there is something to say.
pub(crate) fn date_time(time: Timestamp) -> String {
    let text = format!("{time:.7}");
    match text.strip_suffix("0Z") {
        Some(microseconds) => format!("{microseconds}Z"),
        None => text,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_spelt_in_its_own_way() {
        let time = |text: &str| Value::DateTime(text.parse().expect("a timestamp"));
        let cases = [
            (Value::from("it's"), "'it''s'"),
            (Value::Bool(true), "true"),
            (Value::Int32(i32::MIN), "-2147483648"),
            (Value::Int64(1), "1L"),
            (Value::Double(1.0), "1.0"),
            (Value::Double(-0.5), "-0.5"),
            (Value::Double(1e300), "1e300"),
            (time("2021-10-10T08:49:37+02:00"), "datetime'2021-10-10T06:49:37.000000Z'"),
            (time("2021-10-10T08:49:37.1234567Z"), "datetime'2021-10-10T08:49:37.1234567Z'"),
            (time("2021-10-10T08:49:37.000000099Z"), "datetime'2021-10-10T08:49:37.000000Z'"),
            (Value::Guid(Uuid::nil()), "guid'00000000-0000-0000-0000-000000000000'"),
            (Value::Binary(vec![0, 0xaf]), "X'00af'"),
            (Value::Binary(Vec::new()), "X''"),
        ];
        for (value, expected) in cases {
            assert_eq!(value.literal().as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_number_that_is_not_finite_has_no_spelling() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Value::Double(number).literal(), Err(FilterError::NotFinite));
        }
    }
}
