//! One step: takes in what is new, lets the orchestrator take its turn if there is anything for it, commits, and then
//! dispatches.

use jiff::Timestamp;

use super::dispatch::Answer;
use super::entities::post_messages;
use super::news::news_of;
use super::run::Mail;
use super::{Tick, Ticked};
use crate::activity::Activities;
use crate::commit::{CommitError, WakeEntry};
use crate::context::Action;
use crate::engine::Engine;
use crate::execution::{News, Turn};
use crate::id::{InstanceKey, TaskId};
use crate::inbox::MessageKind;
use crate::json::Json;
use crate::kick::Kicks;
use crate::platform::{Platform, after, until};
use crate::record::{Control, Record, Task};
use crate::stage::keys;
use crate::status::RuntimeStatus;

/// Deletes taken messages when there are so many.
const INBOX_SWEEP: u64 = 64;

/// What a step will commit, and then do.
pub(super) struct Plan {
    pub(super) now: Timestamp,
    pub(super) next: Record,
    pub(super) news: Vec<News>,
    /// To be dispatched, or dispatched again.
    pub(super) dispatch: Vec<TaskId>,
    /// Whether there is anything to commit.
    pub(super) changed: bool,
    /// Whether the instance has come closer to its end: then it is no poison.
    pub(super) progressed: bool,
    pub(super) end: Option<Ticked>,
}

impl<P: Platform, A: Activities, K: Kicks> Tick<'_, P, A, K> {
    /// Takes a step, and answers how the tick ends, if it does.
    pub(super) async fn step(
        &mut self,
        answers: Vec<Answer>,
        mail: Mail,
    ) -> Result<Option<Ticked>, CommitError> {
        let now = self.around.engine.platform.now();
        let mut plan = Plan {
            now,
            next: self.held.record().clone(),
            news: Vec::new(),
            dispatch: Vec::new(),
            changed: false,
            progressed: false,
            end: None,
        };
        plan.next.control.owner.clone_from(&self.owner);
        plan.changed |= plan.next.control.inbox != mail.inbox;
        plan.next.control.inbox = mail.inbox;
        self.take_reports(&mut plan);
        for answer in answers {
            self.take_answer(answer, &mut plan);
        }
        self.take_messages(mail.messages, &mut plan);
        if self.progress.is_some() {
            plan.next.head.progress = self.progress.clone().and_then(Json::unless_null);
        }
        // Struck off all together, or with whatever else there is to commit: the record may be a long one.
        plan.changed |= self.posting.strike_off(&mut plan.next.control.outbox);
        self.turn(&mut plan).await?;
        plan.changed |= self.posting.route(self.around.engine, &mut plan.next, &self.owner).await?;
        self.schedule(&mut plan);
        let keeps = self.decide_lease(&mut plan);
        if !plan.changed {
            self.post();
            return Ok(None);
        }
        if plan.progressed {
            plan.next.control.strikes = 0;
            plan.next.head.waits_for = None;
        }
        let engine = self.around.engine;
        engine.sweep(&self.held.key, &self.held.record().control, &mut plan.next).await;
        self.stage.flush(self.around.engine).await?;
        if plan.next.control.outbox.is_empty() {
            let later = std::mem::take(&mut plan.next.control.later);
            plan.next.control.garbage.extend(later);
        }
        self.around.engine.commit(&mut self.held, plan.next, WakeEntry::Keep).await?;
        self.progress = None;
        self.posting.forget(&self.held.record().control.outbox);
        for id in plan.dispatch {
            self.dispatch(id);
        }
        self.post();
        Ok(match (plan.end, keeps) {
            (_, true) => None,
            (Some(end), false) => Some(end),
            (None, false) if self.execution.is_none() => Some(Ticked::Finished),
            (None, false) => Some(Ticked::Waiting),
        })
    }

    /// Lets the orchestrator take its turn, if there is anything new for it.
    async fn turn(&mut self, plan: &mut Plan) -> Result<(), CommitError> {
        let begun = self.has_begun(self.held.record(), plan.now);
        let Some(execution) = &mut self.execution else { return Ok(()) };
        let mut news = std::mem::take(&mut plan.news);
        let begins = begun && execution.is_new();
        if begun {
            let carried = std::mem::take(&mut plan.next.control.carried);
            let mut earlier = Vec::new();
            for mut message in carried {
                if let MessageKind::Event { data, .. } = &mut message.what {
                    let head = &plan.next.head;
                    *data = self.around.engine.value(&self.held.key, &head.execution, data).await?.into();
                }
                earlier.extend(news_of(message, &plan.next));
            }
            news.splice(0..0, earlier);
        }
        // A sub-orchestration may have ended before it is known here that it was started.
        for task in news.iter().filter_map(News::task) {
            plan.drop_task(&self.around.engine.hub, &self.held.key, task);
        }
        let minds = news.iter().any(|news| execution.minds(news));
        let fires = begun && execution.next_timer().is_some_and(|at| at <= plan.now);
        if !minds && !begins && !fires && !execution.has_ended() {
            return Ok(());
        }
        let Turn { events, messages, end } = execution.turn(plan.now, news);
        plan.changed = true;
        plan.progressed = true;
        let (engine, key) = (self.around.engine, &self.held.key);
        post_messages(&mut self.stage, &engine.hub, key, &mut plan.next, messages);
        self.stage.events(&engine.hub, key, &mut plan.next, events, engine.limits.segment);
        let next = &mut plan.next;
        next.head.custom_status = execution.custom_status();
        next.head.updated = plan.now;
        next.control.suspended = execution.is_suspended();
        next.head.status = match execution.is_suspended() {
            true => RuntimeStatus::Suspended,
            false => RuntimeStatus::Running,
        };
        if next.control.tasks.is_empty() {
            next.head.progress = None;
        }
        if let Some(end) = end {
            self.end(plan, end).await?;
        }
        Ok(())
    }

    /// Decides what is to be dispatched: tasks whose time has come, and new ones as far as there is room.
    fn schedule(&mut self, plan: &mut Plan) {
        let Some(execution) = &self.execution else { return };
        let control = &mut plan.next.control;
        control.timer = execution.next_timer();
        if control.suspended {
            return;
        }
        let most = self.around.engine.limits.in_flight;
        let mut in_flight = control.tasks.values().filter(|task| task.retry_at.is_none()).count();
        for (id, task) in &mut control.tasks {
            if task.retry_at.is_some_and(|at| at <= plan.now) && in_flight < most {
                task.attempt += 1;
                task.retry_at = None;
                in_flight += 1;
                plan.dispatch.push(*id);
            }
        }
        let room = most.saturating_sub(control.tasks.len());
        // What entities are asked stands in the outbox.
        let tasks = execution
            .open_from(control.undispatched)
            .filter(|(_, action)| !matches!(action, Action::Entity(_)));
        for (id, action) in tasks.take(room) {
            debug_assert!(!matches!(action, Action::Timer { .. }), "timers are not open tasks");
            control.tasks.insert(id, Task { attempt: 1, ..Task::default() });
            control.undispatched = TaskId(id.0 + 1);
            plan.dispatch.push(id);
        }
        plan.changed |= !plan.dispatch.is_empty();
    }

    /// Gives up the lease when nothing is under way or about to be. Answers whether it is kept.
    fn decide_lease(&mut self, plan: &mut Plan) -> bool {
        let engine = self.around.engine;
        let begins = self.is_about_to_begin(&plan.next, plan.now);
        let expects_answers = self.expects_answers(&plan.next, plan.now);
        let control = &mut plan.next.control;
        // Also what is yet to be set going again, after a takeover.
        let dispatched = control.tasks.values().any(|task| task.retry_at.is_none()) && !control.suspended;
        let under_way = dispatched || !self.calls.is_empty() || !self.running.is_empty() || begins;
        let has_holes = !control.inbox.holes.is_empty();
        let busy = (self.execution.is_some() && (under_way || has_holes))
            || !plan.dispatch.is_empty()
            || !control.outbox.is_empty();
        let retries = control.tasks.values().filter_map(|task| task.retry_at).min();
        let next = retries.into_iter().chain(control.timer).min().filter(|_| !control.suspended);
        let soon = next.is_some_and(|at| until(plan.now, at) <= engine.timing.hold);
        let keeps = busy || (soon && self.execution.is_some()) || expects_answers;
        let renewed = control.lease.as_ref().map(|lease| after(lease.granted, engine.timing.lease / 3));
        plan.changed |= !keeps || renewed.is_none_or(|at| at <= plan.now);
        control.lease = keeps.then(|| engine.lease());
        keeps
    }
}

impl<P: Platform> Engine<P> {
    /// Deletes what the record as it is committed needs no more. What cannot be deleted now is, the next time.
    pub(crate) async fn sweep(&self, key: &InstanceKey, committed: &Control, next: &mut Record) {
        let mut rubbish = keys(&committed.garbage);
        let inbox = &committed.inbox;
        // What may still come into a hole is not taken yet.
        let taken = inbox.holes.first().map_or(inbox.read, |hole| hole - 1);
        let sweeps_inbox = taken.saturating_sub(inbox.deleted) >= INBOX_SWEEP;
        if sweeps_inbox {
            rubbish.extend((inbox.deleted + 1..=taken).map(|slot| self.hub.message(key, slot)));
        }
        if rubbish.is_empty() || self.delete_all(rubbish).await.is_err() {
            return;
        }
        next.control.garbage.drain(..committed.garbage.len());
        if sweeps_inbox {
            next.control.inbox.deleted = taken;
        }
    }
}
