//! The host, driven from outside: what components see, and what they cannot do.

mod harness;
mod limits;
mod loading;
mod stores;
mod work;

use harness::{echoed, probes_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_comes_with_its_route_in_headers() {
    let (probes, _directory) = probes_with("").await;
    let text = probes.text("/echo/7/a/b?n=1").await;
    assert_eq!(text.lines().next(), Some(format!("GET {}/echo/7/a/b?n=1", probes.base).as_str()));
    let headers = echoed(&text);
    for (name, expected) in [
        ("spin-path-info", "/a/b"),
        ("spin-full-url", &format!("{}/echo/7/a/b?n=1", probes.base)),
        ("spin-matched-route", "/echo/:Item_Id/..."),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", "/echo/:Item_Id/..."),
        ("spin-component-route", "/echo/:Item_Id"),
        ("spin-path-match-item-id", "7"),
    ] {
        assert_eq!(headers.get(name).unwrap(), expected, "{name}");
    }
    assert!(headers["spin-client-addr"].to_str().unwrap().starts_with("127.0.0.1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_in_spin_headers_is_not_believed() {
    let (probes, _directory) = probes_with("").await;
    let spoofed = [("spin-path-match-item-id", "8"), ("spin-client-addr", "10.0.0.1:1"), ("Spin-Mine", "x")];
    let headers = echoed(&probes.send("/echo/7", &spoofed).await.into_body());
    assert_eq!(headers.get_all("spin-path-match-item-id").iter().collect::<Vec<_>>(), ["7"]);
    assert!(headers["spin-client-addr"].to_str().unwrap().starts_with("127.0.0.1:"));
    assert!(!headers.contains_key("spin-mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_route_answers_only_components_that_may_call_it() {
    let (probes, _directory) = probes_with("").await;
    // From outside, by its name.
    let response = probes.send("/echo", &[("host", "hidden.spin.internal")]).await;
    assert_eq!(response.status(), 421);
    // From a component that may.
    let text = probes.text("/call?http://hidden.spin.internal/echo/x?n=1").await;
    let (line, headers) = text.split_once('\n').unwrap();
    assert_eq!(line, "200 OK GET http://hidden.spin.internal/echo/x?n=1");
    let headers = echoed(&format!("\n{headers}"));
    assert_eq!(headers["spin-full-url"], "http://localhost/echo/x?n=1");
    assert_eq!(headers["spin-matched-route"], "/...");
    assert!(!headers.contains_key("host"));
    // From one that may not.
    assert!(probes.text("/call?http://echoing.spin.internal/").await.contains("HttpRequestDenied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_hosts_are_reached() {
    let (probes, _directory) = probes_with("").await;
    let own = probes.text(&format!("/call?{}/kv/exists/nothing", probes.base)).await;
    assert_eq!(own, "200 OK false");
    for (url, expected) in [
        (probes.base.replace("127.0.0.1", "localhost"), "HttpRequestDenied"),
        (probes.base.replace("http:", "https:"), "HttpRequestDenied"),
        ("http://127.0.0.1:1/".to_owned(), "ConnectionRefused"),
    ] {
        let answer = probes.text(&format!("/call?{url}")).await;
        assert!(answer.contains(expected), "{url}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_sees_its_variables_and_environment() {
    let (probes, _directory) = probes_with("").await;
    assert_eq!(probes.text("/variable/greeting").await, "hello, you");
    assert!(probes.text("/variable/other").await.contains("Undefined"));
    assert!(probes.text("/variable/Other").await.contains("InvalidName"));
    assert_eq!(probes.text("/environment/COLOUR").await, "red");
    assert!(probes.text("/environment/PATH").await.contains("not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_not_found() {
    let (probes, _directory) = probes_with("").await;
    // Every path has a component here, except what is no path at all.
    let response = probes.host.call(&"nobody".parse().unwrap(), http::Request::default()).await;
    assert!(matches!(response, Err(longhaul_host::CallError::NoSuchComponent(_))));
    let only_old = {
        let mut manifest = harness::manifest("");
        manifest.http_triggers.retain(|trigger| trigger.component.as_str() == "old");
        manifest
    };
    let directory = tempfile::tempdir().unwrap();
    let probes = harness::Running::start(only_old, harness::config(directory.path())).await;
    assert_eq!(probes.get("/p2").await.0, 200);
    assert_eq!(probes.get("/p3").await, (404, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wasi_0_2_component_gets_a_new_instance_for_each_request() {
    let (probes, _directory) = probes_with("").await;
    let authority = probes.base.strip_prefix("http://").unwrap();
    for _ in 0..3 {
        let text = probes.text("/p2/a?b").await;
        assert_eq!(text.lines().next().unwrap(), format!("{authority} /p2/a?b seen 1"));
        assert!(text.contains("spin-matched-route: /p2/..."));
    }
    assert_eq!(probes.get("/p2/trap").await.0, 500);
    assert_eq!(probes.get("/p2").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_components_print_is_in_their_logs() {
    let (probes, directory) = probes_with("").await;
    probes.text("/print").await;
    let log =
        |stream| std::fs::read_to_string(directory.path().join(format!("logs/main_{stream}.txt"))).unwrap();
    assert_eq!(log("stdout"), "printed\nand once more\n");
    assert_eq!(log("stderr"), "complained\n");
}
