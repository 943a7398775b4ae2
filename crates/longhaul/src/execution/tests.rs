//! Stories of executions: rows of what they are told, and what comes of it.
//!
//! Every story runs twice, once replayed from its history before each turn and once never, and must be the same.

mod calls;
mod children;
mod combinators;
mod control;
mod entities;
mod events;
mod mismatches;
mod rewound;
mod timers;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::context::OrchestrationContext as Ctx;
use crate::id::{ExecutionId, InstanceId};

/// The second, what is told then, and which events and which end the turn gives, each separated by `; `.
///
/// Told can be `done 0 10`, `fail 0 Boom`, `refuse 0 Boom` (for good), `event Go 1`, `suspend why`, `resume why` and
/// `terminate why`. An end is `= 10`, `! Boom`, `terminated why` or `again 5 [Go 1, Stop 2]`.
type Row<'a> = (i64, &'a str, &'a str);

struct Story {
    orchestrators: Orchestrators,
    beginning: Beginning,
    live: Execution,
    history: Vec<Event>,
    end: Option<End>,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn beginning(name: &str, input: &str) -> Beginning {
    let identity = Identity {
        instance: InstanceId::new("i").unwrap(),
        execution: ExecutionId::random([2; 16]),
        version: Some("7".into()),
        parent: None,
        max_payload: 100_000,
    };
    Beginning { identity, name: name.into(), input: json(input), at: at(0) }
}

/// What a new execution makes of `history`.
fn replayed(beginning: &Beginning, orchestrators: &Orchestrators, history: &[Event]) -> Execution {
    let mut execution = Execution::begin(beginning.clone(), orchestrators).unwrap();
    for event in history {
        execution.follow(event.clone());
    }
    execution.caught_up();
    execution
}

/// The story of one orchestrator, to its end.
fn tell<I, O, F, Fut>(orchestrator: F, input: &str, rows: &[Row<'_>]) -> Story
where
    I: DeserializeOwned + 'static,
    O: Serialize,
    F: Fn(Ctx, I) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<O, Failure>> + 'static,
{
    let mut story = Story::begin(Orchestrators::new().with("o", orchestrator), "o", input);
    story.rows(rows);
    story
}

impl Story {
    fn begin(orchestrators: Orchestrators, name: &str, input: &str) -> Self {
        let beginning = beginning(name, input);
        let live = Execution::begin(beginning.clone(), &orchestrators).unwrap();
        Self { orchestrators, beginning, live, history: Vec::new(), end: None }
    }

    fn rows(&mut self, rows: &[Row<'_>]) {
        for (second, told, gives) in rows {
            assert_eq!(self.end, None, "the story has ended before second {second}");
            let told = told.split("; ").filter(|told| !told.is_empty()).map(news).collect();
            let given = self.turn(*second, told);
            assert_eq!(given, *gives, "at second {second}");
        }
    }

    /// A turn of the execution, which must be the same as that of a replayed one.
    fn turn(&mut self, second: i64, news: Vec<News>) -> String {
        let mut fresh = self.replayed();
        self.assert_same(&fresh);
        assert!(!fresh.has_ended(), "only by a turn");
        let turn = self.live.turn(at(second), news.clone());
        assert_eq!(turn, fresh.turn(at(second), news), "at second {second}, replayed");
        let Turn { events, messages, end } = turn;
        let asked = events.iter().filter(|event| matches!(event.event, EventKind::EntityAsked { .. }));
        assert_eq!(asked.count(), messages.len(), "what is asked of entities is sent");
        self.assert_same(&fresh);
        let told = events.iter().map(|event| self.describe(&event.event)).filter(|event| !event.is_empty());
        let told: Vec<_> = told.chain(end.as_ref().map(describe_end)).collect();
        assert!(events.iter().all(|event| event.at == at(second)), "the time of a turn is one");
        assert_eq!(events[0].event, EventKind::OrchestratorStarted);
        self.history.extend(events);
        self.end = end;
        told.join("; ")
    }

    fn replayed(&self) -> Execution {
        let execution = replayed(&self.beginning, &self.orchestrators, &self.history);
        assert_eq!(execution.mismatch(), None);
        execution
    }

    fn assert_same(&self, fresh: &Execution) {
        let state = |execution: &Execution| {
            let open: Vec<_> =
                execution.open_from(TaskId(0)).map(|(id, action)| (id, action.clone())).collect();
            (open, execution.timers.clone(), execution.suspended, execution.custom_status(), execution.events)
        };
        assert_eq!(state(&self.live), state(fresh));
    }

    fn describe(&self, event: &EventKind) -> String {
        let name = event.name();
        let value = event.payload().and_then(|payload| payload.inline()).map(Json::text).unwrap_or_default();
        let again = |retry: &u32| if *retry > 0 { format!(" retry {retry}") } else { String::new() };
        match event {
            EventKind::OrchestratorStarted | EventKind::ExecutionStarted { .. } => String::new(),
            EventKind::TaskScheduled { id, name: activity, retry, .. } => {
                format!("{name} {id} {activity} {value}{}", again(retry))
            }
            EventKind::EntityAsked { id, entity, request, section, .. } => {
                let operation = request.operation().unwrap_or_default();
                let section = section.map(|section| format!(" in {section}")).unwrap_or_default();
                format!("{name} {id} {entity} {operation} {value}{section}")
            }
            EventKind::EntityLockGranted { id } => format!("{name} {id}"),
            EventKind::TaskCompleted { id, .. }
            | EventKind::EntityOperationCompleted { id, .. }
            | EventKind::SubOrchestrationInstanceCompleted { id, .. } => {
                format!("{name} {id} {value}")
            }
            EventKind::TaskFailed { id, failure }
            | EventKind::EntityOperationFailed { id, failure }
            | EventKind::SubOrchestrationInstanceFailed { id, failure } => {
                format!("{name} {id} {}", failure.kind)
            }
            EventKind::TimerCreated { id, fire_at } | EventKind::TimerFired { id, fire_at } => {
                format!("{name} {id} @{}", fire_at.as_second())
            }
            EventKind::SubOrchestrationInstanceCreated { id, child, .. } => {
                let instance =
                    child.instance.as_str().replace(self.beginning.identity.execution.as_str(), "~");
                let version =
                    child.version.as_ref().map(|version| format!(" version {version}")).unwrap_or_default();
                let flags = [(child.detached, " detached"), (child.forgotten, " forgotten")];
                let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, flag)| *flag).collect();
                format!(
                    "{name} {id} {} {value} as {instance}{version}{flags}{}",
                    child.name,
                    again(&child.retry)
                )
            }
            EventKind::EventRaised { name: raised, .. } => format!("{name} {raised} {value}"),
            EventKind::ExecutionSuspended { reason }
            | EventKind::ExecutionResumed { reason }
            | EventKind::ExecutionTerminated { reason }
            | EventKind::ExecutionRewound { reason } => format!("{name} {reason}"),
            EventKind::ExecutionCompleted => name.to_owned(),
        }
    }
}

fn describe_end(end: &End) -> String {
    match end {
        End::Completed(output) => format!("= {output}"),
        End::Failed(failure) => format!("! {}", failure.kind),
        End::Terminated(reason) => format!("terminated {reason}"),
        End::ContinuedAsNew { input, events } => {
            let events: Vec<_> =
                events.iter().map(|event| format!("{} {}", event.name, event.data)).collect();
            format!("again {input} [{}]", events.join(", "))
        }
    }
}

fn news(told: &str) -> News {
    let mut words = told.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (verb, first, second) = (word(), word(), word());
    let id = || TaskId(first.parse().unwrap());
    match verb.as_str() {
        "done" => News::Result(id(), Ok(json(&second))),
        "fail" => News::Result(id(), Err(Failure::new(second, "it failed"))),
        "refuse" => News::Result(id(), Err(Failure::permanent(second, "it fails for good"))),
        "event" => News::Event(BufferedEvent { name: first, data: json(&second) }),
        "suspend" => News::Suspend(first),
        "resume" => News::Resume(first),
        "terminate" => News::Terminate(first),
        other => panic!("no news is called '{other}'"),
    }
}

#[test]
fn an_unknown_function_is_not_registered() {
    let known = Orchestrators::new().with("o", |_: Ctx, ()| async { Ok(()) });
    let error = Execution::begin(beginning("nobody", "null"), &known).err();
    assert!(matches!(error, Some(NotRegistered::Name { .. })), "{error:?}");
}
