use std::collections::HashSet;

use azure_tables::{DistinctCount, Error, UnreadablePage, count_distinct};
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::scripted::{Script, audit, lost, page};

fn rows(rows: &[Json]) -> String {
    rows.iter().map(Json::to_string).collect::<Vec<_>>().join(",")
}

#[test]
fn a_count_covers_all_pages_and_says_what_it_took() {
    let script = Script::new([
        page(&rows(&[json!({"id": "a"}), json!({"id": "b"}), json!({"id": null})]), Some("p1"), None),
        page("", Some("p2"), None),
        lost(),
        page(&rows(&[json!({"id": "b"}), json!({"id": "c"}), json!({})]), None, None),
    ]);
    let count = block_on(count_distinct(&script.client(), &audit().select(["other"]), "id"));
    let expected = DistinctCount { distinct: 3, rows: 6, rows_without_value: 2, pages: 3, retries: 1 };
    assert_eq!(count, Ok(expected));
    assert!(
        script.urls().iter().all(|url| url.contains("audit()?$select=id")),
        "only the column is asked for"
    );
}

#[test]
fn a_value_that_cannot_be_counted_is_an_error() {
    let script = Script::new([page(r#"{"id":[1]}"#, None, None)]);
    let count = block_on(count_distinct(&script.client(), &audit(), "id"));
    assert!(matches!(count, Err(Error::BadPage(UnreadablePage::Json { .. }))), "{count:?}");
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3..3_i64).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-3..3_i8).prop_map(|number| Json::from(f64::from(number) / 2.0)),
        any::<f64>().prop_map(Json::from),
        "[ab1\"\\\\\n\u{e9}\u{1F600}]{0,2}".prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ]
}

/// A row with the column, another one, both or none.
fn row() -> impl Strategy<Value = Json> {
    let nested = json!({"id": [1, {"id": "x"}]});
    (proptest::option::weighted(0.8, scalar()), any::<bool>()).prop_map(move |(value, other)| {
        let mut row = Map::new();
        if other {
            row.insert("a".into(), nested.clone());
        }
        row.extend(value.map(|value| ("id".to_owned(), value)));
        Json::Object(row)
    })
}

proptest! {
    #[test]
    fn a_count_equals_that_of_a_set_of_json_values(
        pages in proptest::collection::vec(proptest::collection::vec(row(), 0..20), 1..5),
    ) {
        let last = pages.len() - 1;
        let answers = pages.iter().enumerate().map(|(index, page_rows)| {
            let token = format!("p{index}");
            page(&rows(page_rows), (index < last).then_some(token.as_str()), None)
        });
        let count = block_on(count_distinct(&Script::new(answers).client(), &audit(), "id")).expect("a count");

        let all: Vec<&Json> = pages.iter().flatten().collect();
        // Read back from text, as the values in a page are.
        let values: Vec<Json> = all
            .iter()
            .filter_map(|row| row.get("id"))
            .filter(|value| !value.is_null())
            .map(|value| serde_json::from_str(&value.to_string()).expect("JSON"))
            .collect();
        let distinct: HashSet<&Json> = values.iter().collect();
        prop_assert_eq!(count.distinct, distinct.len() as u64);
        prop_assert_eq!(count.rows, all.len() as u64);
        prop_assert_eq!(count.rows_without_value, (all.len() - values.len()) as u64);
        prop_assert_eq!(count.pages, pages.len() as u64);
    }
}
