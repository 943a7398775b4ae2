//! Creating instances.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::commit::{CommitError, Held, WakeEntry};
use crate::engine::Engine;
use crate::id::{ExecutionId, InstanceId, InstanceKey};
use crate::json::Json;
use crate::keys::{EntryName, Log};
use crate::kick::{SchedulerKick, TickKick};
use crate::log::LogEntry;
use crate::lookup::{Found, ReadError, Stored};
use crate::platform::{Platform, Stopwatch};
use crate::record::{Control, FORMAT, Head, Lease, Record, Wake};
use crate::status::RuntimeStatus;
use crate::store::{Store, StoreError};

/// What to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The orchestrator function.
    pub name: String,
    /// Its input.
    pub input: Json,
}

/// An instance that is stored. It runs once its kicks are sent; if they are lost, the scheduler finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The public name.
    pub id: InstanceId,
    /// Where it is stored.
    pub key: InstanceKey,
    /// For the orchestrator component: run it now.
    pub tick: TickKick,
    /// For the scheduler component: look after it.
    pub scheduler: SchedulerKick,
}

/// What became of a start with a chosen id.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// There is a new instance.
    Created(Started),
    /// There was one of that id already; it is left as it is.
    Exists {
        /// The instance.
        found: Box<Found>,
        /// Set when it has not begun to run, and wants to be kicked.
        adopted: Option<Started>,
    },
}

/// Why an instance could not be started.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StartError {
    /// Nothing was stored.
    #[error("the instance was not stored: {0}")]
    NotStored(ReadError),
    /// The store failed at a moment when it may or may not have stored the instance.
    #[error("whether the instance was stored is unknown: {0}")]
    Unknown(ReadError),
}

/// How often a start with a chosen id looks again when others start and abandon it at the same time.
const ROUNDS: usize = 8;

impl<P: Platform> Engine<P> {
    /// Starts an instance under a new random id.
    ///
    /// # Errors
    /// When the store fails. The instance may exist nevertheless, under an id that nobody knows.
    pub async fn start(&self, start: Start) -> Result<Started, StartError> {
        let id = InstanceId::random(self.platform.random());
        let key = InstanceKey::of_random(&id);
        let watch = Stopwatch::start(&self.platform);
        let entry =
            self.next_slot(Log::Created).await.map_err(|error| StartError::NotStored(error.into()))?;
        let due = self.lease(self.timing.grant).expires;
        let record = self.new_record(&id, start, entry);
        let bytes = record.encode();
        let slot = LogEntry { key: key.clone(), base: 0, due }.encode();
        let entries = vec![(self.hub.slot(entry), slot), (self.hub.instance(&key), bytes.clone())];
        self.platform.store().set_many(entries).await.map_err(|error| StartError::Unknown(error.into()))?;
        let held = Held { key, stored: Stored { record, bytes } };
        self.register_if_late(held, &watch).await
    }

    /// Starts an instance under an id of the caller's choice, unless there is one of that id.
    ///
    /// # Errors
    /// When the store fails. Repeating the call is safe.
    pub async fn start_with_id(&self, id: &InstanceId, start: Start) -> Result<Creation, StartError> {
        for _ in 0..ROUNDS {
            if let Some(found) = self.lookup(id).await.map_err(StartError::NotStored)? {
                let adopted = self.adopt(&found.key).await.map_err(StartError::Unknown)?;
                return Ok(Creation::Exists { found: Box::new(found), adopted });
            }
            if let Some(started) = self.claim_and_create(id, start.clone()).await? {
                return Ok(Creation::Created(started));
            }
        }
        Err(StartError::Unknown(
            StoreError("others start and abandon the same id all the time".into()).into(),
        ))
    }

    /// Stores the instance under a ballot of its own and tries to have the ballot chosen; None when another was.
    async fn claim_and_create(&self, id: &InstanceId, start: Start) -> Result<Option<Started>, StartError> {
        let store = self.platform.store();
        let (not_stored, unknown) = (
            |error: StoreError| StartError::NotStored(error.into()),
            |error: StoreError| StartError::Unknown(error.into()),
        );
        let claimed = store.increment(&self.hub.claim(id)).await.map_err(not_stored)?;
        let ballot = claimed as u32;
        let key = InstanceKey::of_ballot(id, ballot);
        let watch = Stopwatch::start(&self.platform);
        let due = self.lease(self.timing.grant).expires;
        let entry = self
            .append(Log::Created, &LogEntry { key: key.clone(), base: 0, due })
            .await
            .map_err(not_stored)?;
        let record = self.new_record(id, start, entry);
        let bytes = record.encode();
        store.set(&self.hub.instance(&key), bytes.clone()).await.map_err(not_stored)?;
        let patience = Stopwatch::start(&self.platform);
        loop {
            let error = match self.claim(id).await {
                Ok(Some(claim)) if claim.chosen == ballot => break,
                Ok(Some(claim)) if claim.chosen > 0 => {
                    // Nobody refers to what we staged; the scheduler drops its log entry.
                    let _ = store.delete_many(vec![self.hub.instance(&key)]).await;
                    return Ok(None);
                }
                Ok(Some(claim)) => {
                    match store.swap(&self.hub.claim(id), &claim.bytes, claim.choosing(ballot)).await {
                        Ok(_) => continue,
                        Err(error) => error,
                    }
                }
                Ok(None) => StoreError("the claim has vanished".into()),
                Err(ReadError::Store(error)) => error,
                Err(other) => return Err(StartError::Unknown(other)),
            };
            self.pause_unless_over(&patience, error).await.map_err(unknown)?;
        }
        let held = Held { key, stored: Stored { record, bytes } };
        self.register_if_late(held, &watch).await.map(Some)
    }

    /// After a slow creation the scheduler may have given up on the creation-log entry. The record then gets another
    /// one before the start is acknowledged.
    async fn register_if_late(&self, mut held: Held, watch: &Stopwatch) -> Result<Started, StartError> {
        if !self.is_in_time(watch) {
            let again = held.record().clone();
            match self.commit(&mut held, again, WakeEntry::Fresh).await {
                // Lost: somebody has taken it over, with a wake entry that is alive.
                Ok(()) | Err(CommitError::Lost) => {}
                Err(CommitError::Unknown(error)) => return Err(StartError::Unknown(error)),
            }
        }
        Ok(started(&held))
    }

    /// Sees to an instance that has never been ticked: its creator may have been slow, and then gone before it could
    /// register the instance anew. No clock can tell, so it gets a wake entry that is certainly alive. Whoever holds its
    /// lease keeps it: a client that repeats itself does not get in the way of the first tick.
    async fn adopt(&self, key: &InstanceKey) -> Result<Option<Started>, ReadError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let Some(stored) = self.read_patiently(key).await? else { return Ok(None) };
            if stored.record.head.status != RuntimeStatus::Pending {
                return Ok(None);
            }
            let is_live = |lease: &Lease| lease.is_live(self.platform.now());
            let held = match stored.record.control.lease.as_ref().is_some_and(is_live) {
                true => self.register(key, &stored).await?,
                false => {
                    let lease = self.lease(self.timing.grant);
                    self.takeover(key, &stored, &self.nonce(), lease, WakeEntry::Fresh).await?
                }
            };
            if let Some(held) = held {
                return Ok(Some(started(&held)));
            }
            // Somebody else has changed it meanwhile: look again.
            self.pause_unless_over(&watch, StoreError("the instance changes all the time".into())).await?;
        }
    }

    fn new_record(&self, id: &InstanceId, start: Start, entry: EntryName) -> Record {
        let lease = self.lease(self.timing.grant);
        Record {
            head: Head {
                format: FORMAT,
                id: id.clone(),
                name: start.name,
                execution: ExecutionId::random(self.platform.random()),
                status: RuntimeStatus::Pending,
                created: lease.granted,
                updated: lease.granted,
                input: start.input,
                output: None,
                failure: None,
                need: Some(lease.expires),
            },
            control: Control {
                version: 1,
                commit: self.nonce(),
                epoch: 1,
                step: 0,
                owner: self.nonce(),
                wake: Some(Wake { entry, due: lease.expires }),
                lease: Some(lease),
                tasks: Default::default(),
            },
            history: Vec::new(),
        }
    }
}

fn started(held: &Held) -> Started {
    let Record { head, control, .. } = held.record();
    Started {
        id: head.id.clone(),
        key: held.key.clone(),
        tick: TickKick { token: Some(control.owner.clone()), abandoned_before: None },
        scheduler: SchedulerKick { due: head.need, started_at: None },
    }
}
