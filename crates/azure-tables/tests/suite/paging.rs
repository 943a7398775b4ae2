use azure_tables::{Continuation, Error};
use futures::executor::block_on;

use crate::scripted::{Script, audit, page, read_all};

const TABLE: &str = "https://contosoaudit.table.core.windows.net/audit()";

#[test]
fn pages_follow_tokens_and_not_the_number_of_rows() {
    let script = Script::new([
        page(r#"{"a":1},{"a":2}"#, Some("MjAyMS0wOC0xMQ=="), Some("1!16!x")),
        page("", Some("p/2"), None),
        page("", None, Some("r 3")),
        page(r#"{"a":3}"#, Some("p4"), Some("")),
        page(r#"{"a":4}"#, None, None),
    ]);
    assert_eq!(read_all(&script.client(), &audit().select(["a"]).top(2)), Ok(vec![2, 0, 0, 1, 1]));
    let expected = [
        "",
        "&NextPartitionKey=MjAyMS0wOC0xMQ%3D%3D&NextRowKey=1%2116%21x",
        "&NextPartitionKey=p%2F2",
        "&NextRowKey=r%203",
        "&NextPartitionKey=p4",
    ]
    .map(|tokens| format!("{TABLE}?$top=2&$select=a{tokens}"));
    assert_eq!(script.urls(), expected);
}

#[test]
fn empty_tokens_are_no_tokens() {
    let script = Script::new([page("", Some(""), Some(""))]);
    assert_eq!(read_all(&script.client(), &audit()), Ok(vec![0]));
}

#[test]
fn a_repeated_token_ends_in_an_error() {
    let script =
        Script::new([page(r#"{"a":1}"#, Some("p"), Some("r")), page(r#"{"a":2}"#, Some("p"), Some("r"))]);
    assert_eq!(read_all(&script.client(), &audit()), Err(Error::EndlessPaging { pages: 2 }));
}

#[test]
fn a_circle_of_tokens_ends_in_an_error_whatever_its_length() {
    for length in [2, 3, 7] {
        for lead in [0, 1, 5] {
            let token = |step: usize| if step < lead { step } else { lead + (step - lead) % length };
            let script = Script::new((0..100).map(|step| page("", Some(&format!("p{}", token(step))), None)));
            let error = read_all(&script.client(), &audit());
            assert!(matches!(error, Err(Error::EndlessPaging { .. })), "{lead} and {length}: {error:?}");
            assert!(script.requests.borrow().len() <= 3 * (lead + length) + 2, "{lead} and {length}");
        }
    }
}

#[test]
fn a_query_goes_on_from_a_stored_continuation() {
    let script = Script::new([page("", Some("p"), Some("r")), page(r#"{"a":1}"#, None, None)]);
    let (client, query) = (script.client(), audit());
    let first = block_on(client.query(&query).next()).expect("a page").expect("an answer");
    let stored = serde_json::to_string(first.continuation().expect("more")).expect("JSON");
    let continuation: Continuation = serde_json::from_str(&stored).expect("a continuation");
    let second =
        block_on(client.query_from(&query, Some(continuation)).next()).expect("a page").expect("an answer");
    assert_eq!((second.rows(), second.continuation()), (1, None));
    assert_eq!(script.urls()[1], format!("{TABLE}?NextPartitionKey=p&NextRowKey=r"));
}

#[test]
fn a_page_that_was_not_waited_for_is_asked_for_again() {
    let script = Script::new([page("", Some("p"), None), page(r#"{"a":1}"#, None, None)]);
    let (client, query) = (script.client(), audit());
    let mut pages = client.query(&query);
    block_on(pages.next()).expect("a page").expect("an answer");
    drop(pages.next());
    let page = block_on(pages.next()).expect("a page").expect("an answer");
    assert_eq!((page.rows(), pages.pages(), pages.retries()), (1, 2, 0));
}
