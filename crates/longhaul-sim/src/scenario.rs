//! One run: users start instances while things go wrong, then all must end as expected.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use longhaul::{InstanceId, InstanceKey, Payload, Record, RuntimeStatus, SchedulerKick};
use longhaul_program::{Program, Scenario, allows, generate};
use serde_json::Value;

use crate::audit::{self, Books, Ended};
use crate::bank::{self, End, Job};
use crate::chaos;
use crate::checks::{Checks, Violation};
use crate::customers::{Customers, RELAYS, VAULTS};
use crate::exec::Exec;
use crate::faults::Faults;
use crate::functions::orchestrators;
use crate::process::{OUTSIDE, Processes};
use crate::store::{Backend, SimStore};
use crate::story::record_key;
use crate::trace::Trace;
use crate::users::{Acknowledged, Arrival, Operator, Users, Wish, Work};
use crate::weather::{Climate, Weather};
use crate::world::World;

/// What runs in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// Random programs.
    Programs,
    /// A bank: see [`crate::bank`].
    Bank,
}

/// What a run was like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How many instances were acknowledged.
    pub acknowledged: usize,
    /// How many signals to entities were acknowledged.
    pub signals: usize,
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
pub fn run(seed: u64, backend: Backend, climate: Climate, cast: Cast) -> Result<Report, String> {
    let violations = match run_traced(seed, backend, climate, cast, &Trace::default()) {
        Ok(report) => return Ok(report),
        Err(violations) => violations,
    };
    // Once more, now that it is known what to look at.
    let subject = std::env::var("LONGHAUL_SUBJECT").unwrap_or_else(|_| violations[0].subject.clone());
    let trace = Trace::of(&subject);
    let _ = run_traced(seed, backend, climate, cast, &trace);
    let lines = violations.iter().take(8).map(|Violation { subject, what }| format!("  {subject}: {what}\n"));
    Err(format!(
        "seed {seed} on {backend:?}, {climate:?}: {} violations\n{}{}again: LONGHAUL_SEED={seed} LONGHAUL_BACKEND=\
         {backend:?} cargo test -p longhaul-sim {}_{}\n",
        violations.len(),
        lines.collect::<String>(),
        trace.text(),
        format!("{cast:?}").to_lowercase(),
        format!("{climate:?}").to_lowercase(),
    ))
}

fn run_traced(
    seed: u64,
    backend: Backend,
    climate: Climate,
    cast: Cast,
    trace: &Trace,
) -> Result<Report, Vec<Violation>> {
    let run = Run::new(seed, backend, climate, cast, trace);
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
            signals: run.customers.sent().iter().filter(|sent| sent.acknowledged).count(),
            operations: run.world.store().operations(),
            took: run.world.exec().now(),
        }),
        false => Err(violations),
    }
}

struct Run {
    climate: Climate,
    cast: Cast,
    world: World,
    users: Users,
    customers: Customers,
    machines: bool,
    seed: u64,
    longest: Cell<Duration>,
}

impl Run {
    fn new(seed: u64, backend: Backend, climate: Climate, cast: Cast, trace: &Trace) -> Self {
        let exec = Exec::new(seed);
        let weather = Rc::new(RefCell::new(climate.weather(&exec)));
        let timing = climate.timing(&exec);
        if cast == Cast::Bank {
            let mut weather = weather.borrow_mut();
            // Entities have hundreds of messages here, which this store deletes one by one: where each takes long, one is
            // late with the next batch.
            if climate == Climate::Quiet {
                weather.slow = Weather::NONE.slow;
            }
        }
        let limits = climate.limits(&exec);
        let machines = exec.chance(0.5);
        let processes = Processes::new(&exec, trace, machines);
        processes.note(OUTSIDE, || format!("{:?} {timing:?} {limits:?}", weather.borrow()));
        let faults = Faults::new(&exec, &processes, &weather, timing.hole_grace);
        let store = SimStore::new(&exec, &processes, faults, backend, Checks::new(trace));
        let world = World::new(&exec, &processes, &store, timing, limits, &weather);
        Self {
            climate,
            cast,
            users: Users::new(&world),
            customers: Customers::new(&world),
            world,
            machines,
            seed,
            longest: Cell::default(),
        }
    }

    fn to_the_end(&self) {
        let exec = self.world.exec();
        let ids = match self.cast {
            Cast::Programs => self.send_users(),
            Cast::Bank => self.open_the_bank(),
        };
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
            // Nobody polls entities, and users do not poll what has ended.
            if !self.world.weather().polls || self.unsettled().is_some() || self.cast == Cast::Bank {
                self.kick_the_scheduler_now_and_then();
            }
        }
        let late = self.world.weather().no_scheduler_until;
        while exec.now() < TROUBLED + CALM + self.longest.get() + late {
            exec.run_until(exec.now() + Duration::from_secs(1), || false);
            let ended = self.users.acknowledged().iter().all(|item| self.has_ended(item));
            if ended && self.users.waiting() == 0 && self.unsettled().is_none() {
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
            let uses_entities = exec.chance(0.25);
            // If a user who gets no answer asked for another instance, both would use the same entities.
            let chooses = uses_entities || exec.chance(0.5);
            let number = if chooses { number / sharing } else { number };
            let operator = match exec.below(20) {
                0..=2 => Operator::Suspends,
                // Others may share an instance of a chosen id.
                3 if !chooses => Operator::Terminates,
                _ => Operator::Absent,
            };
            // Programs of one seed have children of the same ids.
            let kind = u64::from(uses_entities) << 7;
            let seed = self.seed << 8 | kind | number << 1 | u64::from(chooses);
            let (scenario, kind) = match uses_entities {
                true => (generate::scenario_with_entities(seed), "account"),
                false => (generate::scenario(seed), "order"),
            };
            let mut wish = Wish {
                id: chooses.then(|| InstanceId::new(format!("{kind}-{number}")).expect("an id")),
                work: Work::Program(Rc::new(scenario)),
                later: exec.chance(0.1).then(|| exec.up_to(Duration::from_secs(120))),
                operator: if self.climate == Climate::Fair { Operator::Absent } else { operator },
            };
            if !chooses && exec.chance(0.05) {
                self.longest.set(LONG);
                match exec.chance(0.5) {
                    true => wish.later = Some(exec.up_to(LONG)),
                    false => {
                        let ms = exec.up_to(LONG).as_millis() as u64;
                        let program = Program::Timer { ms };
                        wish.work = Work::Program(Rc::new(Scenario { program, raised: Vec::new() }));
                    }
                }
            }
            if wish.id.is_some() && chosen.iter().all(|other| other.id != wish.id) {
                chosen.push(wish.clone());
            }
            self.users.send(wish, self.arrival(bursts));
        }
        chosen
    }

    /// When the next user comes.
    fn arrival(&self, bursts: bool) -> Arrival {
        let exec = self.world.exec();
        let after = match bursts {
            true => Duration::from_secs(20) * exec.below(4) as u32 + exec.up_to(Duration::from_millis(100)),
            false => exec.up_to(Duration::from_secs(20)),
        };
        let lurks = bursts && exec.chance(0.5);
        let tries = (self.climate == Climate::Storm).then(|| 1 + exec.below(4) as u32);
        Arrival { after, lurks, tries }
    }

    /// Sends customers and tellers, and answers those of these who choose ids.
    fn open_the_bank(&self) -> Vec<Wish> {
        let exec = self.world.exec();
        let mut chosen = Vec::new();
        for number in 0..5 + exec.below(5) {
            let wish = self.teller(number);
            if wish.id.is_some() {
                chosen.push(wish.clone());
            }
            self.users.send(wish, self.arrival(exec.chance(0.3)));
        }
        for number in 0..3 + exec.below(3) {
            self.customers.send(number, TROUBLED);
        }
        for _ in 0..exec.below(3) {
            self.customers.send_cleaner(TROUBLED + Duration::from_secs(30));
        }
        chosen
    }

    fn teller(&self, number: u64) -> Wish {
        let exec = self.world.exec();
        let fair = self.climate == Climate::Fair;
        let end = match exec.below(10) {
            0..4 => End::Leaves,
            4..6 => End::Returns,
            6..8 => End::Fails,
            _ if fair => End::Leaves,
            _ => End::Waits,
        };
        let operator = match exec.below(8) {
            _ if end == End::Waits => Operator::Terminates,
            0 | 1 if !fair => Operator::Terminates,
            2 if !fair => Operator::Suspends,
            _ => Operator::Absent,
        };
        let long = exec.chance(0.3);
        let job = Job {
            from: bank::entity("vault", exec.below(VAULTS)),
            to: bank::entity("vault", exec.below(VAULTS)),
            amount: 1 + exec.below(60) as i64,
            relay: bank::entity("relay", exec.below(RELAYS)),
            book: Customers::book(),
            pause: if long { exec.up_to(Duration::from_secs(5)) } else { Duration::ZERO },
            end,
            rounds: exec.below(3) as u32,
            next: 0,
        };
        // Nobody would end another one that waits, of which nobody knows.
        let chooses = end == End::Waits || exec.chance(0.5);
        Wish {
            id: chooses.then(|| bank::chosen_id(number)),
            work: Work::Job(Rc::new(job)),
            later: exec.chance(0.1).then(|| exec.up_to(Duration::from_secs(60))),
            operator,
        }
    }

    /// What customers and entities still have to do.
    fn unsettled(&self) -> Option<(String, String)> {
        let mut found = None;
        if self.customers.are_busy() {
            return Some((String::new(), "customers are not done".to_owned()));
        }
        let ended = self.ended_tellers();
        self.world.store().check(|_, data| {
            let missing = || Books::of(data).missing(&self.customers.sent(), &ended).into_iter().next();
            found = audit::unsettled(data).or_else(missing);
        });
        found
    }

    fn ended_tellers(&self) -> Vec<Ended> {
        let acknowledged = self.users.acknowledged();
        let tellers = acknowledged.iter().filter(|item| matches!(item.wish.work, Work::Job(_)));
        tellers.filter_map(|item| Some(audit::ended(item.id.to_string(), &self.record(item)?))).collect()
    }

    /// Looks into the books.
    fn check_entities(&self) {
        let ended = self.ended_tellers();
        let unsettled = self.unsettled();
        self.world.store().check(|checks, data| {
            for (subject, what) in
                unsettled.into_iter().chain(Books::of(data).audit(&self.customers.sent(), &ended))
            {
                checks.violated(subject, what);
            }
        });
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
                let mut known: Vec<_> = world.store().checks().known().values().cloned().collect();
                world.store().check(|_, data| {
                    known.extend(audit::entities(data).map(|(key, _)| InstanceKey::received(key)));
                });
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
                Some((_, Some(end))) => match &item.wish.work {
                    Work::Program(scenario) => allows(&scenario.program, &scenario.events(), &end).err(),
                    Work::Job(job) => match (&end, job.end) {
                        (Ok(_), End::Leaves | End::Returns) => None,
                        (Err(message), End::Fails) if message.contains("on purpose") => None,
                        _ => Some(format!("it ends with {end:?}, and its job was {job:?}")),
                    },
                },
            };
            if let Some(wrong) = wrong {
                self.world.store().checks().violated(&item.key, wrong);
            }
        }
        self.check_entities();
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
