//! The scheduler with much to do: kicks that take long, or are never answered, and a store that fails meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use longhaul::{
    Engine, InstanceKey, Json, KickError, Kicks, OrchestrationContext, Orchestrators, Platform,
    RuntimeStatus, SchedulerKick, Start, Started, Store, StoreError, Swapped, TaskHub, TickKick,
};
use serde_json::Value;

use crate::support::{Hub, activities};

const SECOND: Duration = Duration::from_secs(1);
/// How many instances the scheduler looks at, and kicks, at a time.
const AT_ONCE: usize = 32;

fn hub() -> Hub {
    let orchestrators = Orchestrators::new()
        .with("nothing", |_: OrchestrationContext, _: Json| async move { Ok(()) })
        .with("sleep", |ctx: OrchestrationContext, seconds: u64| async move {
            ctx.create_timer(Duration::from_secs(seconds)).await;
            Ok(())
        });
    Hub::new(orchestrators, activities())
}

/// An orchestrator component that is slow to take kicks, and leaves some without an answer.
#[derive(Clone)]
struct Busy(Rc<Inner>);

struct Inner {
    hub: Hub,
    takes: Duration,
    never_taken: BTreeSet<InstanceKey>,
    under_way: Cell<usize>,
    most_under_way: Cell<usize>,
    /// Who was kicked, in order.
    kicked: RefCell<Vec<InstanceKey>>,
}

impl Busy {
    fn new(hub: &Hub, takes: Duration, never_taken: impl IntoIterator<Item = InstanceKey>) -> Self {
        Self(Rc::new(Inner {
            hub: hub.clone(),
            takes,
            never_taken: never_taken.into_iter().collect(),
            under_way: Cell::default(),
            most_under_way: Cell::default(),
            kicked: RefCell::default(),
        }))
    }

    /// Runs the scheduler with these kicks.
    fn schedule(&self) {
        let busy = self.clone();
        self.0.hub.spawn(async move {
            let kick = SchedulerKick::default();
            busy.0.hub.engine.run_scheduler(&kick, &busy).await.expect("the store works");
        });
    }
}

impl Kicks for Busy {
    async fn tick(&self, key: &InstanceKey, kick: &TickKick) -> Result<(), KickError> {
        let Inner { hub, takes, never_taken, under_way, most_under_way, kicked } = &*self.0;
        kicked.borrow_mut().push(key.clone());
        under_way.set(under_way.get() + 1);
        most_under_way.set(most_under_way.get().max(under_way.get()));
        if never_taken.contains(key) {
            std::future::pending::<()>().await;
        }
        hub.engine.platform().sleep(*takes).await;
        under_way.set(under_way.get() - 1);
        hub.tick(key, kick);
        Ok(())
    }
}

/// Instances that nobody has kicked.
fn forgotten(hub: &Hub, count: usize) -> Vec<Started> {
    let start = || Start::new("nothing", Json::null());
    (0..count).map(|_| hub.run(hub.engine.start(start())).unwrap()).collect()
}

/// How long it takes until all of these have ended.
fn time_until_all_end(hub: &Hub, all: &[Started]) -> Duration {
    let begin = hub.engine.platform().monotonic();
    for started in all {
        hub.wait_for(&started.id, RuntimeStatus::Completed);
    }
    hub.engine.platform().monotonic() - begin
}

/// How often the scheduler's lease was taken over.
fn takeovers(hub: &Hub) -> u64 {
    let state = hub.run(hub.engine.platform().get("test/scheduler")).unwrap().expect("there was a scheduler");
    serde_json::from_slice::<Value>(&state).unwrap()["epoch"].as_u64().unwrap()
}

#[test]
fn many_forgotten_instances_are_kicked_at_the_same_time() {
    let takes = 8 * SECOND;
    for (count, rounds) in [(1, 1), (AT_ONCE, 1), (AT_ONCE + 1, 2), (100, 4)] {
        let hub = hub();
        let all = forgotten(&hub, count);
        let busy = Busy::new(&hub, takes, []);
        busy.schedule();
        let took = time_until_all_end(&hub, &all);
        // Their creators' grants last five seconds.
        let least = 5 * SECOND + takes * rounds;
        assert!(took <= least + 2 * SECOND, "{count}: {took:?}");
        assert_eq!(busy.0.most_under_way.get(), count.min(AT_ONCE), "{count}");
        // The longest due come first, and none twice.
        let keys: Vec<_> = all.into_iter().map(|started| started.key).collect();
        assert_eq!(*busy.0.kicked.borrow(), keys, "{count}");
    }
}

#[test]
fn a_kick_that_is_never_answered_holds_up_no_other() {
    let hub = hub();
    let all = forgotten(&hub, 60);
    let (stuck, others) = all.split_at(3);
    let busy = Busy::new(&hub, Duration::from_millis(5), stuck.iter().map(|started| started.key.clone()));
    busy.schedule();
    let took = time_until_all_end(&hub, others);
    assert!(took <= 7 * SECOND, "{took:?}");
    // It stays at work, reads what is new, and is in time.
    for seconds in [0, 7, 40] {
        let id = hub.start("sleep", seconds);
        hub.wait_for(&id, RuntimeStatus::Completed);
        let head = hub.details(&id).head;
        let took = Duration::try_from(head.updated.duration_since(head.created)).unwrap();
        assert!(took <= Duration::from_secs(seconds) + SECOND, "{seconds}: {took:?}");
    }
    assert_eq!(takeovers(&hub), 1, "and nobody takes it for dead");
    for started in stuck {
        assert_eq!(hub.status(&started.id), RuntimeStatus::Pending);
    }
}

#[test]
fn an_instance_is_kicked_once_at_a_time_however_many_messages_wait_for_it() {
    let hub = hub();
    let started = &forgotten(&hub, 1)[0];
    for n in 0..20_u32 {
        hub.run(hub.engine.raise_event(&started.id, "go", Json::of(&n).unwrap())).unwrap();
    }
    let busy = Busy::new(&hub, SECOND * 5 / 2, []);
    busy.schedule();
    time_until_all_end(&hub, std::slice::from_ref(started));
    assert_eq!(busy.0.most_under_way.get(), 1);
    assert_eq!(busy.0.kicked.borrow().len(), 1);
}

/// A platform on which it takes a while to read records, or cannot be done.
struct Slow {
    hub: Hub,
    takes: Duration,
    unreadable: Rc<RefCell<Vec<String>>>,
}

impl Platform for Slow {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn now(&self) -> Timestamp {
        self.hub.engine.platform().now()
    }

    fn monotonic(&self) -> Duration {
        self.hub.engine.platform().monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.hub.engine.platform().sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        self.hub.engine.platform().random()
    }
}

impl Store for Slow {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if key.starts_with("test/instance/") {
            self.sleep(self.takes).await;
        }
        let broken = self.unreadable.borrow().iter().any(|name| key.starts_with(name));
        match broken {
            true => Err(StoreError("the test wants it to".into())),
            false => self.hub.engine.platform().get(key).await,
        }
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.hub.engine.platform().set(key, value).await
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.hub.engine.platform().set_many(entries).await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        self.hub.engine.platform().delete_many(keys).await
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        self.hub.engine.platform().increment(key).await
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError> {
        self.hub.engine.platform().swap(key, expected, new).await
    }
}

/// Runs the scheduler where each record takes a second to read, and those named so cannot be read.
fn schedule_slowly(hub: &Hub, unreadable: &[String]) -> Rc<RefCell<Vec<String>>> {
    let unreadable = Rc::new(RefCell::new(unreadable.to_vec()));
    let platform = Slow { hub: hub.clone(), takes: SECOND, unreadable: unreadable.clone() };
    let engine = Engine::new(platform, TaskHub::new("test"));
    let busy = Busy::new(hub, Duration::ZERO, []);
    hub.spawn(async move {
        engine.run_scheduler(&SchedulerKick::default(), &busy).await.expect("its state is readable");
    });
    unreadable
}

#[test]
fn a_slow_store_is_asked_for_many_records_at_the_same_time() {
    let hub = hub();
    let all = forgotten(&hub, 100);
    schedule_slowly(&hub, &[]);
    let took = time_until_all_end(&hub, &all);
    assert!(took <= 5 * SECOND + 4 * SECOND + 2 * SECOND, "{took:?}");
}

#[test]
fn a_record_that_cannot_be_read_holds_up_no_other() {
    let hub = hub();
    let all = forgotten(&hub, 100);
    let (broken, others) = all.split_at(3);
    let names: Vec<_> = broken.iter().map(|started| format!("test/instance/{}", started.key)).collect();
    schedule_slowly(&hub, &names);
    let took = time_until_all_end(&hub, others);
    assert!(took <= 20 * SECOND, "{took:?}");
}

#[test]
fn after_an_outage_everything_is_seen_to_without_further_pauses() {
    let hub = hub();
    let all = forgotten(&hub, 100);
    let unreadable = schedule_slowly(&hub, &["test/instance/".to_owned()]);
    hub.sleep(60 * SECOND);
    assert!(all.iter().all(|started| hub.status(&started.id) == RuntimeStatus::Pending));
    unreadable.borrow_mut().clear();
    let took = time_until_all_end(&hub, &all);
    assert!(took <= 4 * SECOND + 4 * SECOND, "{took:?}");
    assert_eq!(takeovers(&hub), 1, "the scheduler has kept its lease");
}
