//! The engine's invariants, held against every write to the store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use longhaul::{
    ActivityRequest, EntryName, InstanceId, InstanceKey, Log, Record, RuntimeStatus, TaskId, decode_events,
};

use crate::story::record_key;
use crate::trace::Trace;

/// What was violated.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The key of the instance that it concerns; empty: none in particular.
    pub subject: String,
    /// What is wrong.
    pub what: String,
}

/// What has been seen so far.
#[derive(Default)]
pub struct Checks {
    trace: Trace,
    violations: Vec<Violation>,
    /// The last attempt that was committed of each task: execution, task.
    committed: BTreeMap<(String, u64), u32>,
    /// Calls of activities that were dispatched: execution, task, attempt.
    dispatched: BTreeSet<(String, u64, u32)>,
    /// Calls of activities that were dispatched again though nothing was in the way.
    repeated: BTreeSet<(String, u64, u32)>,
    /// Instances whose lease was taken over while they ran.
    taken_over: BTreeSet<String>,
    /// The instances that somebody was told of.
    acknowledged: BTreeMap<InstanceId, InstanceKey>,
    /// The latest need that was committed under each wake entry of each record.
    needs: BTreeMap<(String, EntryName), Timestamp>,
    /// The records that there are, and their histories.
    records: BTreeMap<String, Known>,
}

/// A record, and what was learnt of its history, so that this is not done anew for each write.
struct Known {
    record: Record,
    history: Vec<u8>,
    results: BTreeSet<TaskId>,
}

/// What the store holds.
pub type Data = BTreeMap<String, Vec<u8>>;

impl Checks {
    /// Checks that stop `trace` at the first violation.
    pub fn new(trace: &Trace) -> Self {
        Self { trace: trace.clone(), ..Self::default() }
    }

    /// What was violated.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Adds a violation.
    pub fn violated(&mut self, subject: impl ToString, what: impl Into<String>) {
        self.trace.stop();
        let violation = Violation { subject: subject.to_string(), what: what.into() };
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// The instances that somebody was told of.
    pub fn known(&self) -> &BTreeMap<InstanceId, InstanceKey> {
        &self.acknowledged
    }

    /// Called when a client is told that the instance `id` exists, at `key`.
    pub fn acknowledged(&mut self, data: &Data, id: &InstanceId, key: &InstanceKey) {
        let before = self.acknowledged.insert(id.clone(), key.clone());
        if before.is_some_and(|before| before != *key) {
            self.violated(key, "two instances were acknowledged under one id");
        }
        let Some(record) = data.get(&record_key(key)) else {
            return self.violated(key, "acknowledged and not stored");
        };
        let record = Record::decode(record).expect("the store holds records");
        if !is_chosen(data, key.as_str(), &record) {
            self.violated(key, "acknowledged, and another ballot may be chosen");
        }
        self.is_woken(data, key.as_str(), &record);
    }

    /// Called after each write, with the store as it now is.
    pub fn written(&mut self, data: &Data, key: &str, old: Option<&[u8]>, new: Option<&[u8]>) {
        if let Some(name) = key.strip_prefix("sim/instance/") {
            match new {
                Some(new) => self.record(data, name, new),
                None => drop(self.records.remove(name)),
            }
        } else if key == "sim/scheduler" || (key.starts_with("sim/wake/") && new.is_none()) {
            // Slots may have been given up: none of them may be needed.
            for (name, known) in std::mem::take(&mut self.records) {
                self.is_woken(data, &name, &known.record);
                self.records.insert(name, known);
            }
        } else if is_part(key) {
            // I7: what may be referred to is never changed, and never deleted while it is.
            if old.is_some_and(|old| new.is_some_and(|new| new != old)) {
                self.violated(key, "it was written twice with different bytes");
            }
            if new.is_none() {
                self.is_unreferred(key);
            }
        }
    }

    /// I2: what was deleted is what no record refers to.
    fn is_unreferred(&mut self, key: &str) {
        // The key of one instance may begin with that of another: only parts of this very one count.
        let owner = self.records.iter().find(|(name, _)| key.contains(&format!("/{name}/")));
        let Some((name, known)) = owner else { return };
        if !known.record.head.purging
            && references(name, &known.record).iter().any(|reference| reference == key)
        {
            self.violated(name.clone(), format!("{key} was deleted, and is referred to"));
        }
    }

    /// Called when an activity is called. I5, I1: what is dispatched was committed, and no two calls are alike.
    pub fn dispatched(&mut self, name: &str, request: &ActivityRequest) {
        let ActivityRequest { instance_id, execution_id, task_id, attempt, .. } = request;
        let call = (execution_id.to_string(), task_id.0);
        let committed = self.committed.get(&call).is_some_and(|committed| committed >= attempt);
        if !committed {
            self.violated(
                instance_id,
                format!("task {task_id}, attempt {attempt} was dispatched before its commit"),
            );
        }
        // These ask for it.
        if *attempt > 1 && !matches!(name, "steps" | "trap") {
            self.repeated.insert((call.0.clone(), call.1, *attempt));
        }
        if !self.dispatched.insert((call.0, call.1, *attempt)) {
            self.violated(instance_id, format!("task {task_id} was dispatched twice as attempt {attempt}"));
        }
    }

    /// Called at the end of a run in which nothing was in the way: no tick lost its lease, and no activity was called
    /// twice.
    pub fn is_undisturbed(&mut self) {
        for name in self.taken_over.clone() {
            self.violated(&name, "its lease was taken over without need");
        }
        for (execution, task, attempt) in self.repeated.clone() {
            self.violated("", format!("task {task} of {execution} was dispatched as attempt {attempt}"));
        }
    }

    fn record(&mut self, data: &Data, name: &str, new: &[u8]) {
        let new = Record::decode(new).expect("the engine writes records");
        let known = self.records.remove(name);
        let is = &new.control;
        for (id, task) in &is.tasks {
            let committed = self.committed.entry((new.head.execution.to_string(), id.0)).or_default();
            *committed = task.attempt.max(*committed);
        }
        // I2: whatever it refers to is there.
        if !new.head.purging {
            for reference in references(name, &new) {
                if !data.contains_key(&reference) {
                    self.violated(name, format!("it refers to {reference}, which is missing"));
                }
            }
        }
        let mut history = history(data, name, &new);
        let (mut before, mut results) = (0, BTreeSet::new());
        if let Some(Known { record: old, history: past, results: known }) = known {
            let was = &old.control;
            // I1: one change after the other, by the holder of the lease (or a fence, which changes nothing else).
            if is.version != was.version + 1 {
                self.violated(name, format!("version {} after {}", is.version, was.version));
            }
            if is.epoch < was.epoch || is.step > was.step + 1 || is.step < was.step {
                self.violated(name, format!("its epoch or step went from {was:?} to {is:?}"));
            }
            // What has not begun to run is taken over by whoever repeats its creation.
            let held = was.lease.as_ref().is_some_and(|lease| !lease.offered);
            // Each commit of an entity raises the epoch.
            let taken_over = is.epoch > was.epoch && (is.entity.is_none() || is.owner != was.owner);
            if taken_over && held && old.head.status != RuntimeStatus::Pending {
                self.taken_over.insert(name.to_owned());
            }
            let end = |record: &Record| {
                (record.head.status, record.head.output.clone(), record.head.failure.clone())
            };
            // An order to start a sub-orchestration is carried out once, however often it is given.
            let ordered = |record: &Record| {
                let parent = record.control.parent.as_ref()?;
                Some((parent.key.clone(), parent.execution.clone(), parent.task))
            };
            let began_anew = new.head.execution != old.head.execution && is.rounds == 0;
            if began_anew && ordered(&new).is_some() && ordered(&new) == ordered(&old) {
                self.violated(name, "one order was carried out twice");
            }
            if new.head.execution == old.head.execution && is.rewinds == was.rewinds {
                if new.head.purging {
                    history.clone_from(&past);
                } else if !history.starts_with(&past) {
                    self.violated(name, "its history was rewritten");
                }
                if old.head.status.is_finished() && end(&new) != end(&old) {
                    self.violated(name, "it changed after its end");
                }
                (before, results) = (past.len(), known);
            }
        }
        // I5: each result once.
        for event in decode_events(history.get(before..).unwrap_or_default()).expect("a history is events") {
            if let Some(task) = event.event.result_of()
                && !results.insert(task)
            {
                self.violated(name, format!("task {task} has two results"));
            }
        }
        if (is.step > 0 || is.epoch > 1) && !new.head.purging && !is_chosen(data, name, &new) {
            self.violated(name, "it was advanced, and its ballot is not chosen");
        }
        self.is_woken(data, name, &new);
        // I3: the scheduler, having looked, comes back at the need as it was then.
        if let (Some(wake), Some(need)) = (&is.wake, new.need()) {
            let latest = self.needs.entry((name.to_owned(), wake.entry)).or_insert(need);
            if *latest > need {
                let latest = *latest;
                self.violated(
                    name,
                    format!("its need is at {need}, and {} was committed for {latest}", wake.entry),
                );
            } else {
                *latest = need;
            }
        }
        self.records.insert(name.to_owned(), Known { record: new, history, results });
    }

    /// I2, I3: while a record needs attention, an entry that is not retired stands for it.
    fn is_woken(&mut self, data: &Data, name: &str, record: &Record) {
        // What nobody knows of yet may still get its entry.
        let known = record.control.step > 0
            || self.acknowledged.get(&record.head.id).is_some_and(|key| key.as_str() == name);
        if !known || !is_chosen(data, name, record) {
            return;
        }
        let Some(need) = record.need() else { return };
        let Some(wake) = record.control.wake else {
            return self.violated(name, "it needs attention and has no wake entry");
        };
        if wake.due > need {
            self.violated(name, format!("its wake entry is due at {}, the need is at {need}", wake.due));
        }
        if !data.contains_key(&format!("sim/{}", wake.entry)) {
            self.violated(name, format!("its wake entry {} is missing", wake.entry));
        }
        let marks = data.get("sim/scheduler").map(|bytes| {
            serde_json::from_slice::<serde_json::Value>(bytes).expect("the scheduler's state is JSON")
        });
        let mark = |name: &str| marks.as_ref().and_then(|state| state["marks"][name].as_u64()).unwrap_or(0);
        let given_up = match wake.entry.log {
            Log::Created => wake.entry.slot <= mark("created"),
            Log::Wake => wake.entry.slot <= mark("wake"),
            Log::Far(hour) => u64::from(hour) < mark("far"),
            // The scheduler does not read it.
            Log::Entities => true,
        };
        if given_up {
            self.violated(name, format!("its wake entry {} is below the low mark", wake.entry));
        }
    }
}

fn is_part(key: &str) -> bool {
    ["history", "payload", "checkpoint"].iter().any(|kind| key.starts_with(&format!("sim/{kind}/")))
}

/// The keys that a record refers to.
fn references(name: &str, record: &Record) -> Vec<String> {
    let execution = &record.head.execution;
    let control = &record.control;
    let mut keys = Vec::new();
    let segments =
        control.segments.iter().map(|run| (format!("sim/history/{name}/{execution}/{}.", run.stem), run));
    let payloads =
        control.payloads.iter().map(|run| (format!("sim/payload/{name}/{execution}/{}.", run.stem), run));
    let unfinished = control.tasks.iter().filter(|_| !record.head.status.is_finished());
    let saved = unfinished.flat_map(|(id, task)| {
        task.checkpoint.iter().flat_map(move |saved| {
            saved
                .segments
                .iter()
                .map(move |run| (format!("sim/checkpoint/{name}/{execution}/{id}/{}.", run.stem), run))
        })
    });
    for (stem, run) in segments.chain(payloads).chain(saved) {
        keys.extend((run.first..run.first + run.count).map(|number| format!("{stem}{number}")));
    }
    keys
}

/// The whole history, as it stands in the store.
fn history(data: &Data, name: &str, record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in &record.control.segments {
        for number in run.first..run.first + run.count {
            let key = format!("sim/history/{name}/{}/{}.{number}", record.head.execution, run.stem);
            bytes.extend(data.get(&key).into_iter().flatten());
        }
    }
    bytes.extend(&record.tail);
    bytes
}

fn is_chosen(data: &Data, name: &str, record: &Record) -> bool {
    let Some(ballot) = InstanceKey::received(name).ballot(&record.head.id) else { return true };
    let claim = data.get(&format!("sim/claim/{}", record.head.id)).map(|bytes| match bytes.len() {
        8 if bytes[7] == 0 => u64::from_le_bytes(bytes[..].try_into().expect("eight bytes")),
        _ => {
            std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).expect("a claim is a counter")
        }
    });
    claim.is_some_and(|claim| (claim >> 32) as u32 == ballot)
}
