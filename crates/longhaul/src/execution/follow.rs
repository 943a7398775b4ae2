//! Replay: goes through a history, turn by turn, and checks that the orchestrator asks for what it asked for then.

use super::mismatch::{self, Asked};
use super::{End, Execution, News};
use crate::context::BufferedEvent;
use crate::failure::Failure;
use crate::history::{Event, EventKind};
use crate::json::Json;
use crate::payload::Payload;

impl Execution {
    /// Follows the next event of the history. The value in it is at hand, but for what was asked for.
    pub(crate) fn follow(&mut self, event: Event) {
        if event.event == EventKind::OrchestratorStarted {
            self.follow_turn();
        }
        self.turn.push(event);
    }

    /// Called after the last event: what comes now is new.
    pub(crate) fn caught_up(&mut self) {
        self.follow_turn();
        self.context.with(|state| state.replaying = false);
        let ended = matches!(self.end, Some(End::Completed(_) | End::Failed(_)));
        if ended && !self.may_end && self.mismatch.is_none() {
            self.mismatched(mismatch::nondeterminism(format!(
                "at event {} history has not ended, the code has",
                self.events
            )));
        }
    }

    /// How the code differs from the history, if it does.
    pub(crate) fn mismatch(&self) -> Option<&Failure> {
        self.mismatch.as_ref()
    }

    /// Whether the code has come to its end with the history.
    pub(crate) fn is_at_its_end(&self) -> bool {
        self.end.is_some()
    }

    /// Whether a history that has ended ended so. Only for checks: what has ended is not replayed otherwise.
    pub(crate) fn check_end(&mut self, output: Option<&Json>) {
        if self.mismatch.is_some() {
            return; // what comes first says most
        }
        let end = self.end.take();
        let differs = match (end, output) {
            (Some(End::Completed(new)), Some(old)) if new != *old => Some("with another output"),
            (Some(End::Failed(_)), Some(_)) => Some("with a failure"),
            (Some(End::Completed(_)), None) => Some("without a failure"),
            _ => None,
        };
        if let Some(differs) = differs {
            self.mismatched(mismatch::nondeterminism(format!(
                "at event {} the history ends, and the code ends {differs}",
                self.events.saturating_sub(1)
            )));
        }
    }

    fn follow_turn(&mut self) {
        let turn = std::mem::take(&mut self.turn);
        if turn.is_empty() || self.mismatch.is_some() {
            return;
        }
        if let Err(mismatch) = self.try_turn(turn) {
            self.mismatched(mismatch);
        }
    }

    fn mismatched(&mut self, mismatch: Failure) {
        self.stop(End::Failed(mismatch.clone()));
        self.mismatch = Some(mismatch);
    }

    fn try_turn(&mut self, turn: Vec<Event>) -> Result<(), Failure> {
        let first = self.events;
        self.events += turn.len();
        let is_rewound = |event: &Event| matches!(event.event, EventKind::ExecutionRewound { .. });
        self.may_end |= turn.iter().any(is_rewound);
        if self.end.is_some() {
            // What failed by itself, and was rewound, fails again in the same place, and asks for nothing more.
            return match self.may_end && turn.iter().all(|event| event.event.asks_for().is_none()) {
                true => Ok(()),
                false => Err(mismatch::nondeterminism(format!(
                    "at event {first} history goes on, the code has ended"
                ))),
            };
        }
        self.context.with(|state| state.now = turn[0].at);
        let mut recorded = Vec::new();
        let mut completed = false;
        for (number, event) in (first..).zip(turn) {
            match event.event {
                kind if kind.asks_for().is_some() => recorded.push((number, kind)),
                EventKind::ExecutionCompleted => completed = true,
                other => self.told(number, other)?,
            }
        }
        self.asks_for(recorded)?;
        self.may_end |= completed;
        match (&self.end, completed) {
            (None | Some(End::ContinuedAsNew { .. }), true) => Err(mismatch::nondeterminism(format!(
                "at event {} history has ended, the code goes on",
                self.events - 1
            ))),
            _ => Ok(()),
        }
    }

    /// Tells the orchestrator what stands in history.
    fn told(&mut self, number: usize, event: EventKind) -> Result<(), Failure> {
        let news = match event {
            EventKind::TaskCompleted { id, output }
            | EventKind::EntityOperationCompleted { id, output }
            | EventKind::SubOrchestrationInstanceCompleted { id, output } => {
                News::Result(id, Ok(at_hand(output)))
            }
            EventKind::EntityLockGranted { id } => News::Result(id, Ok(Json::null())),
            EventKind::TaskFailed { id, failure }
            | EventKind::EntityOperationFailed { id, failure }
            | EventKind::SubOrchestrationInstanceFailed { id, failure } => News::Result(id, Err(failure)),
            EventKind::TimerFired { id, .. } => {
                if !self.timers.contains_key(&id) {
                    return Err(mismatch::nondeterminism(format!(
                        "event {number} of the history is the end of timer {id}, for which the code does not wait"
                    )));
                }
                self.fire(id);
                return Ok(());
            }
            EventKind::EventRaised { name, data } => News::Event(BufferedEvent { name, data: at_hand(data) }),
            EventKind::ExecutionSuspended { reason } => News::Suspend(reason),
            EventKind::ExecutionResumed { reason } => News::Resume(reason),
            EventKind::ExecutionTerminated { reason } => News::Terminate(reason),
            _ => return Ok(()),
        };
        if let News::Result(id, _) = &news
            && !self.minds(&news)
        {
            return Err(mismatch::nondeterminism(format!(
                "event {number} of the history is the result of task {id}, which the code has not asked for"
            )));
        }
        self.hear(news);
        Ok(())
    }

    /// Lets the orchestrator run on, and compares what it asks for with what history recorded.
    fn asks_for(&mut self, recorded: Vec<(usize, EventKind)>) -> Result<(), Failure> {
        let requests = self.poll();
        let mut asked = requests.iter();
        for (number, recorded) in &recorded {
            let next = asked.next();
            if !next.is_some_and(|request| mismatch::is_same(recorded, request)) {
                return Err(mismatch::of(*number, Asked::Recorded(recorded), Asked::by(next)));
            }
        }
        if let Some(more) = asked.next() {
            return Err(mismatch::of(self.events, Asked::Nothing, Asked::Now(more)));
        }
        self.note(requests);
        Ok(())
    }
}

fn at_hand(payload: Payload) -> Json {
    match payload {
        Payload::Inline(value) => value,
        Payload::Stored(stored) => {
            unreachable!("the value {} was to be read before it is followed", stored.name)
        }
    }
}
