//! What has happened, for whoever reads about a failed run.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::exec::Process;
use crate::process::{ACTIVITIES, BACKEND, CLIENTS, ORCHESTRATORS, SCHEDULERS};

/// How many of the last events are kept.
const LAST: usize = 60;
/// How many of the last events that concern the subject are kept.
const LAST_OF_SUBJECT: usize = 80;

/// A recorder of events. It records only when it has a subject: a run that fails is run once more with one.
#[derive(Clone, Default)]
pub struct Trace(Rc<Recorder>);

#[derive(Default)]
struct Recorder {
    subject: Option<String>,
    stopped: Cell<bool>,
    all: RefCell<VecDeque<String>>,
    of_subject: RefCell<VecDeque<String>>,
}

impl Trace {
    /// A recorder of what concerns `subject`, and of the last of everything.
    pub fn of(subject: &str) -> Self {
        Self(Rc::new(Recorder { subject: Some(subject.to_owned()), ..Recorder::default() }))
    }

    /// Records an event.
    pub fn note(&self, at: Duration, process: Process, what: impl FnOnce() -> String) {
        let Some(subject) = &self.0.subject else { return };
        if self.0.stopped.get() {
            return;
        }
        let what = what();
        let line = format!("{:>9.3} s  {:<15} {what}", at.as_secs_f64(), name(process));
        if !subject.is_empty() && what.contains(subject.as_str()) {
            keep(&mut self.0.of_subject.borrow_mut(), line.clone(), LAST_OF_SUBJECT);
        }
        keep(&mut self.0.all.borrow_mut(), line, LAST);
    }

    /// Records nothing more: what went wrong has gone wrong.
    pub fn stop(&self) {
        self.0.stopped.set(true);
    }

    /// What was recorded.
    pub fn text(&self) -> String {
        let lines =
            |lines: &VecDeque<String>| lines.iter().map(|line| format!("  {line}\n")).collect::<String>();
        let mut text = String::new();
        if let Some(subject) = self.0.subject.as_ref().filter(|subject| !subject.is_empty()) {
            text += &format!("what happened to {subject}:\n{}", lines(&self.0.of_subject.borrow()));
        }
        text + &format!("the last that happened:\n{}", lines(&self.0.all.borrow()))
    }
}

fn keep(lines: &mut VecDeque<String>, line: String, most: usize) {
    if lines.len() == most {
        lines.pop_front();
    }
    lines.push_back(line);
}

fn name(process: Process) -> String {
    let roles = [
        ("client", CLIENTS),
        ("orchestrator", ORCHESTRATORS),
        ("activity", ACTIVITIES),
        ("scheduler", SCHEDULERS),
    ];
    for (role, processes) in roles {
        if let Some(number) = processes.iter().position(|each| *each == process) {
            return format!("{role} {number}");
        }
    }
    if process == BACKEND { "the backend".to_owned() } else { "outside".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_kept_and_those_of_the_subject_for_longer() {
        let trace = Trace::of("order-1");
        let note =
            |second, what: &str| trace.note(Duration::from_secs(second), CLIENTS[1], || what.to_owned());
        note(1, "acknowledges order-1");
        (2..200).for_each(|second| note(second, &format!("event {second}")));
        trace.stop();
        note(200, "order-1, too late");
        let text = trace.text();
        assert!(
            text.contains("what happened to order-1:\n      1.000 s  client 1        acknowledges order-1\n"),
            "{text}"
        );
        assert!(
            text.contains("event 199\n") && !text.contains("event 139\n") && !text.contains("too late"),
            "{text}"
        );
    }

    #[test]
    fn without_a_subject_nothing_is_recorded() {
        let trace = Trace::default();
        trace.note(Duration::ZERO, CLIENTS[0], || unreachable!("nobody reads it"));
        assert_eq!(trace.text(), "the last that happened:\n");
    }
}
