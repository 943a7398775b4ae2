//! One run: clients start instances while everything fails, then all must end as expected.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use longhaul::{Creation, InstanceId, InstanceKey, Json, Record, SchedulerKick, Start};

use crate::checks::is_good_end;
use crate::exec::{Exec, Process};
use crate::store::{Backend, SimStore};
use crate::world::{ALL, CLIENTS, World, expected};

/// How bad a run is.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// How likely a store operation fails.
    pub faults: f64,
    /// How likely a message is lost or doubled, or an activity traps.
    pub trouble: f64,
    /// Whether processes crash and are suspended.
    pub crashes: bool,
}

impl Weather {
    /// Nothing fails.
    pub const FINE: Self = Self { faults: 0.0, trouble: 0.0, crashes: false };
    /// Everything fails.
    pub const STORM: Self = Self { faults: 0.04, trouble: 0.1, crashes: true };
}

/// What a run was like.
#[derive(Debug, Default)]
pub struct Report {
    /// How many instances were acknowledged.
    pub acknowledged: usize,
    /// How many store operations there were.
    pub operations: u64,
    /// The virtual time it took until all had ended.
    pub took: Duration,
}

/// An instance that a client was told of.
struct Acknowledged {
    key: InstanceKey,
    name: &'static str,
    input: u64,
}

/// How long everything fails.
const CHAOS: Duration = Duration::from_secs(90);
/// How long after that every instance must have ended.
const CALM: Duration = Duration::from_secs(20 * 60);
/// The process of whoever watches; it does not crash.
const OBSERVER: Process = Process(100);

/// Runs the scenario of `seed`.
///
/// # Errors
/// What was violated, or which acknowledged instances did not end as they should.
pub fn run(seed: u64, backend: Backend, weather: Weather) -> Result<Report, String> {
    let exec = Exec::new(seed);
    let store = SimStore::new(&exec, backend);
    let world = World::new(&exec, &store);
    let acknowledged: Rc<RefCell<Vec<Acknowledged>>> = Rc::default();
    store.set_faults(weather.faults);
    world.set_trouble(weather.trouble);
    for client in CLIENTS {
        for number in 0..4 + exec.below(5) {
            spawn_client(&exec, &world, &store, client, number, &acknowledged);
        }
    }
    if weather.crashes {
        spawn_chaos(&exec);
    }
    let end_of_chaos = match weather.crashes {
        true => CHAOS,
        false => Duration::from_secs(20),
    };
    exec.run_until(end_of_chaos, || false);
    store.set_faults(0.0);
    world.set_trouble(0.0);
    // From now on somebody polls, as clients do: that is all that keeps the scheduler going.
    let (poller, polled) = (exec.clone(), world.clone());
    exec.spawn(OBSERVER, async move {
        loop {
            polled.kick_scheduler(&SchedulerKick::default());
            poller.sleep(Duration::from_secs(10)).await;
        }
    });
    let finished = |item: &Acknowledged| {
        let bytes = store.peek(&format!("sim/instance/{}", item.key));
        bytes.and_then(|bytes| Record::decode(&bytes).ok()).is_some_and(|record| is_good_end(record.head.status))
    };
    exec.run_until(end_of_chaos + CALM, || acknowledged.borrow().iter().all(finished));
    let took = exec.now();

    for item in acknowledged.borrow().iter() {
        check_end(&store, item);
    }
    let violations = store.checks().violations().to_vec();
    match violations.is_empty() {
        true => Ok(Report { acknowledged: acknowledged.borrow().len(), operations: store.operations(), took }),
        false => Err(format!("seed {seed} on {backend:?}:\n{}", violations.join("\n"))),
    }
}

fn check_end(store: &SimStore, item: &Acknowledged) {
    let bytes = store.peek(&format!("sim/instance/{}", item.key));
    let record = bytes.and_then(|bytes| Record::decode(&bytes).ok());
    let end = record.as_ref().map(|record| match (&record.head.output, &record.head.failure) {
        (Some(output), None) => Ok(output.to::<u64>().unwrap_or(u64::MAX)),
        (None, Some(failure)) => Err(failure.message.clone()),
        _ => Err(format!("no end: {:?} {:?}", record.head.status, record.control)),
    });
    let unavailable = matches!(&end, Some(Err(message)) if message.contains("gave no answer"));
    if end != Some(expected(item.name, item.input)) && !unavailable {
        store.checks().violated(format!("{} ({}, {}) ended with {end:?}", item.key, item.name, item.input));
    }
}

/// A client starts one instance and sends its kicks.
fn spawn_client(
    exec: &Exec,
    world: &World,
    store: &SimStore,
    client: Process,
    number: u64,
    acknowledged: &Rc<RefCell<Vec<Acknowledged>>>,
) {
    let (world, store, acknowledged, running) = (world.clone(), store.clone(), acknowledged.clone(), exec.clone());
    let name = ["one", "sequence", "fan-out", "fails"][exec.below(4) as usize];
    // Half of them under ids that the other client chooses too, with the same input: then one instance serves both.
    let chosen = exec.chance(0.5).then(|| format!("order-{}", number / 2));
    let (name, input) = match &chosen {
        Some(_) => ("sequence", number / 2),
        None => (name, exec.below(1000)),
    };
    let begin = exec.up_to(Duration::from_secs(15));
    exec.spawn(client, async move {
        running.sleep(begin).await;
        let engine = world.engine(client);
        let start = Start { name: name.to_owned(), input: Json::of(&input).expect("a number") };
        let (key, started) = match chosen {
            None => match engine.start(start).await {
                Ok(started) => (started.key.clone(), Some(started)),
                Err(_) => return,
            },
            Some(id) => match engine.start_with_id(&InstanceId::new(id).expect("an id"), start).await {
                Ok(Creation::Created(started)) => (started.key.clone(), Some(started)),
                Ok(Creation::Exists { found, adopted }) => (found.key.clone(), adopted),
                Err(_) => return,
            },
        };
        store.checks().acknowledged(&key, store.peek(&format!("sim/instance/{key}")).as_deref());
        acknowledged.borrow_mut().push(Acknowledged { key, name, input });
        if let Some(started) = started {
            world.kick_tick(&started.key, &started.tick);
            world.kick_scheduler(&started.scheduler);
        }
    });
}

/// Crashes and suspends processes until the chaos is over.
fn spawn_chaos(exec: &Exec) {
    let running = exec.clone();
    exec.spawn(OBSERVER, async move {
        while running.now() < CHAOS {
            running.sleep(running.up_to(Duration::from_secs(6))).await;
            let victim = ALL[running.below(ALL.len() as u64) as usize];
            match running.below(3) {
                0 => running.suspend(victim, running.up_to(Duration::from_secs(60))),
                _ => running.crash(victim),
            }
        }
    });
}
