use azure_tables::{Filter, FilterError, PartitionRange, Query, Value};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::scripted::{Script, audit, page, read_all};
use crate::vectors::{self, FilterVector, ParameterVector};

/// Filters that the SDK, which splits at spaces, fails to read and this crate reads.
const READ_BESIDES: [(&str, &str); 3] =
    [("paren_glued", "(a eq 'x')"), ("double_space", "a eq  'x'"), ("trailing_space", "a eq 'x' ")];

/// `None` for a null, which has no place in a filter.
fn value(parameter: &ParameterVector) -> Option<Value> {
    Some(match parameter {
        ParameterVector::String { value } => Value::Text(value.clone()),
        ParameterVector::Bool { value } => Value::Bool(*value),
        ParameterVector::Int { value } => match value.parse() {
            Ok(number) => Value::Int32(number),
            Err(_) => Value::Int64(value.parse().expect("an integer")),
        },
        ParameterVector::Float { value } => Value::Double(value.parse().expect("a number")),
        ParameterVector::DateTime { iso } => Value::DateTime(iso.parse().expect("a timestamp")),
        ParameterVector::Guid { value } => Value::Guid(value.parse().expect("a GUID")),
        ParameterVector::Null => return None,
    })
}

/// `None` if a parameter cannot be expressed.
fn substituted(vector: &FilterVector) -> Option<Result<Filter, FilterError>> {
    let Some(parameters) = &vector.parameters else { return Some(Filter::new(&vector.filter)) };
    let parameters: Option<Vec<_>> =
        parameters.iter().map(|(name, parameter)| Some((name.as_str(), value(parameter)?))).collect();
    Some(Filter::with_parameters(&vector.filter, &parameters?))
}

fn url(query: &Query) -> String {
    let script = Script::new([page("", None, None)]);
    read_all(&script.client(), query).expect("a page");
    script.urls().remove(0)
}

/// What follows the endpoint.
fn target(query: &Query) -> String {
    let url = url(query);
    url.strip_prefix("https://contosoaudit.table.core.windows.net")
        .expect("the account's endpoint")
        .to_owned()
}

#[test]
fn parameters_are_written_and_encoded_as_the_sdk_does() {
    let vectors = vectors::filters().filters;
    assert!(vectors.len() >= 25, "the vectors were read");
    for vector in vectors {
        let name = vector.name.as_str();
        let found = substituted(&vector).map(|filter| filter.expect(name));
        let expected = match (&vector.result, READ_BESIDES.iter().find(|(known, _)| *known == name)) {
            (Some(result), _) => Some(result.as_str()),
            (None, besides) => {
                assert!(vector.error.is_some(), "{name}");
                besides.map(|(_, result)| *result)
            }
        };
        assert_eq!(found.as_ref().map(Filter::as_str), expected, "{name}");
        if let (Some(filter), Some(expected)) = (found, vector.request_target) {
            assert_eq!(target(&audit().select(["identificationNumber"]).filter(filter)), expected, "{name}");
        }
    }
}

#[test]
fn every_character_is_encoded_as_the_sdk_does() {
    let vectors = vectors::filters().escapes;
    assert!(vectors.len() >= 50, "the vectors were read");
    for (character, expected) in vectors {
        let filter = Filter::with_parameters("a eq @p", &[("p", Value::from(character.as_str()))]);
        let found = target(&audit().filter(filter.expect("a filter")));
        assert_eq!(found, format!("/audit()?$filter={expected}"), "{character}");
    }
}

#[test]
fn selections_are_written_as_the_sdk_does() {
    let filter = "PartitionKey ge '2021-10-10' and PartitionKey le '2021-12-10' and CertNumber ne ''";
    let filter = Filter::new(filter).expect("a filter");
    let vectors = vectors::filters().selections;
    let everything =
        vectors.iter().find(|vector| vector.kwargs.is_empty()).expect("a vector without options").url.clone();
    for vector in vectors {
        let mut query = audit().filter(filter.clone());
        // To the SDK an empty selection is a selection of nothing, or of `[]`; here it is none.
        let mut expected = vector.url;
        match vector.kwargs.get("select") {
            Some(Json::String(one)) if !one.is_empty() => query = query.select([one]),
            Some(Json::Array(many)) if !many.is_empty() => {
                query = query.select(many.iter().map(|name| name.as_str().expect("a name")));
            }
            Some(_) => expected.clone_from(&everything),
            None => {}
        }
        if let Some(rows) = vector.kwargs.get("results_per_page") {
            query = query.top(u32::try_from(rows.as_u64().expect("a number")).expect("a small number"));
        }
        let expected = expected.replace("http://127.0.0.1:10002/devstoreaccount1", "");
        assert_eq!(target(&query), expected, "{:?}", vector.kwargs);
    }
    assert_eq!(target(&audit()), "/audit()");
}

#[test]
fn a_query_too_long_to_send_is_refused_unsent() {
    let script = Script::new([]);
    let long =
        Filter::with_parameters("a eq @p", &[("p", Value::Text("x".repeat(70_000)))]).expect("a filter");
    let error = read_all(&script.client(), &audit().filter(long));
    assert!(matches!(error, Err(azure_tables::Error::BadFilter(FilterError::TooLong { bytes: 70_001.. }))));
    assert!(script.requests.borrow().is_empty());
}

/// Reads a literal of quotes as OData does: two quotes are one, and one is the end. Returns what follows it too.
fn read_literal(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let quote = rest.find('\'')?;
        value.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, rest)),
        }
    }
}

proptest! {
    #[test]
    fn no_value_breaks_out_of_its_quotes(a in "(['@() a-c\\PC]|or){0,12}", b in any::<String>()) {
        let parameters = [("a", Value::Text(a.clone())), ("b", Value::Text(b.clone()))];
        let filter = Filter::with_parameters("x eq @a and y eq @b", &parameters).expect("a filter");
        let (first, rest) = read_literal(filter.as_str().strip_prefix("x eq ").expect("kept")).expect("a literal");
        let (second, rest) = read_literal(rest.strip_prefix(" and y eq ").expect("kept")).expect("a literal");
        prop_assert_eq!((first, second, rest), (a, b, ""));
    }

    #[test]
    fn no_partition_key_breaks_out_of_its_quotes(from in "['() a-c]{0,8}", to in any::<String>()) {
        let filter = PartitionRange::inclusive(&from, &to).filter().expect("a condition");
        let text = filter.as_str().strip_prefix("PartitionKey ge ").expect("a lower bound");
        let (found_from, rest) = read_literal(text).expect("a literal");
        let (found_to, rest) = read_literal(rest.strip_prefix(" and PartitionKey le ").expect("kept")).expect("a literal");
        prop_assert_eq!((found_from, found_to, rest), (from, to, ""));
    }

    #[test]
    fn a_filter_is_sent_unchanged_or_refused(text in "['()@a ñ]{0,20}") {
        if let Ok(filter) = Filter::new(&text) {
            prop_assert_eq!(filter.as_str(), text);
        }
    }

    #[test]
    fn what_is_sent_decodes_to_the_filter(text in any::<String>()) {
        let filter = Filter::with_parameters("a eq @p", &[("p", Value::Text(text))]).expect("a filter");
        let url = url::Url::parse(&url(&audit().filter(filter.clone()))).expect("a URL");
        let parameters: Vec<_> = url.query_pairs().collect();
        prop_assert_eq!(parameters, [("$filter".into(), filter.as_str().into())]);
    }
}
