//! Creating instances.

mod chosen;
mod start;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::commit::{CommitError, Held, WakeEntry};
use crate::engine::Engine;
use crate::id::{ExecutionId, InstanceId, InstanceKey};
use crate::json::Json;
use crate::keys::{EntryName, Log};
use crate::kick::{SchedulerKick, TickKick};
use crate::log::{LogEntry, NEAR};
use crate::lookup::Stored;
use crate::payload::{Payload, too_large};
use crate::platform::{Platform, Stopwatch, until};
use crate::record::{Control, FORMAT, Head, Parent, Record, Run, Wake};
use crate::stage::Stage;
use crate::status::RuntimeStatus;
use crate::store::{Store, StoreError};

pub use start::{Creation, Reuse, Start, StartError, Started};

impl<P: Platform> Engine<P> {
    /// Starts an instance under a new random id.
    ///
    /// # Errors
    /// When the input is too large, or the store fails. In the latter case the instance may exist nevertheless, under an
    /// id that nobody knows.
    pub async fn start(&self, start: Start) -> Result<Started, StartError> {
        self.check_size(&start)?;
        let id = InstanceId::random(self.platform.random());
        let key = InstanceKey::of_random(&id);
        let watch = Stopwatch::start(&self.platform);
        let far = self.file_if_far(&key, &start).await.map_err(StartError::not_stored)?;
        let slot = self.next_slot(Log::Created).await.map_err(StartError::not_stored)?;
        let (record, mut writes) = self.new_record(&id, &key, start, None, slot, far);
        let bytes = record.encode();
        // What is referred to first, where the backend writes one by one.
        writes.push((self.hub.slot(slot), self.creation_entry(&key, &record, 0).encode()));
        writes.push((self.hub.instance(&key), bytes.clone()));
        self.platform.store().set_many(writes).await.map_err(StartError::unknown)?;
        let held = Held { key, stored: Stored { record, bytes } };
        self.register_if_late(held, &watch).await
    }

    fn check_size(&self, start: &Start) -> Result<(), StartError> {
        let (size, limit) = (start.input.text().len(), self.limits.max_payload);
        match size as u64 > limit {
            true => Err(StartError::TooLarge(too_large("the input", size, limit))),
            false => Ok(()),
        }
    }

    /// What is to begin much later is filed under its hour.
    async fn file_if_far(&self, key: &InstanceKey, start: &Start) -> Result<Option<Wake>, StoreError> {
        let Some(due) = start.scheduled.filter(|at| until(self.platform.now(), *at) > NEAR) else {
            return Ok(None);
        };
        Ok(Some(Wake { entry: self.file(&LogEntry::new(key, 0, due)).await?, due }))
    }

    /// The creation-log entry of a record.
    fn creation_entry(&self, key: &InstanceKey, record: &Record, base: u64) -> LogEntry {
        let due = record.head.need.unwrap_or(record.head.created);
        LogEntry { created: Some(record.head.created), ..LogEntry::new(key, base, due) }
    }

    /// After a slow creation the scheduler may have given up on the log entry, and a list have gone past it for good. The
    /// record then gets other ones before the start is acknowledged.
    async fn register_if_late(&self, mut held: Held, watch: &Stopwatch) -> Result<Started, StartError> {
        if !self.is_in_time(watch) {
            let mut again = held.record().clone();
            let entry = self.creation_entry(&held.key, &again, again.control.version);
            let slot = self.append(Log::Created, &entry).await.map_err(StartError::unknown)?;
            let stem = format!("{}/", self.hub.counter(Log::Created));
            Run::add(&mut again.control.garbage, &stem, again.head.created_slot);
            again.head.created_slot = slot.slot;
            match self.commit(&mut held, again, WakeEntry::Fresh).await {
                // Lost: somebody has taken it over, with a wake entry that is alive.
                Ok(()) | Err(CommitError::Lost) => {}
                Err(CommitError::Unknown(error)) => return Err(StartError::Unknown(error)),
            }
        }
        Ok(started(&held))
    }

    /// A record, and the values that it refers to.
    fn new_record(
        &self,
        id: &InstanceId,
        key: &InstanceKey,
        start: Start,
        parent: Option<(InstanceId, Parent)>,
        slot: EntryName,
        far: Option<Wake>,
    ) -> (Record, Vec<(String, Vec<u8>)>) {
        let lease = self.offer();
        // What begins later needs no tick now.
        let scheduled = start.scheduled.filter(|at| *at > lease.granted);
        let (parent_id, parent) = parent.unzip();
        let Record { head, control, tail } =
            self.first_record(id.clone(), start.name, RuntimeStatus::Pending, lease.granted, slot);
        let mut record = Record {
            head: Head {
                input: Payload::Inline(start.input),
                version: start.version,
                scheduled,
                parent: parent_id,
                tags: start.tags,
                ..head
            },
            control: Control { lease: scheduled.is_none().then_some(lease), parent, ..control },
            tail,
        };
        let mut stage = Stage::new(&record.control.owner);
        stage.head(&self.hub, key, &mut record);
        record.head.need = record.need();
        record.control.wake = far.or_else(|| record.head.need.map(|due| Wake { entry: slot, due }));
        (record, stage.take())
    }

    /// The first version of a record of what is created now, `at`, and listed in this slot: without an input, and needing
    /// nobody's attention yet.
    pub(crate) fn first_record(
        &self,
        id: InstanceId,
        name: String,
        status: RuntimeStatus,
        at: Timestamp,
        slot: EntryName,
    ) -> Record {
        Record {
            head: Head {
                format: FORMAT,
                id,
                name,
                execution: ExecutionId::random(self.platform.random()),
                status,
                created: at,
                updated: at,
                input: Payload::Inline(Json::null()),
                output: None,
                failure: None,
                custom_status: None,
                progress: None,
                waits_for: None,
                version: None,
                scheduled: None,
                parent: None,
                tags: BTreeMap::new(),
                created_slot: slot.slot,
                purging: false,
                need: None,
            },
            control: Control {
                version: 1,
                commit: self.nonce(),
                epoch: 1,
                owner: self.nonce(),
                ..Control::default()
            },
            tail: Vec::new(),
        }
    }
}

fn started(held: &Held) -> Started {
    let Record { head, control, .. } = held.record();
    Started {
        id: head.id.clone(),
        key: held.key.clone(),
        tick: TickKick { token: Some(control.owner.clone()), ..TickKick::default() },
        scheduler: SchedulerKick { due: head.need, ..SchedulerKick::default() },
    }
}
