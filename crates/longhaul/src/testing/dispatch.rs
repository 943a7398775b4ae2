//! What comes of a turn: calls are answered, sub-orchestrations started, and at its end an instance tells its parent.

use super::TestError;
use super::instance::{Instance, Task};
use super::mock::{Mock, TestCall};
use super::world::{Happening, World};
use crate::context::{Action, Identity};
use crate::engine::Limits;
use crate::execution::{Beginning, End, News};
use crate::failure::Failure;
use crate::history::Child;
use crate::id::TaskId;
use crate::json::Json;
use crate::payload::too_large;
use crate::platform::after;

impl World<'_, '_> {
    /// Does what an instance asked for.
    pub(super) fn dispatch(&mut self, index: usize, id: TaskId) -> Result<(), TestError> {
        let instance = &self.instances[index];
        let action = instance.execution.as_ref().and_then(|execution| execution.action(id)).cloned();
        let task = Task { instance: index, execution: instance.beginning.identity.execution.clone(), id };
        match action {
            Some(Action::Activity { name, input, retry }) => {
                let hub = self.hub;
                let Some(mock) = hub.activities.get(&name) else {
                    let known: Vec<_> = hub.activities.keys().map(String::as_str).collect();
                    let (instance, known) = (instance.seen.id.clone(), known.join(", "));
                    return Err(TestError::NoActivity { name, input, instance, known });
                };
                self.answer(
                    mock,
                    TestCall::new(&name, input, retry, instance.seen.id.clone(), self.now),
                    Some(task),
                );
                Ok(())
            }
            Some(Action::Child { child, input }) => self.start_child(task, child, input),
            Some(Action::Timer { .. } | Action::Entity(_)) | None => Ok(()),
        }
    }

    /// Has a closure answer a call.
    fn answer(&mut self, mock: &Mock<'_>, call: TestCall<Json>, task: Option<Task>) {
        let (result, effects) = mock.call(&call);
        let limit = Limits::default().max_payload;
        let result = match result.map_err(Failure::bounded) {
            Ok(output) if output.text().len() as u64 > limit => {
                Err(too_large(&format!("the output of '{}'", call.name), output.text().len(), limit))
            }
            result => result,
        };
        for (duration, event) in effects.events {
            let to = call.instance_id.clone();
            self.decide(after(self.now, duration), Happening::Outside(to, News::Event(event)));
        }
        if let Some(task) = task {
            self.decide(after(self.now, effects.takes), Happening::Result(task, result));
        }
        self.calls.push(call);
    }

    fn start_child(&mut self, task: Task, child: Child, input: Json) -> Result<(), TestError> {
        let parent = self.instances[task.instance].beginning.identity.clone();
        let waiter = (!child.forgotten).then(|| task.clone());
        if let Some(mock) = self.hub.children.get(&child.name) {
            let call = TestCall::new(&child.name, input, child.retry, parent.instance, self.now);
            self.answer(mock, call, waiter);
            return Ok(());
        }
        let taken = |instance: &Instance| instance.seen.id == child.instance && instance.execution.is_some();
        if self.instances.iter().any(taken) {
            let failure = Failure::new(
                "OrchestrationAlreadyExists",
                format!(
                    "an orchestration with the instance id '{}' exists and has not finished",
                    child.instance
                ),
            );
            // For one that is only started that is no failure.
            if waiter.is_some() {
                self.decide(self.now, Happening::Result(task, Err(failure)));
            }
            return Ok(());
        }
        let identity = Identity {
            instance: child.instance,
            execution: self.new_execution(),
            version: child.version.or(parent.version),
            parent: Some(parent.instance),
            max_payload: parent.max_payload,
        };
        self.add(Beginning { identity, name: child.name, input, at: self.now }, waiter)
    }

    /// The end of an execution. `asked` is what it has asked for in the very turn, which is not dispatched yet.
    pub(super) fn end(&mut self, index: usize, end: End, asked: &[TaskId]) -> Result<(), TestError> {
        self.check(index, Some(&end))?;
        let execution = self.instances[index].execution.take().expect("it was just there");
        if matches!(end, End::Terminated(_)) {
            self.release_locks(index)?;
        }
        let terminated = match &end {
            End::Terminated(reason) => Some(reason.clone()),
            _ => None,
        };
        for (id, action) in execution.open_from(TaskId(0)) {
            let Action::Child { child, input } = action else { continue };
            let execution = self.instances[index].beginning.identity.execution.clone();
            let task = Task { instance: index, execution, id };
            match (&terminated, asked.contains(&id)) {
                // Whatever was asked for is started; activities are not.
                (None, true) => self.start_child(task, child.clone(), input.clone())?,
                (Some(reason), false) if !child.detached => self.terminate(&task, reason),
                _ => {}
            }
        }
        if let End::ContinuedAsNew { input, events } = end {
            let execution = self.new_execution();
            let instance = &mut self.instances[index];
            return instance.begin_anew(input, events, execution, self.now, &self.hub.orchestrators);
        }
        let instance = &mut self.instances[index];
        instance.finish(end, self.now);
        if let Some((waiter, result)) = instance.report() {
            self.decide(self.now, Happening::Result(waiter, result));
        }
        Ok(())
    }

    /// Terminates the instance that `task` waits for.
    fn terminate(&mut self, task: &Task, reason: &str) {
        let mut instances = self.instances.iter_mut();
        if let Some(child) = instances.find(|instance| instance.waiter.as_ref() == Some(task)) {
            child.news.push(News::Terminate(reason.to_owned()));
        }
    }
}
