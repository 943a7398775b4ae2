//! The tick of an entity: takes messages, has operations carried out, commits what comes of them, and tells others.
//!
//! While it has operations carried out it holds no lease: should another process do the same, one of the two commits
//! first, and the other's work is lost. So an entity that nobody waits for costs one write for all messages that are
//! there. It holds one while it has others to tell.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{self, Either, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, pin_mut};
use jiff::Timestamp;

use super::control::Accepted;
use super::message::{EntityMessage, EntityRequest};
use super::wire::{EntityAction, EntityBatch, EntityOperation, EntityOutcome, OperationResult};
use super::{Caller, EntityId};
use crate::activity::{Activities, NoAnswer};
use crate::bell::Entered;
use crate::commit::{CommitError, WakeEntry};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::history::Child;
use crate::id::{InstanceKey, TaskId};
use crate::inbox::{Holes, MessageKind};
use crate::json::Json;
use crate::kick::{Kicks, TickKick};
use crate::lookup::{ReadError, Stored};
use crate::outbox::{Delivery, Posting};
use crate::payload::Payload;
use crate::platform::{Platform, Stopwatch, after, until};
use crate::record::{Outgoing, Record, Run};
use crate::stage::Stage;
use crate::store::StoreError;
use crate::tick::{Surroundings, Ticked, post};

/// About how many operations are carried out together.
const MOST: usize = 256;

struct EntityTick<'a, P, A, K> {
    around: Surroundings<'a, P, A, K>,
    entered: Entered,
    key: InstanceKey,
    entity: EntityId,
    owner: String,
    stored: Stored,
    stage: Stage,
    holes: Holes,
    posting: Posting,
    running: FuturesUnordered<LocalBoxFuture<'a, (u64, Delivery)>>,
    /// How often in a row the entities component gave no answer.
    failures: u32,
}

/// What one round will commit.
struct Plan {
    now: Timestamp,
    next: Record,
    changed: bool,
}

impl<P: Platform> Engine<P> {
    /// Advances the entity in `stored`, if it is time and nobody else does.
    pub(crate) async fn tick_entity<A: Activities, K: Kicks>(
        &self,
        key: &InstanceKey,
        kick: &TickKick,
        stored: Stored,
        around: Surroundings<'_, P, A, K>,
    ) -> Result<Ticked, CommitError> {
        if self.ticking.ring(key) {
            return Ok(Ticked::Busy);
        }
        let control = &stored.record.control;
        let now = self.platform.now();
        match &control.lease {
            Some(lease) if lease.is_live(now) => {
                if kick.abandoned_before.is_none_or(|start| lease.granted >= start) {
                    return Ok(Ticked::Busy);
                }
            }
            Some(_) => {}
            None if stored.record.need().is_some_and(|need| need <= now) => {}
            None if self.messages_sent(key).await? > control.inbox.read => {}
            None => return Ok(Ticked::NotDue),
        }
        let Ok(entity) = stored.record.head.id.as_str().parse::<EntityId>() else {
            return Ok(Ticked::Nothing);
        };
        let Some(entered) = self.ticking.enter(key, false) else { return Ok(Ticked::Refused) };
        let owner = self.nonce();
        let mut tick = EntityTick {
            around,
            entered,
            key: key.clone(),
            entity,
            stage: Stage::new(&owner),
            owner,
            stored,
            holes: Holes::new(),
            posting: Posting::default(),
            running: FuturesUnordered::new(),
            failures: 0,
        };
        tick.run().await
    }
}

impl<P: Platform, A: Activities, K: Kicks> EntityTick<'_, P, A, K> {
    async fn run(&mut self) -> Result<Ticked, CommitError> {
        loop {
            let plan = match self.round().await? {
                Ok(plan) => plan,
                Err(NoAnswer(why)) => {
                    self.failures += 1;
                    let pause = self.around.engine.timing.pause_after(self.failures);
                    tracing::warn!("{}: no answer: {why}", self.entity);
                    self.around.engine.platform.sleep(pause).await;
                    continue;
                }
            };
            self.failures = 0;
            let keeps = plan.next.control.lease.is_some();
            if plan.changed {
                self.commit(plan.next).await?;
            }
            self.post();
            if keeps {
                self.wait().await;
            } else if !self.has_more().await? {
                return Ok(Ticked::Waiting);
            }
        }
    }

    /// One round: what is new, and what comes of it. Nothing of it has happened until it is committed.
    async fn round(&mut self) -> Result<Result<Plan, NoAnswer>, CommitError> {
        let engine = self.around.engine;
        let mut plan = Plan { now: engine.platform.now(), next: self.stored.record.clone(), changed: false };
        plan.next.control.owner.clone_from(&self.owner);
        let mut inbox = plan.next.control.inbox.clone();
        let messages = engine.take_messages(&self.key, &mut inbox, &mut self.holes).await?;
        plan.changed |= inbox != plan.next.control.inbox;
        plan.next.control.inbox = inbox;
        let messages = messages.into_iter().filter_map(|message| match message.what {
            MessageKind::Entity(message) => Some(message),
            _ => None,
        });
        plan.changed |= self.posting.strike_off(&mut plan.next.control.outbox);
        // After a batch that had no answer one by one: so what brings the component down is found.
        let most = if self.failures > 0 { 1 } else { MOST };
        let control = plan.next.control.entity.get_or_insert_default();
        let had = control.clone();
        let Accepted { operations, granted } = control.accept(messages.collect(), plan.now, most);
        plan.changed |= had != *control;
        for caller in granted {
            self.answer(&mut plan.next, caller, Ok(Json::null()));
        }
        if !operations.is_empty() {
            plan.changed = true;
            let batch = self.batch(&plan.next, &operations).await?;
            let outcome = match self.carried_out(&batch).await {
                Err(_) if operations.len() == 1 && self.failures >= engine.timing.max_failures => {
                    gave_up(&batch, self.failures)
                }
                Err(no_answer) => return Ok(Err(no_answer)),
                Ok(outcome) => outcome,
            };
            self.apply(&mut plan, operations, outcome);
        }
        self.tidy(&mut plan.next);
        plan.changed |= self.posting.route(engine, &mut plan.next, &self.owner).await?;
        self.decide_lease(&mut plan);
        Ok(Ok(plan))
    }

    /// What the entities component is asked.
    async fn batch(&self, record: &Record, operations: &[EntityMessage]) -> Result<EntityBatch, ReadError> {
        let (engine, head) = (self.around.engine, &record.head);
        let state = match &head.output {
            Some(state) => Some(engine.value(&self.key, &head.execution, state).await?),
            None => None,
        };
        let mut asked = Vec::with_capacity(operations.len());
        for message in operations {
            asked.push(EntityOperation {
                operation: message.request.operation().unwrap_or_default().to_owned(),
                input: engine.value(&self.key, &head.execution, &message.input).await?,
                is_signal: message.caller.is_none(),
            });
        }
        let (entity_id, seed) = (self.entity.clone(), engine.nonce());
        let max_payload = engine.limits.max_payload;
        Ok(EntityBatch { entity_id, state, operations: asked, seed, max_payload })
    }

    /// Has a batch carried out, and waits no longer for it than for a silent activity.
    async fn carried_out(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        let engine = self.around.engine;
        let limit = engine.timing.activity_silence;
        let (outcome, too_long) = (self.around.activities.entity(batch), engine.platform.sleep(limit));
        pin_mut!(outcome, too_long);
        match future::select(outcome, too_long).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(NoAnswer(format!("silence for {limit:?}"))),
        }
    }

    /// Takes in what came of operations.
    fn apply(&mut self, plan: &mut Plan, operations: Vec<EntityMessage>, outcome: EntityOutcome) {
        let next = &mut plan.next;
        next.head.updated = plan.now;
        next.head.output = outcome.state.map(Payload::Inline);
        for (EntityMessage { request, caller, .. }, result) in operations.into_iter().zip(outcome.results) {
            let result = match result {
                OperationResult::Output(output) => Ok(output),
                OperationResult::Error(failure) => Err(failure),
            };
            match (caller, result) {
                (Some(caller), result) => self.answer(next, caller, result),
                (None, Err(failure)) => {
                    let operation = request.operation().unwrap_or_default();
                    tracing::warn!("{}: the signal '{operation}' failed: {failure}", self.entity);
                }
                (None, Ok(_)) => {}
            }
        }
        for action in outcome.actions {
            let execution = next.head.execution.clone();
            match action {
                EntityAction::Signal { entity_id, operation, input, due } => {
                    let request = EntityRequest::Signal { operation, due };
                    let message =
                        EntityMessage { request, input: Payload::Inline(input), caller: None, section: None };
                    post(next, Outgoing::Entity { entity: entity_id, execution, message, route: None });
                }
                EntityAction::Start { name, instance_id, input } => {
                    let child = Child {
                        name,
                        instance: instance_id,
                        version: None,
                        detached: true,
                        forgotten: true,
                        retry: 0,
                    };
                    // A number that no other start of this entity has.
                    let task = TaskId(next.control.posted);
                    let (step, input) = (next.control.step, Payload::Inline(input));
                    post(next, Outgoing::Start { execution, task, step, child, input });
                }
            }
        }
    }

    fn answer(&self, next: &mut Record, caller: Caller, result: Result<Json, Failure>) {
        let execution = next.head.execution.clone();
        let result = result.map(Payload::Inline).map_err(Failure::bounded);
        post(next, Outgoing::Answer { caller, execution, result });
    }

    /// Gives long values keys of their own, and lists as garbage those that nothing refers to any more.
    fn tidy(&mut self, next: &mut Record) {
        let (hub, execution) = (&self.around.engine.hub, next.head.execution.clone());
        let mut has = BTreeSet::new();
        for payload in payloads(next) {
            self.stage.payload_of(hub, &self.key, &execution, &mut Vec::new(), payload);
            has.extend(payload.stored().and_then(|stored| parsed(&stored.name)));
        }
        let had: BTreeSet<_> = names(&std::mem::take(&mut next.control.payloads)).collect();
        for (writer, number) in &has {
            Run::add(&mut next.control.payloads, writer, *number);
        }
        let stem = hub.payload(&self.key, &execution, "");
        for (writer, number) in had.difference(&has) {
            Run::add(&mut next.control.garbage, &format!("{stem}{writer}."), *number);
        }
    }

    /// Keeps the lease while there are others to tell, and while a message may come into a hole.
    fn decide_lease(&self, plan: &mut Plan) {
        let engine = self.around.engine;
        let control = &mut plan.next.control;
        let keeps = !control.outbox.is_empty() || !control.inbox.holes.is_empty();
        let renew = control.lease.as_ref().map(|lease| after(lease.granted, engine.timing.lease / 3));
        plan.changed |= match keeps {
            true => renew.is_none_or(|at| at <= plan.now),
            false => control.lease.is_some(),
        };
        match (keeps, plan.changed) {
            (true, true) => control.lease = Some(engine.lease()),
            (true, false) => {}
            (false, _) => control.lease = None,
        }
    }

    async fn commit(&mut self, mut next: Record) -> Result<(), CommitError> {
        let engine = self.around.engine;
        engine.sweep(&self.key, &self.stored.record.control, &mut next).await;
        self.stage.flush(engine).await?;
        next.control.epoch += 1;
        next.control.step += 1;
        let watch = Stopwatch::start(&engine.platform);
        loop {
            let replaced =
                engine.overwrite(&self.key, &self.stored, next.clone(), WakeEntry::Keep, &self.owner).await?;
            if let Some(held) = replaced {
                self.stored = held.stored;
                self.posting.forget(&self.stored.record.control.outbox);
                return Ok(());
            }
            let Some(found) = engine.read_patiently(&self.key).await? else { return Err(CommitError::Lost) };
            let (old, now) = (&self.stored.record.control, &found.record.control);
            if (old.epoch, old.step) != (now.epoch, now.step) {
                return Err(CommitError::Lost);
            }
            // Only a fence has come in between.
            self.stored = found;
            engine.pause_unless_over(&watch, StoreError("the entity changes all the time".into())).await?;
        }
    }

    /// Sends what is in the outbox.
    fn post(&mut self) {
        let Record { head, control, .. } = &self.stored.record;
        for letter in self.posting.next(&control.outbox, &self.owner) {
            let (around, number) = (self.around, letter.number);
            let (key, head) = (self.key.clone(), head.clone());
            let sent = async move {
                (number, around.engine.send_letter(&key, &head, None, letter, around.kicks).await)
            };
            self.running.push(sent.boxed_local());
        }
    }

    /// Waits until something is delivered, somebody writes, or the lease is to be renewed.
    async fn wait(&mut self) {
        let engine = self.around.engine;
        let lease = self.stored.record.control.lease.as_ref();
        let renew =
            lease.map(|lease| until(engine.platform.now(), after(lease.granted, engine.timing.lease / 3)));
        let pause = renew.unwrap_or_default().min(engine.timing.inbox_poll).max(Duration::from_millis(1));
        let sleep = engine.platform.sleep(pause);
        let bell = self.entered.bell.rung();
        pin_mut!(sleep, bell);
        let interrupted = future::select(sleep, bell);
        if self.running.is_empty() {
            interrupted.await;
            return;
        }
        let mut heard = match future::select(self.running.next(), interrupted).await {
            Either::Left((heard, _)) => heard,
            Either::Right(_) => None,
        };
        while let Some((number, delivery)) = heard {
            self.posting.heard(number, delivery);
            heard = self.running.next().now_or_never().flatten();
        }
    }

    /// Whether there is something to do again, now that the lease is given up.
    async fn has_more(&self) -> Result<bool, StoreError> {
        let engine = self.around.engine;
        let record = &self.stored.record;
        Ok(record.need().is_some_and(|need| need <= engine.platform.now())
            || engine.messages_sent(&self.key).await? > record.control.inbox.read
            || self.entered.bell.was_rung())
    }
}

/// The values to which an entity's record refers.
fn payloads(record: &mut Record) -> impl Iterator<Item = &mut Payload> {
    let control = &mut record.control;
    let entity = control.entity.as_mut();
    let waiting =
        entity.into_iter().flat_map(|entity| entity.waiting.iter_mut().chain(entity.scheduled.iter_mut()));
    let outbox = control.outbox.iter_mut().filter_map(|posted| match &mut posted.what {
        Outgoing::Entity { message, .. } => Some(&mut message.input),
        Outgoing::Start { input, .. } => Some(input),
        Outgoing::Answer { result: Ok(output), .. } => Some(output),
        _ => None,
    });
    record.head.output.as_mut().into_iter().chain(waiting.map(|message| &mut message.input)).chain(outbox)
}

fn names(runs: &[Run]) -> impl Iterator<Item = (String, u64)> {
    runs.iter().flat_map(|run| run.numbers().map(|number| (run.stem.clone(), number)))
}

/// The writer in the name of a value, and its number.
fn parsed(name: &str) -> Option<(String, u64)> {
    let (writer, number) = name.rsplit_once('.')?;
    Some((writer.to_owned(), number.parse().ok()?))
}

/// What comes of an operation that the entities component never answers.
fn gave_up(batch: &EntityBatch, times: u32) -> EntityOutcome {
    let failure = Failure::new(
        "EntityUnavailable",
        format!(
            "the entities component gave no answer to '{}' of {}, {times} times in a row; its log says more",
            batch.operations[0].operation, batch.entity_id
        ),
    );
    EntityOutcome {
        state: batch.state.clone(),
        results: vec![OperationResult::Error(failure)],
        actions: Vec::new(),
    }
}
