//! What the public components do with the engine, over the simulator's store.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use async_query::service::{self, Polled, Submitted};
use async_query::submit::Settings;
use http::request::Parts;
use longhaul::{Engine, Orchestrators, TickKick};
use longhaul_sim::exec::{Exec, Process};
use longhaul_sim::store::{Backend, SimStore};
use longhaul_sim::world::{Place, World};

const CLIENT: Process = Process(0);
const SUBMIT: &str = "/api/submit/query?s=10/10/2021&e=10/12/2021";

struct Scene {
    exec: Exec,
    store: SimStore,
    engine: Rc<Engine<Place>>,
}

impl Scene {
    fn new() -> Self {
        let exec = Exec::new(1);
        let store = SimStore::new(&exec, Backend::Sqlite);
        let engine = World::new(&exec, &store).engine(CLIENT);
        Self { exec, store, engine: Rc::new(engine) }
    }

    /// Runs one call to its end, in virtual time.
    fn run<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        call: impl FnOnce(Rc<Engine<Place>>) -> F,
    ) -> T {
        let result: Rc<RefCell<Option<T>>> = Rc::default();
        let (slot, future) = (result.clone(), call(self.engine.clone()));
        self.exec.spawn(CLIENT, async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        });
        self.exec.run_until(self.exec.now() + Duration::from_secs(3600), || result.borrow().is_some());
        result.take().expect("the call ends")
    }

    fn submit(&self, path: &str, headers: &[(&str, &str)]) -> Submitted {
        let request = request(path, headers);
        self.run(|engine| async move { service::submit(&engine, &request, &Settings::default()).await })
    }

    fn status(&self, id: &str, headers: &[(&str, &str)]) -> Polled {
        let request = request(&format!("/api/status/{id}"), headers);
        self.run(|engine| async move { service::status(&engine, &request).await })
    }

    /// Runs an instance whose orchestrator ends at once, in this way.
    fn finish(&self, submitted: Submitted, end: Result<u64, longhaul::Failure>) {
        let started = submitted.started.expect("it was started");
        self.run(|engine| async move {
            let orchestrators =
                Orchestrators::new().with("orchestrator-function", move |_, _: longhaul::Json| {
                    let end = end.clone();
                    async move { end }
                });
            engine.tick(&started.key, &started.tick, &orchestrators, &NoActivities).await.unwrap()
        });
    }
}

struct NoActivities;

impl longhaul::Activities for NoActivities {
    async fn call(
        &self,
        _: &str,
        _: &longhaul::ActivityRequest,
    ) -> Result<longhaul::ActivityOutcome, longhaul::NoAnswer> {
        unreachable!("the orchestrators here call none")
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

    let before = scene.store.operations();
    let polled = scene.status(&id, &[]);
    assert_eq!(scene.store.operations() - before, 1, "a poll is one get");
    assert_eq!(polled.answer.body(), &format!(r#"{{"id": "{id}", "status": "Pending", "result": null}}"#));
    assert_eq!(polled.overdue, None);

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
    scene.finish(submitted, Err(failure));
    let body = scene.status(&id, &[]).answer.into_body();
    let shown = "no answer from [address] with AccountKey=[hidden]";
    assert_eq!(body, format!(r#"{{"id": "{id}", "status": "Failed", "result": "{shown}"}}"#));
}

#[test]
fn a_repeated_key_answers_the_same_instance_and_starts_nothing() {
    let scene = Scene::new();
    let key = [("idempotency-key", "k-1")];
    let first = scene.submit(SUBMIT, &key);
    assert!(first.started.is_some());
    let again = scene.submit(SUBMIT, &key);
    assert_eq!((id(&again), again.answer.status()), (id(&first), first.answer.status()));
    assert_eq!(again.started, None);
    let other = scene.submit("/api/submit/query?s=10/10/2021&e=11/12/2021", &key);
    assert_eq!(other.answer.status(), 422);
    assert_eq!(scene.status(&id(&first), &[]).answer.status(), 200);
}

#[test]
fn a_store_that_fails_is_answered_503_with_what_may_be_done() {
    let scene = Scene::new();
    scene.store.set_faults(1.0);
    let keyed = scene.submit(SUBMIT, &[("idempotency-key", "k-1")]);
    assert_eq!(keyed.answer.status(), 503);
    assert!(keyed.answer.body().contains("unknown") && keyed.answer.body().contains("Idempotency-Key"));
    assert_eq!(keyed.started, None);
    assert_eq!(scene.submit(SUBMIT, &[]).answer.status(), 503);
    assert_eq!(scene.status("abc", &[]).answer.status(), 503);

    scene.store.set_faults(0.0);
    let again = scene.submit(SUBMIT, &[("idempotency-key", "k-1")]);
    assert_eq!(again.answer.status(), 200);
}

#[test]
fn an_instance_that_nobody_advances_is_reported_as_overdue() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    let exec = scene.exec.clone();
    scene.run(|_| async move { exec.sleep(Duration::from_secs(60)).await });
    let polled = scene.status(&id, &[("prefer", "wait=5")]);
    assert_eq!(polled.overdue.as_ref(), submitted.started.as_ref().map(|started| &started.key));
}

#[test]
fn a_client_that_waits_is_answered_when_the_instance_has_finished_or_the_time_is_over() {
    let scene = Scene::new();
    let submitted = scene.submit(SUBMIT, &[]);
    let id = id(&submitted);
    let begin = scene.exec.now();
    assert!(scene.status(&id, &[("prefer", "wait=3")]).answer.body().contains("Pending"));
    let waited = scene.exec.now() - begin;
    assert!((Duration::from_secs(3)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    scene.finish(submitted, Ok(1));
    let begin = scene.exec.now();
    assert!(scene.status(&id, &[("prefer", "wait=30")]).answer.body().contains("Completed"));
    assert!(scene.exec.now() - begin < Duration::from_secs(10), "a finished instance is not waited for");
}

#[test]
fn a_tick_without_an_instance_does_nothing() {
    let scene = Scene::new();
    let ticked = scene.run(|engine| async move {
        let key = longhaul::InstanceKey::received("nobody");
        engine.tick(&key, &TickKick::default(), &Orchestrators::new(), &NoActivities).await
    });
    assert_eq!(ticked, Ok(longhaul::Ticked::Nothing));
}
