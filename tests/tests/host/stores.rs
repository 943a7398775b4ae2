//! Key-value stores as components meet them.

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
