//! The demonstration table: three months of an invented audit log, the same on every machine and in every run.

use jiff::civil::{Date, date};
use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

use crate::data::{Data, Row, Table};

/// The name of the demonstration table.
pub const DEMO_TABLE: &str = "audit";

const FIRST_DAY: Date = date(2021, 7, 16);
const LAST_DAY: Date = date(2021, 10, 15);
const MILLISECONDS_PER_DAY: u64 = 86_400_000;
/// The people who appear in the log. Most of them appear more than once.
const PEOPLE: u64 = 30_000;
const ACTIONS: [&str; 5] =
    ["certificate.issue", "certificate.renew", "document.sign", "document.view", "sign-in"];

impl Data {
    /// The table [`DEMO_TABLE`] of [`demo_rows`].
    pub fn demo() -> Self {
        let table = Table::new(demo_rows()).expect("the demo's row keys differ, as a test proves");
        Self::new().with_table(DEMO_TABLE, table)
    }
}

/// About 50,000 rows in 92 daily partitions, `2021-07-16` to `2021-10-15`, fewer at weekends.
///
/// Of the rows, about 70% have a `CertNumber`, 15% an empty one, 15% none; about one in 200 has no
/// `identificationNumber`. They are drawn from ChaCha8 with an all-zero key, by integer arithmetic alone, so that
/// they depend on no platform and no version of a library.
pub fn demo_rows() -> Vec<Row> {
    let mut rng = ChaCha8Rng::from_seed([0; 32]);
    let days = FIRST_DAY.series(jiff::Span::new().days(1)).take_while(|day| *day <= LAST_DAY);
    let mut rows = Vec::with_capacity(51_000);
    for day in days {
        let weekend = day.weekday().to_monday_zero_offset() >= 5;
        let count = if weekend { 250 } else { 575 } + below(&mut rng, 120);
        let partition = day.to_string();
        rows.extend((0..count).map(|_| row(&mut rng, &partition)));
    }
    rows
}

fn row(rng: &mut ChaCha8Rng, partition: &str) -> Row {
    let time = below(rng, MILLISECONDS_PER_DAY);
    let unique = rng.next_u64() >> 16;
    let mut row = Row::new(partition, format!("{time:08}-{unique:012x}"))
        .with("action", ACTIONS[below(rng, ACTIONS.len() as u64) as usize])
        .with("durationMs", below(rng, 5_000) as i32)
        .with("succeeded", below(rng, 50) != 0);
    let certificate = below(rng, 100_000_000);
    match below(rng, 100) {
        0..70 => row = row.with("CertNumber", format!("CERT-{certificate:08}")),
        70..85 => row = row.with("CertNumber", ""),
        _ => {}
    }
    let person = below(rng, PEOPLE);
    if below(rng, 200) != 0 {
        // Spread over numbers of ten digits; the factor is coprime to the modulus, so people stay distinct.
        let number = 1_000_000_000 + person * 7_368_787 % 9_000_000_000;
        row = row.with("identificationNumber", number.to_string());
    }
    row
}

/// A number below `bound`. The bias of the remainder is far too small to see in this table.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    rng.next_u64() % bound
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;
    use crate::audit::Expected;

    #[test]
    fn the_demo_has_92_days_and_about_50000_rows_with_distinct_row_keys() {
        let rows = demo_rows();
        let days: BTreeSet<_> = rows.iter().map(|row| row.partition_key.as_str()).collect();
        let keys: HashSet<_> = rows.iter().map(|row| row.row_key.as_str()).collect();
        assert_eq!(days.len(), 92);
        assert_eq!((days.first(), days.last()), (Some(&"2021-07-16"), Some(&"2021-10-15")));
        assert!((49_000..51_000).contains(&rows.len()), "{}", rows.len());
        assert_eq!(keys.len(), rows.len());
    }

    #[test]
    fn the_demo_has_rows_of_every_kind() {
        let rows = demo_rows();
        let percent = |count: usize| count * 100 / rows.len();
        let certified = |row: &&Row| row.string("CertNumber").is_some_and(|number| !number.is_empty());
        let empty = |row: &&Row| row.string("CertNumber") == Some("");
        let missing = |row: &&Row| row.string("CertNumber").is_none();
        assert!((69..=71).contains(&percent(rows.iter().filter(certified).count())));
        assert!((14..=16).contains(&percent(rows.iter().filter(empty).count())));
        assert!((14..=16).contains(&percent(rows.iter().filter(missing).count())));
        assert!(rows.iter().any(|row| row.string("identificationNumber").is_none()));
        let numbers: HashSet<_> = rows.iter().filter_map(|row| row.string("identificationNumber")).collect();
        assert!(numbers.len() < rows.len() * 9 / 10, "too few duplicates");
    }

    /// The figures come from another implementation of the documented scheme, in another language. If they change,
    /// so does everything that was measured with them.
    #[test]
    fn the_demo_is_the_same_everywhere() {
        let data = Data::demo();
        let table = data.table("Audit").expect("the name is case-insensitive");
        let expected = Expected { matched: 35_097, without_identification: 159, distinct: 20_756 };
        assert_eq!((table.rows().len(), table.expected("2021-07-16", "2021-10-15")), (49_992, expected));
        assert_eq!(table.expected_count("2021-08-01", "2021-08-31"), 9_886);
    }
}
