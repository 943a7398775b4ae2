//! A run that is prepared: who it is, and what happens to it from outside.

use std::time::Duration;

use serde::Serialize;

use super::TestError;
use super::hub::TestHub;
use super::mock::event;
use super::run::TestRun;
use super::world::World;
use crate::execution::News;
use crate::id::InstanceId;
use crate::json::Json;

/// A run that is prepared: see [`TestHub::start`]. All durations are counted from its start.
#[must_use = "nothing happens until it is run"]
pub struct TestStart<'h, 'a> {
    pub(super) hub: &'h TestHub<'a>,
    pub(super) name: String,
    pub(super) input: Json,
    pub(super) instance: InstanceId,
    pub(super) version: Option<String>,
    pub(super) until: Option<Duration>,
    /// When, to whom, and what.
    pub(super) plan: Vec<(Duration, InstanceId, News)>,
}

impl<'h, 'a> TestStart<'h, 'a> {
    pub(super) fn new(hub: &'h TestHub<'a>, name: &str, input: Json) -> Self {
        let instance = id("test-instance");
        Self { hub, name: name.to_owned(), input, instance, version: None, until: None, plan: Vec::new() }
    }

    /// The instance's id: `test-instance` unless it is set.
    ///
    /// # Panics
    /// If it is no [instance id](InstanceId::new).
    #[track_caller]
    pub fn instance_id(mut self, instance: &str) -> Self {
        let new = id(instance);
        for (_, to, _) in self.plan.iter_mut().filter(|(_, to, _)| *to == self.instance) {
            to.clone_from(&new);
        }
        Self { instance: new, ..self }
    }

    /// The version that the instance is started with: none unless it is set.
    pub fn version(self, version: &str) -> Self {
        Self { version: Some(version.to_owned()), ..self }
    }

    /// The run ends after this at the latest, whatever there is still to happen.
    pub fn until(self, duration: Duration) -> Self {
        Self { until: Some(duration), ..self }
    }

    /// Raises an external event. One that comes after the end is ignored.
    ///
    /// # Panics
    /// If `data` has no JSON form.
    #[track_caller]
    pub fn raise_event_after(self, duration: Duration, name: &str, data: impl Serialize) -> Self {
        self.after(duration, News::Event(event(name, data)))
    }

    /// Raises an external event for another instance: a sub-orchestration that has an id of its own. It must be there.
    ///
    /// # Panics
    /// If `data` has no JSON form, or `instance` is no [instance id](InstanceId::new).
    #[track_caller]
    pub fn raise_event_to_after(
        mut self,
        instance: &str,
        duration: Duration,
        name: &str,
        data: impl Serialize,
    ) -> Self {
        self.plan.push((duration, id(instance), News::Event(event(name, data))));
        self
    }

    /// Suspends the instance.
    pub fn suspend_after(self, duration: Duration, reason: &str) -> Self {
        self.after(duration, News::Suspend(reason.to_owned()))
    }

    /// Resumes the instance.
    pub fn resume_after(self, duration: Duration, reason: &str) -> Self {
        self.after(duration, News::Resume(reason.to_owned()))
    }

    /// Terminates the instance, and with it its sub-orchestrations that are not detached.
    pub fn terminate_after(self, duration: Duration, reason: &str) -> Self {
        self.after(duration, News::Terminate(reason.to_owned()))
    }

    /// Runs until nothing more is to happen.
    ///
    /// # Panics
    /// With a [`TestError`].
    #[track_caller]
    pub fn run(self) -> TestRun {
        match self.try_run() {
            Ok(run) => run,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs until nothing more is to happen.
    ///
    /// # Errors
    /// When an activity or an orchestrator is missing, when one is not deterministic, or when there is no end.
    pub fn try_run(self) -> Result<TestRun, TestError> {
        World::begin(self)?.run()
    }

    fn after(mut self, duration: Duration, news: News) -> Self {
        self.plan.push((duration, self.instance.clone(), news));
        self
    }
}

#[track_caller]
fn id(text: &str) -> InstanceId {
    match InstanceId::new(text) {
        Ok(id) => id,
        Err(error) => panic!("'{text}' is {error}"),
    }
}
