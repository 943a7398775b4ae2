//! The query against real Table services: Azurite, and the project's own with every fault that it can have.

use std::time::Duration;

use longhaul_tests::app::{App, Launch};
use longhaul_tests::azurite::Azurite;
use serde_json::Value;
use table_service::{
    DEMO_TABLE, Data, DropConnection, DropWhen, Every, Options, TableService, Throttle, ThrottleStatus,
    demo_rows,
};

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");

async fn start(state: &tempfile::TempDir, change: impl FnOnce(Launch) -> Launch) -> App {
    let launch = change(Launch::new(HOST, state.path()));
    tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap()
}

fn expected(start: &str, end: &str) -> usize {
    Data::demo().table(DEMO_TABLE).unwrap().expected_count(start, end)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_count_of_azurites_rows_is_that_of_the_rows_themselves() {
    let azurite = tokio::task::spawn_blocking(Azurite::start).await.unwrap().unwrap();
    azurite.load(DEMO_TABLE, &demo_rows()).await.unwrap();
    let state = tempfile::tempdir().unwrap();
    let app = start(&state, |launch| launch.querying(&azurite.connection_string())).await;
    for (s, e, start, end) in [
        ("16/07/2021", "15/10/2021", "2021-07-16", "2021-10-15"),
        ("1 Aug 2021", "2 Aug 2021", "2021-08-01", "2021-08-02"),
        ("01/01/2020", "02/01/2020", "2020-01-01", "2020-01-02"),
    ] {
        let status = app.query(&s.replace(' ', "%20"), &e.replace(' ', "%20")).await.unwrap();
        assert_eq!(status["status"], "Completed", "{status}");
        assert_eq!(status["result"], expected(start, end), "{s} to {e}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_empty_pages_and_dropped_connections_change_nothing() {
    let tables =
        TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), Options::default()).await.unwrap();
    let state = tempfile::tempdir().unwrap();
    let app = start(&state, |launch| launch.querying(&tables.connection_string())).await;
    let throttle =
        |status| Some(Throttle { every: Every::nth(5), status, retry_after: Some(Duration::from_secs(1)) });
    let dropping = |when| Some(DropConnection { every: Every::nth(4), when });
    for options in [
        Options { empty_page: Every::nth(2), pages_end_at_partitions: true, ..Options::default() },
        Options { throttle: throttle(ThrottleStatus::ServiceUnavailable), ..Options::default() },
        Options { throttle: throttle(ThrottleStatus::TooManyRequests), ..Options::default() },
        Options { drop_connection: dropping(DropWhen::BeforeAnswer), ..Options::default() },
        Options { drop_connection: dropping(DropWhen::MidBody), ..Options::default() },
    ] {
        let before = tables.counts();
        tables.options().set(options.clone());
        let status = app.query("01/08/2021", "31/08/2021").await.unwrap();
        assert_eq!(status["status"], "Completed", "{options:?}: {status}");
        assert_eq!(status["result"], expected("2021-08-01", "2021-08-31"), "{options:?}");
        let after = tables.counts();
        let faults = after.throttled + after.dropped - before.throttled - before.dropped;
        assert_eq!(
            faults > 0,
            options.throttle.is_some() || options.drop_connection.is_some(),
            "{options:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_must_mend_is_said_and_no_secret_with_it() {
    let tables =
        TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), Options::default()).await.unwrap();
    let connection = tables.connection_string();
    let key = connection.split(';').find_map(|part| part.strip_prefix("AccountKey=")).unwrap();
    let wrong_key = connection.replace(key, "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXk=");
    type Change = Box<dyn Fn(Launch) -> Launch>;
    let cases: [(Change, &str, &str); 6] = [
        (Box::new(|launch| launch), "table_connection_string", ""),
        (Box::new(move |launch| launch.querying(&wrong_key)), "table_connection_string", "d3Jvbmcga2V5"),
        (with(&connection, "table_name", "nosuch"), "table_name", key),
        (with(&connection, "query_filter", "CertNumber frob 1"), "query_filter", key),
        (with(&connection, "query_filter", "a eq 'open"), "query_filter", key),
        (
            Box::new(|launch| launch.variable("table_connection_string", "AccountName=x;Oops")),
            "table_connection_string",
            "Oops",
        ),
    ];
    for (change, variable, secret) in cases {
        let state = tempfile::tempdir().unwrap();
        let app = start(&state, change).await;
        let status = app.query("01/08/2021", "31/08/2021").await.unwrap();
        let message = failure(&status);
        assert!(message.contains(variable), "{message}");
        assert!(!message.contains("127.0.0.1"), "{message}");
        drop(app);
        for file in files(state.path()) {
            let bytes = std::fs::read(&file).unwrap();
            let found =
                !secret.is_empty() && bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} contains the secret", file.display());
        }
    }
}

/// With this connection, and a variable that does not fit it.
fn with(connection: &str, name: &'static str, value: &'static str) -> Box<dyn Fn(Launch) -> Launch> {
    let connection = connection.to_owned();
    Box::new(move |launch| launch.querying(&connection).variable(name, value))
}

fn failure(status: &Value) -> String {
    assert_eq!(status["status"], "Failed", "{status}");
    status["result"].as_str().unwrap().to_owned()
}

fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
