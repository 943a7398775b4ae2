//! What to ask a table for.

use crate::filter::Filter;
use crate::table_name::TableName;

/// A query of one table. The service answers it in pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The table.
    pub table: TableName,
    /// Which rows; all of them without it.
    pub filter: Option<Filter>,
    /// Which properties; all of them if empty.
    pub select: Vec<String>,
    /// At most how many rows a page has, 1 to 1,000. It does not limit the number of pages.
    pub top: Option<u32>,
}

impl Query {
    /// Everything in a table.
    pub fn new(table: TableName) -> Self {
        Self { table, filter: None, select: Vec::new(), top: None }
    }

    /// Only these rows.
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Self { filter: Some(filter), ..self }
    }

    /// Only these properties.
    #[must_use]
    pub fn select<T: Into<String>>(self, properties: impl IntoIterator<Item = T>) -> Self {
        Self { select: properties.into_iter().map(Into::into).collect(), ..self }
    }

    /// At most this many rows a page.
    #[must_use]
    pub fn top(self, rows: u32) -> Self {
        Self { top: Some(rows), ..self }
    }
}
