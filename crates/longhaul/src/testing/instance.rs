//! An instance in a run.

use jiff::Timestamp;

use super::TestError;
use super::run::{Round, TestInstance};
use crate::context::BufferedEvent;
use crate::engine::Limits;
use crate::execution::{Beginning, End, Execution, News};
use crate::failure::Failure;
use crate::history::Event;
use crate::id::{ExecutionId, TaskId};
use crate::json::Json;
use crate::orchestrators::Orchestrators;
use crate::payload::too_large;
use crate::status::RuntimeStatus;

/// An instance, and what it is about to be told.
pub(super) struct Instance {
    pub(super) seen: TestInstance,
    pub(super) beginning: Beginning,
    pub(super) execution: Option<Execution>,
    /// Whether its execution has not had a turn.
    pub(super) begins: bool,
    pub(super) news: Vec<News>,
    /// Who waits for its end.
    pub(super) waiter: Option<Task>,
}

/// A task of an execution.
#[derive(Clone, PartialEq)]
pub(super) struct Task {
    pub(super) instance: usize,
    pub(super) execution: ExecutionId,
    pub(super) id: TaskId,
}

impl Instance {
    pub(super) fn begin(
        beginning: Beginning,
        waiter: Option<Task>,
        orchestrators: &Orchestrators,
    ) -> Result<Self, TestError> {
        let identity = beginning.identity.clone();
        let execution = begun(&beginning, orchestrators)?;
        let seen = TestInstance {
            id: identity.instance,
            name: beginning.name.clone(),
            parent: identity.parent,
            version: identity.version,
            status: RuntimeStatus::Pending,
            end: None,
            custom_status: None,
            rounds: vec![Round { input: beginning.input.clone(), history: Vec::new() }],
            waits_for: Vec::new(),
            began: beginning.at,
            seen: beginning.at,
        };
        Ok(Self { seen, beginning, execution: Some(execution), begins: true, news: Vec::new(), waiter })
    }

    /// Begins a new execution, after continue-as-new.
    pub(super) fn begin_anew(
        &mut self,
        input: Json,
        events: Vec<BufferedEvent>,
        execution: ExecutionId,
        now: Timestamp,
        orchestrators: &Orchestrators,
    ) -> Result<(), TestError> {
        self.seen.rounds.push(Round { input: input.clone(), history: Vec::new() });
        self.seen.custom_status = None;
        self.beginning = Beginning { input, at: now, ..self.beginning.clone() };
        self.beginning.identity.execution = execution;
        self.execution = Some(begun(&self.beginning, orchestrators)?);
        self.begins = true;
        self.news = events.into_iter().map(News::Event).collect();
        Ok(())
    }

    /// Whether it is to have a turn, or has at least to look whether it is.
    pub(super) fn is_told(&self) -> bool {
        self.execution.is_some() && (self.begins || !self.news.is_empty())
    }

    /// Notes what came of a turn.
    pub(super) fn record(&mut self, events: Vec<Event>) {
        let execution = self.execution.as_ref().expect("it has had a turn");
        self.seen.custom_status = execution.custom_status();
        self.seen.status = match execution.is_suspended() {
            true => RuntimeStatus::Suspended,
            false => RuntimeStatus::Running,
        };
        self.seen.rounds.last_mut().expect("an instance has an execution").history.extend(events);
    }

    /// Notes the end.
    pub(super) fn finish(&mut self, end: End, now: Timestamp) {
        let limit = Limits::default().max_payload;
        let (status, end) = match end {
            End::Completed(output) if output.text().len() as u64 > limit => {
                let failure = too_large("the orchestrator's output", output.text().len(), limit);
                (RuntimeStatus::Failed, Err(failure))
            }
            End::Completed(output) => (RuntimeStatus::Completed, Ok(output)),
            End::Failed(failure) => (RuntimeStatus::Failed, Err(failure.bounded())),
            End::Terminated(reason) => (RuntimeStatus::Terminated, Err(Failure::new("Terminated", reason))),
            End::ContinuedAsNew { .. } => unreachable!("it goes on"),
        };
        (self.seen.status, self.seen.end, self.seen.seen) = (status, Some(end), now);
    }

    /// What is to be told to whom, after the end.
    pub(super) fn report(&mut self) -> Option<(Task, Result<Json, Failure>)> {
        let waiter = self.waiter.take()?;
        let end = self.seen.end.clone().expect("it has ended");
        let result = end.map_err(|failure| match self.seen.status {
            RuntimeStatus::Terminated => Failure::new(
                "Terminated",
                format!("the sub-orchestration '{}' was terminated: {}", self.seen.id, failure.message),
            ),
            _ => failure,
        });
        Some((waiter, result))
    }
}

fn begun(beginning: &Beginning, orchestrators: &Orchestrators) -> Result<Execution, TestError> {
    Execution::begin(beginning.clone(), orchestrators).map_err(|missing| TestError::NotRegistered {
        instance: beginning.identity.instance.clone(),
        missing,
    })
}
