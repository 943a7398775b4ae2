//! Ranges of partition keys, by which a scan of a table is narrowed and divided.

use std::ops::Bound;

use crate::filter::Filter;
use crate::value::quoted;

/// The partition keys between two bounds, in the service's order (ordinal).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRange {
    /// Where it begins.
    pub from: Bound<String>,
    /// Where it ends.
    pub to: Bound<String>,
}

impl PartitionRange {
    /// From one key to another, both included.
    pub fn inclusive(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: Bound::Included(from.into()), to: Bound::Included(to.into()) }
    }

    /// The condition that a row is in the range; `None` if every row is.
    pub fn filter(&self) -> Option<Filter> {
        let from = condition(&self.from, "ge", "gt");
        let to = condition(&self.to, "le", "lt");
        let whole = match (from, to) {
            (Some(from), Some(to)) => format!("{from} and {to}"),
            (from, to) => from.or(to)?,
        };
        Some(Filter::trusted(whole))
    }

    /// A filter's rows in this range.
    pub fn narrow(&self, filter: &Filter) -> Filter {
        match self.filter() {
            Some(range) => range.and(filter),
            None => filter.clone(),
        }
    }
}

fn condition(bound: &Bound<String>, included: &str, excluded: &str) -> Option<String> {
    let (operator, key) = match bound {
        Bound::Included(key) => (included, key),
        Bound::Excluded(key) => (excluded, key),
        Bound::Unbounded => return None,
    };
    Some(format!("PartitionKey {operator} {}", quoted(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_narrows_a_filter_on_the_sides_it_bounds() {
        use Bound::{Excluded, Included, Unbounded};
        let filter = Filter::new("a eq 1 or b eq 2").expect("balanced");
        let key = |key: &str| key.to_owned();
        let cases = [
            (
                Included(key("a")),
                Included(key("b")),
                "(PartitionKey ge 'a' and PartitionKey le 'b') and (a eq 1 or b eq 2)",
            ),
            (
                Excluded(key("it's")),
                Excluded(key("b")),
                "(PartitionKey gt 'it''s' and PartitionKey lt 'b') and (a eq 1 or b eq 2)",
            ),
            (Included(key("")), Unbounded, "(PartitionKey ge '') and (a eq 1 or b eq 2)"),
            (Unbounded, Excluded(key("b")), "(PartitionKey lt 'b') and (a eq 1 or b eq 2)"),
            (Unbounded, Unbounded, "a eq 1 or b eq 2"),
        ];
        for (from, to, expected) in cases {
            assert_eq!(PartitionRange { from, to }.narrow(&filter).as_str(), expected);
        }
    }
}
