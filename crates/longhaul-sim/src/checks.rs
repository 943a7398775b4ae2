//! The engine's invariants, held against every write to the store.

use std::collections::{BTreeMap, BTreeSet};

use longhaul::{InstanceKey, Record, RuntimeStatus};

/// What has been seen so far.
#[derive(Default)]
pub struct Checks {
    violations: Vec<String>,
    /// Calls of activities that were dispatched: instance, execution, task, attempt.
    dispatched: BTreeSet<(String, String, u64, u32)>,
    /// The keys of instances that somebody was told of.
    acknowledged: BTreeSet<String>,
}

type Data = BTreeMap<String, Vec<u8>>;

impl Checks {
    /// What was violated.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Adds a violation.
    pub fn violated(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Called when a client is told that the instance at `key` exists.
    pub fn acknowledged(&mut self, key: &InstanceKey, value: Option<&[u8]>) {
        self.acknowledged.insert(key.to_string());
        if value.is_none() {
            self.violated(format!("{key}: acknowledged and not stored"));
        }
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

    /// Called when an activity is called.
    pub fn dispatched(&mut self, data: impl Fn(&str) -> Option<Vec<u8>>, call: (String, String, u64, u32)) {
        // I5, I1: what is dispatched was committed, and no two calls are alike.
        let records = [call.0.clone(), format!("{}.1", call.0), format!("{}.2", call.0), format!("{}.3", call.0)];
        let committed = records.iter().filter_map(|name| data(&format!("sim/instance/{name}"))).any(|bytes| {
            let record = Record::decode(&bytes).expect("the store holds records");
            let running = record.control.tasks.get(&longhaul::TaskId(call.2));
            let finished = record.history.iter().any(|event| event.event.result_of() == Some(longhaul::TaskId(call.2)));
            running.is_some_and(|task| task.attempt >= call.3) || finished
        });
        if !committed {
            self.violated(format!("dispatched before it was committed: {call:?}"));
        }
        if !self.dispatched.insert(call.clone()) {
            self.violated(format!("dispatched twice under one attempt: {call:?}"));
        }
    }

    fn record(&mut self, data: &Data, name: &str, old: Option<&[u8]>, new: &[u8]) {
        let new = Record::decode(new).expect("the engine writes records");
        if let Some(old) = old {
            let old = Record::decode(old).expect("the store holds records");
            let (was, is) = (&old.control, &new.control);
            // I1: one change after the other, by the holder of the lease (or a fence, which changes nothing else).
            if is.version != was.version + 1 {
                self.violated(format!("{name}: version {} after {}", is.version, was.version));
            }
            if is.epoch < was.epoch || is.step > was.step + 1 || is.step < was.step {
                self.violated(format!("{name}: epoch or step went from {was:?} to {is:?}"));
            }
            if !new.history.starts_with(&old.history) {
                self.violated(format!("{name}: history was rewritten"));
            }
            if old.head.status.is_finished() && new.head != old.head {
                self.violated(format!("{name}: changed after its end"));
            }
        }
        // I5: each result once.
        let mut results = BTreeSet::new();
        for task in new.history.iter().filter_map(|event| event.event.result_of()) {
            if !results.insert(task) {
                self.violated(format!("{name}: two results of task {task}"));
            }
        }
        self.is_woken(data, name, &new);
    }

    /// I2, I3: while a record needs attention, an entry that is not retired stands for it.
    fn is_woken(&mut self, data: &Data, name: &str, record: &Record) {
        // What nobody knows of yet may still get its entry.
        let known = record.control.step > 0 || self.acknowledged.contains(name);
        if record.head.status.is_finished() || !known || !is_chosen(data, name, record) {
            return;
        }
        let Some(need) = record.need() else { return };
        let Some(wake) = record.control.wake else {
            return self.violated(format!("{name}: needs attention and has no wake entry"));
        };
        if wake.due > need {
            self.violated(format!("{name}: its wake entry is due at {}, the need is at {need}", wake.due));
        }
        if !data.contains_key(&format!("sim/{}", wake.entry)) {
            self.violated(format!("{name}: its wake entry {} is missing", wake.entry));
        }
        let marks = data.get("sim/scheduler").map(|bytes| {
            serde_json::from_slice::<serde_json::Value>(bytes).expect("the scheduler's state is JSON")
        });
        let mark = marks.and_then(|state| state["marks"][wake.entry.log.to_string()].as_u64()).unwrap_or(0);
        if wake.entry.slot <= mark {
            self.violated(format!("{name}: its wake entry {} is below the low mark {mark}", wake.entry));
        }
    }
}

fn is_chosen(data: &Data, name: &str, record: &Record) -> bool {
    let Some(ballot) = InstanceKey::received(name).ballot(&record.head.id) else { return true };
    let claim = data.get(&format!("sim/claim/{}", record.head.id)).map(|bytes| match bytes.len() {
        8 if bytes[7] == 0 => u64::from_le_bytes(bytes[..].try_into().expect("eight bytes")),
        _ => std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).expect("a claim is a counter"),
    });
    claim.is_some_and(|claim| (claim >> 32) as u32 == ballot)
}

/// Whether a status is one that an acknowledged instance may end in.
pub fn is_good_end(status: RuntimeStatus) -> bool {
    matches!(status, RuntimeStatus::Completed | RuntimeStatus::Failed)
}
