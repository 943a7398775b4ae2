//! The scheduler's lease, its low marks and its rest, as they stand in the store.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entries::Marks;

use crate::engine::Engine;
use crate::keys::Log;
use crate::kick::SchedulerKick;
use crate::lookup::ReadError;
use crate::platform::{Platform, Stopwatch, after, until};
use crate::record::Lease;
use crate::store::{Store, StoreError, Swapped};

const FORMAT: u32 = 2;

/// Why the scheduler stopped.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SchedulerError {
    /// Another has taken over.
    #[error("another scheduler has taken over")]
    TakenOver,
    /// The store failed for too long, or a value in it is unreadable.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state is of another format.
    #[error("the scheduler's state is unreadable: {0}; was it written by a newer version?")]
    State(String),
}

impl From<StoreError> for SchedulerError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

/// The scheduler's state in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    format: u32,
    /// A random text, new with every change.
    commit: String,
    /// Raised by every takeover.
    epoch: u64,
    lease: Option<Lease>,
    pub(crate) marks: Marks,
    /// When a resting scheduler comes back by itself.
    pub(crate) rest_until: Option<Timestamp>,
    /// The last slots that the scheduler had seen when it went to rest.
    #[serde(default)]
    pub(crate) seen: Seen,
}

/// See [`State::seen`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) created: u64,
    pub(crate) wake: u64,
}

/// Whose turn it is to be the scheduler.
pub(crate) enum Lead {
    /// Ours.
    Ours(Leader),
    /// Another's, whose state is this now, and different after this wait if it is alive.
    Others { wait: Duration, seen: Vec<u8> },
    /// Nobody's need be: all is well.
    Nobodys,
}

/// What a run has seen of other schedulers, beside the times that they write down: their clocks may be wrong, or ours.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// One has changed the state while we thought that it was our turn.
    pub(crate) rival: bool,
    /// A state that has not changed for as long as whoever wrote it may be silent.
    pub(crate) silent: Option<Vec<u8>>,
}

impl Observed {
    /// How long whoever wrote `state`, with this lease, must be seen to be silent before anybody takes over. None: it
    /// need not be.
    fn wait_for(&self, state: &[u8], lease: &Lease, now: Timestamp, voided: bool) -> Option<Duration> {
        let length = until(lease.granted, lease.expires);
        let left = until(now, lease.expires);
        match () {
            () if self.silent.as_deref() == Some(state) => None,
            // It was alive a moment ago. If its lease seems to be over, its clock is behind ours.
            () if self.rival => Some(length),
            () if voided || left.is_zero() => None,
            // If more is left than there can be, its clock is ahead of ours.
            () => Some(left.min(length)),
        }
    }
}

/// The right to be the scheduler, as far as we know.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) state: State,
    bytes: Vec<u8>,
    /// Since when the state stands so.
    since: Stopwatch,
}

impl<P: Platform> Engine<P> {
    /// Becomes the scheduler, if one is needed.
    pub(crate) async fn lead(
        &self,
        kick: &SchedulerKick,
        observed: &Observed,
    ) -> Result<Lead, SchedulerError> {
        let (mut state, bytes) = match self.scheduler_state().await? {
            Some(found) => found,
            None => {
                let nobody = State {
                    format: FORMAT,
                    commit: self.nonce(),
                    epoch: 0,
                    lease: None,
                    marks: Marks::default(),
                    rest_until: None,
                    seen: Seen::default(),
                };
                self.platform.store().set(&self.hub.scheduler(), encode(&nobody)).await?;
                let bytes = encode(&nobody);
                (nobody, bytes)
            }
        };
        let since = Stopwatch::start(&self.platform);
        let now = self.platform.now();
        let voided = |lease: &Lease| kick.started_at.is_some_and(|at| lease.granted < at);
        let wait_for = |lease| observed.wait_for(&bytes, lease, now, voided(lease));
        let due = kick.due.unwrap_or(now);
        // Somebody who is back by then need not be disturbed; unless that is past, and nobody came.
        let back_by = state.rest_until.map(|rest| after(rest, self.timing.poll * 4));
        let rests = state.rest_until.is_some_and(|rest| rest <= due) && back_by.is_some_and(|by| now < by);
        if kick.check {
            let rests = state.lease.is_none() && back_by.is_none_or(|by| now < by);
            let works =
                state.lease.as_ref().is_some_and(|lease| lease.is_live(now) && wait_for(lease).is_some());
            if works || (rests && self.has_seen_all(state.seen).await?) {
                return Ok(Lead::Nobodys);
            }
        }
        let wait = match &state.lease {
            Some(lease) => wait_for(lease),
            None => back_by.filter(|_| rests && kick.started_at.is_none()).map(|by| until(now, by)),
        };
        if let Some(wait) = wait {
            return Ok(Lead::Others { wait, seen: bytes });
        }
        state.epoch += 1;
        let mut leader = Leader { state, bytes, since };
        self.write_leader(&mut leader, true, None).await.map(|()| Lead::Ours(leader))
    }

    /// Whether nothing was appended since.
    async fn has_seen_all(&self, seen: Seen) -> Result<bool, StoreError> {
        Ok(self.last_slot(Log::Created).await? <= seen.created
            && self.last_slot(Log::Wake).await? <= seen.wake)
    }

    /// Takes the lease up again after a rest, unless another has.
    pub(crate) async fn lead_again(&self, leader: &mut Leader) -> Result<(), SchedulerError> {
        leader.state.epoch += 1;
        self.write_leader(leader, true, None).await
    }

    /// Renews the lease when a third of it is over.
    pub(crate) async fn renew_leader(&self, leader: &mut Leader, marks: Marks) -> Result<(), SchedulerError> {
        // Not by the time at which it was granted: the clock may have been set back since, and others' were not.
        if leader.since.elapsed(&self.platform) < self.timing.lease / 3 {
            return Ok(());
        }
        leader.state.marks = marks;
        self.write_leader(leader, true, None).await
    }

    /// Gives up the lease, and says until when.
    pub(crate) async fn publish_rest(
        &self,
        leader: &mut Leader,
        marks: Marks,
        seen: Seen,
        rest_until: Option<Timestamp>,
    ) -> Result<(), SchedulerError> {
        leader.state.marks = marks;
        leader.state.seen = seen;
        self.write_leader(leader, false, rest_until).await
    }

    async fn write_leader(
        &self,
        leader: &mut Leader,
        leads: bool,
        rest_until: Option<Timestamp>,
    ) -> Result<(), SchedulerError> {
        let watch = Stopwatch::start(&self.platform);
        let state = State {
            commit: self.nonce(),
            lease: leads.then(|| self.lease()),
            rest_until,
            ..leader.state.clone()
        };
        let bytes = encode(&state);
        loop {
            let swap = self.platform.store().swap(&self.hub.scheduler(), &leader.bytes, bytes.clone()).await;
            if swap == Ok(Swapped::Done) {
                *leader = Leader { state, bytes, since: watch };
                return Ok(());
            }
            match self.platform.store().get(&self.hub.scheduler()).await {
                // The commit id is ours alone.
                Ok(Some(found)) if found == bytes => {
                    *leader = Leader { state, bytes, since: watch };
                    return Ok(());
                }
                Ok(Some(found)) if found == leader.bytes => {
                    let error = swap.err().unwrap_or_else(|| StoreError("a swap had no effect".into()));
                    self.pause_unless_over(&watch, error).await?;
                }
                Ok(_) => return Err(SchedulerError::TakenOver),
                Err(error) => self.pause_unless_over(&watch, error).await?,
            }
        }
    }

    /// Publishes that the hours up to this one were come to.
    pub(crate) async fn publish_hour(&self, leader: &mut Leader, marks: Marks) -> Result<(), SchedulerError> {
        leader.state.marks = marks;
        self.write_leader(leader, true, None).await
    }

    /// The last hour that a scheduler has come to.
    pub(crate) async fn far_hours_begun(&self, watch: &Stopwatch) -> Result<Option<u32>, StoreError> {
        loop {
            match self.scheduler_state().await {
                Ok(found) => return Ok(found.and_then(|(state, _)| state.marks.begun)),
                Err(SchedulerError::Read(ReadError::Store(error))) => {
                    self.pause_unless_over(watch, error).await?;
                }
                Err(error) => return Err(StoreError(error.to_string())),
            }
        }
    }

    pub(crate) async fn scheduler_state(&self) -> Result<Option<(State, Vec<u8>)>, SchedulerError> {
        let Some(bytes) = self.platform.store().get(&self.hub.scheduler()).await? else { return Ok(None) };
        let state: State =
            serde_json::from_slice(&bytes).map_err(|error| SchedulerError::State(error.to_string()))?;
        match state.format {
            FORMAT => Ok(Some((state, bytes))),
            other => Err(SchedulerError::State(format!("format {other}"))),
        }
    }
}

fn encode(state: &State) -> Vec<u8> {
    serde_json::to_vec(state).expect("the state has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_waited_for_as_long_as_its_holder_may_be_silent() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let lease = Lease { granted: at(100), expires: at(115), offered: false };
        let nothing = || Observed::default();
        let rival = || Observed { rival: true, ..nothing() };
        let silent = |state: &str, rival| Observed { rival, silent: Some(state.into()) };
        for (observed, now, voided, wait) in [
            (nothing(), 100, false, Some(15)),
            (nothing(), 109, false, Some(6)),
            (nothing(), 115, false, None),
            (nothing(), 1000, false, None),
            // It ends later than it can.
            (nothing(), 90, false, Some(15)),
            (nothing(), -1000, false, Some(15)),
            (nothing(), 109, true, None),
            (nothing(), 90, true, None),
            // Whoever has just shown to be alive is waited for in any case.
            (rival(), 109, false, Some(15)),
            (rival(), 1000, false, Some(15)),
            (rival(), 109, true, Some(15)),
            (silent("state", false), 109, false, None),
            (silent("state", true), 1000, false, None),
            (silent("another", false), 109, false, Some(6)),
            (silent("another", true), 109, false, Some(15)),
        ] {
            let found = observed.wait_for(b"state", &lease, at(now), voided);
            assert_eq!(found, wait.map(Duration::from_secs), "{observed:?} at {now}, {voided}");
        }
    }
}
