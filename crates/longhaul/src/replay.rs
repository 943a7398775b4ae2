//! Replay: an orchestrator function driven through what has happened, and on from there.
//!
//! It is pure. History and results go in; events and requests come out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use jiff::Timestamp;

use crate::context::{OrchestrationContext, Request};
use crate::failure::Failure;
use crate::history::{Event, EventKind};
use crate::id::TaskId;
use crate::json::Json;
use crate::orchestrators::{Orchestration, Orchestrators};
use crate::record::Record;

/// An execution in memory: the orchestrator function, waiting where its history left it.
pub(crate) struct Execution {
    name: String,
    context: OrchestrationContext,
    orchestration: Option<Orchestration>,
    events: usize,
    /// Set when the orchestrator has ended; handed out by the turn in which it did.
    end: Option<Result<Json, Failure>>,
    /// The activities that have no result yet.
    open: BTreeMap<TaskId, Request>,
}

/// What a turn gave.
#[derive(Debug, PartialEq)]
pub(crate) struct Turn {
    /// To be appended to the history.
    pub(crate) events: Vec<Event>,
    /// The activities that the orchestrator asked for in this turn.
    pub(crate) scheduled: Vec<TaskId>,
    /// The orchestrator's end, if this was it.
    pub(crate) end: Option<Result<Json, Failure>>,
}

/// No function of that name is registered.
#[derive(Debug, PartialEq)]
pub(crate) struct NotRegistered;

impl Execution {
    /// Rebuilds the execution that `record` describes.
    pub(crate) fn replay(record: &Record, orchestrators: &Orchestrators) -> Result<Self, NotRegistered> {
        let context = OrchestrationContext::new(record.head.id.clone(), record.head.created);
        let orchestration = orchestrators
            .start(&record.head.name, context.clone(), record.head.input.clone())
            .ok_or(NotRegistered)?;
        let mut execution = Self {
            name: record.head.name.clone(),
            context,
            orchestration: Some(orchestration),
            events: 0,
            end: None,
            open: BTreeMap::new(),
        };
        execution.events = record.history.len();
        if let Err(mismatch) = execution.follow(&record.history) {
            execution.stop(Err(mismatch));
        }
        execution.context.with(|state| state.replaying = false);
        Ok(execution)
    }

    /// Runs the orchestrator on with `results`, at the time `now`.
    ///
    /// The first turn of an execution has no results. A turn of a replayed one without results is only useful to learn
    /// that it has ended by a mismatch.
    pub(crate) fn turn(&mut self, now: Timestamp, results: Vec<(TaskId, Result<Json, Failure>)>) -> Turn {
        let event = |event| Event { at: now, event };
        let mut events = vec![event(EventKind::OrchestratorStarted)];
        if self.events == 0 {
            events.push(event(EventKind::ExecutionStarted { name: self.name.clone() }));
        }
        self.context.with(|state| state.now = now);
        for (id, result) in results {
            if self.open.remove(&id).is_none() {
                continue; // a second result of the same task: the first one counts
            }
            self.context.with(|state| state.deliver(id, result.clone()));
            events.push(event(match result {
                Ok(output) => EventKind::TaskCompleted { id, output },
                Err(failure) => EventKind::TaskFailed { id, failure },
            }));
        }
        let requests = self.poll();
        let mut scheduled = Vec::new();
        if self.end.is_none() {
            for request in requests {
                let Request { id, name, input } = request.clone();
                events.push(event(EventKind::TaskScheduled { id, name, input }));
                scheduled.push(id);
                self.open.insert(id, request);
            }
        } else {
            events.push(event(EventKind::ExecutionCompleted));
        }
        self.events += events.len();
        Turn { events, scheduled, end: self.end.take() }
    }

    /// Whether the replay alone has ended the orchestrator, so that a turn is due.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What the open task `id` asked for.
    pub(crate) fn request(&self, id: TaskId) -> Option<&Request> {
        self.open.get(&id)
    }

    /// Goes through history, turn by turn, and checks that the orchestrator asks for what it asked for then.
    fn follow(&mut self, history: &[Event]) -> Result<(), Failure> {
        let begins = |event: &Event| event.event == EventKind::OrchestratorStarted;
        let mut number = 0;
        for turn in history.chunk_by(|_, next| !begins(next)) {
            self.context.with(|state| state.now = turn[0].at);
            let mut recorded = Vec::new();
            for event in turn {
                match &event.event {
                    EventKind::TaskCompleted { id, output } => self.told(number, *id, Ok(output.clone()))?,
                    EventKind::TaskFailed { id, failure } => self.told(number, *id, Err(failure.clone()))?,
                    EventKind::TaskScheduled { id, name, input } => {
                        recorded
                            .push((number, Request { id: *id, name: name.clone(), input: input.clone() }));
                    }
                    EventKind::OrchestratorStarted
                    | EventKind::ExecutionStarted { .. }
                    | EventKind::ExecutionCompleted => {}
                }
                number += 1;
            }
            self.asks_for(recorded, number)?;
        }
        Ok(())
    }

    /// Tells the orchestrator a result that stands in history.
    fn told(&mut self, number: usize, id: TaskId, result: Result<Json, Failure>) -> Result<(), Failure> {
        self.open.remove(&id);
        match self.context.with(|state| state.deliver(id, result)) {
            true => Ok(()),
            false => Err(nondeterminism(format!(
                "event {number} of the history is the result of task {id}, which the code has not asked for"
            ))),
        }
    }

    /// Lets the orchestrator run on, and compares what it asks for with what history recorded.
    fn asks_for(&mut self, recorded: Vec<(usize, Request)>, end_of_turn: usize) -> Result<(), Failure> {
        let mut asked = self.poll().into_iter();
        for (number, recorded) in recorded {
            match asked.next() {
                Some(request) if request == recorded => self.open.insert(request.id, request),
                other => return Err(mismatch(number, Some(&recorded), other.as_ref())),
            };
        }
        match asked.next() {
            Some(request) => Err(mismatch(end_of_turn, None, Some(&request))),
            None if self.end.is_some() => {
                Err(nondeterminism(format!("at event {end_of_turn} history goes on, the code has ended")))
            }
            None => Ok(()),
        }
    }

    /// Polls until nothing moves any more, and answers what was asked for.
    fn poll(&mut self) -> Vec<Request> {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        while let Some(orchestration) = &mut self.orchestration
            && woken.0.swap(false, Ordering::Relaxed)
        {
            if let Poll::Ready(end) = orchestration.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.stop(end);
            }
        }
        let requests = self.context.with(|state| std::mem::take(&mut state.requested));
        if self.orchestration.is_some() && !self.context.with(|state| state.is_waiting()) {
            self.stop(Err(Failure::permanent(
                "StuckOrchestrator",
                format!(
                    "orchestrator '{}' waits for something that is not durable: it may await only what its context \
                     returns",
                    self.name
                ),
            )));
        }
        requests
    }

    fn stop(&mut self, end: Result<Json, Failure>) {
        self.orchestration = None;
        self.end = Some(end);
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn mismatch(number: usize, history: Option<&Request>, code: Option<&Request>) -> Failure {
    let side = |request: Option<&Request>| match request {
        Some(Request { id, name, .. }) => format!("activity '{name}' as task {id}"),
        None => "nothing".to_owned(),
    };
    let same = history.zip(code).is_some_and(|(one, other)| (one.id, &one.name) == (other.id, &other.name));
    let inputs = if same { " with another input" } else { "" };
    let what = format!(
        "at event {number} history asked for {}, the code asks for {}{inputs}",
        side(history),
        side(code)
    );
    // Inputs are not for everybody who may read a message.
    let input = |request: Option<&Request>| request.map(|request| request.input.clone());
    let details = BTreeMap::from([("history", input(history)), ("code", input(code))]);
    Failure { details: Json::of(&details).ok(), ..nondeterminism(what) }
}

fn nondeterminism(what: String) -> Failure {
    Failure::permanent(
        "NonDeterministicOrchestrator",
        format!(
            "{what}: either the orchestrator's code has changed since this instance started, or it depends on \
             something that is not the same in every replay (time, random numbers, the order of a hash map)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::OrchestrationContext as Ctx;
    use crate::record::tests::new_record;

    const T: fn(i64) -> Timestamp = |second| Timestamp::from_second(second).unwrap();

    fn ok(text: &str) -> Result<Json, Failure> {
        Ok(Json::parse(text).unwrap())
    }

    async fn two_steps(ctx: Ctx, input: u32) -> Result<u32, Failure> {
        let one: u32 = ctx.call_activity("double", input).await?;
        ctx.call_activity("double", one).await
    }

    async fn fan_out(ctx: Ctx, input: Vec<u32>) -> Result<Vec<u32>, Failure> {
        let calls: Vec<_> = input.iter().map(|n| ctx.call_activity("double", n)).collect();
        futures::future::try_join_all(calls).await
    }

    fn registry() -> Orchestrators {
        Orchestrators::new().with("two", two_steps).with("fan", fan_out).with(
            "stuck",
            |_: Ctx, _: Json| async {
                std::future::pending::<()>().await;
                Ok(())
            },
        )
    }

    /// What became of an execution whose activities double their input.
    fn run(name: &str, input: &str, replay_each_turn: bool) -> (Result<Json, Failure>, Vec<Event>) {
        let mut record = new_record(name, input);
        let mut execution = Execution::replay(&record, &registry()).unwrap();
        let mut results = Vec::new();
        for second in 1.. {
            let turn = execution.turn(T(second), std::mem::take(&mut results));
            record.history.extend(turn.events);
            if let Some(end) = turn.end {
                return (end, record.history);
            }
            if replay_each_turn {
                execution = Execution::replay(&record, &registry()).unwrap();
                assert!(!execution.has_ended());
            }
            for id in turn.scheduled.into_iter().rev() {
                let n: u32 = execution.request(id).unwrap().input.to().unwrap();
                results.push((id, ok(&(2 * n).to_string())));
            }
        }
        unreachable!()
    }

    #[test]
    fn an_orchestrator_gives_the_same_history_replayed_at_every_turn_or_never() {
        for (name, input, output) in [("two", "5", "20"), ("fan", "[1,2,3]", "[2,4,6]"), ("fan", "[]", "[]")]
        {
            let once = run(name, input, false);
            assert_eq!(once.0, ok(output), "{name}");
            assert_eq!(once, run(name, input, true), "{name}");
        }
    }

    #[test]
    fn a_wide_fan_out_is_awaited_to_its_end() {
        let input: Vec<u32> = (0..200).collect();
        let (end, history) = run("fan", &serde_json::to_string(&input).unwrap(), true);
        assert_eq!(end.unwrap().to::<Vec<u32>>().unwrap().len(), 200);
        assert_eq!(history.iter().filter(|event| event.event.result_of().is_some()).count(), 200);
    }

    #[test]
    fn changed_code_fails_the_instance_and_says_where() {
        let (_, history) = run("two", "5", false);
        for (upto, name, message) in [
            (
                3,
                "fan",
                "'double' as task 0, the code asks for activity 'double' as task 0 with another input",
            ),
            (3, "none", "the code asks for nothing"),
        ] {
            let mut record = new_record(name, if name == "fan" { "[1]" } else { "5" });
            record.history = history[..upto].to_vec();
            let registry = registry().with("none", |_: Ctx, _: Json| async { Ok(1) });
            let mut execution = Execution::replay(&record, &registry).unwrap();
            let failure = execution.turn(T(9), vec![]).end.unwrap().unwrap_err();
            assert_eq!(failure.kind, "NonDeterministicOrchestrator");
            assert!(failure.message.contains(message), "{}", failure.message);
            assert!(
                failure.details.unwrap().text().contains("\"history\":5"),
                "the inputs are in the details"
            );
        }
    }

    #[test]
    fn awaiting_what_is_not_durable_fails_instead_of_hanging() {
        let (end, _) = run("stuck", "null", false);
        assert_eq!(end.unwrap_err().kind, "StuckOrchestrator");
    }

    #[test]
    fn an_input_of_the_wrong_shape_fails_the_instance() {
        let (end, _) = run("two", "\"five\"", false);
        assert_eq!(end.unwrap_err().kind, "BadInput");
    }

    #[test]
    fn a_second_result_of_a_task_is_dropped() {
        let record = new_record("two", "5");
        let mut execution = Execution::replay(&record, &registry()).unwrap();
        execution.turn(T(1), vec![]);
        let turn = execution.turn(T(2), vec![(TaskId(0), ok("1")), (TaskId(0), ok("2"))]);
        assert_eq!(turn.events.iter().filter(|event| event.event.result_of().is_some()).count(), 1);
        assert_eq!(execution.request(TaskId(1)).unwrap().input, Json::parse("1").unwrap());
    }

    #[test]
    fn an_unknown_function_is_not_registered() {
        assert_eq!(Execution::replay(&new_record("nobody", "1"), &registry()).err(), Some(NotRegistered));
    }
}
