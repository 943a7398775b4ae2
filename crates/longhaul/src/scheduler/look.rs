//! Looking at one entry of a log: is it still needed, and does its record need attention now?
//!
//! Many looks are under way at a time. Each knows only its own entry; what they have in common is the record, and
//! that is changed by compare-and-swap alone.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::entries::{Kicked, Slot};
use crate::engine::Engine;
use crate::id::InstanceKey;
use crate::keys::EntryName;
use crate::kick::{Kicks, TickKick};
use crate::log::{LogEntry, NEAR};
use crate::lookup::{ReadError, Stored};
use crate::platform::{Platform, Stopwatch, after, until};
use crate::store::{Store, StoreError};

/// The first wait after a kick; it doubles with every further one that changes nothing.
const FIRST_KICK_PAUSE: Duration = Duration::from_secs(1);
/// The longest such wait.
const MAX_KICK_PAUSE: Duration = Duration::from_secs(60);

/// What looking at an entry showed.
pub(super) enum Look {
    /// Nobody will ever need it.
    Dead,
    /// It is still needed, and so is a look at this time.
    Again(Timestamp),
}

/// An entry that was looked at.
pub(super) struct Looked {
    pub(super) name: EntryName,
    pub(super) slot: Slot,
    pub(super) look: Result<Look, StoreError>,
}

/// How a scheduler looks at entries.
pub(super) struct Looks<'a, P, K> {
    engine: &'a Engine<P>,
    kicks: &'a K,
    abandoned_before: Option<Timestamp>,
    started: Stopwatch,
    /// The instances whose kicks are under way.
    kicking: RefCell<BTreeSet<InstanceKey>>,
}

impl<'a, P: Platform, K: Kicks> Looks<'a, P, K> {
    /// `abandoned_before` as a host says that has just started; `started` is when this scheduler was asked for.
    pub(super) fn new(
        engine: &'a Engine<P>,
        kicks: &'a K,
        abandoned_before: Option<Timestamp>,
        started: Stopwatch,
    ) -> Self {
        Self { engine, kicks, abandoned_before, started, kicking: RefCell::default() }
    }

    /// Looks at one entry, which is due.
    pub(super) async fn look(&self, name: EntryName, mut slot: Slot) -> Looked {
        let look = match self.see_to(name, &mut slot).await {
            Ok(look) => Ok(look),
            Err(ReadError::Store(error)) => Err(error),
            // What this version cannot read must not hold up the others.
            Err(error) => {
                tracing::warn!("{name}: {error}");
                Ok(self.again_in(MAX_KICK_PAUSE))
            }
        };
        Looked { name, slot, look }
    }

    async fn see_to(&self, name: EntryName, slot: &mut Slot) -> Result<Look, ReadError> {
        let engine = self.engine;
        let seen = match slot {
            Slot::Read { entry, limbo, kicked } => return self.see_to_read(name, entry, limbo, kicked).await,
            Slot::Unread { seen } => *seen.get_or_insert_with(|| Stopwatch::start(&engine.platform)),
        };
        let waited = seen.elapsed(&engine.platform);
        Ok(match engine.read_slot(name).await?.as_deref().map(LogEntry::decode) {
            Some(Some(entry)) => {
                let due = self.first_look(&entry);
                *slot = Slot::read(entry);
                Look::Again(due)
            }
            Some(None) => {
                tracing::error!("slot {name} holds no entry; it is skipped");
                Look::Dead
            }
            // A hole. Its writer is dead, or will notice that it was too slow.
            None if waited >= engine.timing.hole_grace => Look::Dead,
            None => self.again_in(engine.timing.poll * 2),
        })
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
    async fn see_to_read(
        &self,
        name: EntryName,
        entry: &LogEntry,
        limbo: &mut Option<Stopwatch>,
        kicked: &mut Option<Kicked>,
    ) -> Result<Look, ReadError> {
        let engine = self.engine;
        let abandoned_before = self.abandoned_before();
        // Measured before the record is read: this process may be suspended between the two.
        let waited = limbo.map_or(Duration::ZERO, |since| since.elapsed(&engine.platform));
        let Some(stored) = engine.read_chosen(&entry.key).await? else {
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
            return Ok(self.kick(entry, kicked, &stored).await);
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
            None => Ok(self.kick(entry, kicked, &stored).await),
        }
    }

    /// Has the instance behind an entry ticked, and comes back for it: the later, the more often that changed nothing.
    async fn kick(&self, entry: &LogEntry, kicked: &mut Option<Kicked>, stored: &Stored) -> Look {
        let Some(_kicking) = Kicking::begin(&self.kicking, &entry.key) else {
            // A kick for another entry's sake will do.
            return self.again_in(self.engine.timing.poll * 2);
        };
        let version = stored.record.control.version;
        let pause = match *kicked {
            Some(Kicked { at, pause }) if at == version => (pause * 2).min(MAX_KICK_PAUSE),
            _ => FIRST_KICK_PAUSE,
        };
        *kicked = Some(Kicked { at: version, pause });
        let kick = TickKick { abandoned_before: self.abandoned_before(), ..TickKick::default() };
        if let Err(error) = self.kicks.tick(&entry.key, &kick).await {
            tracing::warn!("instance {}: {error}; trying again in {pause:?}", entry.key);
        }
        self.again_in(pause)
    }
}

/// A kick that is under way.
struct Kicking<'a> {
    all: &'a RefCell<BTreeSet<InstanceKey>>,
    key: &'a InstanceKey,
}

impl<'a> Kicking<'a> {
    /// None: there is one already.
    fn begin(all: &'a RefCell<BTreeSet<InstanceKey>>, key: &'a InstanceKey) -> Option<Self> {
        let is_new = all.borrow_mut().insert(key.clone());
        is_new.then(|| Self { all, key })
    }
}

impl Drop for Kicking<'_> {
    fn drop(&mut self) {
        self.all.borrow_mut().remove(self.key);
    }
}

impl<P: Platform> Engine<P> {
    async fn read_slot(&self, name: EntryName) -> Result<Option<Vec<u8>>, StoreError> {
        self.platform.store().get(&self.hub.slot(name)).await
    }
}
