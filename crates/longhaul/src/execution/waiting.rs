//! What an execution waits for, in words.

use super::Execution;
use crate::context::Action;

impl Execution {
    /// What it waits for, for people.
    pub(crate) fn waits_for(&self) -> Vec<String> {
        if self.suspended {
            return vec!["somebody who resumes it".to_owned()];
        }
        let open = self.open.iter().filter_map(|(id, action)| match action {
            Action::Activity { name, .. } => Some(format!("the activity '{name}' (task {id})")),
            Action::Child { child, .. } if child.forgotten => None,
            Action::Child { child, .. } => Some(format!(
                "the sub-orchestration '{}' with the instance id '{}'",
                child.name, child.instance
            )),
            Action::Entity(ask) => Some(match ask.request.operation() {
                Some(operation) => format!("the operation '{operation}' of {}", ask.entity),
                None => format!("the lock of {}", ask.entity),
            }),
            Action::Timer { .. } => None,
        });
        let timers = self.timers.values().map(|at| format!("a timer at {at}"));
        let events = self.context.with(|state| {
            let names = state.events.awaited();
            names.map(|name| format!("the event '{name}'")).collect::<Vec<_>>()
        });
        open.chain(timers).chain(events).collect()
    }
}
