//! Limits of memory, time and instances.

use std::time::Duration;

use crate::harness::{Running, config, manifest, probes_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_no_more_memory_than_it_may() {
    let (probes, _directory) = probes_with("tool.longhaul = { memory_limit = \"16MiB\" }").await;
    assert_eq!(probes.text("/grow/4").await, (4 << 20).to_string());
    assert_eq!(probes.get("/grow/32").await.0, 500);
    assert_eq!(probes.get("/seen").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_takes_too_long_is_stopped() {
    let (probes, _directory) = probes_with("tool.longhaul = { request_timeout = \"200ms\" }").await;
    assert_eq!(probes.get("/sleep/60000").await.0, 504);
    assert_eq!(probes.get("/busy/60000").await.0, 500);
    assert_eq!(probes.get("/sleep/1").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_instance_waits_and_is_then_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.admission_timeout = Duration::from_millis(800);
    let one = manifest("tool.longhaul = { max_instances = 1, max_concurrent_requests = 1 }");
    let probes = Running::start(one, config).await;
    probes.text("/seen").await;

    // The second waits for the first.
    let (first, second) = tokio::join!(probes.get("/sleep/300"), probes.get("/seen"));
    assert_eq!((first.0, second.0), (200, 200));
    // The second waits in vain.
    let refused = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        probes.send("/seen", &[]).await
    };
    let (first, second) = tokio::join!(probes.get("/sleep/2500"), refused);
    assert_eq!((first.0, second.status().as_u16()), (200, 503));
    assert_eq!(second.headers()["retry-after"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn components_that_call_each_other_in_a_circle_do_not_block_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.admission_timeout = Duration::from_millis(500);
    let one = manifest("tool.longhaul = { max_instances = 1, max_concurrent_requests = 1 }");
    let probes = Running::start(one, config).await;
    let circle = "/call?http://hidden.spin.internal/call?http://main.spin.internal/seen";
    let answer = probes.text(circle).await;
    assert_eq!(answer, "200 OK 503 Service Unavailable busy, try again\n");
    // With a second instance there is room.
    let directory = tempfile::tempdir().unwrap();
    let two = manifest("tool.longhaul = { max_instances = 2, max_concurrent_requests = 1 }");
    let probes = Running::start(two, crate::harness::config(directory.path())).await;
    assert_eq!(probes.text(circle).await, "200 OK 200 OK 1");
}
