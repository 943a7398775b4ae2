//! `kill -9` of the host at random moments, again and again: no answered submission is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhaul_tests::app::{Launch, instance_id, submit};
use rand::{RngExt as _, SeedableRng as _};
use table_service::{DEMO_TABLE, Data, Options, TableService};

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");
const KILLS: u32 = 20;
const CLIENTS: u32 = 4;

/// The days that the clients ask for, as `s` and `e`, and as the table has them.
const RANGES: [[&str; 4]; 3] = [
    ["16/07/2021", "18/07/2021", "2021-07-16", "2021-07-18"],
    ["01/08/2021", "31/08/2021", "2021-08-01", "2021-08-31"],
    ["16/07/2021", "15/10/2021", "2021-07-16", "2021-10-15"],
];

/// Submissions with an Idempotency-Key: the key, its range, and the id once one was answered.
type Keyed = Arc<Mutex<BTreeMap<String, (usize, Option<String>)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_status_uri_that_was_answered_reaches_completed_with_the_right_count() {
    let seed =
        std::env::var("LONGHAUL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("LONGHAUL_SEED={seed}");
    let mut dice = rand::rngs::StdRng::seed_from_u64(seed);

    // Pages take a while, so that the kills meet queries under way.
    let options = Options { latency: Duration::from_millis(25), ..Options::default() };
    let tables = TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), options).await.unwrap();
    let state = tempfile::tempdir().unwrap();
    let launch = Launch::new(HOST, state.path()).querying(&tables.connection_string());
    let start = async || {
        let launch = launch.clone();
        tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap()
    };

    let answered: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
    let keyed: Keyed = Arc::default();
    for kill in 0..KILLS {
        let app = start().await;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (base, answered, keyed) = (app.base().to_owned(), answered.clone(), keyed.clone());
                tokio::spawn(submit_until_it_fails(base, format!("{seed}-{kill}-{client}"), answered, keyed))
            })
            .collect();
        // The moment of the kill is what is random here; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(dice.random_range(5..600))).await;
        app.kill().unwrap();
        for client in clients {
            client.await.unwrap();
        }
    }

    let app = start().await;
    // A client that got no answer repeats its request with the same key, and there is one instance for both.
    let unanswered: Vec<_> = keyed.lock().unwrap().clone().into_iter().collect();
    for (key, (range, id)) in unanswered {
        let [s, e, ..] = RANGES[range];
        let again = app.submit(s, e, &[("idempotency-key", &key)]).await.unwrap();
        let again = instance_id(&again).unwrap();
        assert!(id.is_none_or(|id| id == again), "{key} stands for two instances");
        answered.lock().unwrap().push((again, range));
    }
    let table = tables.data().table(DEMO_TABLE).unwrap();
    let answered = answered.lock().unwrap().clone();
    println!("{} submissions were answered", answered.len());
    assert!(answered.len() > KILLS as usize, "the clients got hardly any answers");
    for (id, range) in answered {
        let [_, _, start, end] = RANGES[range];
        let status = app.finished(&id).await.unwrap();
        let expected =
            serde_json::json!({"id": id, "status": "Completed", "result": table.expected_count(start, end)});
        assert_eq!(status, expected);
    }
}

/// A client that submits one query after the other, half of them with a key, until the host is gone.
async fn submit_until_it_fails(
    base: String,
    name: String,
    answered: Arc<Mutex<Vec<(String, usize)>>>,
    keyed: Keyed,
) {
    for number in 0_usize.. {
        let range = number % RANGES.len();
        let [s, e, ..] = RANGES[range];
        let key = number.is_multiple_of(2).then(|| format!("{name}-{number}"));
        if let Some(key) = &key {
            keyed.lock().unwrap().insert(key.clone(), (range, None));
        }
        let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        let Ok(answer) = submit(&base, s, e, &headers).await else { return };
        let id = instance_id(&answer).unwrap();
        match key {
            Some(key) => keyed.lock().unwrap().get_mut(&key).expect("it was inserted").1 = Some(id),
            None => answered.lock().unwrap().push((id, range)),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
