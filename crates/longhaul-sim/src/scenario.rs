//! One run: users start instances while things go wrong, then all must end as expected.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use longhaul::{InstanceId, Record, RuntimeStatus, SchedulerKick};

use crate::chaos;
use crate::checks::{Checks, Violation};
use crate::exec::Exec;
use crate::faults::Faults;
use crate::functions::{NAMES, expected};
use crate::process::{OUTSIDE, Processes};
use crate::store::{Backend, SimStore};
use crate::story::record_key;
use crate::trace::Trace;
use crate::users::{Acknowledged, Arrival, Users, Wish};
use crate::weather::Climate;
use crate::world::World;

/// What a run was like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How many instances were acknowledged.
    pub acknowledged: usize,
    /// How many store operations there were.
    pub operations: u64,
    /// The virtual time it took until all had ended.
    pub took: Duration,
}

/// How long things go wrong.
const TROUBLED: Duration = Duration::from_secs(90);
/// How long after that every instance must have ended.
const CALM: Duration = Duration::from_secs(20 * 60);
/// In quiet weather, the longest time for which nobody sees to what is needed.
const LATE: Duration = Duration::from_secs(10);

/// Runs the scenario of `seed`.
///
/// # Errors
/// What was violated, or which acknowledged instances did not end as they should; with what led to it.
pub fn run(seed: u64, backend: Backend, climate: Climate) -> Result<Report, String> {
    let violations = match run_traced(seed, backend, climate, &Trace::default()) {
        Ok(report) => return Ok(report),
        Err(violations) => violations,
    };
    // Once more, now that it is known what to look at.
    let trace = Trace::of(&violations[0].subject);
    let _ = run_traced(seed, backend, climate, &trace);
    let lines = violations.iter().take(8).map(|Violation { subject, what }| format!("  {subject}: {what}\n"));
    Err(format!(
        "seed {seed} on {backend:?}, {climate:?}: {} violations\n{}{}again: LONGHAUL_SEED={seed} LONGHAUL_BACKEND=\
         {backend:?} cargo test -p longhaul-sim {}\n",
        violations.len(),
        lines.collect::<String>(),
        trace.text(),
        format!("{climate:?}").to_lowercase(),
    ))
}

fn run_traced(
    seed: u64,
    backend: Backend,
    climate: Climate,
    trace: &Trace,
) -> Result<Report, Vec<Violation>> {
    let run = Run::new(seed, backend, climate, trace);
    // A mistake may well show as a broken expectation inside of the engine.
    let result = catch_unwind(AssertUnwindSafe(|| run.to_the_end()));
    let mut violations = run.world.store().checks().violations().to_vec();
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("panicked: {}", text.unwrap_or_default());
        violations.insert(0, Violation { subject: String::new(), what });
    }
    match violations.is_empty() {
        true => Ok(Report {
            acknowledged: run.users.acknowledged().len(),
            operations: run.world.store().operations(),
            took: run.world.exec().now(),
        }),
        false => Err(violations),
    }
}

struct Run {
    climate: Climate,
    world: World,
    users: Users,
    machines: bool,
}

impl Run {
    fn new(seed: u64, backend: Backend, climate: Climate, trace: &Trace) -> Self {
        let exec = Exec::new(seed);
        let weather = Rc::new(RefCell::new(climate.weather(&exec)));
        let timing = climate.timing(&exec);
        let machines = exec.chance(0.5);
        let processes = Processes::new(&exec, trace, machines);
        processes.note(OUTSIDE, || format!("{:?} {timing:?}", weather.borrow()));
        let faults = Faults::new(&exec, &processes, &weather, timing.hole_grace);
        let store = SimStore::new(&exec, &processes, faults, backend, Checks::new(trace));
        let world = World::new(&exec, &processes, &store, timing, &weather);
        Self { climate, users: Users::new(&world), world, machines }
    }

    fn to_the_end(&self) {
        let exec = self.world.exec();
        let ids = self.send_users();
        chaos::unleash(&self.world, TROUBLED, self.machines);
        if self.climate == Climate::Quiet {
            self.watch_the_clock();
        }
        exec.run_until(TROUBLED, || false);
        self.world.calm();
        if self.climate == Climate::Storm {
            self.world.processes().note(OUTSIDE, || "the storm is over".to_owned());
            // Whatever the storm left behind, each id is to be had.
            for wish in ids {
                let after = exec.up_to(Duration::from_secs(30));
                self.users.send(wish, Arrival { after, lurks: false, tries: None });
            }
            if !self.world.weather().polls {
                self.kick_the_scheduler_now_and_then();
            }
        }
        while exec.now() < TROUBLED + CALM {
            exec.run_until(exec.now() + Duration::from_secs(1), || false);
            let ended = self.users.acknowledged().iter().all(|item| self.has_ended(item));
            if ended && self.users.waiting() == 0 {
                break;
            }
        }
        self.check_the_end();
    }

    /// Sends users, and answers what the ones wish who choose ids.
    fn send_users(&self) -> Vec<Wish> {
        let exec = self.world.exec();
        let bursts = self.world.weather().bursts;
        let mut chosen = Vec::<Wish>::new();
        let sharing = [1, 3][exec.below(2) as usize];
        for number in 0..8 + exec.below(9) {
            // Half of them under chosen ids, perhaps those of others with the same input: then one instance serves all.
            let wish = match exec.chance(0.5) {
                true => Wish {
                    id: Some(InstanceId::new(format!("order-{}", number / sharing)).expect("an id")),
                    name: "sequence",
                    input: number / sharing,
                },
                false => Wish {
                    id: None,
                    name: NAMES[exec.below(NAMES.len() as u64) as usize],
                    input: exec.below(1000),
                },
            };
            if wish.id.is_some() && chosen.iter().all(|other| other.id != wish.id) {
                chosen.push(wish.clone());
            }
            let after = match bursts {
                true => {
                    Duration::from_secs(20) * exec.below(4) as u32 + exec.up_to(Duration::from_millis(100))
                }
                false => exec.up_to(Duration::from_secs(20)),
            };
            let tries = (self.climate == Climate::Storm).then(|| 1 + exec.below(4) as u32);
            self.users.send(wish, Arrival { after, lurks: bursts && exec.chance(0.5), tries });
        }
        chosen
    }

    fn kick_the_scheduler_now_and_then(&self) {
        let world = self.world.clone();
        self.world.exec().spawn(OUTSIDE, async move {
            loop {
                world.kick_scheduler(&SchedulerKick::default());
                world.exec().sleep(Duration::from_secs(10)).await;
            }
        });
    }

    /// Sees to it that nothing is overdue for long.
    fn watch_the_clock(&self) {
        let world = self.world.clone();
        self.world.exec().spawn(OUTSIDE, async move {
            loop {
                world.exec().sleep(Duration::from_secs(1)).await;
                let now = world.processes().now(OUTSIDE);
                let known: Vec<_> = world.store().checks().known().values().cloned().collect();
                for key in known {
                    let record =
                        world.store().peek(&record_key(&key)).and_then(|value| Record::decode(&value).ok());
                    let need = record.and_then(|record| record.need());
                    if need.is_some_and(|need| now.duration_since(need).unsigned_abs() > LATE && need < now) {
                        world.store().checks().violated(&key, format!("nobody has seen to it for {LATE:?}"));
                    }
                }
            }
        });
    }

    fn record(&self, item: &Acknowledged) -> Option<Record> {
        self.world.store().peek(&record_key(&item.key)).and_then(|value| Record::decode(&value).ok())
    }

    fn has_ended(&self, item: &Acknowledged) -> bool {
        self.record(item).is_some_and(|record| record.head.status.is_finished())
    }

    fn check_the_end(&self) {
        for item in self.users.acknowledged() {
            let record = self.record(&item);
            let end = record.as_ref().map(|record| match (&record.head.output, &record.head.failure) {
                (Some(output), None) if record.head.status == RuntimeStatus::Completed => {
                    Ok(output.to::<u64>().unwrap_or(u64::MAX))
                }
                (None, Some(failure)) => Err(failure.message.clone()),
                _ => Err(format!("no end: {:?} {:?}", record.head.status, record.control)),
            });
            let unavailable = matches!(&end, Some(Err(message)) if message.contains("gave no answer"));
            let Wish { name, input, .. } = item.wish;
            if end != Some(expected(name, input)) && !unavailable {
                self.world
                    .store()
                    .checks()
                    .violated(&item.key, format!("{name}({input}) ended with {end:?}"));
            }
        }
        let waiting = self.users.waiting();
        if waiting > 0 {
            self.world
                .store()
                .checks()
                .violated("", format!("{waiting} users got no answer, though nothing fails"));
        }
        if self.climate == Climate::Fair {
            self.world.store().check(|checks, _| checks.is_undisturbed());
        }
    }
}
