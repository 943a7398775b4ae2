//! One page of a query: which rows, and where the next page begins.

use crate::continuation::Continuation;
use crate::data::{Row, Table};
use crate::filter::{Filter, Partitions};

/// Where a page ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// After this many matched rows.
    pub rows: usize,
    /// Also where a partition ends.
    pub one_partition: bool,
    /// Before its first row, if the page before did not end so too.
    pub empty: bool,
}

/// The rows of a page. The query has more pages as long as there is a continuation.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<'a> {
    pub rows: Vec<&'a Row>,
    pub next: Option<Continuation>,
}

/// The page that begins at the continuation, or the first.
pub(crate) fn page<'a>(
    table: &'a Table,
    filter: Option<&Filter>,
    from: Option<&Continuation>,
    limits: Limits,
) -> Page<'a> {
    let Partitions { low, high } = filter.map_or(Partitions::ALL, Filter::partitions);
    let range = table.partitions(low, high);
    let start = from.map_or(range.start, |from| {
        let position = table.position(&from.partition_key, from.row_key.as_deref().unwrap_or(""));
        position.clamp(range.start, range.end)
    });
    let candidates = &table.rows()[start..range.end];

    let after_empty_page = from.is_some_and(|from| from.after_empty_page);
    let empty = limits.empty && !after_empty_page;
    let mut rows: Vec<&Row> = Vec::new();
    for (index, row) in candidates.iter().enumerate() {
        let previous = index.checked_sub(1).map(|previous| &candidates[previous]);
        let new_partition = previous.is_some_and(|previous| previous.partition_key != row.partition_key);
        if limits.one_partition && new_partition {
            let next = Continuation {
                partition_key: row.partition_key.clone(),
                row_key: None,
                after_empty_page: false,
            };
            return Page { rows, next: Some(next) };
        }
        if empty || rows.len() >= limits.rows {
            let next = Continuation {
                partition_key: row.partition_key.clone(),
                row_key: Some(row.row_key.clone()),
                after_empty_page: empty,
            };
            return Page { rows, next: Some(next) };
        }
        if filter.is_none_or(|filter| filter.matches(row)) {
            rows.push(row);
        }
    }
    Page { rows, next: None }
}
