//! The tick: one run of the orchestrator component over one instance.
//!
//! A tick takes the instance's lease, replays the orchestrator once, and stays with it while anything is under way: it
//! commits results together with what the orchestrator asks for next, and only then dispatches that.

mod dispatch;
mod end;
mod entities;
mod hold;
mod news;
mod run;
mod step;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use thiserror::Error;

use crate::activity::{Activities, ActivityReport, NoAnswer};
use crate::bell::Entered;
use crate::commit::{CommitError, Held};
use crate::engine::Engine;
use crate::execution::Execution;
use crate::id::{InstanceKey, TaskId};
use crate::inbox::Holes;
use crate::kick::{Kicks, TickKick};
use crate::lookup::ReadError;
use crate::orchestrators::Orchestrators;
use crate::outbox::Posting;
use crate::platform::{Platform, Stopwatch};
use crate::stage::Stage;

pub(crate) use end::post;

use dispatch::Answer;
use hold::Hold;

/// How a tick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticked {
    /// There is nothing to do, and there will not be: no such instance, or it has finished.
    Nothing,
    /// Another tick holds the lease.
    Busy,
    /// It is not time yet.
    NotDue,
    /// This version of the application has no such orchestrator function. The instance waits for one that has.
    NotRegistered,
    /// The instance has taken processes down, or some other that runs here may: not beside each other.
    Refused,
    /// Another tick took the lease over; nothing was done after that.
    Lost,
    /// The instance waits for a later time, or for messages.
    Waiting,
    /// The orchestrator has ended.
    Finished,
    /// What was left of the instance is deleted.
    Purged,
}

/// Why a tick gave up. The instance goes on when its lease expires.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TickError {
    /// The record could not be read, or the store failed for too long.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What a tick calls.
pub(crate) struct Surroundings<'a, P, A, K> {
    pub(crate) engine: &'a Engine<P>,
    pub(crate) orchestrators: &'a Orchestrators,
    pub(crate) activities: &'a A,
    pub(crate) kicks: &'a K,
}

impl<P, A, K> Clone for Surroundings<'_, P, A, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, A, K> Copy for Surroundings<'_, P, A, K> {}

struct Tick<'a, P, A, K> {
    around: Surroundings<'a, P, A, K>,
    entered: Entered,
    /// What this tick calls itself in the record, from its first commit on.
    owner: String,
    stage: Stage,
    held: Held,
    /// None once it has ended.
    execution: Option<Execution>,
    /// Calls and messages under way.
    running: FuturesUnordered<LocalBoxFuture<'a, Answer>>,
    /// Of these, the activities of the present execution, with their attempts.
    calls: BTreeMap<TaskId, Call>,
    /// Of these, the sub-orchestrations that are being started.
    starting: BTreeSet<TaskId>,
    /// What is known of the messages in the outbox.
    posting: Posting,
    /// What an activity showed last, until a commit has it.
    progress: Option<crate::json::Json>,
    reports: Rc<Reports>,
    holes: Holes,
    /// When messages were last looked for, and how long not to, unless the bell rings.
    looked: Option<(Stopwatch, Duration)>,
}

/// A call of an activity under way. It is cancelled when this is dropped.
struct Call {
    attempt: u32,
    /// When it said something last, on the monotonic clock.
    heard: Rc<Cell<Duration>>,
    /// Ends the wait for its answer. None: that has been done.
    give_up: Option<futures::channel::oneshot::Sender<NoAnswer>>,
}

/// What running activities have said, and nobody has read.
#[derive(Default)]
struct Reports {
    said: RefCell<Vec<(TaskId, u32, ActivityReport)>>,
    checkpoints: Cell<bool>,
    waker: RefCell<Option<std::task::Waker>>,
    closed: Cell<bool>,
}

impl<P: Platform> Engine<P> {
    /// Advances the instance at `key` as far as it goes.
    ///
    /// # Errors
    /// When the store fails for too long, or the record is unreadable.
    pub async fn tick(
        &self,
        key: &InstanceKey,
        kick: &TickKick,
        orchestrators: &Orchestrators,
        activities: &impl Activities,
        kicks: &impl Kicks,
    ) -> Result<Ticked, TickError> {
        let around = Surroundings { engine: self, orchestrators, activities, kicks };
        let ticked = async {
            match self.hold(key, kick, around).await? {
                Hold::Ours { held, owner, entered } => {
                    let mut tick = Tick::begin(around, *held, owner, entered).await?;
                    tick.run().await
                }
                Hold::Entity(stored) => self.tick_entity(key, kick, *stored, around).await,
                Hold::Not(ticked) => Ok(ticked),
            }
        };
        match ticked.await {
            Ok(ticked) => Ok(ticked),
            Err(CommitError::Lost) => Ok(Ticked::Lost),
            Err(CommitError::Unknown(error)) => Err(error.into()),
        }
    }
}
