//! Checking that code replays a history, with no effect on anything.

use crate::engine::Engine;
use crate::execution::Execution;
use crate::failure::Failure;
use crate::history::Event;
use crate::id::InstanceId;
use crate::json::Json;
use crate::lookup::ReadError;
use crate::orchestrators::{NotRegistered, Orchestrators};
use crate::platform::Platform;
use crate::record::{Head, UnreadableRecord};
use crate::status::RuntimeStatus;

impl<P: Platform> Engine<P> {
    /// Replays the history of the instance `id` with `orchestrators`, and answers how they differ from it, if they do.
    /// Nothing is changed.
    ///
    /// # Errors
    /// When there is no such instance, it cannot be read, or no function is registered for it.
    pub async fn check_replay(
        &self,
        id: &InstanceId,
        orchestrators: &Orchestrators,
    ) -> Result<Option<Failure>, ReadError> {
        let missing = || UnreadableRecord::Missing(format!("the instance '{id}'"));
        let found = self.lookup(id).await?.ok_or_else(missing)?;
        let stored = self.read_patiently(&found.key).await?.ok_or_else(missing)?;
        let (key, record) = (&found.key, &stored.record);
        let mut execution = self.replay(key, record, orchestrators).await?;
        let output = match &record.head.output {
            Some(output) => Some(self.value(key, &record.head.execution, output).await?),
            None => None,
        };
        check_end(&mut execution, &record.head, output.as_ref());
        Ok(execution.mismatch().cloned())
    }

    /// Replays `history`, all of whose values are at hand, as that of an instance with this head and input.
    ///
    /// # Errors
    /// When no function is registered for it.
    pub fn check_history(
        &self,
        head: &Head,
        input: Json,
        output: Option<&Json>,
        history: Vec<Event>,
        orchestrators: &Orchestrators,
    ) -> Result<Option<Failure>, NotRegistered> {
        let mut execution = Execution::begin(self.beginning_with(head, input), orchestrators)?;
        history.into_iter().for_each(|event| execution.follow(event));
        execution.caught_up();
        check_end(&mut execution, head, output);
        Ok(execution.mismatch().cloned())
    }
}

/// Whether what has ended ends so. Of an instance that was ended from outside, or by the engine, the code knows nothing.
fn check_end(execution: &mut Execution, head: &Head, output: Option<&Json>) {
    match head.status {
        RuntimeStatus::Completed => execution.check_end(output),
        RuntimeStatus::Failed if execution.is_at_its_end() => execution.check_end(None),
        _ => {}
    }
}
