//! `$filter`: which rows a query matches.
//!
//! The language is the part of OData 3 that the Table service takes, for the types that this service knows:
//! comparisons of a property with a constant on its right, joined with `and`, `or`, `not` and parentheses.
//! <https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities>

mod lex;
mod parse;

use std::cmp::Ordering;
use std::ops::Bound;

use crate::data::{Row, Value};

pub(crate) use parse::InvalidFilter;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    Compare(Comparison),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    pub property: String,
    pub operator: Operator,
    pub literal: Literal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    String(String),
    Int(i64),
    Double(f64),
    Bool(bool),
}

/// The partitions among which all matches lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partitions<'a> {
    pub low: Bound<&'a str>,
    pub high: Bound<&'a str>,
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, InvalidFilter> {
        parse::parse(text)
    }

    /// Whether the row matches.
    pub fn matches(&self, row: &Row) -> bool {
        match self {
            Self::Compare(comparison) => comparison.holds(row),
            Self::And(left, right) => left.matches(row) && right.matches(row),
            Self::Or(left, right) => left.matches(row) || right.matches(row),
            Self::Not(inner) => !inner.matches(row),
        }
    }

    /// Bounds on the partition keys of the matches, so that a query costs its range and not the table.
    pub fn partitions(&self) -> Partitions<'_> {
        match self {
            Self::Compare(comparison) => comparison.partitions(),
            Self::And(left, right) => left.partitions().intersect(right.partitions()),
            Self::Or(left, right) => left.partitions().hull(right.partitions()),
            Self::Not(_) => Partitions::ALL,
        }
    }
}

impl Comparison {
    /// A comparison with a property that the row lacks, or whose type is another, does not hold, not even `ne`.
    fn holds(&self, row: &Row) -> bool {
        let ordering = match (self.property.as_str(), &self.literal) {
            ("PartitionKey", Literal::String(text)) => Some(row.partition_key.as_str().cmp(text)),
            ("RowKey", Literal::String(text)) => Some(row.row_key.as_str().cmp(text)),
            (name, literal) => row.properties.get(name).and_then(|value| compare(value, literal)),
        };
        ordering.is_some_and(|ordering| self.operator.accepts(ordering))
    }

    fn partitions(&self) -> Partitions<'_> {
        let Literal::String(key) = &self.literal else { return Partitions::ALL };
        if self.property != "PartitionKey" {
            return Partitions::ALL;
        }
        let (low, high) = match self.operator {
            Operator::Eq => (Bound::Included(key.as_str()), Bound::Included(key.as_str())),
            Operator::Gt => (Bound::Excluded(key.as_str()), Bound::Unbounded),
            Operator::Ge => (Bound::Included(key.as_str()), Bound::Unbounded),
            Operator::Lt => (Bound::Unbounded, Bound::Excluded(key.as_str())),
            Operator::Le => (Bound::Unbounded, Bound::Included(key.as_str())),
            Operator::Ne => (Bound::Unbounded, Bound::Unbounded),
        };
        Partitions { low, high }
    }
}

fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::String(a), Literal::String(b)) => Some(a.as_str().cmp(b)),
        (Value::Int(a), Literal::Int(b)) => Some(i64::from(*a).cmp(b)),
        (Value::Int(a), Literal::Double(b)) => f64::from(*a).partial_cmp(b),
        (Value::Double(a), Literal::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Double(a), Literal::Double(b)) => a.partial_cmp(b),
        (Value::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

impl Operator {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
        }
    }
}

impl<'a> Partitions<'a> {
    /// No bounds.
    pub const ALL: Self = Self { low: Bound::Unbounded, high: Bound::Unbounded };

    fn intersect(self, other: Self) -> Self {
        Self {
            low: if low_rank(self.low) >= low_rank(other.low) { self.low } else { other.low },
            high: if high_rank(self.high) <= high_rank(other.high) { self.high } else { other.high },
        }
    }

    fn hull(self, other: Self) -> Self {
        Self {
            low: if low_rank(self.low) <= low_rank(other.low) { self.low } else { other.low },
            high: if high_rank(self.high) >= high_rank(other.high) { self.high } else { other.high },
        }
    }
}

/// Orders lower bounds: the greater, the fewer keys it lets through.
fn low_rank(bound: Bound<&str>) -> (bool, &str, bool) {
    match bound {
        Bound::Unbounded => (false, "", false),
        Bound::Included(key) => (true, key, false),
        Bound::Excluded(key) => (true, key, true),
    }
}

/// Orders upper bounds: the greater, the more keys it lets through.
fn high_rank(bound: Bound<&str>) -> (bool, &str, bool) {
    match bound {
        Bound::Excluded(key) => (false, key, false),
        Bound::Included(key) => (false, key, true),
        Bound::Unbounded => (true, "", true),
    }
}

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
