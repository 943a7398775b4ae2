//! The durable activity, with a service that takes half a second over a page, on virtual time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use async_query::credentials::{CredentialSettings, Kept};
use async_query::query::{ACTIVITY, Settings, activities};
use azure_core::Secret;
use azure_tables::{Clock, HttpClient, TransportError};
use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use http::{Request, Response};
use jiff::Timestamp;
use longhaul::{
    ActivityOutcome, ActivityReport, ActivityRequest, Cancelled, Checkpoint, ExecutionId, InstanceId, Json,
    ReportSink, TaskId,
};
use serde_json::{Value, json};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";
const PAGE_TIME: Duration = Duration::from_millis(500);

/// A table of two days, each of so many pages of one row.
#[derive(Clone)]
struct Service {
    pages: usize,
    /// The answer to every request, if it is not a page.
    refusal: Option<(u16, &'static str)>,
    served: Rc<Cell<usize>>,
    most_at_once: Rc<Cell<usize>>,
    at_once: Rc<Cell<usize>>,
    began: (Timestamp, tokio::time::Instant),
}

impl Service {
    fn new(pages: usize) -> Self {
        Self {
            pages,
            refusal: None,
            served: Rc::default(),
            most_at_once: Rc::default(),
            at_once: Rc::default(),
            began: ("2021-10-10T08:49:37Z".parse().unwrap(), tokio::time::Instant::now()),
        }
    }
}

impl HttpClient for Service {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.at_once.set(self.at_once.get() + 1);
        self.most_at_once.set(self.most_at_once.get().max(self.at_once.get()));
        tokio::time::sleep(PAGE_TIME).await;
        self.at_once.set(self.at_once.get() - 1);
        if let Some((status, code)) = self.refusal {
            let refusal = Response::builder().status(status).header("x-ms-error-code", code);
            let refusal = refusal.header("x-ms-request-id", "id-1").header("retry-after", "7");
            return Ok(refusal.body(Bytes::new()).unwrap());
        }
        self.served.set(self.served.get() + 1);
        let query = request.uri().query().unwrap().to_owned();
        let token = query.rsplit_once("NextRowKey=").map_or(0, |(_, token)| token.parse().unwrap());
        let day = if query.contains("lt%20%27") { 1 } else { 2 };
        let body = json!({"value": [{"id": format!("{day}-{token}")}, {"id": null}]}).to_string();
        let mut response = Response::builder();
        if token + 1 < self.pages {
            response = response.header("x-ms-continuation-NextRowKey", (token + 1).to_string());
        }
        Ok(response.body(Bytes::from(body)).unwrap())
    }
}

impl Clock for Service {
    fn now(&self) -> Timestamp {
        self.began.0 + self.began.1.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// Listens to so many reports.
struct Listener {
    reports: RefCell<Vec<ActivityReport>>,
    limit: usize,
}

impl ReportSink for Listener {
    fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
        let listens = !self.is_cancelled();
        self.reports.borrow_mut().push(report);
        async move { if listens { Ok(()) } else { Err(Cancelled) } }.boxed_local()
    }

    fn is_cancelled(&self) -> bool {
        self.reports.borrow().len() >= self.limit
    }
}

struct Call {
    outcome: ActivityOutcome,
    progress: Vec<Value>,
    checkpoints: Vec<Checkpoint>,
}

async fn call(
    service: &Service,
    checkpoint: Option<Checkpoint>,
    budget_ms: Option<u64>,
    limit: usize,
) -> Call {
    let settings = Settings {
        credentials: CredentialSettings {
            table_connection_string: Secret::new(format!("AccountName=me;AccountKey={KEY}")),
            ..CredentialSettings::default()
        },
        table: "audit".into(),
        filter: String::new(),
        column: "id".into(),
        concurrency: "2".into(),
    };
    let request = ActivityRequest {
        instance_id: InstanceId::new("i").unwrap(),
        execution_id: ExecutionId::random([0; 16]),
        task_id: TaskId(0),
        attempt: 1,
        retry: 0,
        input: Json::parse(r#"{"start":"2021-10-10","end":"2021-10-11"}"#).unwrap(),
        checkpoint,
        budget_ms,
    };
    let listener = Rc::new(Listener { reports: RefCell::default(), limit });
    let functions = activities(service.clone(), service.clone(), Rc::new(Kept::new()), settings);
    let outcome = functions.run(ACTIVITY, request, service.now(), listener.clone()).await;
    let (mut progress, mut checkpoints) = (Vec::new(), Vec::new());
    for report in listener.reports.take() {
        match report {
            ActivityReport::Progress(json) => progress.push(json.to().unwrap()),
            ActivityReport::Checkpoint(checkpoint) => checkpoints.push(checkpoint),
            ActivityReport::Heartbeat => {}
        }
    }
    Call { outcome, progress, checkpoints }
}

#[tokio::test(start_paused = true)]
async fn a_short_query_reports_nothing() {
    let service = Service::new(1);
    let Call { outcome, progress, checkpoints } = call(&service, None, Some(20_000), 99).await;
    assert_eq!(outcome, ActivityOutcome::Completed(Json::parse("2").unwrap()));
    assert!(progress.is_empty() && checkpoints.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_query_saves_each_second_what_a_later_attempt_goes_on_from() {
    let service = Service::new(20);
    let Call { outcome, progress, checkpoints } = call(&service, None, None, 99).await;
    assert_eq!(outcome, ActivityOutcome::Completed(Json::parse("40").unwrap()));
    assert_eq!((service.served.get(), service.most_at_once.get()), (40, 2));
    // Ten seconds, and a checkpoint before the last page.
    assert_eq!((progress.len(), checkpoints.len()), (10, 10));
    let expected = json!({
        "distinct": 20, "rows": 40, "rowsWithoutValue": 20, "pages": 20, "subRangesDone": 0, "subRanges": 2,
        "throttled": 0, "retries": 0, "restarts": 0,
    });
    let (shown, begun) = (&progress[4], &checkpoints[4]);
    let pages = shown["pages"].as_u64().unwrap();
    assert!((19..=21).contains(&pages), "{shown} is not about {expected}");
    assert_eq!(
        shown.as_object().unwrap().keys().collect::<Vec<_>>(),
        expected.as_object().unwrap().keys().collect::<Vec<_>>()
    );

    // Killed after the fifth: another attempt has all that was saved, and reads the rest.
    let segments = checkpoints[..5].iter().flat_map(|checkpoint| checkpoint.segments.clone()).collect();
    let saved = Checkpoint { cursor: begun.cursor.clone(), segments };
    service.served.set(0);
    let again = call(&service, Some(saved), None, 99).await;
    assert_eq!(again.outcome, ActivityOutcome::Completed(Json::parse("40").unwrap()));
    assert_eq!(service.served.get() as u64, 40 - pages);
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_with_their_time_read_each_page_once() {
    for budget in [0, 500, 1300, 3000] {
        let service = Service::new(20);
        let (mut saved, mut calls) = (None::<Checkpoint>, 0);
        loop {
            calls += 1;
            let begin = service.now();
            let called = call(&service, saved.clone(), Some(budget), 99).await;
            let took = service.now().duration_since(begin);
            assert!(took.as_millis() <= i128::from(budget) * 5 / 4 + 1000, "{took} of {budget}");
            let ActivityOutcome::Continue { checkpoint: last, .. } = called.outcome else {
                assert_eq!(called.outcome, ActivityOutcome::Completed(Json::parse("40").unwrap()));
                break;
            };
            assert!(!called.progress.is_empty());
            // The engine gives back the last cursor and all segments.
            saved = saved.into_iter().chain(called.checkpoints).chain([last]).reduce(|all, next| {
                Checkpoint { segments: [all.segments, next.segments].concat(), cursor: next.cursor }
            });
        }
        assert_eq!(service.served.get(), 40, "with {budget} ms a call");
        assert!(calls > 2, "{calls} calls of {budget} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_nobody_waits_for_ends() {
    let service = Service::new(1000);
    let Call { outcome, .. } = call(&service, None, None, 4).await;
    let ActivityOutcome::Failed(failure) = outcome else { panic!("nobody listens") };
    assert_eq!(failure.kind, "Cancelled");
    assert!(service.served.get() < 20);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_keeps_refusing_is_named_with_its_code_and_request_and_no_secret() {
    for (refusal, kind) in [((503, "ServerBusy"), "StillFailing"), ((403, "AuthorizationFailure"), "Refused")]
    {
        let service = Service { refusal: Some(refusal), ..Service::new(1) };
        let (mut saved, mut calls) = (None, 0);
        let failure = loop {
            calls += 1;
            // Less than the service asks to be spared for.
            match call(&service, saved.take(), Some(3000), 99).await.outcome {
                ActivityOutcome::Continue { checkpoint, .. } => saved = Some(checkpoint),
                ActivityOutcome::Failed(failure) => break failure,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(failure.kind, kind);
        assert!(failure.message.contains(refusal.1) && failure.message.contains("id-1"), "{failure}");
        assert!(!failure.message.contains(KEY) && !failure.public_message().contains("http"), "{failure}");
        if refusal.0 == 503 {
            // Ten tries, seven seconds from one to the next, whatever the number of calls.
            let took = service.now().duration_since(service.began.0);
            assert!((63..80).contains(&took.as_secs()) && calls > 10, "{calls} calls in {took}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_of_something_else_is_said_to_be_none() {
    for (cursor, segment) in [("{}", "{}"), ("7", "{}"), ("null", "{}")] {
        let checkpoint = Checkpoint {
            cursor: Json::parse(cursor).unwrap(),
            segments: vec![Json::parse(segment).unwrap()],
        };
        let Call { outcome, .. } = call(&Service::new(1), Some(checkpoint), None, 9).await;
        let ActivityOutcome::Failed(failure) = outcome else { panic!("{cursor} is a cursor?") };
        assert_eq!((failure.kind.as_str(), failure.retriable), ("BadCheckpoint", false));
    }
}
