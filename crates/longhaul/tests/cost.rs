//! What an instance costs: durable writes and reads, counted. A change that raises them fails here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use futures::executor::block_on;
use jiff::Timestamp;
use longhaul::{
    Activities, ActivityOutcome, ActivityRequest, Creation, Engine, InstanceId, InstanceKey, Json, KickError,
    Kicks, NoAnswer, OrchestrationContext, Orchestrators, Platform, RuntimeStatus, SchedulerKick,
    SchedulerRun, Start, Store, StoreError, Swap, TaskHub, TickKick, Ticked,
};

/// A store that counts, and time that passes when somebody sleeps.
struct Counting {
    data: RefCell<BTreeMap<String, Vec<u8>>>,
    reads: Cell<u32>,
    writes: Cell<u32>,
    clock: Cell<Duration>,
    random: Cell<u8>,
}

impl Counting {
    fn read(&self) {
        self.reads.set(self.reads.get() + 1);
    }

    fn write(&self) {
        self.writes.set(self.writes.get() + 1);
    }
}

impl Store for Counting {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read();
        Ok(self.data.borrow().get(key).cloned())
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.set_many(vec![(key.to_owned(), value)]).await
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.write();
        self.data.borrow_mut().extend(entries);
        Ok(())
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        self.write();
        self.data.borrow_mut().retain(|key, _| !keys.contains(key));
        Ok(())
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        self.write();
        let mut data = self.data.borrow_mut();
        let value = data.entry(key.to_owned()).or_insert_with(|| vec![0; 8]);
        let next = u64::from_le_bytes(value[..].try_into().unwrap()) + 1;
        *value = next.to_le_bytes().to_vec();
        Ok(next)
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swap, StoreError> {
        self.write();
        let mut data = self.data.borrow_mut();
        if data.get(key).map(Vec::as_slice) != Some(expected) {
            return Ok(Swap::NotSent);
        }
        data.insert(key.to_owned(), new);
        Ok(Swap::Sent)
    }
}

impl Platform for Counting {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
            + jiff::SignedDuration::try_from(self.clock.get()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.clock.get()
    }

    async fn sleep(&self, duration: Duration) {
        let mut polled = false;
        futures::future::poll_fn(|cx| {
            // Once round the others first: an activity that answers at once is not overtaken by a sleep.
            match std::mem::replace(&mut polled, true) {
                true => std::task::Poll::Ready(()),
                false => {
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                }
            }
        })
        .await;
        self.clock.set(self.clock.get() + duration);
    }

    fn random(&self) -> [u8; 16] {
        self.random.set(self.random.get().wrapping_add(1));
        [self.random.get(); 16]
    }
}

struct Echo;

impl Activities for Echo {
    async fn call(&self, _: &str, request: &ActivityRequest) -> Result<ActivityOutcome, NoAnswer> {
        Ok(ActivityOutcome::Completed(request.input.clone()))
    }
}

struct NoKicks;

impl Kicks for NoKicks {
    async fn tick(&self, key: &InstanceKey, _: &TickKick) -> Result<(), KickError> {
        panic!("{key} needs no kick")
    }
}

fn engine() -> Engine<Counting> {
    let store = Counting {
        data: RefCell::default(),
        reads: Cell::new(0),
        writes: Cell::new(0),
        clock: Cell::new(Duration::ZERO),
        random: Cell::new(0),
    };
    Engine::new(store, TaskHub::new("cost"))
}

fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with("sequence", |ctx: OrchestrationContext, count: u32| async move {
            for number in 0..count {
                ctx.call_activity::<_, u32>("echo", number).await?;
            }
            Ok(count)
        })
        .with("fan-out", |ctx: OrchestrationContext, count: u32| async move {
            let calls = (0..count).map(|number| ctx.call_activity::<_, u32>("echo", number));
            Ok(futures::future::try_join_all(calls).await?.len())
        })
}

fn start(name: &str, input: u32) -> Start {
    Start { name: name.into(), input: Json::of(&input).unwrap() }
}

/// The writes and reads of `work`.
fn counted<T>(engine: &Engine<Counting>, work: impl Future<Output = T>) -> (T, (u32, u32)) {
    let platform = engine.platform();
    let before = (platform.writes.get(), platform.reads.get());
    let result = block_on(work);
    (result, (platform.writes.get() - before.0, platform.reads.get() - before.1))
}

#[test]
fn a_start_costs_two_writes_and_each_step_one() {
    for (name, activities, steps) in
        [("sequence", 0, 1), ("sequence", 1, 2), ("sequence", 5, 6), ("fan-out", 10, 2), ("fan-out", 0, 1)]
    {
        let engine = engine();
        let (started, cost) = counted(&engine, engine.start(start(name, activities)));
        assert_eq!(cost, (2, 0), "start of {name} {activities}");
        let started = started.unwrap();
        let orchestrators = orchestrators();
        let (ticked, cost) =
            counted(&engine, engine.tick(&started.key, &started.tick, &orchestrators, &Echo));
        assert_eq!(ticked, Ok(Ticked::Finished));
        // Each commit is read back once, and the record is read once at the beginning.
        assert_eq!(cost, (steps, steps + 1), "tick of {name} {activities}");
        let (found, cost) = counted(&engine, engine.lookup(&started.id));
        assert_eq!(found.unwrap().unwrap().head.status, RuntimeStatus::Completed);
        assert_eq!(cost, (0, 1), "lookup");
    }
}

#[test]
fn a_start_under_a_chosen_id_costs_five_writes_and_its_repetition_none() {
    let engine = engine();
    let id = InstanceId::new("order-7").unwrap();
    let (created, cost) = counted(&engine, engine.start_with_id(&id, start("sequence", 1)));
    assert!(matches!(created, Ok(Creation::Created(_))));
    assert_eq!(cost.0, 5, "claim, slot number, slot, record, choice");
    let (again, cost) = counted(&engine, engine.start_with_id(&id, start("sequence", 1)));
    assert!(matches!(again, Ok(Creation::Exists { adopted: None, .. })));
    assert_eq!(cost.0, 0);
}

#[test]
fn the_scheduler_goes_to_rest_and_then_costs_nothing() {
    let engine = engine();
    for _ in 0..3 {
        let started = block_on(engine.start(start("sequence", 1))).unwrap();
        block_on(engine.tick(&started.key, &started.tick, &orchestrators(), &Echo)).unwrap();
    }
    let run = || counted(&engine, engine.run_scheduler(&SchedulerKick::default(), &NoKicks));
    let (ended, (writes, _)) = run();
    assert_eq!(ended, Ok(SchedulerRun::Idle));
    assert!(writes <= 8, "{writes}: its state, the lease, a renewal or two, the rest");
    let (ended, (writes, reads)) = run();
    assert_eq!(ended, Ok(SchedulerRun::Idle));
    assert!(
        writes <= 2 && reads <= 10,
        "{writes} writes, {reads} reads: the finished are not looked at again"
    );
}
