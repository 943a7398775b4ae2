//! Tables and their rows, in the order and with the index of the real service.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};

use serde::ser::{Serialize, SerializeMap, Serializer};

/// The value of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `Edm.String`
    String(String),
    /// `Edm.Int32`
    Int(i32),
    /// `Edm.Double`
    Double(f64),
    /// `Edm.Boolean`
    Bool(bool),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::String(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_i32(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// One entity. Serialized, it is the JSON object that the Table service takes and gives (`nometadata`).
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The first part of the key; rows of one partition lie together.
    pub partition_key: String,
    /// The second part of the key, unique within the partition.
    pub row_key: String,
    /// The other properties, by name.
    pub properties: BTreeMap<String, Value>,
}

impl Row {
    /// A row without properties.
    pub fn new(partition_key: impl Into<String>, row_key: impl Into<String>) -> Self {
        Self { partition_key: partition_key.into(), row_key: row_key.into(), properties: BTreeMap::new() }
    }

    /// The same row with one property more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// The property of this name, if the row has it and it is a string.
    pub(crate) fn string(&self, name: &str) -> Option<&str> {
        match self.properties.get(name)? {
            Value::String(text) => Some(text),
            Value::Int(_) | Value::Double(_) | Value::Bool(_) => None,
        }
    }

    fn key(&self) -> (&str, &str) {
        (&self.partition_key, &self.row_key)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.properties.len() + 2))?;
        map.serialize_entry("PartitionKey", &self.partition_key)?;
        map.serialize_entry("RowKey", &self.row_key)?;
        for (name, value) in &self.properties {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A table: rows ordered by partition key and row key.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    rows: Vec<Row>,
}

/// Two rows of a table have the same keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "two rows have the partition key {partition_key:?} and the row key {row_key:?}; make one of them differ"
)]
pub struct DuplicateRow {
    /// Their partition key.
    pub partition_key: String,
    /// Their row key.
    pub row_key: String,
}

impl Table {
    /// A table of these rows, which may come in any order.
    ///
    /// # Errors
    ///
    /// [`DuplicateRow`] if two rows have the same keys.
    pub fn new(mut rows: Vec<Row>) -> Result<Self, DuplicateRow> {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        match rows.windows(2).find(|pair| pair[0].key() == pair[1].key()) {
            Some(pair) => Err(DuplicateRow {
                partition_key: pair[0].partition_key.clone(),
                row_key: pair[0].row_key.clone(),
            }),
            None => Ok(Self { rows }),
        }
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The indices of the rows whose partition key lies within the bounds.
    pub(crate) fn partitions(&self, low: Bound<&str>, high: Bound<&str>) -> Range<usize> {
        let start = match low {
            Bound::Included(low) => self.first_not(|row| row.partition_key.as_str() < low),
            Bound::Excluded(low) => self.first_not(|row| row.partition_key.as_str() <= low),
            Bound::Unbounded => 0,
        };
        let end = match high {
            Bound::Included(high) => self.first_not(|row| row.partition_key.as_str() <= high),
            Bound::Excluded(high) => self.first_not(|row| row.partition_key.as_str() < high),
            Bound::Unbounded => self.rows.len(),
        };
        start..end.max(start)
    }

    /// The index of the first row at or after these keys.
    pub(crate) fn position(&self, partition_key: &str, row_key: &str) -> usize {
        self.first_not(|row| row.key() < (partition_key, row_key))
    }

    fn first_not(&self, before: impl Fn(&Row) -> bool) -> usize {
        self.rows.partition_point(before)
    }
}

/// The tables that a service serves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Data {
    /// By name in lower case: the names of tables are case-insensitive.
    tables: BTreeMap<String, Table>,
}

impl Data {
    /// No table at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same tables and one more, or another in place of the one with this name.
    #[must_use]
    pub fn with_table(mut self, name: &str, table: Table) -> Self {
        self.tables.insert(name.to_ascii_lowercase(), table);
        self
    }

    /// The table of this name, in any case of letters.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(&name.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::new(vec![
            Row::new("b", "2"),
            Row::new("a", "1"),
            Row::new("c", "1"),
            Row::new("b", "1"),
            Row::new("a", "2"),
        ])
        .expect("the keys differ")
    }

    #[test]
    fn rows_are_ordered_by_partition_key_and_row_key() {
        let table = table();
        let keys: Vec<_> = table.rows().iter().map(Row::key).collect();
        assert_eq!(keys, [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")]);
    }

    #[test]
    fn two_rows_with_the_same_keys_are_refused() {
        let error = Table::new(vec![Row::new("a", "1"), Row::new("b", "1"), Row::new("a", "1")]).unwrap_err();
        assert_eq!(error, DuplicateRow { partition_key: "a".into(), row_key: "1".into() });
    }

    #[test]
    fn bounds_select_whole_partitions() {
        use Bound::{Excluded, Included, Unbounded};
        for (low, high, expected) in [
            (Unbounded, Unbounded, 0..5),
            (Included("b"), Included("b"), 2..4),
            (Excluded("a"), Excluded("c"), 2..4),
            (Included("aa"), Unbounded, 2..5),
            (Unbounded, Excluded("a"), 0..0),
            (Included("c"), Included("a"), 4..4),
            (Excluded("z"), Unbounded, 5..5),
        ] {
            assert_eq!(table().partitions(low, high), expected, "{low:?} {high:?}");
        }
    }

    #[test]
    fn a_row_serializes_as_the_entity_that_the_service_takes_and_gives() {
        let row = Row::new("p", "r").with("s", "text").with("i", 7).with("d", 1.0).with("b", true);
        let json = serde_json::to_string(&row).expect("a row is JSON");
        assert_eq!(json, r#"{"PartitionKey":"p","RowKey":"r","b":true,"d":1.0,"i":7,"s":"text"}"#);
    }
}
