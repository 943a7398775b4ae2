//! An application in memory, and requests to its management API.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures::executor::block_on;
use futures::future::{Either, select};
use http::{HeaderMap, Method, StatusCode};
use longhaul::memory::MemoryPlatform;
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Concern, Engine, EntityBatch,
    EntityContext, EntityFunctions, EntityOutcome, InstanceKey, Json, KickError, Kicks, Limits, NoAnswer,
    Orchestrators, Registered, Started, TaskHub, TickKick, Told,
};
use longhaul_management::schema::Content;
use longhaul_management::{Body, Components, Management, OPERATIONS, Settings, Variables};
use serde_json::{Value, json};

pub const KEY: &str = "sesame, open";
pub const WEBHOOKS: &str = "/runtime/webhooks/durabletask";

/// An application: its engine, its settings, and what its other components are yet to do.
pub struct Scene {
    pub engine: Engine<MemoryPlatform>,
    pub settings: Settings,
    neighbours: Neighbours,
}

#[derive(Default)]
struct Neighbours {
    kicks: RefCell<Vec<(InstanceKey, TickKick)>>,
    pub is_deaf: RefCell<bool>,
    pub seen_to: RefCell<Vec<Concern>>,
    woken: RefCell<u32>,
    known: RefCell<Option<Rc<Registered>>>,
    /// How often the orchestrator component was asked which functions it has.
    asked: RefCell<u32>,
}

impl Components for Neighbours {
    fn run(&self, started: Started) {
        self.kicks.borrow_mut().push((started.key, started.tick));
    }

    async fn run_to_end(&self, started: Started) {
        self.run(started);
    }

    fn tell(&self, told: Told) {
        self.kicks.borrow_mut().push((told.key, told.tick));
    }

    fn see_to(&self, _: InstanceKey, concern: Concern) {
        self.seen_to.borrow_mut().push(concern);
    }

    async fn wake_scheduler(&self) -> Result<(), KickError> {
        *self.woken.borrow_mut() += 1;
        self.heard()
    }

    fn known(&self) -> Option<Rc<Registered>> {
        self.known.borrow().clone()
    }

    fn learn(&self, recalled: Registered) {
        self.known.replace(Some(Rc::new(recalled)));
        *self.asked.borrow_mut() += 1;
    }

    async fn registered(&self) -> Result<Registered, KickError> {
        *self.asked.borrow_mut() += 1;
        self.heard()?;
        let registered = orchestrators().registered();
        self.known.replace(Some(Rc::new(registered.clone())));
        Ok(registered)
    }
}

impl Neighbours {
    fn heard(&self) -> Result<(), KickError> {
        match *self.is_deaf.borrow() {
            true => Err(KickError("the test wants it to".into())),
            false => Ok(()),
        }
    }
}

fn orchestrators() -> Orchestrators {
    longhaul_program::orchestrators().with_version(
        "versioned",
        "2",
        |_, input: Value| async move { Ok(input) },
    )
}

struct Nobody;

impl Activities for Nobody {
    async fn entity(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        let functions = EntityFunctions::new().with_dispatch("list", async |context: &EntityContext| {
            let mut items: Vec<Json> = context.state()?.unwrap_or_default();
            match context.operation() {
                "delete" => context.delete_state(),
                _ => {
                    items.push(context.input()?);
                    context.set_state(&items)?;
                }
            }
            Ok(())
        });
        Ok(functions.run(batch.clone(), jiff::Timestamp::UNIX_EPOCH).await)
    }

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
        unreachable!("the programs here have no children")
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::with(Variables { management_key: KEY, ..Variables::default() })
    }

    pub fn with(variables: Variables<'_>) -> Self {
        let limits = Limits { max_payload: 2000, ..Limits::default() };
        Self {
            engine: Engine::new(MemoryPlatform::new(), TaskHub::new("test")).with_limits(limits),
            settings: Settings::from_variables(&variables).unwrap(),
            neighbours: Neighbours::default(),
        }
    }

    /// The same without the limit that other tests go by.
    pub fn with_long_values(self) -> Self {
        Self { engine: self.engine.with_limits(Limits::default()), ..self }
    }

    /// Sends a request with the key to a path below the base for everybody.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("{WEBHOOKS}/{path}"), &[("x-functions-key", KEY)], &body)
    }

    /// Sends a request, and has done what is then to be done. Whatever is answered must be in the table of operations.
    pub fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = http::Request::builder().method(method).uri(uri).header("host", "app.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json; charset=utf-8");
        }
        let head = request.body(()).unwrap().into_parts().0;
        let management = Management::new(&self.engine, &self.neighbours, &self.settings);
        let response = match management.admit(&head) {
            Err(response) => response,
            Ok(admitted) => {
                let answer = pin!(management.answer(&admitted, body.as_bytes()));
                let work = pin!(self.work_for_ever());
                match block_on(select(answer, work)) {
                    Either::Left((response, _)) => response,
                    Either::Right((never, _)) => never,
                }
            }
        };
        self.work();
        let (head, body) = response.into_parts();
        let body = match body {
            Body::Whole(text) => text,
            Body::Listing(mut listing) => {
                let mut whole = String::new();
                while let Some(piece) = block_on(listing.next(&self.engine)).unwrap() {
                    whole += &piece;
                }
                whole
            }
        };
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
        is_in_the_table(method, uri, &answer);
        answer
    }

    /// Runs the instances that were kicked, until none is.
    fn work(&self) {
        while let Some((key, kick)) = self.next_kick() {
            block_on(self.engine.tick(&key, &kick, &orchestrators(), &Nobody, &Nobody)).unwrap();
        }
    }

    async fn work_for_ever<T>(&self) -> T {
        loop {
            if let Some((key, kick)) = self.next_kick() {
                self.engine.tick(&key, &kick, &orchestrators(), &Nobody, &Nobody).await.unwrap();
            }
            let mut yielded = false;
            poll_fn(|cx| match std::mem::replace(&mut yielded, true) {
                true => Poll::Ready(()),
                false => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            })
            .await;
        }
    }

    fn next_kick(&self) -> Option<(InstanceKey, TickKick)> {
        self.neighbours.kicks.borrow_mut().pop()
    }

    pub fn set_deaf(&self, deaf: bool) {
        self.neighbours.is_deaf.replace(deaf);
    }

    /// Makes the component a new instance, which knows nothing of the application's functions.
    pub fn forget(&self) {
        self.neighbours.known.replace(None);
    }

    /// How often the orchestrator component was asked which functions it has.
    pub fn asked(&self) -> u32 {
        *self.neighbours.asked.borrow()
    }

    pub fn woken(&self) -> u32 {
        *self.neighbours.woken.borrow()
    }

    pub fn concerns(&self) -> Vec<Concern> {
        self.neighbours.seen_to.take()
    }

    /// Starts a program under an id, and answers the body.
    pub fn start(&self, id: &str, program: Value) -> Value {
        let answer = self.ask("POST", &format!("orchestrators/program/{id}"), &json!({"program": program}));
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json()
    }

    /// An instance in each state, whose ids are the states' names.
    pub fn with_instances() -> Self {
        let scene = Self::new();
        scene.start("Running", waits());
        scene.start("Suspended", waits());
        scene.start("Completed", json!({"op": "value", "value": {"a": 1}}));
        scene.start("Failed", json!({"op": "fail", "message": "boom"}));
        scene.start("Terminated", waits());
        assert_eq!(scene.ask("POST", "instances/Suspended/suspend?reason=lunch", &Value::Null).status, 202);
        assert_eq!(
            scene.ask("POST", "instances/Terminated/terminate?reason=enough", &Value::Null).status,
            202
        );
        for id in ["Running", "Suspended", "Completed", "Failed", "Terminated"] {
            assert_eq!(scene.status(id), id);
        }
        scene
    }

    pub fn status(&self, id: &str) -> String {
        let answer = self.ask("GET", &format!("instances/{id}"), &Value::Null);
        answer.json()["runtimeStatus"].as_str().unwrap().to_owned()
    }

    /// Lets time pass.
    pub fn sleep(&self, time: std::time::Duration) {
        block_on(longhaul::Platform::sleep(self.engine.platform(), time));
    }
}

/// A program that waits for the event `go`, and gives its data.
pub fn waits() -> Value {
    json!({"op": "event", "name": "go"})
}

/// The path and query of a link that was answered.
pub fn local(link: &Value) -> String {
    let link = link.as_str().unwrap_or_else(|| panic!("no link: {link}"));
    link.strip_prefix("http://app.example").unwrap_or_else(|| panic!("{link}")).to_owned()
}

/// Whether what is answered is among what the table says.
fn is_in_the_table(method: &str, uri: &str, answer: &Answer) {
    let path = uri.split('?').next().unwrap();
    let below = path.to_ascii_lowercase();
    let Some(below) = [WEBHOOKS, "/durabletask"].iter().find_map(|base| below.strip_prefix(base)) else {
        return;
    };
    let segments: Vec<_> = below.trim_matches('/').split('/').collect();
    let matches = |path: &str| {
        let pattern: Vec<_> = path.split('/').collect();
        let same = |(a, b): (&&str, &&str)| a.starts_with('{') && !b.is_empty() || a.eq_ignore_ascii_case(b);
        pattern.len() == segments.len() && pattern.iter().zip(&segments).all(same)
    };
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let row = OPERATIONS
        .iter()
        .find(|row| row.methods.contains(&method) && row.paths.iter().any(|path| matches(path)));
    let Some(row) = row else { return };
    if answer.status == StatusCode::UNAUTHORIZED || (answer.status == 404 && answer.body.is_empty()) {
        return;
    }
    let stated = row.answers.iter().find(|stated| stated.status == answer.status);
    let stated =
        stated.unwrap_or_else(|| panic!("{} does not answer {}: {}", row.id, answer.status, answer.body));
    match stated.content {
        Content::Nothing => assert_eq!(answer.body, "", "{}", row.id),
        _ => {
            answer.json();
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{}", row.id);
        }
    }
    for header in stated.headers.iter().filter(|header| header.is_certain) {
        assert!(answer.header(header.name).is_some(), "{} {} without {}", row.id, answer.status, header.name);
    }
}
