//! What the scheduler knows of the logs: the slots above the low marks that are not dead.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::{EntryName, Log};
use crate::log::LogEntry;
use crate::platform::Stopwatch;

/// The low marks: every slot up to them is dead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub(crate) created: u64,
    pub(crate) wake: u64,
    /// Every slot of the hours before this one is dead.
    #[serde(default)]
    pub(crate) far: u32,
    /// The last hour that was come to: what is filed under it from now on goes to the near log.
    #[serde(default)]
    pub(crate) begun: Option<u32>,
}

/// One slot.
#[derive(Debug)]
pub(crate) enum Slot {
    /// Not read yet, or found empty: then with when that was first so.
    Unread { seen: Option<Stopwatch> },
    /// Read.
    Read {
        entry: LogEntry,
        /// Since when its record has been missing or has not named it.
        limbo: Option<Stopwatch>,
        /// The last kick that there was for its sake.
        kicked: Option<Kicked>,
    },
}

/// A kick that was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kicked {
    /// The record's version then.
    pub(crate) at: u64,
    /// The wait after it.
    pub(crate) pause: Duration,
}

impl Slot {
    pub(crate) fn read(entry: LogEntry) -> Self {
        Self::Read { entry, limbo: None, kicked: None }
    }
}

/// The slots that are not dead, and when each is to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// With what is known of them; None while somebody looks at them.
    slots: BTreeMap<EntryName, Option<Slot>>,
    /// Those that nobody looks at.
    queue: BTreeSet<(Timestamp, EntryName)>,
    /// The last slot known of each log.
    last: BTreeMap<Log, u64>,
    begun: Option<u32>,
    /// The first hour of which it is not known what is filed under it.
    unread: Option<u32>,
    dead: Vec<EntryName>,
}

impl From<&Marks> for Entries {
    fn from(marks: &Marks) -> Self {
        let last = [(Log::Created, marks.created), (Log::Wake, marks.wake)];
        let unread = marks.begun.map(|_| marks.far);
        Self { last: last.into(), begun: marks.begun, unread, ..Self::default() }
    }
}

impl Entries {
    /// Adds the slots of `log` up to `last`, to be read now.
    pub(crate) fn extend(&mut self, log: Log, last: u64, now: Timestamp) {
        let known = self.last.entry(log).or_default();
        for slot in *known + 1..=last {
            let name = EntryName { log, slot };
            self.slots.insert(name, Some(Slot::Unread { seen: None }));
            self.queue.insert((now, name));
        }
        *known = last.max(*known);
    }

    /// The last slot known of `log`.
    pub(crate) fn last(&self, log: Log) -> u64 {
        self.last.get(&log).copied().unwrap_or_default()
    }

    /// Takes what is to be looked at by `now`, the longest due first, one at a time. It is not taken again, nor does the
    /// low mark pass it, before it is scheduled or retired.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(EntryName, Slot)> {
        let (due, name) = *self.queue.first()?;
        if due > now {
            return None;
        }
        self.queue.pop_first();
        let slot = self.slots.get_mut(&name).and_then(Option::take);
        Some((name, slot.expect("nobody looks at what is queued")))
    }

    /// When something is next to be looked at, but for what is being looked at.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Puts back what was taken, to be looked at again at `due`.
    pub(crate) fn schedule(&mut self, name: EntryName, slot: Slot, due: Timestamp) {
        self.slots.insert(name, Some(slot));
        self.queue.insert((due, name));
    }

    /// Forgets what was taken, and is dead.
    pub(crate) fn retire(&mut self, name: EntryName) {
        self.slots.remove(&name);
        self.dead.push(name);
    }

    /// The slots that have died and were not forgotten.
    pub(crate) fn dead(&self) -> &[EntryName] {
        &self.dead
    }

    /// Forgets the slots that have died.
    pub(crate) fn forget_dead(&mut self) {
        self.dead.clear();
    }

    /// Notes that the hours up to this one were come to.
    pub(crate) fn begin(&mut self, hour: u32) {
        self.begun = self.begun.max(Some(hour));
    }

    /// The first hour of which it is not known what is filed under it; `first`, if that was never known.
    pub(crate) fn first_unread(&mut self, first: u32) -> u32 {
        *self.unread.get_or_insert(first)
    }

    /// Notes that it is known what is filed under the hours up to this one.
    pub(crate) fn has_read(&mut self, hour: u32) {
        self.unread = self.unread.max(Some(hour + 1));
    }

    /// The hours that are over: all their slots are dead. They are forgotten.
    pub(crate) fn take_finished_hours(&mut self) -> Vec<Log> {
        let finished =
            self.last.keys().filter(|log| matches!(log, Log::Far(_)) && self.first_live(**log).is_none());
        let finished: Vec<_> = finished.copied().collect();
        for log in &finished {
            self.last.remove(log);
        }
        finished
    }

    /// The first slot of `log` that is not dead.
    fn first_live(&self, log: Log) -> Option<u64> {
        let of_log = EntryName { log, slot: 0 }..=EntryName { log, slot: u64::MAX };
        self.slots.range(of_log).next().map(|(name, _)| name.slot)
    }

    /// The low marks as they may be now.
    pub(crate) fn marks(&self) -> Marks {
        let mark = |log| self.first_live(log).map_or(self.last(log), |slot| slot - 1);
        let first_far = self.slots.range(EntryName { log: Log::Far(0), slot: 0 }..).next();
        let first_hour = first_far.and_then(|(name, _)| match name.log {
            Log::Far(hour) => Some(hour),
            _ => None,
        });
        let unread = self.unread.unwrap_or(0);
        Marks {
            created: mark(Log::Created),
            wake: mark(Log::Wake),
            far: first_hour.unwrap_or(unread).min(unread),
            begun: self.begun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = |second| Timestamp::from_second(second).unwrap();
    const W: fn(u64) -> EntryName = |slot| EntryName { log: Log::Wake, slot };

    /// Takes all that is due and retires these; the others are to be looked at again at once.
    fn retire(entries: &mut Entries, now: Timestamp, dead: &[EntryName]) {
        let taken: Vec<_> = std::iter::from_fn(|| entries.take_due(now)).collect();
        for (name, slot) in taken {
            match dead.contains(&name) {
                true => entries.retire(name),
                false => entries.schedule(name, slot, now),
            }
        }
    }

    #[test]
    fn the_low_mark_stays_below_everything_that_is_not_dead() {
        let mut entries = Entries::from(&Marks { created: 7, wake: 2, ..Marks::default() });
        entries.extend(Log::Wake, 5, AT(1));
        assert_eq!(entries.marks(), Marks { created: 7, wake: 2, ..Marks::default() });
        retire(&mut entries, AT(1), &[W(4)]);
        assert_eq!(entries.marks().wake, 2);
        retire(&mut entries, AT(1), &[W(3)]);
        assert_eq!(entries.marks().wake, 4);
        let taken = entries.take_due(AT(1)).map(|(name, _)| name);
        assert_eq!((taken, entries.marks().wake), (Some(W(5)), 4), "it is being looked at");
        entries.retire(W(5));
        assert_eq!(entries.marks().wake, 5);
        assert_eq!(entries.dead(), [W(4), W(3), W(5)]);
        entries.forget_dead();
        assert!(entries.dead().is_empty());
    }

    #[test]
    fn entries_come_up_when_they_are_due_the_longest_due_first_and_each_once() {
        let mut entries = Entries::default();
        entries.extend(Log::Wake, 3, AT(1));
        let take = |entries: &mut Entries, at| entries.take_due(AT(at)).map(|(name, _)| name);
        assert_eq!(take(&mut entries, 0), None);
        assert_eq!([1, 1].map(|at| take(&mut entries, at)), [Some(W(1)), Some(W(2))]);
        entries.schedule(W(2), Slot::Unread { seen: None }, AT(9));
        entries.schedule(W(1), Slot::Unread { seen: None }, AT(5));
        assert_eq!(entries.next_due(), Some(AT(1)));
        assert_eq!([5, 5, 5].map(|at| take(&mut entries, at)), [Some(W(3)), Some(W(1)), None]);
        assert_eq!(entries.next_due(), Some(AT(9)));
        assert_eq!([9, 9].map(|at| take(&mut entries, at)), [Some(W(2)), None]);
    }

    #[test]
    fn an_hour_is_over_when_all_its_slots_are_dead() {
        let mut entries = Entries::default();
        entries.begin(40);
        assert_eq!((entries.first_unread(30), entries.marks().far), (30, 30));
        entries.has_read(40);
        entries.extend(Log::Far(38), 1, AT(1));
        entries.extend(Log::Far(40), 1, AT(1));
        assert_eq!((entries.marks().far, entries.take_finished_hours()), (38, vec![]));
        retire(&mut entries, AT(1), &[EntryName { log: Log::Far(38), slot: 1 }]);
        assert_eq!((entries.marks().far, entries.take_finished_hours()), (40, vec![Log::Far(38)]));
        retire(&mut entries, AT(1), &[EntryName { log: Log::Far(40), slot: 1 }]);
        assert_eq!((entries.marks().far, entries.take_finished_hours()), (41, vec![Log::Far(40)]));
    }
}
