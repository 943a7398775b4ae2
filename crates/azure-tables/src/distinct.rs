//! How many different values a property has in the rows of a query, without keeping the rows.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::client::TableClient;
use crate::error::Error;
use crate::page::{Page, UnreadablePage};
use crate::query::Query;
use azure_core::{Clock, HttpClient};

/// What a count found, and what it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DistinctCount {
    /// How many different values there are.
    pub distinct: u64,
    /// How many rows the query has.
    pub rows: u64,
    /// How many of the rows have no value there: the property is missing or null. They count as no value.
    pub rows_without_value: u64,
    /// How many pages were read.
    pub pages: u64,
    /// How many requests were sent beyond one for each page.
    pub retries: u64,
}

/// Counts the different values of a column in all rows of a query. Whatever the query selects, only this column is
/// asked for.
///
/// # Errors
///
/// Any [`Error`] but those of parsing; [`Error::BadPage`] if a value is an array or an object.
pub async fn count_distinct<H: HttpClient, C: Clock>(
    client: &TableClient<H, C>,
    query: &Query,
    column: &str,
) -> Result<DistinctCount, Error> {
    let query = query.clone().select([column]);
    let mut values = DistinctValues::default();
    let mut count = DistinctCount::default();
    let mut pages = client.query(&query);
    while let Some(page) = pages.next().await {
        let page = page?;
        count.rows += page.rows();
        count.rows_without_value += values.add(&page, column).map_err(Error::BadPage)?;
    }
    Ok(DistinctCount { distinct: values.len(), pages: pages.pages(), retries: pages.retries(), ..count })
}

/// A set of JSON values, each kept once. Values are the same if they are so as JSON: `"1"` is not `1`, and `1` is not
/// `1.0`, but `1.0` is `1.00`.
#[derive(Debug, Clone, Default)]
pub struct DistinctValues {
    texts: HashSet<Box<str>>,
    integers: HashSet<i128>,
    /// By their bits.
    fractions: HashSet<u64>,
    has_true: bool,
    has_false: bool,
}

impl DistinctValues {
    /// Adds the values of a column in a page, and returns how many rows have none.
    ///
    /// # Errors
    ///
    /// [`UnreadablePage`] if a value is an array or an object, which a table's properties cannot be.
    pub fn add(&mut self, page: &Page, column: &str) -> Result<u64, UnreadablePage> {
        let mut without_value = 0;
        page.for_each(Row { column }, |cell| {
            if cell == Cell::Nothing {
                without_value += 1;
            } else {
                self.insert(cell);
            }
        })?;
        Ok(without_value)
    }

    /// How many values there are.
    pub fn len(&self) -> u64 {
        let numbers = self.integers.len() + self.fractions.len();
        (self.texts.len() + numbers) as u64 + u64::from(self.has_true) + u64::from(self.has_false)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Nothing => {}
            // Most values have been seen before, and then nothing is allocated.
            Cell::Text(text) if self.texts.contains(text.as_ref()) => {}
            Cell::Text(text) => {
                self.texts.insert(text.into());
            }
            Cell::Integer(number) => {
                self.integers.insert(number);
            }
            Cell::Fraction(number) => {
                // -0.0 and 0.0 are equal and differ in their bits.
                self.fractions.insert(if number == 0.0 { 0 } else { number.to_bits() });
            }
            Cell::Bool(true) => self.has_true = true,
            Cell::Bool(false) => self.has_false = true,
        }
    }
}

/// A value, borrowed from the page where it has no escapes.
#[derive(Debug, PartialEq)]
enum Cell<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Integer(i128),
    Fraction(f64),
    Bool(bool),
}

/// Reads one column of an entity and passes over the others.
#[derive(Clone, Copy)]
struct Row<'c> {
    column: &'c str,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell<'de>, A::Error> {
        let mut cell = Cell::Nothing;
        while let Some(is_the_column) = map.next_key_seed(IsColumn(self.column))? {
            if is_the_column {
                cell = map.next_value_seed(AnyCell)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(cell)
    }
}

/// Compares a property's name without copying it.
struct IsColumn<'c>(&'c str);

impl<'de> DeserializeSeed<'de> for IsColumn<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsColumn<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

struct AnyCell;

impl<'de> DeserializeSeed<'de> for AnyCell {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyCell {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, a boolean or null")
    }

    fn visit_unit<E>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell<'de>, E> {
        Ok(Cell::Integer(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Cell<'de>, E> {
        if number.is_finite() { Ok(Cell::Fraction(number)) } else { Err(E::custom("number out of range")) }
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn add(values: &mut DistinctValues, rows: &str) -> Result<u64, UnreadablePage> {
        let page = Page::new(Bytes::from(format!("{{\"value\":[{rows}]}}")), None).expect("a page");
        values.add(&page, "c")
    }

    #[test]
    fn values_are_the_same_if_they_are_so_as_json() {
        let cases = [
            (r#"{"c":"a"},{"c":"a"},{"c":"A"}"#, 2, 0),
            (r#"{"c":"\u0061"},{"c":"a"}"#, 1, 0),
            (r#"{"c":"1"},{"c":1},{"c":1.0},{"c":true},{"c":"true"}"#, 5, 0),
            (r#"{"c":1.0},{"c":1.00},{"c":10e-1}"#, 1, 0),
            (r#"{"c":0.0},{"c":-0.0},{"c":-0}"#, 1, 0),
            (r#"{"c":18446744073709551615},{"c":-9223372036854775808}"#, 2, 0),
            (r#"{"c":true},{"c":false},{"c":true}"#, 2, 0),
            (r#"{"c":""},{"c":""}"#, 1, 0),
            (r#"{"c":1,"c":null},{"c":null,"c":2}"#, 1, 1),
            (r#"{"c":null},{},{"d":1},{"C":1}"#, 0, 4),
            (r#"{"d":[{"c":1}],"c":2,"e":{"c":3}}"#, 1, 0),
            ("", 0, 0),
        ];
        for (rows, distinct, without_value) in cases {
            let mut values = DistinctValues::default();
            assert_eq!(add(&mut values, rows), Ok(without_value), "{rows}");
            assert_eq!((values.len(), values.is_empty()), (distinct, distinct == 0), "{rows}");
        }
    }

    #[test]
    fn values_are_the_same_across_pages() {
        let mut values = DistinctValues::default();
        for rows in [r#"{"c":"a"},{"c":1}"#, r#"{"c":"a"},{"c":1},{"c":2}"#] {
            add(&mut values, rows).expect("scalars");
        }
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn a_value_that_no_property_can_have_is_an_error() {
        for rows in [r#"{"c":[1]}"#, r#"{"c":{}}"#, r#"{"c":"\ud800"}"#] {
            assert!(add(&mut DistinctValues::default(), rows).is_err(), "{rows}");
        }
    }
}
