use proptest::prelude::*;

use super::*;

fn row() -> Row {
    Row::new("2021-08-10", "r1")
        .with("CertNumber", "C-1")
        .with("Empty", "")
        .with("Quote", "it's")
        .with("Count", 7)
        .with("Ratio", 0.5)
        .with("Active", true)
}

#[test]
fn filters_match_as_azure_matches() {
    for (filter, expected) in [
        ("PartitionKey ge '2021-08-10' and PartitionKey le '2021-08-10' and CertNumber ne ''", true),
        ("PartitionKey gt '2021-08-10'", false),
        ("PartitionKey lt '2021-08-10'", false),
        ("RowKey eq 'r1'", true),
        ("RowKey ne 'r1'", false),
        // An empty property is excluded either way, a missing one by the first form only.
        ("Empty ne ''", false),
        ("not (Empty eq '')", false),
        ("Missing ne ''", false),
        ("not (Missing eq '')", true),
        ("not Missing ne ''", true),
        ("Missing eq ''", false),
        ("Missing lt 'z' or Missing ge 'z'", false),
        // Names and keywords are case-sensitive.
        ("certnumber eq 'C-1'", false),
        ("partitionkey eq '2021-08-10'", false),
        // Strings
        ("Quote eq 'it''s'", true),
        ("Quote eq 'it'''", false),
        ("CertNumber gt 'C'", true),
        ("CertNumber eq 'c-1'", false),
        ("CertNumber eq ' and Count eq 7 or '", false),
        // Numbers and booleans
        ("Count eq 7", true),
        ("Count eq 7L", true),
        ("Count lt 7.5 and Count gt 6.5", true),
        ("Count gt -1", true),
        ("Ratio le 5e-1 and Ratio ge 0.5", true),
        ("Ratio lt 1", true),
        ("Active eq true", true),
        ("Active ne true", false),
        // A value of another type does not compare.
        ("Count eq '7'", false),
        ("Count ne '7'", false),
        ("CertNumber ne 1", false),
        ("Active ne 'x'", false),
        // Precedence: not, and, or.
        ("Count eq 7 or Count eq 8 and Count eq 9", true),
        ("(Count eq 7 or Count eq 8) and Count eq 9", false),
        ("not Count eq 8 and Count eq 9", false),
        ("not (Count eq 8 and Count eq 9)", true),
        ("not not (Count eq 7)", true),
        ("((Count eq 7))and(Active eq true)", true),
    ] {
        let parsed = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(parsed.matches(&row()), expected, "{filter}");
    }
}

#[test]
fn what_is_not_a_filter_is_refused_with_its_place() {
    let expected = |expected, at| InvalidFilter::Expected { expected, at };
    for (filter, error) in [
        ("", expected("a property's name", 0)),
        ("CertNumber", expected("a comparison operator", 10)),
        ("CertNumber ne", expected("a constant", 13)),
        ("CertNumber ne Other", expected("a constant", 14)),
        ("'' ne CertNumber", expected("a property's name", 0)),
        ("a eq 1 b eq 2", expected("'and' or 'or'", 7)),
        ("(a eq 1", expected("a closing parenthesis", 7)),
        ("a eq 1)", expected("'and' or 'or'", 6)),
        ("a EQ 1", expected("a comparison operator", 2)),
        ("a eq 1 and", expected("a property's name", 10)),
        ("a eq 'x", InvalidFilter::UnclosedString { at: 5 }),
        ("a eq 'x''", InvalidFilter::UnclosedString { at: 5 }),
        ("a eq 1x", InvalidFilter::BadNumber { at: 5 }),
        ("a eq -inf", InvalidFilter::BadNumber { at: 5 }),
        ("a eq 99999999999999999999L", InvalidFilter::BadNumber { at: 5 }),
        ("a = 1", InvalidFilter::UnexpectedCharacter { at: 2, character: '=' }),
        ("ñ eq €", InvalidFilter::UnexpectedCharacter { at: 6, character: '€' }),
        // Typed constants that this service does not know.
        ("a eq datetime'2021-08-10T00:00:00Z'", expected("a constant", 5)),
    ] {
        assert_eq!(Filter::parse(filter), Err(error), "{filter}");
    }
}

#[test]
fn a_filter_has_at_most_15_comparisons_and_bounded_depth() {
    let comparisons = |n: usize| vec!["a eq 1"; n].join(" or ");
    assert!(Filter::parse(&comparisons(15)).is_ok());
    assert_eq!(Filter::parse(&comparisons(16)), Err(InvalidFilter::TooManyComparisons));
    for deep in ["(", "not "] {
        let filter = deep.repeat(100_000);
        assert_eq!(Filter::parse(&filter), Err(InvalidFilter::TooDeep));
    }
}

#[test]
fn a_filter_bounds_the_partitions_of_its_matches() {
    use Bound::{Excluded, Included, Unbounded};
    for (filter, low, high) in [
        ("PartitionKey ge 'a' and PartitionKey le 'c' and X ne ''", Included("a"), Included("c")),
        ("PartitionKey gt 'a' and PartitionKey lt 'c'", Excluded("a"), Excluded("c")),
        ("PartitionKey ge 'a' and PartitionKey gt 'a' and PartitionKey eq 'b'", Included("b"), Included("b")),
        ("PartitionKey eq 'a' or PartitionKey eq 'c'", Included("a"), Included("c")),
        ("PartitionKey eq 'a' or X eq 1", Unbounded, Unbounded),
        ("not (PartitionKey eq 'a') and PartitionKey le 'c'", Unbounded, Included("c")),
        ("PartitionKey ne 'a'", Unbounded, Unbounded),
        ("PartitionKey le 'c' and PartitionKey lt 'c'", Unbounded, Excluded("c")),
    ] {
        let parsed = Filter::parse(filter).expect(filter);
        assert_eq!(parsed.partitions(), Partitions { low, high }, "{filter}");
    }
}

/// Texts that look like filters more often than not.
fn filter_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("PartitionKey".to_owned()),
        Just("a".to_owned()),
        Just("eq".to_owned()),
        Just("ne".to_owned()),
        Just("lt".to_owned()),
        Just("ge".to_owned()),
        Just("and".to_owned()),
        Just("or".to_owned()),
        Just("not".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("''".to_owned()),
        Just("'x''y'".to_owned()),
        Just("-1.5e3".to_owned()),
        ".{0,3}",
    ];
    prop::collection::vec(word, 0..20).prop_map(|words| words.join(" "))
}

/// Filters over partition keys of one letter.
fn partition_filter() -> impl Strategy<Value = String> {
    let leaf = (prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]), "[a-e]")
        .prop_map(|(operator, key)| format!("PartitionKey {operator} '{key}'"));
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".*", like in filter_like()) {
        for filter in [text, like] {
            if let Ok(filter) = Filter::parse(&filter) {
                filter.matches(&row());
                filter.partitions();
            }
        }
    }

    #[test]
    fn any_string_survives_quoting(text in ".*") {
        let filter = Filter::parse(&format!("S eq '{}'", text.replace('\'', "''"))).expect("a quoted string");
        prop_assert!(filter.matches(&Row::new("p", "r").with("S", text)));
    }

    #[test]
    fn no_match_lies_outside_the_bounds(text in partition_filter()) {
        let Ok(filter) = Filter::parse(&text) else { return Ok(()) };
        let rows: Vec<_> = ["A", "a", "b", "bb", "c", "d", "e", "f"].map(|key| Row::new(key, "")).into();
        let table = crate::data::Table::new(rows).expect("the keys differ");
        let Partitions { low, high } = filter.partitions();
        let inside = table.partitions(low, high);
        for (index, row) in table.rows().iter().enumerate() {
            prop_assert!(!filter.matches(row) || inside.contains(&index), "{} matches {}", row.partition_key, text);
        }
    }
}
