//! What a replay says when the code asks for something else than the history.

use std::collections::BTreeMap;

use crate::context::{Action, Request};
use crate::entity::{EntityId, EntityRequest};
use crate::failure::Failure;
use crate::history::EventKind;
use crate::json::Json;

/// One side of a mismatch.
pub(super) enum Asked<'a> {
    Recorded(&'a EventKind),
    Now(&'a Request),
    Nothing,
}

impl<'a> Asked<'a> {
    pub(super) fn by(request: Option<&'a Request>) -> Self {
        request.map_or(Self::Nothing, Self::Now)
    }

    fn describe(&self) -> String {
        match self {
            Self::Recorded(EventKind::TaskScheduled { id, name, .. }) => {
                format!("activity '{name}' as task {id}")
            }
            Self::Recorded(EventKind::TimerCreated { id, fire_at }) => {
                format!("a timer for {fire_at} as task {id}")
            }
            Self::Recorded(EventKind::SubOrchestrationInstanceCreated { id, child, .. }) => {
                format!(
                    "sub-orchestration '{}' with the instance id '{}' as task {id}",
                    child.name, child.instance
                )
            }
            Self::Recorded(EventKind::EntityAsked { id, entity, request, .. }) => {
                format!("{} as task {id}", of_entity(entity, request))
            }
            Self::Now(Request { id, action }) => match action {
                Action::Activity { name, .. } => format!("activity '{name}' as task {id}"),
                Action::Timer { fire_at } => format!("a timer for {fire_at} as task {id}"),
                Action::Child { child, .. } => format!(
                    "sub-orchestration '{}' with the instance id '{}' as task {id}",
                    child.name, child.instance
                ),
                Action::Entity(ask) => format!("{} as task {id}", of_entity(&ask.entity, &ask.request)),
            },
            Self::Recorded(_) | Self::Nothing => "nothing".to_owned(),
        }
    }

    /// What is handed on: not for everybody who may read a message.
    fn input(&self) -> Option<Json> {
        match self {
            Self::Recorded(event) => event.payload().and_then(|payload| payload.inline()).cloned(),
            Self::Now(Request {
                action: Action::Activity { input, .. } | Action::Child { input, .. },
                ..
            }) => Some(input.clone()),
            Self::Now(Request { action: Action::Entity(ask), .. }) => Some(ask.input.clone()),
            _ => None,
        }
    }
}

fn of_entity(entity: &EntityId, request: &EntityRequest) -> String {
    match request {
        EntityRequest::Call { operation } => format!("a call of '{operation}' of {entity}"),
        EntityRequest::Signal { operation, .. } => format!("a signal '{operation}' to {entity}"),
        EntityRequest::Lock => format!("the lock of {entity}"),
        EntityRequest::Unlock => format!("to let go of {entity}"),
    }
}

/// Whether the code asks for what history recorded.
pub(super) fn is_same(recorded: &EventKind, asked: &Request) -> bool {
    if recorded.asks_for() != Some(asked.id) {
        return false;
    }
    match (recorded, &asked.action) {
        (EventKind::TaskScheduled { name, input, .. }, Action::Activity { name: now, input: with, .. }) => {
            name == now && input.is(with)
        }
        (EventKind::TimerCreated { fire_at, .. }, Action::Timer { fire_at: now }) => fire_at == now,
        (
            EventKind::SubOrchestrationInstanceCreated { child, input, .. },
            Action::Child { child: now, input: with },
        ) => child == now && input.is(with),
        (EventKind::EntityAsked { entity, request, input, section, .. }, Action::Entity(now)) => {
            (entity, request, section) == (&now.entity, &now.request, &now.section) && input.is(&now.input)
        }
        _ => false,
    }
}

/// At event `number` history and code differ.
pub(super) fn of(number: usize, history: Asked<'_>, code: Asked<'_>) -> Failure {
    let (then, now) = (history.describe(), code.describe());
    let inputs = if then == now { " with other values" } else { "" };
    let what = format!("at event {number} history asked for {then}, the code asks for {now}{inputs}");
    let details = BTreeMap::from([("history", history.input()), ("code", code.input())]);
    Failure { details: Json::of(&details).ok(), ..nondeterminism(what) }
}

pub(super) fn nondeterminism(what: String) -> Failure {
    Failure::permanent(
        "NonDeterministicOrchestrator",
        format!(
            "{what}: either the orchestrator's code has changed since this instance started, or it depends on \
             something that is not the same in every replay (time, random numbers, the order of a hash map)"
        ),
    )
}
