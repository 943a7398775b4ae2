//! Those who use the application: they start instances, try again when they get no answer, raise the events that these
//! wait for, poll, and interfere.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::pin_mut;
use jiff::SignedDuration;
use longhaul::{
    Concern, Creation, Engine, InstanceId, InstanceKey, Json, OperationError, Platform, Reuse, SchedulerKick,
    Start, Started, TickKick, Told,
};
use longhaul_program::Scenario;

use crate::bank::{self, Job};
use crate::exec::Process;
use crate::process::{CLIENTS, OUTSIDE};
use crate::world::{Place, World};

/// What a user wants to run.
#[derive(Clone)]
pub struct Wish {
    /// The id, if the user chooses it.
    pub id: Option<InstanceId>,
    /// What is to be done.
    pub work: Work,
    /// How much later it is to begin.
    pub later: Option<Duration>,
    /// What an operator does to it.
    pub operator: Operator,
}

/// What an instance is to do.
#[derive(Clone)]
pub enum Work {
    /// To evaluate a program; the events that it wants are raised.
    Program(Rc<Scenario>),
    /// To move money.
    Job(Rc<Job>),
}

impl Work {
    fn start(&self) -> Start {
        match self {
            Self::Program(scenario) => {
                let input = serde_json::json!({ "program": scenario.program, "n": 0 });
                Start::new("program", Json::from(input))
            }
            Self::Job(job) => Start::new("teller", bank::input(job)),
        }
    }
}

/// What an operator does to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Nothing.
    Absent,
    /// Suspends it, and resumes it later.
    Suspends,
    /// Ends it.
    Terminates,
}

/// An instance that a user was told of.
#[derive(Clone)]
pub struct Acknowledged {
    /// Its id.
    pub id: InstanceId,
    /// Its key.
    pub key: InstanceKey,
    /// What it is to run.
    pub wish: Wish,
}

/// The users of a run.
#[derive(Clone)]
pub struct Users {
    world: World,
    acknowledged: Rc<RefCell<Vec<Acknowledged>>>,
    waiting: Rc<Cell<usize>>,
}

/// When a user comes.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Not before this time.
    pub after: Duration,
    /// Whether the user waits for a bad moment: the scheduler is about to rest.
    pub lurks: bool,
    /// How often the user tries, and gives up then. None: things are such that the user must have an answer.
    pub tries: Option<u32>,
}

impl Users {
    /// No users yet.
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), acknowledged: Rc::default(), waiting: Rc::default() }
    }

    /// The instances that users were told of.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.borrow().clone()
    }

    /// How many users have no answer yet, and must have one.
    pub fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Sends a user who wants `wish`.
    pub fn send(&self, wish: Wish, arrival: Arrival) {
        let counts = usize::from(arrival.tries.is_none());
        self.waiting.set(self.waiting.get() + counts);
        let users = self.clone();
        self.world.exec().spawn(OUTSIDE, async move {
            let exec = users.world.exec();
            exec.sleep(arrival.after).await;
            if arrival.lurks {
                let bad_moment = users.world.store().scheduler_is_about_to_rest();
                pin_mut!(bad_moment);
                select(bad_moment, exec.sleep(Duration::from_secs(60))).await;
            }
            for _ in 0..arrival.tries.unwrap_or(9) {
                if users.ask(&wish).await {
                    users.waiting.set(users.waiting.get() - counts);
                    return;
                }
                exec.sleep(exec.up_to(Duration::from_secs(15))).await;
            }
        });
    }

    /// Asks a client function to start the instance. False when there is no good answer.
    async fn ask(&self, wish: &Wish) -> bool {
        let (users, wish) = (self.clone(), wish.clone());
        self.world
            .ask(move |client, answer| async move { users.serve(client, wish, answer).await })
            .await
            .is_some()
    }

    /// The client function: starts the instance, answers, and sends the kicks.
    async fn serve(&self, client: Process, wish: Wish, answer: oneshot::Sender<()>) {
        let world = &self.world;
        let engine = world.engine(client);
        let scheduled = wish
            .later
            .map(|later| engine.platform().now() + SignedDuration::try_from(later).expect("a short time"));
        let start = Start { scheduled, ..wish.work.start() };
        let (id, key, started) = match &wish.id {
            None => match engine.start(start).await {
                Ok(started) => (started.id.clone(), started.key.clone(), Some(started)),
                Err(_) => return,
            },
            Some(id) => match engine.start_with_id(id, start, Reuse::Never).await {
                Ok(Creation::Created(started)) => (id.clone(), started.key.clone(), Some(started)),
                Ok(Creation::Exists { found, adopted }) => (id.clone(), found.key, adopted),
                Err(_) => return,
            },
        };
        world.processes().note(client, || format!("acknowledges {key}, {}", wish.work.start().input));
        world.store().check(|checks, data| checks.acknowledged(data, &id, &key));
        self.acknowledged.borrow_mut().push(Acknowledged {
            id: id.clone(),
            key: key.clone(),
            wish: wish.clone(),
        });
        let _ = answer.send(());
        if let Work::Program(scenario) = &wish.work {
            self.raise_events(&id, scenario);
        }
        self.operate(&id, wish.operator);
        self.poll(id, key);
        if let Some(started) = started {
            world.exec().sleep(world.exec().up_to(Duration::from_millis(3))).await;
            self.kick(client, &started);
        }
    }

    fn kick(&self, client: Process, started: &Started) {
        let (world, weather) = (&self.world, self.world.weather());
        if !world.exec().chance(weather.no_tick) {
            world.kick_tick(&started.key, &started.tick);
        }
        if !world.exec().chance(weather.no_scheduler) {
            world.kick_scheduler_if_needed(client, &started.scheduler);
        }
    }

    /// Raises what the program waits for, each event until it is acknowledged or the instance has finished.
    fn raise_events(&self, id: &InstanceId, scenario: &Scenario) {
        for raise in scenario.raised.clone() {
            let (users, id) = (self.clone(), id.clone());
            self.world.exec().spawn(OUTSIDE, async move {
                users.world.exec().sleep(raise.after).await;
                users
                    .insist(move |engine| {
                        let (id, raise) = (id.clone(), raise.clone());
                        async move { engine.raise_event(&id, &raise.name, Json::from(raise.data)).await }
                    })
                    .await;
            });
        }
    }

    fn operate(&self, id: &InstanceId, operator: Operator) {
        if operator == Operator::Absent {
            return;
        }
        let (users, id) = (self.clone(), id.clone());
        self.world.exec().spawn(OUTSIDE, async move {
            let exec = users.world.exec();
            exec.sleep(exec.up_to(Duration::from_secs(30))).await;
            let (one, other) = (id.clone(), id.clone());
            if operator == Operator::Terminates {
                let terminate = move |engine: Engine<Place>| {
                    let id = one.clone();
                    async move { engine.terminate(&id, "enough").await }
                };
                return users.insist(terminate).await;
            }
            let suspend = move |engine: Engine<Place>| {
                let id = one.clone();
                async move { engine.suspend(&id, "wait").await }
            };
            users.insist(suspend).await;
            // Whether it was suspended, or will be yet, nobody knows: it is resumed until it has finished.
            loop {
                exec.sleep(exec.up_to(Duration::from_secs(60))).await;
                if users
                    .try_once(&mut |engine| {
                        let id = other.clone();
                        async move { engine.resume(&id, "go on").await }
                    })
                    .await
                    == Tried::Over
                {
                    return;
                }
            }
        });
    }

    /// Has a client function do something to an instance until that is acknowledged, or cannot be any more.
    async fn insist<F, Fut>(&self, mut operation: F)
    where
        F: FnMut(Engine<Place>) -> Fut,
        Fut: Future<Output = Result<Told, OperationError>> + 'static,
    {
        while self.try_once(&mut operation).await == Tried::Unanswered {
            let exec = self.world.exec();
            exec.sleep(exec.up_to(Duration::from_secs(10))).await;
        }
    }

    async fn try_once<F, Fut>(&self, operation: &mut F) -> Tried
    where
        F: FnMut(Engine<Place>) -> Fut,
        Fut: Future<Output = Result<Told, OperationError>> + 'static,
    {
        let users = self.clone();
        let answered = self.world.ask(|client, answer| {
            let told = operation(users.world.engine(client));
            async move {
                let tried = match told.await {
                    Ok(told) => {
                        let _ = answer.send(Tried::Done);
                        let weather = users.world.weather();
                        if !users.world.exec().chance(weather.no_tick) {
                            users.world.kick_tick(&told.key, &told.tick);
                        }
                        if !users.world.exec().chance(weather.no_scheduler) {
                            users.world.kick_scheduler_if_needed(client, &told.scheduler);
                        }
                        return;
                    }
                    Err(OperationError::Finished { .. } | OperationError::NotFound(_)) => Tried::Over,
                    Err(OperationError::WrongState { .. }) => Tried::Done,
                    Err(_) => Tried::Unanswered,
                };
                let _ = answer.send(tried);
            }
        });
        answered.await.unwrap_or(Tried::Unanswered)
    }

    /// Polls until the instance has finished, and sometimes kicks it without need, if that is how users are.
    fn poll(&self, id: InstanceId, key: InstanceKey) {
        let weather = self.world.weather();
        let exec = self.world.exec();
        if let Some(pause) = weather.stray {
            let (world, key, running) = (self.world.clone(), key.clone(), exec.clone());
            exec.spawn(OUTSIDE, async move {
                while world.weather().stray.is_some() {
                    running.sleep(running.up_to(pause * 2)).await;
                    world.kick_tick(&key, &TickKick::default());
                }
            });
        }
        if weather.polls {
            let (world, finished) = (self.world.clone(), Rc::new(Cell::new(false)));
            exec.spawn(OUTSIDE, async move {
                let exec = world.exec();
                while !finished.get() {
                    // The longer it takes, the more seldom.
                    exec.sleep(exec.up_to(Duration::from_secs(10) + exec.now() / 10)).await;
                    let client = CLIENTS[exec.below(CLIENTS.len() as u64) as usize];
                    let (here, id, key, finished) =
                        (world.clone(), id.clone(), key.clone(), finished.clone());
                    exec.spawn(client, async move { status(&here, client, &id, &key, &finished).await });
                }
            });
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Done,
    /// The instance has finished.
    Over,
    Unanswered,
}

impl World {
    /// Has one of the client processes do something; None when it gives no answer.
    pub async fn ask<T: 'static, Fut: Future<Output = ()> + 'static>(
        &self,
        work: impl FnOnce(Process, oneshot::Sender<T>) -> Fut,
    ) -> Option<T> {
        let exec = self.exec();
        let client = CLIENTS[exec.below(CLIENTS.len() as u64) as usize];
        let (sender, answer) = oneshot::channel();
        exec.spawn(client, work(client, sender));
        let patience = exec.sleep(Duration::from_secs(60));
        pin_mut!(answer, patience);
        match select(answer, patience).await {
            Either::Left((answer, _)) => answer.ok(),
            Either::Right(_) => None,
        }
    }
}

/// The status function: shows the instance, and sees that it goes on.
async fn status(world: &World, client: Process, id: &InstanceId, key: &InstanceKey, finished: &Cell<bool>) {
    let engine = world.engine(client);
    let Ok(found) = engine.lookup(id).await else { return };
    let Some(found) = found.filter(|found| found.key == *key) else {
        return world.store().checks().violated(key, "acknowledged, and a poll did not find it");
    };
    if finished.get() && !found.head.status.is_finished() {
        return;
    }
    finished.set(found.head.status.is_finished());
    let concern = engine.concern(&found.head);
    if concern == Some(Concern::Overdue) {
        world.processes().note(client, || format!("finds {key} overdue"));
        world.kick_tick(&found.key, &TickKick::default());
        let now = world.processes().now(client);
        world.kick_scheduler_if_needed(client, &SchedulerKick { due: Some(now), ..SchedulerKick::default() });
    } else if concern == Some(Concern::Quiet) {
        world.check_scheduler(client);
    }
}
