//! Queries that take longer than a call of their activity may, and hosts that die meanwhile.

use std::time::{Duration, Instant};

use longhaul_tests::app::{App, Launch, instance_id};
use table_service::{DEMO_TABLE, Data, Every, Options, Running, TableService};

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");

/// All days of the table, as `s` and `e`.
const RANGE: [&str; 2] = ["16/07/2021", "15/10/2021"];

async fn serve(options: Options) -> Running {
    TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), options).await.unwrap()
}

async fn start(launch: &Launch) -> App {
    let launch = launch.clone();
    tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap()
}

fn completed(tables: &Running, id: &str) -> serde_json::Value {
    let expected = tables.data().table(DEMO_TABLE).unwrap().expected_count("2021-07-16", "2021-10-15");
    serde_json::json!({"id": id, "status": "Completed", "result": expected})
}

/// How many pages a query takes that nothing disturbs.
async fn undisturbed(app: &App, tables: &Running, options: &Options) -> u64 {
    tables.options().set(Options { latency: Duration::ZERO, ..options.clone() });
    let before = tables.counts().pages;
    let status = app.query(RANGE[0], RANGE[1]).await.unwrap();
    assert_eq!(status["status"], "Completed", "{status}");
    tables.options().set(options.clone());
    tables.counts().pages - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_longer_than_a_call_goes_on_in_the_next() {
    let options = Options { latency: Duration::from_millis(50), page_size: 100, ..Options::default() };
    let tables = serve(options.clone()).await;
    let state = tempfile::tempdir().unwrap();
    let launch = Launch::new(HOST, state.path())
        .querying(&tables.connection_string())
        .variable("query_concurrency", "4")
        .variable("activity_budget", "1s");
    let app = start(&launch).await;
    let pages = undisturbed(&app, &tables, &options).await;
    let before = tables.counts().pages;
    let begin = Instant::now();
    let answer = app.submit(RANGE[0], RANGE[1], &[]).await.unwrap();
    let id = instance_id(&answer).unwrap();
    assert_eq!(app.finished(&id).await.unwrap(), completed(&tables, &id));
    let (took, read) = (begin.elapsed(), tables.counts().pages - before);
    println!("{read} pages in {took:?}, {pages} undisturbed");
    assert!(took > Duration::from_secs(3), "it ended within few calls: {took:?}");
    assert!(read * 100 <= pages * 110, "{read} pages were read instead of {pages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_during_a_long_query_hardly_reads_a_page_twice() {
    let options = Options { latency: Duration::from_millis(50), page_size: 25, ..Options::default() };
    let tables = serve(options.clone()).await;
    let state = tempfile::tempdir().unwrap();
    let launch = Launch::new(HOST, state.path())
        .querying(&tables.connection_string())
        .variable("query_concurrency", "4");
    let app = start(&launch).await;
    let pages = undisturbed(&app, &tables, &options).await;
    let before = tables.counts().pages;
    let answer = app.submit(RANGE[0], RANGE[1], &[]).await.unwrap();
    let id = instance_id(&answer).unwrap();
    while tables.counts().pages - before < pages / 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.kill().unwrap();
    let app = start(&launch).await;
    assert_eq!(app.finished(&id).await.unwrap(), completed(&tables, &id));
    let read = tables.counts().pages - before;
    println!("{read} pages in two attempts, {pages} undisturbed");
    assert!(read * 100 <= pages * 110, "{read} pages were read instead of {pages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn continuations_that_have_expired_change_nothing() {
    // A day has two pages at most, so that it gets somewhere between two refusals.
    let options = Options { page_size: 400, expired_token: Every::nth(10), ..Options::default() };
    let tables = serve(options.clone()).await;
    let state = tempfile::tempdir().unwrap();
    let app = start(&Launch::new(HOST, state.path()).querying(&tables.connection_string())).await;
    let answer = app.submit(RANGE[0], RANGE[1], &[]).await.unwrap();
    let id = instance_id(&answer).unwrap();
    assert_eq!(app.finished(&id).await.unwrap(), completed(&tables, &id));
    let counts = tables.counts();
    assert!(counts.expired > 5, "{counts:?}");
}
