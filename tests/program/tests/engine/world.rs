//! A world for the engine: the store of `longhaul::memory`, and a clock that stands still as long as anybody has
//! something to do, and then goes on to the next time that somebody waits for. (The clock of `longhaul::memory` goes on
//! with each sleep, even of two that sleep at the same time: there an hour may be over before a second is.)

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::{self, Either};
use futures::task::LocalSpawnExt;
use futures::{FutureExt, pin_mut};
use jiff::{SignedDuration, Timestamp};
use longhaul::memory::MemoryPlatform;
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Cancelled, Engine, EntityBatch,
    EntityOutcome, Failure, InstanceKey, KickError, Kicks, NoAnswer, Orchestrators, Platform, ReportSink,
    SchedulerKick, Store, TaskHub, TickKick,
};
use longhaul_program::{Host, activities, entities, orchestrators};

/// Time that passes only when nobody has anything to do.
#[derive(Default)]
pub struct Clock {
    now: Cell<Duration>,
    sleeps: Cell<u64>,
    /// Who sleeps, by the time until which.
    sleepers: RefCell<BTreeMap<(Duration, u64), oneshot::Sender<()>>>,
}

impl Clock {
    async fn sleep(&self, duration: Duration) {
        let number = self.sleeps.get();
        self.sleeps.set(number + 1);
        let (wake, woken) = oneshot::channel();
        self.sleepers.borrow_mut().insert((self.now.get().saturating_add(duration), number), wake);
        // The clock keeps the other side.
        let _ = woken.await;
    }

    /// Goes on to the next time that somebody waits for, and wakes that one. False when nobody waits.
    fn advance(&self) -> bool {
        let mut sleepers = self.sleepers.borrow_mut();
        // Time does not pass for those who sleep no more.
        sleepers.retain(|_, wake| !wake.is_canceled());
        let Some(((at, _), wake)) = sleepers.pop_first() else { return false };
        self.now.set(at);
        let _ = wake.send(());
        true
    }
}

/// Where the engine runs.
#[derive(Clone, Default)]
pub struct World {
    store: Rc<MemoryPlatform>,
    clock: Rc<Clock>,
}

impl Platform for World {
    type Store = MemoryPlatform;

    fn store(&self) -> &MemoryPlatform {
        &self.store
    }

    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_700_000_000).expect("it is a time");
        start + SignedDuration::try_from(self.clock.now.get()).expect("tests do not run for ages")
    }

    fn monotonic(&self) -> Duration {
        self.clock.now.get()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        self.store.random()
    }
}

/// A host with the components of an application, all in one process.
pub struct Components {
    pub engine: Engine<World>,
    orchestrators: Orchestrators,
    world: World,
    spawner: LocalSpawner,
    /// How often each activity was called.
    pub calls: RefCell<BTreeMap<String, u32>>,
}

impl Components {
    pub fn new(pool: &LocalPool) -> Rc<Self> {
        let world = World::default();
        Rc::new(Self {
            engine: Engine::new(world.clone(), TaskHub::new("program")),
            orchestrators: orchestrators(),
            world,
            spawner: pool.spawner(),
            calls: RefCell::default(),
        })
    }

    pub fn elapsed(&self) -> Duration {
        self.world.monotonic()
    }

    /// Lets time go on to when there is something to do. False when nobody waits for anything.
    pub fn advance(&self) -> bool {
        self.world.clock.advance()
    }

    pub fn spawn(self: &Rc<Self>, work: impl Future<Output = ()> + 'static) {
        self.spawner.spawn_local(work).expect("the pool outlives the components");
    }

    pub fn tick(self: &Rc<Self>, key: InstanceKey, kick: TickKick) {
        let this = self.clone();
        self.spawn(async move {
            let kicks = Kicker(this.clone());
            let ticked =
                this.engine.tick(&key, &kick, &this.orchestrators, &Callee(this.clone()), &kicks).await;
            ticked.expect("the store does not fail");
        });
    }

    pub fn schedule(self: &Rc<Self>, kick: SchedulerKick) {
        let this = self.clone();
        self.spawn(async move {
            let kicks = Kicker(this.clone());
            this.engine.run_scheduler(&kick, &kicks).await.expect("the store does not fail");
        });
    }
}

struct Kicker(Rc<Components>);

impl Kicks for Kicker {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        self.0.tick(key.clone(), kick.clone());
        Ok(())
    }
}

struct Callee(Rc<Components>);

impl Activities for Callee {
    async fn entity(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        let world = self.0.world.clone();
        world.sleep(Duration::from_millis(1)).await;
        Ok(entities().run(batch.clone(), world.now()).await)
    }

    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        _: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        *self.0.calls.borrow_mut().entry(name.to_owned()).or_default() += 1;
        let world = self.0.world.clone();
        let (trap, trapped) = oneshot::channel();
        let functions = activities(Outside { world: world.clone(), trap: Rc::new(Cell::new(Some(trap))) });
        // As anything does that crosses a network: nothing is answered before whoever called goes on.
        world.sleep(Duration::from_millis(1)).await;
        let outcome = functions.run(name, request.clone(), world.now(), Rc::new(NobodyListens));
        pin_mut!(outcome);
        match future::select(outcome, trapped).await {
            Either::Left((outcome, _)) => Ok(outcome),
            Either::Right(_) => Err(NoAnswer("it has trapped".into())),
        }
    }
}

/// What a call of an activity sees of the world.
#[derive(Clone)]
struct Outside {
    world: World,
    trap: Rc<Cell<Option<oneshot::Sender<()>>>>,
}

impl Host for Outside {
    async fn sleep(&self, duration: Duration) {
        self.world.sleep(duration).await;
    }

    async fn count(&self, key: &str) -> Result<u64, Failure> {
        let count = self.world.store.increment(&format!("count/{key}")).await;
        count.map_err(|error| Failure::new("StoreFailed", error.to_string()))
    }

    async fn trap(&self) {
        if let Some(trap) = self.trap.take() {
            let _ = trap.send(());
        }
        future::pending().await
    }
}

struct NobodyListens;

impl ReportSink for NobodyListens {
    fn report(&self, _: ActivityReport) -> future::LocalBoxFuture<'_, Result<(), Cancelled>> {
        async { Err(Cancelled) }.boxed_local()
    }

    fn is_cancelled(&self) -> bool {
        true
    }
}
