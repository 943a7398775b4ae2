//! A whole task hub in memory: ticks, activities and the scheduler as tasks on one thread, in virtual time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use longhaul::memory::MemoryPlatform;
use longhaul::{
    Activities, ActivityContext, ActivityFunctions, ActivityOutcome, ActivityReport, ActivityRequest,
    Cancelled, Details, Engine, EntityBatch, EntityFunctions, EntityOutcome, Event, Failure, InstanceId,
    InstanceKey, Json, KickError, Kicks, NoAnswer, OperationError, Orchestrators, Platform, ReportSink,
    RuntimeStatus, SchedulerKick, Start, Started, TaskHub, TickKick, Ticked, Told, Wanted,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Task = LocalBoxFuture<'static, ()>;

/// The hub. Clones are the same one.
#[derive(Clone)]
pub struct Hub(Rc<Inner>);

pub struct Inner {
    pub engine: Engine<MemoryPlatform>,
    orchestrators: Orchestrators,
    activities: ActivityFunctions<'static>,
    pub entities: EntityFunctions,
    /// How many batches of operations were carried out.
    pub batches: Cell<u32>,
    spawned: RefCell<Vec<Task>>,
    tasks: RefCell<FuturesUnordered<Task>>,
    /// How often each activity was called.
    pub calls: RefCell<BTreeMap<String, u32>>,
    /// How ticks have ended.
    pub ticked: RefCell<Vec<Ticked>>,
    pub lost_kicks: RefCell<bool>,
    /// Whether a tick has trapped.
    pub died: Cell<bool>,
}

impl std::ops::Deref for Hub {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Hub {
    pub fn new(orchestrators: Orchestrators, activities: ActivityFunctions<'static>) -> Self {
        Self::with(orchestrators, activities, |engine| engine)
    }

    pub fn with(
        orchestrators: Orchestrators,
        activities: ActivityFunctions<'static>,
        change: impl FnOnce(Engine<MemoryPlatform>) -> Engine<MemoryPlatform>,
    ) -> Self {
        Self(Rc::new(Inner {
            engine: change(Engine::new(MemoryPlatform::timed(), TaskHub::new("test"))),
            orchestrators,
            activities,
            entities: crate::entities::functions(),
            batches: Cell::default(),
            spawned: RefCell::default(),
            tasks: RefCell::default(),
            calls: RefCell::default(),
            ticked: RefCell::default(),
            lost_kicks: RefCell::default(),
            died: Cell::default(),
        }))
    }

    /// The same store, under another version of the application.
    pub fn redeployed(self, orchestrators: Orchestrators, activities: ActivityFunctions<'static>) -> Self {
        self.crash();
        let inner = Rc::into_inner(self.0).expect("nothing runs any more");
        Self(Rc::new(Inner { orchestrators, activities, calls: RefCell::default(), ..inner }))
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.spawned.borrow_mut().push(Box::pin(task));
    }

    /// Runs `work`, and everything that was set going beside it.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = Box::pin(work);
        self.engine.platform().block_on(std::future::poll_fn(|cx| {
            loop {
                let new = std::mem::take(&mut *self.spawned.borrow_mut());
                self.tasks.borrow_mut().extend(new);
                if let Poll::Ready(output) = work.as_mut().poll(cx) {
                    return Poll::Ready(output);
                }
                let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
                let progress = tasks.poll_next_unpin(cx);
                *self.tasks.borrow_mut() = tasks;
                let idle = self.spawned.borrow().is_empty();
                if idle && !matches!(progress, Poll::Ready(Some(()))) {
                    return Poll::Pending;
                }
            }
        }))
    }

    /// Kills everything that runs. What is in the store stays.
    pub fn crash(&self) {
        self.spawned.borrow_mut().clear();
        drop(std::mem::take(&mut *self.tasks.borrow_mut()));
    }

    pub fn tick(&self, key: &InstanceKey, kick: &TickKick) {
        let (hub, key, kick) = (self.clone(), key.clone(), kick.clone());
        self.spawn(async move {
            let tick = hub.engine.tick(&key, &kick, &hub.orchestrators, &hub, &hub);
            match std::panic::AssertUnwindSafe(tick).catch_unwind().await {
                Ok(ticked) => hub.ticked.borrow_mut().push(ticked.expect("the store works")),
                Err(_) => hub.died.set(true),
            }
        });
    }

    pub fn schedule(&self, kick: &SchedulerKick) {
        let (hub, kick) = (self.clone(), kick.clone());
        self.spawn(async move {
            hub.engine.run_scheduler(&kick, &hub).await.expect("the store works");
        });
    }

    /// Starts an instance and kicks it.
    pub fn start(&self, name: &str, input: impl Serialize) -> InstanceId {
        let start = Start::new(name, Json::of(&input).unwrap());
        let started = self.run(self.engine.start(start)).unwrap();
        self.kick(&started);
        started.id
    }

    pub fn kick(&self, started: &Started) {
        self.tick(&started.key, &started.tick);
        self.schedule(&started.scheduler);
    }

    /// Does something to an instance, and kicks it.
    pub fn tell(
        &self,
        told: impl Future<Output = Result<Told, OperationError>>,
    ) -> Result<(), OperationError> {
        let told = self.run(told)?;
        self.tick(&told.key, &told.tick);
        self.schedule(&told.scheduler);
        Ok(())
    }

    pub fn raise(&self, id: &InstanceId, name: &str, data: impl Serialize) {
        self.tell(self.engine.raise_event(id, name, Json::of(&data).unwrap())).unwrap();
    }

    pub fn sleep(&self, time: Duration) {
        self.run(self.engine.platform().sleep(time));
    }

    pub fn details(&self, id: &InstanceId) -> Details {
        let wanted = Wanted { input: true, output: true, history: true };
        self.run(self.engine.details(id, wanted)).unwrap().expect("there is the instance")
    }

    pub fn history(&self, id: &InstanceId) -> Vec<Event> {
        self.details(id).history.unwrap()
    }

    /// The names of the events, without the turns' beginnings.
    pub fn events(&self, id: &InstanceId) -> Vec<&'static str> {
        let names = self.history(id).into_iter().map(|event| event.event.name());
        names.filter(|name| *name != "OrchestratorStarted").collect()
    }

    pub fn status(&self, id: &InstanceId) -> RuntimeStatus {
        self.run(self.engine.lookup(id)).unwrap().expect("there is the instance").head.status
    }

    /// Waits until the instance is in this state.
    pub fn wait_for(&self, id: &InstanceId, status: RuntimeStatus) {
        self.run(async {
            for _ in 0..1_000_000 {
                let found = self.engine.lookup(id).await.unwrap().expect("there is the instance");
                if found.head.status == status {
                    return;
                }
                assert!(!found.head.status.is_finished(), "{id} has ended: {:?}", found.head);
                self.engine.platform().sleep(Duration::from_millis(100)).await;
            }
            panic!("{id} does not become {status:?}");
        });
    }

    /// Waits for the end, and answers the output or the failure.
    pub fn end<T: DeserializeOwned>(&self, id: &InstanceId) -> Result<T, Failure> {
        self.run(async {
            for round in 0_u64.. {
                let head = self.engine.lookup(id).await.unwrap().expect("there is the instance").head;
                if head.status.is_finished() {
                    break;
                }
                assert!(round < 2000, "{id} does not end: {head:?}");
                // The longer it takes, the more seldom.
                self.engine.platform().sleep(Duration::from_millis(20 + round * round)).await;
            }
        });
        let details = self.details(id);
        match details.head.failure {
            Some(failure) => Err(failure),
            None => Ok(details.output.expect("it has an output").to().unwrap()),
        }
    }

    pub fn calls(&self, name: &str) -> u32 {
        self.calls.borrow().get(name).copied().unwrap_or_default()
    }
}

impl Kicks for Hub {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        match *self.lost_kicks.borrow() {
            true => Err(KickError("the test wants it to".into())),
            false => {
                Hub::tick(self, key, kick);
                Ok(())
            }
        }
    }
}

impl Activities for Hub {
    async fn entity(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        self.batches.set(self.batches.get() + 1);
        if batch.operations.iter().any(|operation| operation.operation == "trap") {
            return Err(NoAnswer("it has trapped".into()));
        }
        Ok(self.entities.run(batch.clone(), self.engine.platform().now()).await)
    }

    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        report: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        *self.calls.borrow_mut().entry(name.to_owned()).or_default() += 1;
        // The activity is another component: it runs on when nobody waits for it.
        let (sender, mut lines) = futures::channel::mpsc::unbounded();
        let (hub, name, request) = (self.clone(), name.to_owned(), request.clone());
        self.spawn(async move {
            let now = hub.engine.platform().now();
            let sink = Rc::new(Line(sender.clone()));
            let outcome = hub.activities.run(&name, request, now, sink).await;
            let _ = sender.unbounded_send(Err(outcome));
        });
        while let Some(line) = lines.next().await {
            match line {
                Ok(said) => report(said),
                Err(outcome) => return Ok(outcome),
            }
        }
        Err(NoAnswer("it has died".into()))
    }
}

struct Line(futures::channel::mpsc::UnboundedSender<Result<ActivityReport, ActivityOutcome>>);

impl ReportSink for Line {
    fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
        let sent = self.0.unbounded_send(Ok(report)).map_err(|_| Cancelled);
        async move { sent }.boxed_local()
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_closed()
    }
}

/// Activities that most tests use.
pub fn activities() -> ActivityFunctions<'static> {
    ActivityFunctions::new()
        .with("echo", |_: ActivityContext, input: Json| async move { Ok(input) })
        .with("double", |_: ActivityContext, n: u64| async move { Ok(2 * n) })
        .with("fail", |_: ActivityContext, message: String| async move {
            Err::<(), _>(Failure::new("Failed", message))
        })
}
