//! One run: users start instances while things go wrong, then all must end as expected.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use longhaul::{InstanceId, Payload, Record, RuntimeStatus, SchedulerKick};
use longhaul_program::{Program, Scenario, allows, generate};
use serde_json::Value;

use crate::chaos;
use crate::checks::{Checks, Violation};
use crate::exec::Exec;
use crate::faults::Faults;
use crate::functions::orchestrators;
use crate::process::{OUTSIDE, Processes};
use crate::store::{Backend, SimStore};
use crate::story::record_key;
use crate::trace::Trace;
use crate::users::{Acknowledged, Arrival, Operator, Users, Wish};
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
const CALM: Duration = Duration::from_secs(40 * 60);
/// How much longer it may take one that begins hours later, or waits for hours.
const LONG: Duration = Duration::from_secs(3 * 3600);
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
    let subject = std::env::var("LONGHAUL_SUBJECT").unwrap_or_else(|_| violations[0].subject.clone());
    let trace = Trace::of(&subject);
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
    seed: u64,
    longest: Cell<Duration>,
}

impl Run {
    fn new(seed: u64, backend: Backend, climate: Climate, trace: &Trace) -> Self {
        let exec = Exec::new(seed);
        let weather = Rc::new(RefCell::new(climate.weather(&exec)));
        let timing = climate.timing(&exec);
        let limits = climate.limits(&exec);
        let machines = exec.chance(0.5);
        let processes = Processes::new(&exec, trace, machines);
        processes.note(OUTSIDE, || format!("{:?} {timing:?} {limits:?}", weather.borrow()));
        let faults = Faults::new(&exec, &processes, &weather, timing.hole_grace);
        let store = SimStore::new(&exec, &processes, faults, backend, Checks::new(trace));
        let world = World::new(&exec, &processes, &store, timing, limits, &weather);
        Self { climate, users: Users::new(&world), world, machines, seed, longest: Cell::default() }
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
        let late = self.world.weather().no_scheduler_until;
        while exec.now() < TROUBLED + CALM + self.longest.get() + late {
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
        for number in 0..5 + exec.below(6) {
            // Half of them under chosen ids, perhaps those of others with the same input: then one instance serves all.
            let chooses = exec.chance(0.5);
            let number = if chooses { number / sharing } else { number };
            let operator = match exec.below(20) {
                0..=2 => Operator::Suspends,
                // Others may share an instance of a chosen id.
                3 if !chooses => Operator::Terminates,
                _ => Operator::Absent,
            };
            let mut wish = Wish {
                id: chooses.then(|| InstanceId::new(format!("order-{number}")).expect("an id")),
                scenario: Rc::new(generate::scenario(self.seed << 8 | number << 1 | u64::from(chooses))),
                later: exec.chance(0.1).then(|| exec.up_to(Duration::from_secs(120))),
                operator: if self.climate == Climate::Fair { Operator::Absent } else { operator },
            };
            if !chooses && exec.chance(0.05) {
                self.longest.set(LONG);
                match exec.chance(0.5) {
                    true => wish.later = Some(exec.up_to(LONG)),
                    false => {
                        let ms = exec.up_to(LONG).as_millis() as u64;
                        wish.scenario =
                            Rc::new(Scenario { program: Program::Timer { ms }, raised: Vec::new() });
                    }
                }
            }
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
            let wrong = match record.as_ref().map(|record| (record, self.end(&item, record))) {
                None => Some("it is missing".to_owned()),
                Some((record, None)) => match record.head.status {
                    RuntimeStatus::Terminated if item.wish.operator == Operator::Terminates => None,
                    status => Some(format!("it has not ended: {status:?} {:?}", record.control)),
                },
                Some((_, Some(end))) if self.is_excused(&item, &end) => None,
                Some((_, Some(end))) => {
                    allows(&item.wish.scenario.program, &item.wish.scenario.events(), &end).err()
                }
            };
            if let Some(wrong) = wrong {
                self.world.store().checks().violated(&item.key, wrong);
            }
        }
        self.check_replays();
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

    /// Whether what came of an instance is due to what this world does to it.
    fn is_excused(&self, item: &Acknowledged, end: &Result<Value, String>) -> bool {
        let text = match end {
            Ok(value) => value.to_string(),
            Err(message) => message.clone(),
        };
        // A user who gets no answer asks again: then there are two instances, which want the same sub-orchestrations.
        let twice = item.wish.id.is_none() && self.climate == Climate::Storm;
        text.contains("gave no answer") || (twice && text.contains("exists and has not finished"))
    }

    /// How an instance has ended.
    fn end(&self, item: &Acknowledged, record: &Record) -> Option<Result<Value, String>> {
        match (record.head.status, &record.head.output, &record.head.failure) {
            (RuntimeStatus::Completed, Some(Payload::Inline(output)), _) => {
                Some(Ok(output.to().expect("it is JSON")))
            }
            (RuntimeStatus::Completed, Some(Payload::Stored(stored)), _) => {
                let key = format!("sim/payload/{}/{}/{}", item.key, record.head.execution, stored.name);
                let output = self.world.store().peek(&key)?;
                Some(Ok(serde_json::from_slice(&output).expect("it is JSON")))
            }
            (RuntimeStatus::Failed, _, Some(failure)) => Some(Err(failure.message.clone())),
            _ => None,
        }
    }

    /// I6: the history of each instance replays.
    fn check_replays(&self) {
        let world = &self.world;
        let done = Rc::new(Cell::new(false));
        let (here, users, flag) = (world.clone(), self.users.clone(), done.clone());
        world.exec().spawn(OUTSIDE, async move {
            let engine = here.engine(OUTSIDE);
            for item in users.acknowledged() {
                match engine.check_replay(&item.id, &orchestrators()).await {
                    Ok(None) => {}
                    Ok(Some(mismatch)) => here.store().checks().violated(&item.key, mismatch.to_string()),
                    Err(error) => here.store().checks().violated(&item.key, error.to_string()),
                }
            }
            flag.set(true);
        });
        let limit = world.exec().now() + Duration::from_secs(600);
        if !world.exec().run_until(limit, || done.get()) {
            world.store().checks().violated("", "the histories could not be replayed");
        }
    }
}
