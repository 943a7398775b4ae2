//! Key-value stores as components meet them.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::{Running, config, manifest, probes_with};

#[tokio::test(flavor = "multi_thread")]
async fn values_are_set_read_listed_and_deleted() {
    let (probes, _directory) = probes_with("").await;
    for (path, expected) in [
        ("/kv/get/a", "nothing"),
        ("/kv/set/a/1", "set"),
        ("/kv/set/b/2", "set"),
        ("/kv/get/a", "1"),
        ("/kv/exists/b", "true"),
        ("/kv/keys", "a,b"),
        ("/kv/delete/b", "deleted"),
        ("/kv/delete/b", "deleted"),
        ("/kv/exists/b", "false"),
        ("/kv/keys", "a"),
    ] {
        assert_eq!(probes.text(path).await, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn components_share_a_store_and_only_declared_ones_open() {
    let (probes, _directory) = probes_with("").await;
    probes.text("/kv/set/shared/yes").await;
    assert_eq!(probes.text("/call?http://hidden.spin.internal/kv/get/shared").await, "200 OK yes");
    assert_eq!(probes.text("/open/default").await, "opened");
    assert!(probes.text("/open/other").await.contains("AccessDenied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_succeeds_exactly_if_nothing_changed_since_it_was_looked_at() {
    let (probes, _directory) = probes_with("").await;
    for (case, expected) in [
        ("unchanged", "a, swapped, b"),
        ("changed", "failed, swapped, c"),
        ("create", "swapped, mine"),
        ("created-meanwhile", "nothing, failed, other"),
        ("blind", "failed, other"),
        ("deleted", "failed, nothing"),
        ("increment", "5, 3, [3, 0, 0, 0, 0, 0, 0, 0]"),
        ("batch", "batch-2=2, batch-1=1, false"),
    ] {
        assert_eq!(probes.text(&format!("/cas/{case}")).await, expected, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_outlive_the_host() {
    let (probes, directory) = probes_with("").await;
    probes.text("/kv/set/kept/yes").await;
    let (server, host) = probes.stop();
    server.await.unwrap();
    host.close().await.unwrap();
    drop(host);
    let probes = Running::start(manifest(""), config(directory.path())).await;
    assert_eq!(probes.text("/kv/get/kept").await, "yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_does_through_a_component_what_the_engine_asks_of_any() {
    let (probes, _directory) = probes_with("").await;
    for prefix in ["one", "other"] {
        assert_eq!(probes.text(&format!("/conformance/{prefix}")).await, "conforms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_tells_of_is_on_disk_before_it_leaves() {
    let (probes, _directory) = probes_with("").await;
    for number in 1..=20 {
        probes.text(&format!("/kv/set/a/{number}")).await;
        let [(_, told)] = probes.host.statistics()[..] else { panic!("there is one database") };
        assert_eq!((told.commits, told.syncs), (number, number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_to_others_tells_of_is_on_disk_before_it_leaves() {
    let (probes, _directory) = probes_with("").await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", other.local_addr().unwrap());
    for number in 1..=10 {
        let answer = async {
            let (mut connection, _) = other.accept().await.unwrap();
            assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
            let told = probes.host.statistics()[0].1;
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            connection.write_all(answer).await.unwrap();
            told
        };
        let path = format!("/set-and-call/a/{number}?{url}");
        let (answered, told) = tokio::join!(probes.text(&path), answer);
        assert_eq!(answered, "200 OK ");
        assert_eq!((told.commits, told.syncs), (number, number));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn components_do_not_wait_for_the_disk() {
    let (probes, _directory) = probes_with("").await;
    probes.text("/call?http://hidden.spin.internal/kv/set-times/a/500").await;
    let told = probes.host.statistics()[0].1;
    assert_eq!(told.commits, 500);
    assert!((1..100).contains(&told.syncs), "{told}");
}
