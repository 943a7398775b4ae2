//! What the audit query must count, worked out by a plain loop that shares nothing with the service's filters.

use std::collections::HashSet;

use crate::data::Table;

/// What a query of a range of partitions must find: the rows with a `CertNumber` that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The rows that match.
    pub matched: usize,
    /// Of those, the rows without `identificationNumber`, which count for nothing.
    pub without_identification: usize,
    /// The distinct values of `identificationNumber` among them: the query's result.
    pub distinct: usize,
}

impl Table {
    /// What the query must find in the partitions from `start` to `end`, both included.
    pub fn expected(&self, start: &str, end: &str) -> Expected {
        let mut matched = 0;
        let mut without_identification = 0;
        let mut seen = HashSet::new();
        for row in self.rows() {
            let day = row.partition_key.as_str();
            let certified = row.string("CertNumber").is_some_and(|number| !number.is_empty());
            if day < start || day > end || !certified {
                continue;
            }
            matched += 1;
            match row.string("identificationNumber") {
                Some(number) => {
                    seen.insert(number);
                }
                None => without_identification += 1,
            }
        }
        Expected { matched, without_identification, distinct: seen.len() }
    }

    /// The result of the query of the partitions from `start` to `end`, both included.
    pub fn expected_count(&self, start: &str, end: &str) -> usize {
        self.expected(start, end).distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Row;

    #[test]
    fn only_certified_rows_in_the_range_count_and_each_identification_once() {
        let row = |day: &str, key: &str, cert: Option<&str>, id: Option<&str>| {
            let row = Row::new(day, key);
            let row = cert.into_iter().fold(row, |row, cert| row.with("CertNumber", cert));
            id.into_iter().fold(row, |row, id| row.with("identificationNumber", id))
        };
        let table = Table::new(vec![
            row("2021-08-01", "1", Some("c"), Some("before")),
            row("2021-08-02", "1", Some("c"), Some("same")),
            row("2021-08-02", "2", Some(""), Some("empty")),
            row("2021-08-03", "1", None, Some("missing")),
            row("2021-08-03", "2", Some("c"), None),
            row("2021-08-04", "1", Some("d"), Some("same")),
            row("2021-08-04", "2", Some("d"), Some("other")),
            row("2021-08-05", "1", Some("c"), Some("after")),
        ])
        .expect("the keys differ");
        let expected = Expected { matched: 4, without_identification: 1, distinct: 2 };
        assert_eq!(table.expected("2021-08-02", "2021-08-04"), expected);
        assert_eq!(table.expected_count("2021-08-04", "2021-08-02"), 0);
    }
}
