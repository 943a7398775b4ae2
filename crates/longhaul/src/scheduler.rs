//! The scheduler: sees to it that every record that needs attention gets it.
//!
//! It reads the near logs from the low mark on, looks at the record behind each entry when that is due, and kicks what
//! is overdue. Between needs it rests, without store operations, and any process may wake it.

mod entries;
mod look;
mod state;

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, LocalBoxFuture, select, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::keys::Log;
use crate::kick::{Kicks, SchedulerKick};
use crate::log::{HOURS_AHEAD, begin_of, hour_of};
use crate::lookup::ReadError;
use crate::platform::{Platform, Stopwatch, after, until};
use crate::store::{Store, StoreError};
use entries::{Entries, Marks};
use look::{Look, Looked, Looks};
use state::{Lead, Leader, Observed, Seen};

pub use state::SchedulerError;

/// How a run of the scheduler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulerRun {
    /// Another is at work, and alive.
    NotNeeded,
    /// There is nothing left that will ever be due.
    Idle,
}

/// The longest sleep without a look at the wall clock, since a suspended machine stops the clock that sleeps go by.
const NAP: Duration = Duration::from_secs(60);
/// How many entries are looked at at a time: a kick that is not taken keeps a place for as long as its sender waits.
const AT_ONCE: usize = 32;
/// The wait after the store has failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// How long before an hour begins what is filed under it is read.
const AHEAD: Duration = Duration::from_secs(300);
/// How many hours back the first scheduler of a hub looks for what was filed before it.
const HOURS_BACK: u32 = 50;
/// How many hours' counters are read at once.
const HOURS_AT_ONCE: usize = 64;
/// For how long a run that has not begun tries again while the store fails.
const PERSISTENCE: Duration = Duration::from_secs(600);
/// The longest wait between two tries of a store that fails.
const OUTAGE_PAUSE: Duration = Duration::from_secs(10);

impl<P: Platform> Engine<P> {
    /// Runs the scheduler for as long as anything will be due and no other takes over. Runs beside others at any time:
    /// only one at a time does anything. The others wait until that one has shown that it is alive.
    ///
    /// # Errors
    /// When its state is unreadable, or the store has failed for minutes before it could begin. The next kick starts it
    /// again. Once it has begun, a failing store does not end it.
    pub async fn run_scheduler(
        &self,
        kick: &SchedulerKick,
        kicks: &impl Kicks,
    ) -> Result<SchedulerRun, SchedulerError> {
        let started = Stopwatch::start(&self.platform);
        let mut observed = Observed::default();
        loop {
            let failure = match self.lead(kick, &observed).await {
                Ok(Lead::Ours(leader)) => {
                    let entries = Entries::from(&leader.state.marks);
                    let looks = Looks::new(self, kicks, kick.started_at, started);
                    let under_way = FuturesUnordered::new();
                    let mut run = Run { engine: self, looks: &looks, under_way, leader, entries };
                    match run.work().await {
                        Ok(()) => return Ok(SchedulerRun::Idle),
                        Err(SchedulerError::TakenOver) => {
                            observed.rival = true;
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(Lead::Nobodys) => return Ok(SchedulerRun::NotNeeded),
                Ok(Lead::Others { wait, seen }) => {
                    self.stand_by(wait).await;
                    match self.platform.store().get(&self.hub.scheduler()).await {
                        Ok(now) if now.as_ref() != Some(&seen) => return Ok(SchedulerRun::NotNeeded),
                        Ok(_) => {
                            observed.silent = Some(seen);
                            continue;
                        }
                        Err(error) => error,
                    }
                }
                Err(SchedulerError::TakenOver) => {
                    observed.rival = true;
                    continue;
                }
                Err(SchedulerError::Read(ReadError::Store(error))) => error,
                Err(error) => return Err(error),
            };
            // What a host asks for at its start nobody asks for again.
            let elapsed = started.elapsed(&self.platform);
            if kick.started_at.is_none() && elapsed > PERSISTENCE {
                return Err(failure.into());
            }
            tracing::warn!("the scheduler cannot begin: {failure}");
            self.platform.sleep(elapsed.clamp(self.timing.poll, OUTAGE_PAUSE)).await;
        }
    }

    /// Waits, by both clocks: neither must hold it up.
    async fn stand_by(&self, wait: Duration) {
        let watch = Stopwatch::start(&self.platform);
        while let Some(left) = wait.checked_sub(watch.elapsed(&self.platform)).filter(|left| !left.is_zero())
        {
            self.platform.sleep(left.min(NAP)).await;
        }
    }

    /// Sleeps until the wall clock says `at`.
    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = until(self.platform.now(), at);
            if left.is_zero() {
                return;
            }
            self.platform.sleep(left.min(NAP)).await;
        }
    }
}

struct Run<'a, P, K> {
    engine: &'a Engine<P>,
    looks: &'a Looks<'a, P, K>,
    /// The looks that have begun. They may go on through several rounds.
    under_way: FuturesUnordered<LocalBoxFuture<'a, Looked>>,
    leader: Leader,
    entries: Entries,
}

impl<P: Platform, K: Kicks> Run<'_, P, K> {
    /// Rounds, until there is nothing to do any more. A store that fails for a while does not end the scheduler.
    async fn work(&mut self) -> Result<(), SchedulerError> {
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(SchedulerError::Read(ReadError::Store(error))) => {
                    tracing::warn!("the scheduler tries again: {error}");
                    self.engine.platform.sleep(FAILURE_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One look at everything that is due. False when nothing will be due any more.
    async fn round(&mut self) -> Result<bool, SchedulerError> {
        self.read_new_slots().await?;
        self.begin_hours().await?;
        self.see_to_what_is_due().await?;
        self.sweep().await?;
        if !self.under_way.is_empty() {
            self.renew().await?;
            return Ok(true);
        }
        let now = self.engine.platform.now();
        let mut next = self.entries.next_due();
        if next.is_none_or(|next| until(now, next) > self.engine.timing.rest) {
            next = next.into_iter().chain(self.next_hour().await?).min();
        }
        if next.is_none_or(|next| until(now, next) > self.engine.timing.rest) {
            return self.rest(next).await;
        }
        self.renew().await?;
        let pause = next.map_or(Duration::ZERO, |next| until(now, next)).min(self.engine.timing.poll);
        self.engine.platform.sleep(pause).await;
        Ok(true)
    }

    /// Looks at everything that is due, many at a time, and returns when that is done or the next round is due: one that
    /// takes long holds up no other.
    async fn see_to_what_is_due(&mut self) -> Result<(), SchedulerError> {
        let engine = self.engine;
        let now = engine.platform.now();
        self.begin_looks(now);
        let next = self.entries.next_due().filter(|next| *next > now);
        let pause = next.map_or(engine.timing.poll, |next| until(now, next).min(engine.timing.poll));
        let mut over = pin!(engine.platform.sleep(pause));
        let mut failure = None;
        while let Either::Left((Some(looked), _)) = select(self.under_way.next(), over.as_mut()).await {
            failure = self.note(looked).err().or(failure);
            self.renew().await?;
            // A store that fails is not asked for more.
            if failure.is_none() {
                self.begin_looks(now);
            }
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Begins to look at what is due by `now`, the longest due first.
    fn begin_looks(&mut self, now: Timestamp) {
        while self.under_way.len() < AT_ONCE
            && let Some((name, slot)) = self.entries.take_due(now)
        {
            self.under_way.push(self.looks.look(name, slot).boxed_local());
        }
    }

    /// Notes what a look has shown.
    fn note(&mut self, Looked { name, slot, look }: Looked) -> Result<(), StoreError> {
        match look {
            Ok(Look::Dead) => self.entries.retire(name),
            Ok(Look::Again(due)) => self.entries.schedule(name, slot, due),
            Err(error) => {
                // Behind the others: perhaps it is this one alone that cannot be had.
                let due = after(self.engine.platform.now(), FAILURE_PAUSE);
                self.entries.schedule(name, slot, due);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), SchedulerError> {
        self.engine.renew_leader(&mut self.leader, self.entries.marks()).await
    }

    /// Learns of slots that were appended since the last time.
    async fn read_new_slots(&mut self) -> Result<(), SchedulerError> {
        let now = self.engine.platform.now();
        for log in [Log::Created, Log::Wake] {
            let counter = self.engine.last_slot(log).await?;
            self.entries.extend(log, counter, now);
        }
        Ok(())
    }

    /// Learns of what is filed under the hours that have come.
    async fn begin_hours(&mut self) -> Result<(), SchedulerError> {
        let engine = self.engine;
        let now = engine.platform.now();
        let hour = hour_of(after(now, AHEAD));
        let first = self.entries.first_unread(hour.saturating_sub(HOURS_BACK));
        if self.leader.state.marks.begun.is_none_or(|begun| begun < hour) {
            // Published first: who files from now on sees it, and who has filed before is seen.
            let marks = Marks { begun: Some(hour), ..self.entries.marks() };
            engine.publish_hour(&mut self.leader, marks).await?;
            self.entries.begin(hour);
        }
        // An hour that was published by a clock that has been set back since is read all the same.
        let last = self.leader.state.marks.begun.unwrap_or(hour);
        if first <= last {
            for (hour, slot) in engine.filed(first..=last).await? {
                self.entries.extend(Log::Far(hour), slot, now);
            }
            self.entries.has_read(last);
        }
        Ok(())
    }

    /// When the first hour begins under which anything is filed, less the time that it is read ahead.
    async fn next_hour(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = hour_of(self.engine.platform.now());
        let first = self.leader.state.marks.begun.map_or(now, |begun| begun + 1);
        let filed = self.engine.filed(first..=now + HOURS_AHEAD + 1).await?;
        let next = filed.first().map(|(hour, _)| begin_of(*hour));
        Ok(next.map(|begin| begin.saturating_sub(AHEAD).unwrap_or(Timestamp::MIN)))
    }

    /// Removes the wake slots that are dead. Those of the creation log stay, for listing.
    async fn sweep(&mut self) -> Result<(), SchedulerError> {
        let dead = self.entries.dead().iter().filter(|name| name.log != Log::Created);
        let keys: Vec<_> = dead.map(|name| self.engine.hub.slot(*name)).collect();
        if !keys.is_empty() {
            self.engine.platform.store().delete_many(keys).await?;
        }
        self.entries.forget_dead();
        let hours = self.entries.take_finished_hours();
        if !hours.is_empty() {
            let keys = hours.into_iter().map(|hour| self.engine.hub.counter(hour)).collect();
            self.engine.platform.store().delete_many(keys).await?;
        }
        Ok(())
    }

    /// Gives up the lease until `next`. False when nothing will ever be due.
    async fn rest(&mut self, next: Option<Timestamp>) -> Result<bool, SchedulerError> {
        let engine = self.engine;
        let idle = engine.timing.idle_poll.map(|pause| after(engine.platform.now(), pause));
        let until_then = next.into_iter().chain(idle).min();
        let seen = Seen { created: self.entries.last(Log::Created), wake: self.entries.last(Log::Wake) };
        engine.publish_rest(&mut self.leader, self.entries.marks(), seen, until_then).await?;
        // Whoever appended before this saw either a scheduler at work, or one that now sees it.
        for log in [Log::Created, Log::Wake] {
            if engine.last_slot(log).await? > self.entries.last(log) {
                engine.lead_again(&mut self.leader).await?;
                return Ok(true);
            }
        }
        let Some(until_then) = until_then else { return Ok(false) };
        engine.sleep_until(until_then).await;
        engine.lead_again(&mut self.leader).await?;
        Ok(true)
    }
}

impl<P: Platform> Engine<P> {
    /// The number of the last slot of `log`.
    pub(crate) async fn last_slot(&self, log: Log) -> Result<u64, StoreError> {
        let watch = Stopwatch::start(&self.platform);
        loop {
            let error = match self.platform.store().get(&self.hub.counter(log)).await {
                Ok(None) => return Ok(0),
                Ok(Some(bytes)) => match crate::counter::read(&bytes) {
                    Ok((last, _)) => return Ok(last),
                    Err(error) => StoreError(error.to_string()),
                },
                Err(error) => error,
            };
            self.pause_unless_over(&watch, error).await?;
        }
    }

    /// The hours under which anything is filed, with the numbers of their last slots.
    async fn filed(&self, hours: std::ops::RangeInclusive<u32>) -> Result<Vec<(u32, u64)>, StoreError> {
        let hours: Vec<_> = hours.collect();
        let mut filed = Vec::new();
        for hours in hours.chunks(HOURS_AT_ONCE) {
            let counts = hours.iter().map(|hour| self.last_slot(Log::Far(*hour)));
            let counts = try_join_all(counts).await?;
            filed.extend(hours.iter().copied().zip(counts).filter(|(_, last)| *last > 0));
        }
        Ok(filed)
    }
}
