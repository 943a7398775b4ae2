//! How many different values a property has in the rows of a query, without keeping the rows.

mod segment;
mod texts;

use std::borrow::Cow;
use std::fmt;
use std::ops::{AddAssign, SubAssign};

use indexmap::IndexSet;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::client::TableClient;
use crate::error::Error;
use crate::page::{Page, UnreadablePage};
use crate::query::Query;
use crate::scan::split;
use azure_core::{Clock, HttpClient};
use segment::Saved;
use texts::Texts;

pub use segment::NewValues;

/// The property by whose values rows lie together.
pub(crate) const PARTITION_KEY: &str = "PartitionKey";

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
///
/// In WebAssembly a text takes its own bytes and 7 to 13 more: five million numbers of ten digits take 100 MB. Saved
/// as JSON ([`DistinctValues::new_values`]) it takes its own bytes and three more.
#[derive(Debug, Clone, Default)]
pub struct DistinctValues {
    texts: Texts,
    integers: IndexSet<i128>,
    /// By their bits.
    fractions: IndexSet<u64>,
    has_true: bool,
    has_false: bool,
    saved: Saved,
}

impl DistinctValues {
    /// Adds the values of a column in a page, and returns how many rows have none.
    ///
    /// # Errors
    ///
    /// [`UnreadablePage`] if a value is an array or an object, which a table's properties cannot be.
    pub fn add(&mut self, page: &Page, column: &str) -> Result<u64, UnreadablePage> {
        let mut without_value = 0;
        page.for_each(Row { column }, |KeyedCell { cell, .. }| {
            if cell == Cell::Nothing {
                without_value += 1;
            } else {
                self.insert(cell);
            }
        })?;
        Ok(without_value)
    }

    /// Adds the values of a column in a page, of the rows whose partition key is less than `before`, if it is given.
    pub(crate) fn add_before(
        &mut self,
        page: &Page,
        column: &str,
        before: Option<&str>,
    ) -> Result<Added, UnreadablePage> {
        let mut added = Added::default();
        page.for_each(Row { column }, |KeyedCell { key, cell }| {
            if let Some(key) = key {
                if before.is_some_and(|before| key.as_ref() >= before) {
                    added.goes_beyond = true;
                    return;
                }
                added.see(&key);
            }
            added.rows.rows += 1;
            added.rows_at_greatest.rows += 1;
            if cell == Cell::Nothing {
                added.rows.without_value += 1;
                added.rows_at_greatest.without_value += 1;
            } else {
                self.insert(cell);
            }
        })?;
        Ok(added)
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

    /// How many bytes are allocated for the values, about.
    pub fn allocated(&self) -> usize {
        let numbers = self.integers.capacity() * 40 + self.fractions.capacity() * 24;
        self.texts.allocated() + numbers
    }

    fn insert(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Nothing => {}
            Cell::Text(text) => self.texts.insert(&text),
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

/// Some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rows {
    pub(crate) rows: u64,
    pub(crate) without_value: u64,
}

impl Rows {
    /// Not more than `most` of any.
    pub(crate) fn bounded(self, most: u64) -> Self {
        Self { rows: self.rows.min(most), without_value: self.without_value.min(most) }
    }
}

impl AddAssign for Rows {
    fn add_assign(&mut self, more: Self) {
        self.rows += more.rows;
        self.without_value += more.without_value;
    }
}

impl SubAssign for Rows {
    /// Not below zero: a cursor from outside may say anything.
    fn sub_assign(&mut self, fewer: Self) {
        self.rows = self.rows.saturating_sub(fewer.rows);
        self.without_value = self.without_value.saturating_sub(fewer.without_value);
    }
}

/// What a page added to a set, and how far it got.
#[derive(Debug, Default)]
pub(crate) struct Added {
    pub(crate) rows: Rows,
    /// The greatest partition key, if partition keys were selected.
    pub(crate) greatest: Option<String>,
    /// Those of the rows that have that key; all of them if keys were not selected.
    pub(crate) rows_at_greatest: Rows,
    /// Whether some rows were left out.
    pub(crate) goes_beyond: bool,
    /// Whether there are keys of which it is not clear how the service orders them.
    pub(crate) is_unclear: bool,
}

impl Added {
    fn see(&mut self, key: &str) {
        match &self.greatest {
            Some(greatest) if greatest == key => {}
            Some(greatest) if greatest.as_str() > key => {
                // Out of order: what has been seen of it before is not known.
                self.is_unclear = true;
            }
            _ => {
                self.is_unclear |= !split::is_clear(key);
                self.greatest = Some(key.to_owned());
                self.rows_at_greatest = Rows::default();
            }
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

/// A value, and the row's partition key, if that was selected.
struct KeyedCell<'a> {
    key: Option<Cow<'a, str>>,
    cell: Cell<'a>,
}

/// Reads one column of an entity, and its partition key, and passes over the others.
#[derive(Clone, Copy)]
struct Row<'c> {
    column: &'c str,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = KeyedCell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<KeyedCell<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = KeyedCell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeyedCell<'de>, A::Error> {
        let (mut key, mut cell) = (None, Cell::Nothing);
        while let Some(name) = map.next_key_seed(NameOf(self.column))? {
            if name.is_key {
                let Cell::Text(text) = map.next_value_seed(AnyCell)? else {
                    return Err(A::Error::custom("a partition key is a text"));
                };
                if name.is_column {
                    cell = Cell::Text(text.clone());
                }
                key = Some(text);
            } else if name.is_column {
                cell = map.next_value_seed(AnyCell)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(KeyedCell { key, cell })
    }
}

/// Compares a property's name without copying it.
struct NameOf<'c>(&'c str);

struct Name {
    is_key: bool,
    is_column: bool,
}

impl<'de> DeserializeSeed<'de> for NameOf<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameOf<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(Name { is_key: name == PARTITION_KEY, is_column: name == self.0 })
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
