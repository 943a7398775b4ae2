//! What the public components do with the engine, over a store in memory.

use std::time::Duration;

use async_query::service::{self, Polled, Submitted};
use async_query::submit::Settings;
use futures::executor::block_on;
use http::request::Parts;
use longhaul::memory::MemoryPlatform;
use longhaul::{Concern, Engine, InstanceId, Orchestrators, Platform, TaskHub, TickKick};

const SUBMIT: &str = "/api/submit/query?s=10/10/2021&e=10/12/2021";

struct Scene(Engine<MemoryPlatform>);

impl Scene {
    fn new() -> Self {
        Self(Engine::new(MemoryPlatform::new(), TaskHub::new("test")))
    }

    fn platform(&self) -> &MemoryPlatform {
        self.0.platform()
    }

    fn submit(&self, path: &str, headers: &[(&str, &str)]) -> Submitted {
        let settings = Settings::default();
        let submission = service::check(&request(path, headers), &settings, self.platform().now()).unwrap();
        block_on(service::submit(&self.0, &submission))
    }

    fn status(&self, id: &str, headers: &[(&str, &str)]) -> Polled {
        block_on(service::status(&self.0, &request(&format!("/api/status/{id}"), headers)))
    }

    /// Runs an instance whose orchestrator ends at once, in this way.
    fn finish<T: serde::Serialize + Clone + 'static>(
        &self,
        submitted: Submitted,
        end: Result<T, longhaul::Failure>,
    ) {
        let started = submitted.started.expect("it was started");
        let orchestrators =
            Orchestrators::new().with("orchestrator-function", move |_, _: longhaul::Json| {
                let end = end.clone();
                async move { end }
            });
        block_on(self.0.tick(&started.key, &started.tick, &orchestrators, &NoActivities, &NoKicks)).unwrap();
    }
}

struct NoActivities;

impl longhaul::Activities for NoActivities {
    async fn call(
        &self,
        _: &str,
        _: &longhaul::ActivityRequest,
        _: &dyn Fn(longhaul::ActivityReport),
    ) -> Result<longhaul::ActivityOutcome, longhaul::NoAnswer> {
        unreachable!("the orchestrators here call none")
    }
}

struct NoKicks;

impl longhaul::Kicks for NoKicks {
    async fn tick(&self, _: &longhaul::InstanceKey, _: &TickKick) -> Result<(), longhaul::KickError> {
        unreachable!("the orchestrators here speak to nobody")
    }
}

fn request(path: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().uri(path).header("host", "api.example.org");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn id(submitted: &Submitted) -> String {
    submitted.answer.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[test]
fn a_submission_is_stored_before_it_is_answered_and_found_by_its_id() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    assert_eq!(submitted.answer.status(), 200);
    let id = id(&submitted);
    assert_eq!(id, submitted.started.as_ref().unwrap().id.as_str());

    let before = scene.platform().operations();
    let polled = scene.status(&id, &[]);
    let spent = scene.platform().operations() - before;
    assert_eq!((spent.reads, spent.writes), (1, 0), "a poll is one get");
    assert_eq!(polled.answer.body(), &format!(r#"{{"id": "{id}", "status": "Pending", "result": null}}"#));
    assert_eq!(polled.concern, None);

    scene.finish(submitted, Ok(7));
    let polled = scene.status(&id, &[]);
    assert_eq!(polled.answer.body(), &format!(r#"{{"id": "{id}", "status": "Completed", "result": 7}}"#));
}

#[test]
fn a_failure_is_shown_without_what_the_public_may_not_see() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    let failure =
        longhaul::Failure::new("X", "no answer from 10.0.0.7:10002 with AccountKey=abc\n  at main.rs:1");
    scene.finish(submitted, Err::<(), _>(failure));
    let body = scene.status(&id, &[]).answer.into_body();
    let shown = "no answer from [address] with AccountKey=[hidden]";
    assert_eq!(body, format!(r#"{{"id": "{id}", "status": "Failed", "result": "{shown}"}}"#));
}

#[test]
fn a_large_output_is_shown_whole() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    let text = "x".repeat(longhaul::INLINE_LIMIT);
    scene.finish(submitted, Ok(text.clone()));
    let body = scene.status(&id, &[]).answer.into_body();
    assert_eq!(body, format!(r#"{{"id": "{id}", "status": "Completed", "result": "{text}"}}"#));
}

#[test]
fn the_public_does_not_see_why_an_instance_was_terminated() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    block_on(scene.0.terminate(&InstanceId::new(&id).unwrap(), "for internal reasons")).unwrap();
    // Once the first kick is late, the tick looks for messages before anything else.
    block_on(scene.platform().sleep(Duration::from_secs(60)));
    scene.finish(submitted, Ok(1));
    let body = scene.status(&id, &[]).answer.into_body();
    assert_eq!(body, format!(r#"{{"id": "{id}", "status": "Terminated", "result": null}}"#));
}

#[test]
fn a_repeated_key_answers_the_same_instance_and_starts_nothing() {
    let scene = Scene::new();
    let key = [("idempotency-key", "k-1")];
    let first = scene.submit(SUBMIT, &key);
    assert!(first.started.is_some());
    let again = scene.submit(SUBMIT, &key);
    assert_eq!((id(&again), again.answer.status()), (id(&first), first.answer.status()));
    // It has not begun to run, so it is kicked again: the first kick may have been lost.
    assert_eq!(
        again.started.as_ref().map(|started| &started.key),
        first.started.as_ref().map(|started| &started.key)
    );
    scene.finish(again, Ok(3));
    assert_eq!(scene.submit(SUBMIT, &key).started, None, "it has run");
    let other = scene.submit("/api/submit/query?s=10/10/2021&e=11/12/2021", &key);
    assert_eq!(other.answer.status(), 422);
    assert_eq!(scene.status(&id(&first), &[]).answer.status(), 200);
}

#[test]
fn a_store_that_fails_is_answered_503_with_what_may_be_done() {
    let scene = Scene::new();
    scene.platform().set_failing(true);
    let keyed = scene.submit(SUBMIT, &[("idempotency-key", "k-1")]);
    assert_eq!(keyed.answer.status(), 503);
    assert!(keyed.answer.body().contains("unknown") && keyed.answer.body().contains("Idempotency-Key"));
    assert_eq!(keyed.started, None);
    assert_eq!(scene.submit(SUBMIT, &[]).answer.status(), 503);
    assert_eq!(scene.status("abc", &[]).answer.status(), 503);

    scene.platform().set_failing(false);
    let again = scene.submit(SUBMIT, &[("idempotency-key", "k-1")]);
    assert_eq!(again.answer.status(), 200);
}

#[test]
fn an_instance_that_nobody_advances_is_reported_as_overdue() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    block_on(scene.platform().sleep(Duration::from_secs(60)));
    let polled = scene.status(&id, &[("prefer", "wait=5")]);
    assert_eq!(polled.concern, Some((submitted.started.unwrap().key, Concern::Overdue)));
}

#[test]
fn a_client_that_waits_is_answered_when_the_instance_has_finished_or_the_time_is_over() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    let begin = scene.platform().monotonic();
    assert!(scene.status(&id, &[("prefer", "wait=3")]).answer.body().contains("Pending"));
    let waited = scene.platform().monotonic() - begin;
    assert!((Duration::from_secs(3)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    scene.finish(submitted, Ok(1));
    let begin = scene.platform().monotonic();
    assert!(scene.status(&id, &[("prefer", "wait=30")]).answer.body().contains("Completed"));
    assert!(
        scene.platform().monotonic() - begin < Duration::from_secs(10),
        "a finished instance is not waited for"
    );
}

#[test]
fn a_tick_without_an_instance_does_nothing() {
    let scene = Scene::new();
    let key = longhaul::InstanceKey::received("nobody");
    let ticked =
        block_on(scene.0.tick(&key, &TickKick::default(), &Orchestrators::new(), &NoActivities, &NoKicks));
    assert_eq!(ticked, Ok(longhaul::Ticked::Nothing));
}
