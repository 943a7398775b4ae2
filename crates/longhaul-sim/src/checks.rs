//! The engine's invariants, held against every write to the store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use longhaul::{ActivityRequest, EntryName, InstanceId, InstanceKey, Record, RuntimeStatus, TaskId};

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
    /// Instances whose lease was taken over while they ran.
    taken_over: BTreeSet<String>,
    /// The instances that somebody was told of.
    acknowledged: BTreeMap<InstanceId, InstanceKey>,
    /// The latest need that was committed under each wake entry of each record.
    needs: BTreeMap<(String, EntryName), Timestamp>,
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
            if let Some(new) = new {
                self.record(data, name, old, new);
            }
        } else if key == "sim/scheduler" || (key.starts_with("sim/wake/") && new.is_none()) {
            // Slots may have been given up: none of them may be needed.
            for (key, value) in data.range("sim/instance/".to_owned().."sim/instance0".to_owned()) {
                let name = &key["sim/instance/".len()..];
                let record = Record::decode(value).expect("the store holds records");
                self.is_woken(data, name, &record);
            }
        }
    }

    /// Called when an activity is called. I5, I1: what is dispatched was committed, and no two calls are alike.
    pub fn dispatched(&mut self, request: &ActivityRequest) {
        let ActivityRequest { instance_id, execution_id, task_id, attempt, .. } = request;
        let call = (execution_id.to_string(), task_id.0);
        let committed = self.committed.get(&call).is_some_and(|committed| committed >= attempt);
        if !committed {
            self.violated(
                instance_id,
                format!("task {task_id}, attempt {attempt} was dispatched before its commit"),
            );
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
        for (execution, task, attempt) in self.dispatched.clone() {
            if attempt > 1 {
                self.violated("", format!("task {task} of {execution} was dispatched as attempt {attempt}"));
            }
        }
    }

    fn record(&mut self, data: &Data, name: &str, old: Option<&[u8]>, new: &[u8]) {
        let new = Record::decode(new).expect("the engine writes records");
        let is = &new.control;
        for (id, task) in &is.tasks {
            let committed = self.committed.entry((new.head.execution.to_string(), id.0)).or_default();
            *committed = task.attempt.max(*committed);
        }
        if let Some(old) = old {
            let old = Record::decode(old).expect("the store holds records");
            let was = &old.control;
            // I1: one change after the other, by the holder of the lease (or a fence, which changes nothing else).
            if is.version != was.version + 1 {
                self.violated(name, format!("version {} after {}", is.version, was.version));
            }
            if is.epoch < was.epoch || is.step > was.step + 1 || is.step < was.step {
                self.violated(name, format!("its epoch or step went from {was:?} to {is:?}"));
            }
            // What has not begun to run is taken over by whoever repeats its creation.
            if is.epoch > was.epoch && old.head.status != RuntimeStatus::Pending {
                self.taken_over.insert(name.to_owned());
            }
            if !new.history.starts_with(&old.history) {
                self.violated(name, "its history was rewritten");
            }
            if old.head.status.is_finished() && new.head != old.head {
                self.violated(name, "it changed after its end");
            }
        }
        // I5: each result once.
        let results = results(&new);
        if results.iter().collect::<BTreeSet<_>>().len() < results.len() {
            self.violated(name, format!("a task has two results: {results:?}"));
        }
        if (is.step > 0 || is.epoch > 1) && !is_chosen(data, name, &new) {
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
    }

    /// I2, I3: while a record needs attention, an entry that is not retired stands for it.
    fn is_woken(&mut self, data: &Data, name: &str, record: &Record) {
        // What nobody knows of yet may still get its entry.
        let known = record.control.step > 0
            || self.acknowledged.get(&record.head.id).is_some_and(|key| key.as_str() == name);
        if record.head.status.is_finished() || !known || !is_chosen(data, name, record) {
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
        let mark = marks.and_then(|state| state["marks"][wake.entry.log.to_string()].as_u64()).unwrap_or(0);
        if wake.entry.slot <= mark {
            self.violated(name, format!("its wake entry {} is at or below the low mark {mark}", wake.entry));
        }
    }
}

fn results(record: &Record) -> Vec<TaskId> {
    record.history.iter().filter_map(|event| event.event.result_of()).collect()
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
