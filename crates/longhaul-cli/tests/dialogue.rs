//! The public API as a client meets it: every answer word for word, from the built components under the real host.

use http::Method;
use longhaul_tests::app::{App, Launch, instance_id, submit};
use longhaul_tests::http_client::{Answer, get, send};
use table_service::{DEMO_TABLE, Data, Options, Running, TableService};
use tempfile::TempDir;

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");

struct Scene {
    app: App,
    tables: Running,
    _state: TempDir,
}

async fn scene(change: impl FnOnce(Launch) -> Launch) -> Scene {
    let tables =
        TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), Options::default()).await.unwrap();
    let state = tempfile::tempdir().unwrap();
    let launch = change(Launch::new(HOST, state.path()).querying(&tables.connection_string()));
    let app = tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap();
    Scene { app, tables, _state: state }
}

fn is_hex_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_submits_polls_and_gets_the_count() {
    let scene = scene(|launch| launch).await;
    let base = scene.app.base();

    for (query, error) in [
        ("", "Empty start date."),
        ("?s=&e=10/12/2021", "Empty start date."),
        ("?s=abcd", "Invalid start date format."),
        ("?s=10/08/2021", "Empty end date."),
        ("?s=10/08/2021&e=abcd", "Invalid end date format."),
        ("?s=10/08/2021&e=05/08/2021", "Invalid date range."),
        ("?s=10/08/2021T00:01&e=11/08/2021", "Invalid date range."),
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = send(method, &format!("{base}/api/submit/query{query}"), &[]).await.unwrap();
            assert_eq!(answer.status, 400, "{query}");
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.body, format!(r#"{{"error": "{error}"}}"#), "{query}");
        }
    }
    let answer = send(Method::DELETE, &format!("{base}/api/submit/query"), &[]).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST"));

    let answer = get(&format!("{base}/api/submit/query?s=10/10/2021&e=10/12/2021")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("retry-after").is_empty());
    let id = instance_id(&answer).unwrap();
    assert!(is_hex_id(&id), "{id}");
    assert_eq!(answer.body, format!(r#"{{"statusUri": "{base}/api/status/{id}"}}"#));
    assert_eq!(answer.header("location"), format!("{base}/api/status/{id}"));

    let expected = scene.tables.data().table(DEMO_TABLE).unwrap().expected_count("2021-10-10", "2021-12-10");
    assert!(expected > 0);
    let status = scene.app.finished(&id).await.unwrap();
    assert_eq!(status, serde_json::json!({"id": id, "status": "Completed", "result": expected}));
    let answer = scene.app.get(&format!("/api/status/{id}")).await.unwrap();
    assert_eq!(answer.body, format!(r#"{{"id": "{id}", "status": "Completed", "result": {expected}}}"#));

    let answer = scene.app.get("/api/status/0123456789abcdef0123456789abcdef").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, "Job not found"));
    let answer = send(Method::POST, &format!("{base}/api/status/{id}"), &[]).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_says_how_it_wants_to_be_answered() {
    let scene = scene(|launch| launch).await;
    let ask = |headers: &'static [(&str, &str)]| scene.app.submit("10/10/2021", "10/12/2021", headers);

    let answer = ask(&[("prefer", "respond-async")]).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (202, "respond-async"));

    // A table that takes 300 ms a page, so that the client's wait is one.
    scene
        .tables
        .options()
        .set(Options { latency: std::time::Duration::from_millis(300), ..Options::default() });
    let id = instance_id(&ask(&[]).await.unwrap()).unwrap();
    let url = format!("{}/api/status/{id}", scene.app.base());
    let now = get(&url).await.unwrap().json().unwrap();
    assert!(matches!(now["status"].as_str(), Some("Pending" | "Running")), "{now}");
    assert!(now["result"].is_null());
    let end = send(Method::GET, &url, &[("prefer", "wait=30")]).await.unwrap();
    assert_eq!(end.json().unwrap()["status"], "Completed");
    assert_eq!(end.header("preference-applied"), "wait=30");

    // Neither a client's Spin headers nor its forwarded ones change where it is sent.
    for header in
        [("spin-full-url", "http://evil/"), ("x-forwarded-host", "evil"), ("forwarded", "host=evil")]
    {
        let answer = scene.app.submit("10/10/2021", "10/12/2021", &[header]).await.unwrap();
        assert!(answer.header("location").starts_with(scene.app.base()), "{header:?}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_one_instance() {
    let scene = scene(|launch| launch).await;
    let key = [("idempotency-key", "6f1e3f0a-7c1c-4d1e-9a51-000000000001")];
    let submits: Vec<_> =
        (0..8).map(|_| submit(scene.app.base(), "10/10/2021", "10/12/2021", &key)).collect();
    let answers: Vec<Answer> = futures::future::try_join_all(submits).await.unwrap();
    let ids: Vec<_> = answers.iter().map(|answer| instance_id(answer).unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && is_hex_id(id)), "{ids:?}");
    assert_eq!(scene.app.finished(&ids[0]).await.unwrap()["status"], "Completed");

    let again = scene.app.submit("10.10.2021", "10-Dec-2021", &key).await.unwrap();
    assert_eq!(instance_id(&again).unwrap(), ids[0], "the same dates in other words");
    let other = scene.app.submit("10/10/2021", "11/12/2021", &key).await.unwrap();
    assert_eq!(other.status, 422);
    assert!(other.json().unwrap()["error"].as_str().unwrap().contains("Idempotency-Key"), "{}", other.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_base_url_and_forwarded_headers_count_when_the_operator_says_so() {
    let fixed = scene(|launch| launch.variable("public_base_url", "https://api.example.org/v1/")).await;
    let answer = fixed.app.submit("10/10/2021", "10/12/2021", &[]).await.unwrap();
    assert!(answer.header("location").starts_with("https://api.example.org/v1/api/status/"), "{answer:?}");

    let trusting = scene(|launch| launch.variable("trust_forwarded_headers", "true")).await;
    let headers = [("x-forwarded-host", "api.example.org"), ("x-forwarded-proto", "https")];
    let answer = trusting.app.submit("10/10/2021", "10/12/2021", &headers).await.unwrap();
    assert!(answer.header("location").starts_with("https://api.example.org/api/status/"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_submissions_at_once_are_all_answered_and_completed() {
    let scene = scene(|launch| launch).await;
    let (s, e) = ("01/08/2021", "02/08/2021");
    let expected = scene.tables.data().table(DEMO_TABLE).unwrap().expected_count("2021-08-01", "2021-08-02");
    let submits = (0..200).map(|_| submit(scene.app.base(), s, e, &[]));
    let answers = futures::future::try_join_all(submits).await.unwrap();
    let ids: std::collections::BTreeSet<_> =
        answers.iter().map(|answer| instance_id(answer).unwrap()).collect();
    assert_eq!(ids.len(), 200);
    for id in &ids {
        let status = scene.app.finished(id).await.unwrap();
        assert_eq!(status, serde_json::json!({"id": id, "status": "Completed", "result": expected}));
    }
}
