//! What an entity's record holds besides its state: who has locked it, and what waits.
//!
//! All of it is pure: messages go in, and what is to be carried out comes out, in order.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{Caller, EntityMessage, EntityRequest, Section};
use crate::history::is_false;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EntityControl {
    /// The critical section for which alone it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_by: Option<Section>,
    /// What waits for the lock, or for its turn, in order.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub waiting: VecDeque<EntityMessage>,
    /// What is to be carried out later, in the order in which it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduled: Vec<EntityMessage>,
    /// Whether it is about to be removed: it is empty, and whoever is about to send it something takes this back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retiring: bool,
}

/// What messages come to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Accepted {
    /// Operations to carry out now, in order.
    pub(crate) operations: Vec<EntityMessage>,
    /// Who has got the lock.
    pub(crate) granted: Vec<Caller>,
}

impl EntityControl {
    /// Takes messages in, in their order, and answers what is to be carried out: at most about `most` operations; the
    /// rest waits.
    pub(crate) fn accept(&mut self, messages: Vec<EntityMessage>, now: Timestamp, most: usize) -> Accepted {
        let mut accepted = Accepted::default();
        self.work_off(&mut accepted, most);
        for message in self.take_due(now).into_iter().chain(messages) {
            self.retiring = false;
            match &message.request {
                EntityRequest::Signal { due: Some(due), .. } if *due > now => self.scheduled.push(message),
                EntityRequest::Unlock => self.unlock(message.section.as_ref(), &mut accepted, most),
                _ => self.take(message, &mut accepted, most),
            }
        }
        accepted
    }

    /// When something is to be done that nobody will send a message for.
    pub(crate) fn need(&self, updated: Timestamp) -> Option<Timestamp> {
        let due = |message: &EntityMessage| match message.request {
            EntityRequest::Signal { due, .. } => due,
            _ => None,
        };
        let waits = self.locked_by.is_none() && !self.waiting.is_empty();
        self.scheduled.iter().filter_map(due).chain(waits.then_some(updated)).min()
    }

    /// Whether nothing is left to do, and nobody holds it.
    pub(crate) fn is_idle(&self) -> bool {
        self.locked_by.is_none() && self.waiting.is_empty() && self.scheduled.is_empty()
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<EntityMessage> {
        let is_due = |message: &EntityMessage| match message.request {
            EntityRequest::Signal { due: Some(due), .. } => due <= now,
            _ => true,
        };
        let (mut due, later): (Vec<_>, _) = std::mem::take(&mut self.scheduled).into_iter().partition(is_due);
        self.scheduled = later;
        // Of those for the same time the one that came first is first.
        due.sort_by_key(|message| match message.request {
            EntityRequest::Signal { due, .. } => due,
            _ => None,
        });
        due
    }

    /// One message whose turn it is, or that has to wait for it.
    fn take(&mut self, message: EntityMessage, accepted: &mut Accepted, most: usize) {
        let is_inside = message.section.is_some() && self.locked_by == message.section;
        match is_inside {
            true => accepted.operations.push(message),
            // Nobody overtakes what waits.
            false => {
                self.waiting.push_back(message);
                self.work_off(accepted, most);
            }
        }
    }

    fn unlock(&mut self, section: Option<&Section>, accepted: &mut Accepted, most: usize) {
        if self.locked_by.as_ref() == section {
            self.locked_by = None;
            self.work_off(accepted, most);
            return;
        }
        // It lets go of what it has not got yet.
        self.waiting
            .retain(|message| message.request != EntityRequest::Lock || message.section.as_ref() != section);
    }

    /// Carries out what waits, until one gets the lock.
    fn work_off(&mut self, accepted: &mut Accepted, most: usize) {
        while self.locked_by.is_none() && accepted.operations.len() < most {
            let Some(message) = self.waiting.pop_front() else { return };
            match message.request {
                EntityRequest::Lock => {
                    self.locked_by = message.section;
                    accepted.granted.extend(message.caller);
                }
                _ => accepted.operations.push(message),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ExecutionId, InstanceKey, TaskId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn section(name: &str) -> Section {
        Section { key: InstanceKey::received(name), execution: ExecutionId::random([1; 16]), task: TaskId(0) }
    }

    /// `a` signals a; `a@5` signals a at the time 5; `+x` and `-x` are a lock and an unlock of section x; `x:a` is a
    /// within section x.
    fn message(text: &str) -> EntityMessage {
        let signal = |text: &str| {
            let (operation, due) = text.split_once('@').unwrap_or((text, ""));
            EntityRequest::Signal { operation: operation.into(), due: due.parse().ok().map(at) }
        };
        let (request, of) = match (text.split_at(1), text.split_once(':')) {
            (("+", of), _) => (EntityRequest::Lock, Some(of)),
            (("-", of), _) => (EntityRequest::Unlock, Some(of)),
            (_, Some((of, text))) => (signal(text), Some(of)),
            _ => (signal(text), None),
        };
        let section = of.map(section);
        let caller = section.as_ref().filter(|_| request.is_answered()).map(|section| Caller {
            key: section.key.clone(),
            execution: section.execution.clone(),
            task: TaskId(0),
        });
        EntityMessage { request, input: Default::default(), caller, section }
    }

    fn accept(control: &mut EntityControl, messages: &str, now: i64) -> String {
        let messages = messages.split_whitespace().map(message).collect();
        let Accepted { operations, granted } = control.accept(messages, at(now), 4);
        let operations = operations.iter().map(|message| message.request.operation().unwrap().to_owned());
        operations
            .chain(granted.iter().map(|caller| format!("+{}", caller.key)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn operations_are_carried_out_in_order_and_locks_make_others_wait() {
        for (steps, what) in [
            (&[("a b c", "a b c")][..], "the order in which they came"),
            (&[("a b c d e f", "a b c d"), ("", "e f")], "so many at once"),
            (&[("+x a b", "+x"), ("x:c d", "c"), ("-x", "a b d")], "a section works alone"),
            (&[("+x a +y b", "+x"), ("-x", "a +y"), ("-y", "b")], "locks wait as all do"),
            (&[("+x a +y b", "+x"), ("-y", ""), ("-x", "a b")], "what one lets go of it never gets"),
            (&[("+x", "+x"), ("-y a", ""), ("y:b", ""), ("-x", "a b")], "others do not unlock"),
            (&[("-x a", "a")], "nor does one who has no lock"),
            (&[("a@5 b", "b"), ("", "")], "later is later"),
        ] {
            let mut control = EntityControl::default();
            for (messages, carried_out) in steps {
                assert_eq!(accept(&mut control, messages, 1), *carried_out, "{what}: {messages}");
            }
        }
    }

    #[test]
    fn what_is_scheduled_is_a_need_and_is_carried_out_in_the_order_of_its_time() {
        let mut control = EntityControl::default();
        assert_eq!(accept(&mut control, "a@7 b@5 c@5", 1), "");
        assert_eq!(control.need(at(1)), Some(at(5)));
        assert!(!control.is_idle());
        assert_eq!(accept(&mut control, "d", 6), "b c d");
        assert_eq!(accept(&mut control, "+x", 6), "+x");
        assert_eq!(accept(&mut control, "", 7), "");
        assert_eq!(control.need(at(6)), None, "it waits for the lock");
        assert_eq!(accept(&mut control, "-x", 7), "a");
        assert!(control.is_idle());
        assert_eq!(control.need(at(7)), None);
    }

    #[test]
    fn what_waits_for_its_turn_only_is_a_need() {
        let mut control = EntityControl::default();
        accept(&mut control, "a b c d e", 1);
        assert_eq!(control.need(at(3)), Some(at(3)));
    }
}
