//! Those who use the application: they start instances, try again when they get no answer, and poll.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::select;
use futures::pin_mut;
use longhaul::{Creation, InstanceId, InstanceKey, Json, SchedulerKick, Start, Started, TickKick};

use crate::exec::Process;
use crate::process::{CLIENTS, OUTSIDE};
use crate::world::World;

/// What a user wants to run.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The id, if the user chooses it.
    pub id: Option<InstanceId>,
    /// The orchestrator function.
    pub name: &'static str,
    /// Its input.
    pub input: u64,
}

/// An instance that a user was told of.
#[derive(Debug, Clone)]
pub struct Acknowledged {
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
        let exec = self.world.exec();
        let client = CLIENTS[exec.below(CLIENTS.len() as u64) as usize];
        let (sender, answer) = oneshot::channel();
        let (users, wish) = (self.clone(), wish.clone());
        exec.spawn(client, async move { users.serve(client, wish, sender).await });
        let patience = exec.sleep(Duration::from_secs(60));
        pin_mut!(answer, patience);
        matches!(select(answer, patience).await, futures::future::Either::Left((Ok(()), _)))
    }

    /// The client function: starts the instance, answers, and sends the kicks.
    async fn serve(&self, client: Process, wish: Wish, answer: oneshot::Sender<()>) {
        let world = &self.world;
        let engine = world.engine(client);
        let start = Start { name: wish.name.to_owned(), input: Json::of(&wish.input).expect("a number") };
        let (id, key, started) = match &wish.id {
            None => match engine.start(start).await {
                Ok(started) => (started.id.clone(), started.key.clone(), Some(started)),
                Err(_) => return,
            },
            Some(id) => match engine.start_with_id(id, start).await {
                Ok(Creation::Created(started)) => (id.clone(), started.key.clone(), Some(started)),
                Ok(Creation::Exists { found, adopted }) => (id.clone(), found.key, adopted),
                Err(_) => return,
            },
        };
        world.processes().note(client, || format!("acknowledges {key}, {}", wish.name));
        world.store().check(|checks, data| checks.acknowledged(data, &id, &key));
        self.acknowledged.borrow_mut().push(Acknowledged { key: key.clone(), wish });
        let _ = answer.send(());
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
                    exec.sleep(exec.up_to(Duration::from_secs(10))).await;
                    let client = CLIENTS[exec.below(CLIENTS.len() as u64) as usize];
                    let (here, id, key, finished) =
                        (world.clone(), id.clone(), key.clone(), finished.clone());
                    exec.spawn(client, async move { status(&here, client, &id, &key, &finished).await });
                }
            });
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
    if engine.is_overdue(&found.head) {
        world.processes().note(client, || format!("finds {key} overdue"));
        world.kick_tick(&found.key, &TickKick::default());
        let now = world.processes().now(client);
        world.kick_scheduler_if_needed(client, &SchedulerKick { due: Some(now), started_at: None });
    }
}
