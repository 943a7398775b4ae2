//! The API over a store in memory.

use futures::executor::block_on;
use longhaul::memory::MemoryPlatform;
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Engine, InstanceKey, KickError, Kicks,
    NoAnswer, TaskHub, TickKick,
};
use program_client::api::{self, Then};
use serde_json::{Value, json};

struct Nobody;

impl Activities for Nobody {
    async fn call(
        &self,
        _: &str,
        _: &ActivityRequest,
        _: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        unreachable!("the programs here call no activity")
    }
}

impl Kicks for Nobody {
    async fn tick(&self, _: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
        unreachable!("the programs here speak to nobody")
    }
}

struct Scene(Engine<MemoryPlatform>);

impl Scene {
    fn new() -> Self {
        Self(Engine::new(MemoryPlatform::new(), TaskHub::new("test")))
    }

    /// Sends a request, has done what is then to be done, and answers status and body.
    fn ask(&self, method: &str, uri: &str, body: Value) -> (u16, Value) {
        let head = http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts().0;
        let answered = block_on(api::answer(&self.0, &head, body.to_string().as_bytes()));
        let (key, kick) = match answered.then {
            Then::Nothing => (None, TickKick::default()),
            Then::Run(started) => (Some(started.key), started.tick),
            Then::Tell(told) => (Some(told.key), told.tick),
        };
        if let Some(key) = key {
            let orchestrators = longhaul_program::orchestrators();
            block_on(self.0.tick(&key, &kick, &orchestrators, &Nobody, &Nobody)).unwrap();
        }
        (answered.response.status().as_u16(), serde_json::from_str(answered.response.body()).unwrap())
    }

    fn status(&self, id: &str) -> Value {
        self.ask("GET", &format!("/instances/{id}"), Value::Null).1["status"].clone()
    }
}

fn waiting() -> Value {
    json!({"program": {"op": "event", "name": "go"}, "n": 0})
}

#[test]
fn an_instance_is_started_told_something_shown_and_purged() {
    let scene = Scene::new();
    let (status, body) = scene.ask("POST", "/start/a%20b?version=2", waiting());
    assert_eq!((status, &body), (202, &json!({"id": "a b"})));
    let (status, body) = scene.ask("POST", "/start/a%20b", waiting());
    assert_eq!((status, &body["status"]), (409, &json!("Running")));

    assert_eq!(scene.ask("POST", "/instances/a%20b/suspend?reason=r", Value::Null).0, 202);
    assert_eq!(scene.status("a%20b"), "Suspended");
    assert_eq!(scene.ask("POST", "/instances/a%20b/resume", Value::Null).0, 202);
    assert_eq!(scene.ask("DELETE", "/instances/a%20b", Value::Null).0, 409);
    assert_eq!(scene.ask("POST", "/instances/a%20b/events/go", json!([1])).0, 202);

    let (status, body) = scene.ask("GET", "/instances/a%20b?history=true&wait=1", Value::Null);
    assert_eq!(status, 200);
    for (member, value) in [
        ("id", json!("a b")),
        ("name", json!("program")),
        ("status", json!("Completed")),
        ("input", waiting()),
        ("output", json!([1])),
        ("failure", Value::Null),
        ("version", json!("2")),
    ] {
        assert_eq!(body[member], value, "{member}");
    }
    assert!(body["history"].as_array().unwrap().len() > 3, "{body}");

    assert_eq!(scene.ask("POST", "/instances/a%20b/events/go", Value::Null).0, 409);
    assert_eq!(scene.ask("POST", "/start/a%20b?reuse=finished", waiting()).0, 202);
    assert_eq!(scene.ask("POST", "/instances/a%20b/terminate?reason=enough", Value::Null).0, 202);
    assert_eq!(scene.ask("GET", "/instances/a%20b", Value::Null).1["output"], "enough");
    let (status, body) = scene.ask("POST", "/instances/a%20b/restart?new=true", Value::Null);
    assert_eq!(status, 202);
    assert_eq!(scene.status(body["id"].as_str().unwrap()), "Running");
    assert_eq!(scene.ask("DELETE", "/instances/a%20b", Value::Null).0, 200);
    assert_eq!(scene.ask("GET", "/instances/a%20b", Value::Null).0, 404);
}

#[test]
fn instances_are_listed_by_pages_counted_and_purged() {
    let scene = Scene::new();
    let done = json!({"program": {"op": "value", "value": 1}, "n": 0});
    for (id, input) in [("a-1", &done), ("a-2", &waiting()), ("a-3", &done), ("b-1", &done)] {
        assert_eq!(scene.ask("POST", &format!("/start/{id}"), input.clone()).0, 202);
    }
    let list = |parameters: &str| {
        let (status, body) = scene.ask("GET", &format!("/instances?{parameters}"), Value::Null);
        assert_eq!(status, 200, "{body}");
        let ids =
            body["instances"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
        (ids, body["continuation"].as_u64())
    };
    assert_eq!(list("status=Completed&prefix=a-"), (vec![json!("a-1"), json!("a-3")], None));
    let (first, next) = list("size=3");
    assert_eq!(first.len(), 3);
    assert_eq!(list(&format!("size=3&after={}", next.unwrap())), (vec![json!("b-1")], None));
    assert_eq!(scene.ask("GET", "/count?status=Running,Completed", Value::Null).1, json!({"count": 4}));
    assert_eq!(scene.ask("DELETE", "/instances?prefix=a-", Value::Null).1["deleted"], 2);
    assert_eq!(scene.ask("GET", "/count", Value::Null).1, json!({"count": 2}));
}

#[test]
fn what_cannot_be_done_is_refused() {
    let scene = Scene::new();
    for (method, uri, status) in [
        ("GET", "/instances/none", 404),
        ("POST", "/instances/none/events/go", 404),
        ("POST", "/instances/none/dance", 404),
        ("GET", "/start", 404),
        ("GET", "/instances?size=many", 400),
        ("GET", "/instances?status=Dancing", 400),
        ("POST", "/start?at=soon", 400),
        ("POST", "/start/@entity", 400),
    ] {
        let (answered, body) = scene.ask(method, uri, Value::Null);
        assert_eq!(answered, status, "{method} {uri}: {body}");
        assert!(body["error"].is_string(), "{body}");
    }
}
