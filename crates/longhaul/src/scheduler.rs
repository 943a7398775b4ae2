//! The scheduler: sees to it that every record that needs attention gets it.
//!
//! It reads the near logs from the low mark on, looks at the record behind each entry when that is due, and kicks what
//! is overdue. Between needs it rests, without store operations, and any process may wake it.

mod entries;
mod state;

use std::time::Duration;

use futures::future::try_join_all;
use jiff::Timestamp;

use crate::engine::Engine;
use crate::keys::{EntryName, Log};
use crate::kick::{Kicks, SchedulerKick, TickKick};
use crate::log::{HOURS_AHEAD, LogEntry, NEAR, begin_of, hour_of};
use crate::lookup::{ReadError, Stored};
use crate::platform::{Platform, Stopwatch, after, until};
use crate::store::{Store, StoreError};
use entries::{Entries, Marks, Slot};
use state::{Lead, Leader, Seen};

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
/// The first wait after a kick; it doubles with every further one that changes nothing.
const FIRST_KICK_PAUSE: Duration = Duration::from_secs(1);
/// The longest such wait.
const MAX_KICK_PAUSE: Duration = Duration::from_secs(60);
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
        loop {
            let failure = match self.lead(kick).await {
                Ok(Lead::Ours(leader)) => {
                    let entries = Entries::from(&leader.state.marks);
                    let abandoned_before = kick.started_at;
                    let mut run = Run { engine: self, kicks, leader, entries, abandoned_before, started };
                    match run.work().await {
                        Ok(()) => return Ok(SchedulerRun::Idle),
                        Err(SchedulerError::TakenOver) => continue,
                        Err(error) => return Err(error),
                    }
                }
                Ok(Lead::Nobodys) => return Ok(SchedulerRun::NotNeeded),
                Ok(Lead::Others { until, seen }) => {
                    self.sleep_until(until).await;
                    match self.platform.store().get(&self.hub.scheduler()).await {
                        Ok(now) if now.as_ref() != Some(&seen) => return Ok(SchedulerRun::NotNeeded),
                        Ok(_) => continue,
                        Err(error) => error,
                    }
                }
                Err(SchedulerError::TakenOver) => continue,
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
    kicks: &'a K,
    leader: Leader,
    entries: Entries,
    abandoned_before: Option<Timestamp>,
    started: Stopwatch,
}

/// What looking at an entry showed.
enum Look {
    /// Nobody will ever need it.
    Dead,
    /// It is still needed, and so is a look at this time.
    Again(Timestamp),
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
                    self.engine.platform.sleep(OUTAGE_PAUSE / 10).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One look at everything that is due. False when nothing will be due any more.
    async fn round(&mut self) -> Result<bool, SchedulerError> {
        self.read_new_slots().await?;
        self.begin_hours().await?;
        for name in self.entries.due(self.engine.platform.now()) {
            self.see_to(name).await?;
            self.engine.renew_leader(&mut self.leader, self.entries.marks()).await?;
        }
        self.sweep().await?;
        let now = self.engine.platform.now();
        let mut next = self.entries.next_due();
        if next.is_none_or(|next| until(now, next) > self.engine.timing.rest) {
            next = next.into_iter().chain(self.next_hour().await?).min();
        }
        if next.is_none_or(|next| until(now, next) > self.engine.timing.rest) {
            return self.rest(next).await;
        }
        self.engine.renew_leader(&mut self.leader, self.entries.marks()).await?;
        let pause = next.map_or(Duration::ZERO, |next| until(now, next)).min(self.engine.timing.poll);
        self.engine.platform.sleep(pause).await;
        Ok(true)
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

    /// Looks at one entry, which is due.
    async fn see_to(&mut self, name: EntryName) -> Result<(), SchedulerError> {
        let engine = self.engine;
        let look = match self.entries.get(name) {
            Slot::Unread { seen } => {
                let seen = *seen.get_or_insert_with(|| Stopwatch::start(&engine.platform));
                let waited = seen.elapsed(&engine.platform);
                match engine.read_slot(name).await?.as_deref().map(LogEntry::decode) {
                    Some(Some(entry)) => {
                        let due = self.first_look(&entry);
                        *self.entries.get(name) = Slot::read(entry);
                        Look::Again(due)
                    }
                    Some(None) => {
                        tracing::error!("slot {name} holds no entry; it is skipped");
                        Look::Dead
                    }
                    // A hole. Its writer is dead, or will notice that it was too slow.
                    None if waited >= engine.timing.hole_grace => Look::Dead,
                    None => self.again_in(engine.timing.poll * 2),
                }
            }
            Slot::Read { .. } => self.look(name).await?,
        };
        match look {
            Look::Dead => self.entries.retire(name),
            Look::Again(due) => self.entries.schedule(name, due),
        }
        Ok(())
    }

    /// The time before which all leases are void, by the word of a host that has just started. Good for the length of a
    /// lease: what was held then has run out by now, and a clock that is set back must not make new leases look old.
    fn abandoned_before(&self) -> Option<Timestamp> {
        let engine = self.engine;
        self.abandoned_before.filter(|_| self.started.elapsed(&engine.platform) < engine.timing.lease)
    }

    /// A host that has just started looks at everything at once.
    fn first_look(&self, entry: &LogEntry) -> Timestamp {
        match self.abandoned_before() {
            Some(start) if entry.due < after(start, self.engine.timing.lease * 2) => {
                self.engine.platform.now()
            }
            _ => entry.due,
        }
    }

    fn again_in(&self, pause: Duration) -> Look {
        Look::Again(after(self.engine.platform.now(), pause))
    }

    /// Is this entry still needed, and is its record?
    async fn look(&mut self, name: EntryName) -> Result<Look, SchedulerError> {
        let engine = self.engine;
        let abandoned_before = self.abandoned_before();
        let Slot::Read { entry, limbo, kicked } = self.entries.get(name) else {
            unreachable!("only entries that were read are looked at")
        };
        // Measured before the record is read: this process may be suspended between the two.
        let waited = limbo.map_or(Duration::ZERO, |since| since.elapsed(&engine.platform));
        let stored = match engine.read_chosen(&entry.key).await {
            Ok(stored) => stored,
            Err(ReadError::Store(error)) => return Err(error.into()),
            // What this version cannot read must not hold up the others.
            Err(error) => {
                tracing::warn!("instance {}: {error}", entry.key);
                return Ok(Look::Again(after(engine.platform.now(), MAX_KICK_PAUSE)));
            }
        };
        let Some(stored) = stored else {
            // Not created yet, or never, or purged.
            limbo.get_or_insert_with(|| Stopwatch::start(&engine.platform));
            return Ok(match waited >= engine.timing.hole_grace {
                true => Look::Dead,
                false => self.again_in(engine.timing.poll * 2),
            });
        };
        let control = &stored.record.control;
        let now = engine.platform.now();
        if let Some(message) = entry.message {
            if stored.record.head.status.is_finished() || !control.inbox.has_yet_to_take(message) {
                return Ok(Look::Dead);
            }
            // Whoever is at work there takes it.
            let lease = control.lease.as_ref().filter(|lease| lease.is_live(now));
            if lease.is_some_and(|lease| abandoned_before.is_none_or(|start| lease.granted >= start)) {
                return Ok(self.again_in(engine.timing.poll * 4));
            }
            return self.kick(name, &stored).await;
        }
        if control.wake.is_none_or(|wake| wake.entry != name) {
            if control.version > entry.base {
                return Ok(Look::Dead);
            }
            // Its writer has yet to commit, or is dead. After the grace no commit on this version can land any more.
            limbo.get_or_insert_with(|| Stopwatch::start(&engine.platform));
            if waited >= engine.timing.hole_grace {
                engine.fence(&entry.key, &stored).await?;
            }
            return Ok(self.again_in(engine.timing.poll * 2));
        }
        let lease = control.lease.as_ref();
        let abandoned =
            abandoned_before.is_some_and(|start| lease.is_some_and(|lease| lease.granted < start));
        let need = stored.record.need();
        let waits = match lease {
            Some(lease) if lease.is_live(now) => need.filter(|_| !abandoned),
            // One that was granted by a clock that has been set back since holds nobody up.
            Some(lease) if lease.expires > now => None,
            _ => need.filter(|need| *need > now),
        };
        match waits {
            // The hour in which it is filed has come, its need has not.
            Some(need) if until(now, need) > NEAR => {
                engine.register(&entry.key, &stored).await?;
                Ok(self.again_in(engine.timing.poll * 2))
            }
            Some(need) => {
                *kicked = None;
                Ok(Look::Again(need))
            }
            None => self.kick(name, &stored).await,
        }
    }

    /// Has the instance behind an entry ticked, and comes back for it: the later, the more often that changed nothing.
    async fn kick(&mut self, name: EntryName, stored: &Stored) -> Result<Look, SchedulerError> {
        let abandoned_before = self.abandoned_before();
        let Slot::Read { entry, kicked, .. } = self.entries.get(name) else {
            unreachable!("only entries that were read are looked at")
        };
        let version = stored.record.control.version;
        let pause = match *kicked {
            Some((before, pause)) if before == version => (pause * 2).min(MAX_KICK_PAUSE),
            _ => FIRST_KICK_PAUSE,
        };
        *kicked = Some((version, pause));
        let key = entry.key.clone();
        if let Err(error) = self.kicks.tick(&key, &TickKick { abandoned_before, ..TickKick::default() }).await
        {
            tracing::warn!("instance {key}: {error}; trying again in {pause:?}");
        }
        Ok(self.again_in(pause))
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

    async fn read_slot(&self, name: EntryName) -> Result<Option<Vec<u8>>, StoreError> {
        self.platform.store().get(&self.hub.slot(name)).await
    }
}
