//! Instances at work: reuse, work after the response, traps, busy guests, the end of the host.

use std::time::Duration;

use crate::harness::probes_with;

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_serves_as_many_requests_as_it_may() {
    let (probes, _directory) = probes_with("tool.longhaul = { max_requests = 3 }").await;
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(probes.text("/seen").await);
    }
    assert_eq!(seen, ["1", "2", "3", "1", "2", "3", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_after_the_response_goes_on_until_it_ends() {
    // Also after the last request that the instance may serve, past the request time-out, and past the time after
    // which an idle instance is dropped.
    let (probes, _directory) =
        probes_with("tool.longhaul = { max_requests = 1, request_timeout = \"1s\" }").await;
    let start = std::time::Instant::now();
    assert_eq!(probes.text("/background/late/3500").await, "later");
    assert!(start.elapsed() < Duration::from_secs(3), "the response waited for the work");
    probes.until("/kv/get/late", "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_ends_one_instance_and_an_error_none() {
    let (probes, _directory) = probes_with("").await;
    assert_eq!(probes.text("/seen").await, "1");
    assert_eq!(probes.get("/fail").await, (500, String::new()));
    assert_eq!(probes.text("/seen").await, "3");
    let elsewhere = async { probes.text("/call?http://hidden.spin.internal/sleep/300").await };
    // The component that traps is not the one that sleeps, but the one that waits for it is.
    let trap = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        probes.host.call(&"hidden".parse().unwrap(), request("/trap")).await.unwrap().status()
    };
    let (answer, status) = tokio::join!(elsewhere, trap);
    assert_eq!(status, 500);
    assert!(answer.starts_with("500 ") || answer.starts_with("200 OK slept"), "{answer}");
    assert_eq!(probes.text("/seen").await, "5");
    assert_eq!(probes.text("/call?http://hidden.spin.internal/seen").await, "200 OK 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_guests_do_not_hold_up_the_rest() {
    let (probes, _directory) = probes_with("").await;
    // As a warm-up, so that nothing is left to do but the work itself.
    probes.text("/echo/1").await;
    let busy = async {
        let (a, b, c) =
            tokio::join!(probes.text("/busy/1500"), probes.text("/busy/1500"), probes.text("/busy/1500"));
        (a, b, c)
    };
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..5 {
            probes.text("/echo/1").await;
        }
    };
    tokio::select! {
        biased;
        () = others => {}
        _ = busy => panic!("the busy guests held the threads until they were done"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn running_requests_end_before_the_host_does() {
    let (probes, _directory) = probes_with("").await;
    let base = probes.base.clone();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Full<bytes::Bytes>>();
    let uri: http::Uri = format!("{base}/slowly/slow/700").parse().unwrap();
    let running = tokio::spawn(async move { client.get(uri).await });
    probes.until("/kv/get/slow", "begun").await;
    let (server, _host) = probes.stop();
    server.await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    let refused = tokio::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).await;
    assert!(refused.is_err(), "the port is still open");
}

fn request(path: &str) -> http::Request<bytes::Bytes> {
    http::Request::get(path).body(bytes::Bytes::new()).unwrap()
}
