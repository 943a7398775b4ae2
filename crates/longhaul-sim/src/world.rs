//! The engine's components in processes of their own, connected by a network that loses, doubles and delays.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::StreamExt;
use jiff::Timestamp;
use longhaul::{
    Activities, ActivityOutcome, ActivityReport, ActivityRequest, Cancelled, Engine, EntityBatch,
    EntityOutcome, InstanceKey, KickError, Kicks, Limits, NoAnswer, Platform, ReportSink, SchedulerKick,
    SchedulerWatch, TaskHub, TickKick, Timing,
};

use crate::exec::{Exec, Process};
use crate::functions::{activities, entities, orchestrators};
use crate::process::{ACTIVITIES, ORCHESTRATORS, OUTSIDE, Processes, SCHEDULERS};
use crate::store::SimStore;
use crate::weather::Weather;

/// The world. Clones are the same world.
#[derive(Clone)]
pub struct World(Rc<Shared>);

struct Shared {
    exec: Exec,
    processes: Processes,
    store: SimStore,
    timing: Timing,
    limits: Limits,
    weather: Rc<RefCell<Weather>>,
    /// What each process remembers of its scheduler kicks, until it crashes.
    watches: RefCell<BTreeMap<(Process, u32), SchedulerWatch>>,
}

/// How often in a row one tick gets no answer from an entity at most: fewer than it gives up after, since what it gives up
/// is not carried out.
const UNANSWERED: u32 = 3;

impl World {
    /// A world of these parts.
    pub fn new(
        exec: &Exec,
        processes: &Processes,
        store: &SimStore,
        timing: Timing,
        limits: Limits,
        weather: &Rc<RefCell<Weather>>,
    ) -> Self {
        Self(Rc::new(Shared {
            exec: exec.clone(),
            processes: processes.clone(),
            store: store.clone(),
            timing,
            limits,
            weather: weather.clone(),
            watches: RefCell::default(),
        }))
    }

    /// Tasks, virtual time and dice.
    pub fn exec(&self) -> &Exec {
        &self.0.exec
    }

    /// What befalls processes.
    pub fn processes(&self) -> &Processes {
        &self.0.processes
    }

    /// The store.
    pub fn store(&self) -> &SimStore {
        &self.0.store
    }

    /// The weather as it is now.
    pub fn weather(&self) -> Weather {
        self.0.weather.borrow().clone()
    }

    /// Ends what is bad about the weather.
    pub fn calm(&self) {
        self.0.weather.replace_with(|weather| weather.calmed());
    }

    /// The engine as `process` runs it.
    pub fn engine(&self, process: Process) -> Engine<Place> {
        let store = self.0.store.used_by(process);
        let place = Place { world: self.clone(), process, store };
        let engine = Engine::new(place, TaskHub::new("sim"));
        engine.with_timing(self.0.timing.clone()).with_limits(self.0.limits.clone())
    }

    /// Sends a tick kick.
    pub fn kick_tick(&self, key: &InstanceKey, kick: &TickKick) {
        let (key, kick) = (key.clone(), kick.clone());
        self.deliver(move |world| {
            let (key, kick, process) = (key.clone(), kick.clone(), world.one_of(ORCHESTRATORS));
            let engine = world.engine(process);
            let caller = Caller::new(world);
            let here = world.clone();
            world.0.exec.spawn(process, async move {
                let kind = if kick.token.is_some() { "with a token" } else { "without token" };
                here.0.processes.note(process, || format!("is kicked to tick {key} {kind}"));
                // A tick that fails is found by the scheduler.
                let ticked = engine.tick(&key, &kick, &orchestrators(), &caller, &caller).await;
                here.0.processes.note(process, || format!("tick of {key}: {ticked:?}"));
            });
        });
    }

    /// Sends a scheduler kick, unless `process` knows that the scheduler looks in time.
    pub fn kick_scheduler_if_needed(&self, process: Process, kick: &SchedulerKick) {
        let mut watches = self.0.watches.borrow_mut();
        let watch = watches.entry((process, self.0.processes.life(process))).or_default();
        let now = self.0.processes.now(process);
        let due = kick.due.unwrap_or(now);
        if watch.needs_kick(due, now) && self.kick_scheduler(kick) {
            watch.kicked(due);
        }
    }

    /// Sees to it that the scheduler is alive, now and then.
    pub fn check_scheduler(&self, process: Process) {
        let now = self.0.processes.now(process);
        let checks = {
            let mut watches = self.0.watches.borrow_mut();
            watches.entry((process, self.0.processes.life(process))).or_default().checks(now)
        };
        if checks {
            self.kick_scheduler(&SchedulerKick { check: true, ..SchedulerKick::default() });
        }
    }

    /// Sends a scheduler kick. False when it is lost, and its sender knows.
    pub fn kick_scheduler(&self, kick: &SchedulerKick) -> bool {
        // For hours no scheduler can be had.
        if self.weather().no_scheduler_until > self.0.exec.now() {
            return false;
        }
        let kick = kick.clone();
        self.deliver(move |world| {
            let (kick, process) = (kick.clone(), world.one_of(SCHEDULERS));
            let engine = world.engine(process);
            let kicks = Caller::new(world);
            let here = world.clone();
            world.0.exec.spawn(process, async move {
                here.0.processes.note(process, || "is kicked to schedule".to_owned());
                let run = engine.run_scheduler(&kick, &kicks).await;
                here.0.processes.note(process, || format!("scheduler: {run:?}"));
            });
        })
    }

    /// Delivers a message never, once or twice, each after a while. False when it is lost.
    fn deliver(&self, arrive: impl Fn(&World) + Clone + 'static) -> bool {
        let (exec, weather) = (&self.0.exec, self.weather());
        let copies = match () {
            () if exec.chance(weather.lost) => 0,
            () if exec.chance(weather.doubled) => 2,
            () => 1,
        };
        for _ in 0..copies {
            let (world, arrive, running) = (self.clone(), arrive.clone(), exec.clone());
            let most =
                if exec.chance(weather.delayed) { Duration::from_secs(30) } else { Duration::from_millis(5) };
            let delay = exec.up_to(most);
            exec.spawn(OUTSIDE, async move {
                running.sleep(delay).await;
                arrive(&world);
            });
        }
        copies > 0
    }

    /// Runs an activity in one of the processes for them.
    fn run_activity(&self, name: &str, request: &ActivityRequest, lines: mpsc::UnboundedSender<Said>) {
        let process = self.one_of(ACTIVITIES);
        let (name, request, here) = (name.to_owned(), request.clone(), self.clone());
        self.0.exec.spawn(process, async move {
            let exec = &here.0.exec;
            let most = if exec.chance(0.2) { Duration::from_secs(40) } else { Duration::from_millis(300) };
            exec.sleep(exec.up_to(most)).await;
            if exec.chance(here.weather().hanging) {
                // It neither answers nor ends.
                exec.sleep(Duration::from_secs(86_400)).await;
            }
            if exec.chance(here.weather().trapping) {
                here.0.processes.crash(process);
            }
            let place = Place { store: here.0.store.used_by(process), world: here.clone(), process };
            let now = here.0.processes.now(process);
            let line = Rc::new(Line(lines.clone()));
            let outcome = activities(place).run(&name, request, now, line).await;
            let _ = lines.unbounded_send(Said::Outcome(outcome));
        });
    }

    /// Has operations carried out in one of the processes for them; in one that does not fail, if it may not.
    async fn run_entity(&self, batch: &EntityBatch, may_fail: bool) -> Option<EntityOutcome> {
        let process = if may_fail { self.one_of(ACTIVITIES) } else { OUTSIDE };
        let (batch, here) = (batch.clone(), self.clone());
        let (sender, answer) = oneshot::channel();
        self.0.exec.spawn(process, async move {
            let exec = &here.0.exec;
            let most = if exec.chance(0.1) { Duration::from_secs(5) } else { Duration::from_millis(20) };
            exec.sleep(exec.up_to(most)).await;
            if may_fail && exec.chance(here.weather().trapping) {
                here.0.processes.crash(process);
            }
            let now = here.0.processes.now(process);
            let _ = sender.send(entities(&batch.entity_id).run(batch.clone(), now).await);
        });
        answer.await.ok()
    }

    fn one_of<const N: usize>(&self, processes: [Process; N]) -> Process {
        processes[self.0.exec.below(N as u64) as usize]
    }
}

/// A process's view of the world.
#[derive(Clone)]
pub struct Place {
    world: World,
    process: Process,
    store: SimStore,
}

impl Place {
    pub(crate) fn exec(&self) -> &Exec {
        &self.world.0.exec
    }

    /// Where the test application counts.
    pub(crate) fn counts(&self) -> &SimStore {
        &self.store
    }

    /// Whether a trap is one.
    pub(crate) fn traps(&self) -> bool {
        self.world.weather().traps
    }

    /// The process dies here.
    pub(crate) fn crash(&self) {
        self.world.0.processes.crash(self.process);
    }
}

impl Platform for Place {
    type Store = SimStore;

    fn store(&self) -> &SimStore {
        &self.store
    }

    fn now(&self) -> Timestamp {
        self.world.0.processes.now(self.process)
    }

    fn monotonic(&self) -> Duration {
        self.world.0.processes.monotonic(self.process)
    }

    async fn sleep(&self, duration: Duration) {
        self.world.0.exec.sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        self.world.0.exec.bytes()
    }
}

/// Calls other components, for one tick or scheduler.
struct Caller {
    world: World,
    /// How often in a row there was no answer to operations on an entity.
    unanswered: Cell<u32>,
}

impl Caller {
    fn new(world: &World) -> Self {
        Self { world: world.clone(), unanswered: Cell::default() }
    }
}

impl Kicks for Caller {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        let exec = self.world.exec();
        exec.sleep(exec.up_to(Duration::from_millis(3))).await;
        if exec.chance(self.world.weather().lost) {
            return Err(KickError("injected".into()));
        }
        self.world.kick_tick(key, kick);
        Ok(())
    }
}

impl Activities for Caller {
    async fn entity(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        let world = &self.world;
        let exec = &world.0.exec;
        exec.sleep(exec.up_to(Duration::from_millis(3))).await;
        let fails = self.unanswered.get() < UNANSWERED;
        let outcome = match fails && exec.chance(world.weather().unanswered / 2.0) {
            true => None,
            false => world.run_entity(batch, fails).await,
        };
        // What was carried out before the answer was lost was carried out for nothing.
        let outcome = outcome.filter(|_| !(fails && exec.chance(world.weather().unanswered / 2.0)));
        self.unanswered.set(if outcome.is_some() { 0 } else { self.unanswered.get() + 1 });
        outcome.ok_or_else(|| NoAnswer("injected".into()))
    }

    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        report: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer> {
        let world = &self.world;
        let exec = &world.0.exec;
        world.0.store.checks().dispatched(name, request);
        exec.sleep(exec.up_to(Duration::from_millis(3))).await;
        let weather = world.weather();
        if exec.chance(weather.unanswered / 2.0) {
            return Err(NoAnswer("connection refused".into()));
        }
        let (lines, mut said) = mpsc::unbounded();
        // A request that arrives twice is answered twice, and the first answer counts.
        for _ in 0..1 + u8::from(exec.chance(weather.doubled / 4.0)) {
            world.run_activity(name, request, lines.clone());
        }
        drop(lines);
        // What the activity did before the answer was lost stays done.
        while let Some(said) = said.next().await {
            match said {
                Said::Report(said) => report(said),
                Said::Outcome(_) if exec.chance(weather.unanswered / 2.0) => {
                    return Err(NoAnswer("connection reset".into()));
                }
                Said::Outcome(outcome) => return Ok(outcome),
            }
        }
        Err(NoAnswer("trapped".into()))
    }
}

/// What an activity sends.
enum Said {
    Report(ActivityReport),
    Outcome(ActivityOutcome),
}

/// The way back from an activity to its caller.
struct Line(mpsc::UnboundedSender<Said>);

impl ReportSink for Line {
    fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>> {
        let sent = self.0.unbounded_send(Said::Report(report)).map_err(|_| Cancelled);
        async move { sent }.boxed_local()
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_closed()
    }
}
