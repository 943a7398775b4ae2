//! The sample `samples/patterns`, built and run as its readers run it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Once, mpsc};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use longhaul_tests::app::instance_id;
use longhaul_tests::guests;
use longhaul_tests::http_client::{Answer, send_with_body};
use serde_json::{Value, json};
use tempfile::TempDir;

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");
const COMPONENTS: [&str; 6] = [
    "patterns-api",
    "patterns-orchestrator",
    "patterns-activity",
    "patterns-entities",
    "scheduler",
    "management",
];
/// The limit of waits for conditions, not a measure.
const PATIENCE: Duration = Duration::from_secs(120);

/// The running sample. It is killed when this is dropped.
struct Sample {
    base: String,
    host: Child,
    state: TempDir,
}

impl Sample {
    async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_blocking).await.unwrap()
    }

    fn start_blocking() -> Self {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| {
            guests::build(&COMPONENTS).unwrap();
        });
        let state = tempfile::tempdir().unwrap();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/patterns");
        let mut command = Command::new(HOST);
        command.arg("up").arg("--from").arg(manifest).arg("--state-dir").arg(state.path());
        command.args(["--listen", "127.0.0.1:0"]);
        // Every call of a long activity is over after one piece of work: it is called again for the next.
        command.args(["--variable", "activity_budget=1ms", "--variable", "management_key=secret"]);
        command.stderr(File::create(state.path().join("host_stderr.txt")).unwrap());
        let mut host = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(host.stdout.take().expect("its output is piped"));
        let mut sample = Self { base: String::new(), host, state };
        // The rest is read too, so that the process never waits for us.
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(base) = line.strip_prefix("Serving ") {
                    let _ = sender.send(base.to_owned());
                }
            }
        });
        sample.base = receiver.recv_timeout(PATIENCE).expect("the sample comes up");
        sample
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        send_with_body(method, &format!("{}{path}", self.base), &[], body).await.unwrap()
    }

    /// Starts an instance, and gives its id.
    async fn begin(&self, pattern: &str, input: &Value) -> String {
        let answer = self.ask(Method::POST, &format!("/start/{pattern}"), input).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = instance_id(&answer).unwrap();
        assert_eq!(answer.header("location"), format!("/status/{id}"));
        id
    }

    /// The status of an instance, once it is as it should be.
    async fn once(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let answer = self.ask(Method::GET, &format!("/status/{id}"), &Value::Null).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let shown = answer.json().unwrap();
            if is_so(&shown) {
                return shown;
            }
            assert!(begin.elapsed() < PATIENCE, "it stays like this: {shown:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn finished(&self, id: &str) -> Value {
        self.once(id, |shown| !matches!(shown["status"].as_str(), Some("Pending" | "Running"))).await
    }

    /// The output of an instance that completes; the type of the failure of one that fails.
    async fn run(&self, pattern: &str, input: &Value) -> Value {
        let shown = self.finished(&self.begin(pattern, input).await).await;
        assert_eq!(shown["name"], pattern);
        match shown["status"].as_str() {
            Some("Completed") => shown["output"].clone(),
            Some("Failed") => json!({"failed": shown["failure"]["type"]}),
            _ => panic!("{shown:#}"),
        }
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = self.host.kill();
        let _ = self.host.wait();
        if std::thread::panicking() {
            let said = std::fs::read_to_string(self.state.path().join("host_stderr.txt"));
            println!("{}", said.unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pattern_ends_as_its_input_says() {
    let sample = Sample::start().await;
    let cases = [
        ("chaining", json!({"item": "hat", "quantity": 2}), json!("2 x hat: 50.00 EUR")),
        ("chaining", json!({"item": "crown", "quantity": 1}), json!({"failed": "UnknownItem"})),
        ("chaining", json!("a hat"), json!({"failed": "BadInput"})),
        (
            "fan-out",
            json!({"texts": ["to be", "or not", "to be"]}),
            json!({"be": 2, "not": 1, "or": 1, "to": 2}),
        ),
        ("fan-out", json!({"texts": ["to be", "?"]}), json!({"failed": "NoWords"})),
        // Six pieces of work, each in a call of its own.
        ("async-http", json!({"upTo": 3_000_000}), json!("There are 216816 primes up to 3000000.")),
        ("async-http", json!({"upTo": 4_000_000_000u32}), json!({"failed": "TooMany"})),
        (
            "monitor",
            json!({"takesMs": 300, "intervalMs": 300, "patienceMs": 60_000}),
            // Timers are never early.
            json!({"looks": 2}),
        ),
        (
            "monitor",
            json!({"takesMs": 3_600_000, "intervalMs": 50, "patienceMs": 100}),
            json!({"failed": "JobTooSlow"}),
        ),
        ("approval", json!({"what": "a holiday", "timeoutMs": 100}), json!("escalated")),
        ("saga", json!({"to": "Ulm"}), json!({"booked": ["flight to Ulm", "hotel in Ulm", "car in Ulm"]})),
        (
            "saga",
            json!({"to": "Ulm", "soldOut": "car"}),
            json!({"calledOff": {
                "because": "there is no car in Ulm",
                "cancelled": ["hotel in Ulm", "flight to Ulm"],
            }}),
        ),
    ];
    let runs = cases.iter().map(|(pattern, input, _)| sample.run(pattern, input));
    for ((pattern, input, expected), output) in cases.iter().zip(join_all(runs).await) {
        assert_eq!(output, *expected, "{pattern} {input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_waits_for_its_answer() {
    let sample = Sample::start().await;
    for (answer, decision) in [(true, "approved"), (false, "refused")] {
        let id = sample.begin("approval", &json!({"what": "a holiday", "timeoutMs": 3_600_000})).await;
        let waiting = sample.once(&id, |shown| !shown["customStatus"].is_null()).await;
        assert_eq!(waiting["status"], "Running");
        assert_eq!(waiting["customStatus"], "Please approve a holiday.");
        let approve = format!("/approve/{id}");
        assert_eq!(sample.ask(Method::POST, &approve, &json!("yes")).await.status, 400);
        assert_eq!(sample.ask(Method::POST, &approve, &json!(answer)).await.status, 202);
        assert_eq!(sample.finished(&id).await["output"], decision);
        assert_eq!(sample.ask(Method::POST, &approve, &json!(answer)).await.status, 409);
    }
    assert_eq!(sample.ask(Method::POST, "/approve/nobody", &json!(true)).await.status, 404);
    assert_eq!(sample.ask(Method::GET, "/status/nobody", &Value::Null).await.status, 404);
    assert_eq!(sample.ask(Method::POST, "/start/opera", &json!({})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_sum_up_their_readings() {
    let sample = Sample::start().await;
    assert_eq!(sample.ask(Method::GET, "/readings/north", &Value::Null).await.status, 404);
    // Many at once, and each is taken in once.
    let readings = (0..50).map(|n| ("north", f64::from(n))).chain((0..10).map(|n| ("south", f64::from(-n))));
    let readings = readings.chain([("north", 400.0)]);
    let recorded = readings.map(async |(station, reading)| {
        sample.ask(Method::POST, &format!("/readings/{station}"), &json!(reading)).await.status
    });
    assert!(join_all(recorded).await.into_iter().all(|status| status == 202));
    let begin = Instant::now();
    loop {
        let north = sample.ask(Method::GET, "/readings/north", &Value::Null).await;
        let south = sample.ask(Method::GET, "/readings/south", &Value::Null).await;
        if let (Ok(north), Ok(south)) = (north.json(), south.json())
            && (&north["count"], &south["count"]) == (&json!(50), &json!(10))
        {
            assert_eq!(north, json!({"count": 50, "sum": 1225.0, "range": [0.0, 49.0]}));
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "it stays like this: {} {}", north.body, south.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let report = json!({"stations": ["north", "south", "east"]});
    assert_eq!(sample.run("aggregator", &report).await, json!([24.5, -4.5, null]));
    assert_eq!(
        sample.run("aggregator", &json!({"stations": ["a/b"]})).await,
        json!({"failed": "BadStation"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_started_an_instance_can_watch_and_end_it() {
    let sample = Sample::start().await;
    let input = json!({"what": "a holiday", "timeoutMs": 3_600_000});
    let started = sample.ask(Method::POST, "/start/approval", &input).await.json().unwrap();
    let links = &started["manage"];
    let follow = async |method, link: &Value| {
        send_with_body(method, link.as_str().expect("there is the link"), &[], "").await.unwrap()
    };
    let shown = follow(Method::GET, &links["statusQueryGetUri"]).await;
    assert_eq!((shown.status.as_u16(), &shown.json().unwrap()["input"]), (202, &input));
    assert_eq!(follow(Method::POST, &links["terminatePostUri"]).await.status, 202);
    let id = started["id"].as_str().unwrap();
    assert_eq!(sample.finished(id).await["status"], "Terminated");
    assert_eq!(links.get("purgeHistoryDeleteUri"), None);
}
