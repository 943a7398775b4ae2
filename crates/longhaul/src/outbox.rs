//! The outbox: telling others what a commit decided that they are to be told.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use crate::child::Order;
use crate::engine::Engine;
use crate::entity::{Caller, EntityId, EntityMessage, Route};
use crate::failure::Failure;
use crate::id::{ExecutionId, InstanceId, InstanceKey};
use crate::inbox::MessageKind;
use crate::kick::{Kicks, TickKick};
use crate::lookup::ReadError;
use crate::payload::Payload;
use crate::platform::{Platform, Stopwatch};
use crate::record::{Head, Outgoing, Parent, Posted, Record};
use crate::store::StoreError;

/// How many messages to others are under way at once.
const POSTS: usize = 64;

/// What a tick knows of the messages in its instance's outbox.
#[derive(Debug, Default)]
pub(crate) struct Posting {
    /// Those under way, by their numbers.
    under_way: BTreeSet<u64>,
    /// Those that are delivered, and not struck off yet.
    delivered: BTreeSet<u64>,
    /// When slots for those to entities were taken.
    since: BTreeMap<u64, Stopwatch>,
    /// Those that came too late into their slots.
    late: BTreeSet<u64>,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Done,
    /// It is to be sent again.
    Failed,
    /// It is to be sent again, in another slot.
    Late,
}

/// A message that is about to be sent.
pub(crate) struct Letter {
    pub(crate) number: u64,
    what: Outgoing,
    since: Option<Stopwatch>,
}

impl Posting {
    /// Messages that may be sent now. An entity gets its messages one after the other, in their order; a
    /// sub-orchestration is ended after it is started.
    pub(crate) fn next(&mut self, outbox: &[Posted], owner: &str) -> Vec<Letter> {
        let mut letters = Vec::new();
        let mut starting: BTreeSet<&InstanceId> = BTreeSet::new();
        let mut written_to: BTreeSet<&EntityId> = BTreeSet::new();
        for Posted { number, what } in outbox {
            if self.under_way.len() >= POSTS {
                break;
            }
            if self.delivered.contains(number) {
                continue;
            }
            let may_go = match what {
                Outgoing::Start { child, .. } => {
                    starting.insert(&child.instance);
                    true
                }
                Outgoing::Terminate { instance, .. } => !starting.contains(instance),
                Outgoing::Entity { entity, route, .. } => {
                    written_to.insert(entity) && self.is_routed(*number, route.as_ref(), owner)
                }
                Outgoing::Result | Outgoing::Answer { .. } => true,
            };
            if may_go && self.under_way.insert(*number) {
                let since = self.since.get(number).copied();
                letters.push(Letter { number: *number, what: what.clone(), since });
            }
        }
        letters
    }

    /// Notes how far a message has come.
    pub(crate) fn heard(&mut self, number: u64, delivery: Delivery) {
        self.under_way.remove(&number);
        match delivery {
            Delivery::Done => drop(self.delivered.insert(number)),
            Delivery::Late => drop(self.late.insert(number)),
            Delivery::Failed => {}
        }
    }

    /// Strikes off what is delivered. Answers whether that is worth a commit by itself: all of it is.
    pub(crate) fn strike_off(&self, outbox: &mut Vec<Posted>) -> bool {
        let had = outbox.len();
        outbox.retain(|posted| !self.delivered.contains(&posted.number));
        had > 0 && outbox.is_empty()
    }

    /// Forgets what is struck off.
    pub(crate) fn forget(&mut self, outbox: &[Posted]) {
        let listed: BTreeSet<_> = outbox.iter().map(|posted| posted.number).collect();
        self.delivered.retain(|number| listed.contains(number));
        self.since.retain(|number, _| listed.contains(number));
    }

    /// Takes slots for messages to entities that have none of this tick's, so that the next commit says which they are:
    /// so many that there is something to send. Answers whether it has taken any.
    pub(crate) async fn route<P: Platform>(
        &mut self,
        engine: &Engine<P>,
        record: &mut Record,
        owner: &str,
    ) -> Result<bool, ReadError> {
        let mut of_entity: BTreeMap<EntityId, Vec<(u64, Option<Route>)>> = BTreeMap::new();
        let mut count = 0;
        for Posted { number, what } in &record.control.outbox {
            let Outgoing::Entity { entity, route, .. } = what else { continue };
            if self.delivered.contains(number) || self.under_way.contains(number) {
                continue;
            }
            count += 1;
            if count > POSTS {
                break;
            }
            // What follows one without a slot needs a later one than that will have.
            if of_entity.contains_key(entity) || !self.is_routed(*number, route.as_ref(), owner) {
                of_entity.entry(entity.clone()).or_default().push((*number, route.clone()));
            }
        }
        let routed = of_entity.into_iter().map(|(entity, messages)| async move {
            let mut routes = Vec::new();
            for (number, old) in messages {
                let since = Stopwatch::start(&engine.platform);
                let route = match old {
                    None => Ok(engine.route(&entity, owner).await?),
                    Some(old) => engine.route_again(old, owner).await?,
                };
                routes.push((number, since, route));
            }
            Ok::<_, ReadError>(routes)
        });
        let routes: Vec<_> = try_join_all(routed).await?.into_iter().flatten().collect();
        let any = !routes.is_empty();
        for (number, since, taken) in routes {
            self.late.remove(&number);
            let Ok(taken) = taken else {
                self.delivered.insert(number);
                continue;
            };
            self.since.insert(number, since);
            let posted = record.control.outbox.iter_mut().find(|posted| posted.number == number);
            if let Some(Posted { what: Outgoing::Entity { route, .. }, .. }) = posted {
                *route = Some(taken);
            }
        }
        Ok(any)
    }

    fn is_routed(&self, number: u64, route: Option<&Route>, owner: &str) -> bool {
        route.is_some_and(|route| route.by == owner) && !self.late.contains(&number)
    }
}

impl<P: Platform> Engine<P> {
    /// Sends a message of the instance at `key`. If that fails, it waits a while.
    pub(crate) async fn send_letter(
        &self,
        key: &InstanceKey,
        head: &Head,
        parent: Option<Parent>,
        letter: Letter,
        kicks: &impl Kicks,
    ) -> Delivery {
        let Letter { what, since, .. } = letter;
        match self.deliver(key, head, parent, what, since, kicks).await {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!("instance {key}: a message to another waits: {error}");
                self.platform.sleep(self.timing.poll).await;
                Delivery::Failed
            }
        }
    }

    /// Delivers a message to another instance. What it was for may be gone; then there is nothing to deliver.
    async fn deliver(
        &self,
        key: &InstanceKey,
        head: &Head,
        parent: Option<Parent>,
        what: Outgoing,
        since: Option<Stopwatch>,
        kicks: &impl Kicks,
    ) -> Result<Delivery, Failure> {
        let failed = |error: ReadError| Failure::new("StoreFailed", error.to_string());
        match what {
            Outgoing::Start { execution, task, step, child, input } => {
                let input = self.value(key, &execution, &input).await.map_err(failed)?;
                let order = Order {
                    parent: (head.id.clone(), key.clone()),
                    version: head.version.clone(),
                    execution,
                    task,
                    step,
                    child,
                    input,
                    rewinds: false,
                };
                // Whether there was one already: nobody waits for it.
                self.start_child(order, kicks).await?;
            }
            Outgoing::Terminate { instance, execution, reason } => {
                self.terminate_child(&instance, execution, reason, kicks).await.map_err(failed)?;
            }
            Outgoing::Result => {
                if let Some(parent) = parent {
                    self.report_to_parent(key, head, parent, kicks).await.map_err(failed)?;
                }
            }
            Outgoing::Answer { caller, execution, result } => {
                self.answer_caller(key, caller, execution, result, kicks).await.map_err(failed)?;
            }
            Outgoing::Entity { execution, message, route, .. } => {
                let (Some(route), Some(since)) = (route, since) else { return Ok(Delivery::Late) };
                let input = self.value(key, &execution, &message.input).await.map_err(failed)?.into();
                let message = EntityMessage { input, ..message };
                let store_failed = |error: StoreError| failed(error.into());
                if !self.deposit(&route, &since, message).await.map_err(store_failed)? {
                    return Ok(Delivery::Late);
                }
                self.kick(&route.key, &TickKick::default(), kicks).await;
            }
        }
        Ok(Delivery::Done)
    }

    /// Tells an orchestrator what an entity answers, unless it has gone on to something else.
    async fn answer_caller(
        &self,
        key: &InstanceKey,
        caller: Caller,
        from: ExecutionId,
        result: Result<Payload, Failure>,
        kicks: &impl Kicks,
    ) -> Result<(), ReadError> {
        let Caller { key: to, execution, task } = caller;
        let Some(stored) = self.read_patiently(&to).await? else { return Ok(()) };
        if stored.record.head.status.is_finished() || stored.record.head.execution != execution {
            return Ok(());
        }
        let what = match result {
            Ok(output) => {
                let output = self.value(key, &from, &output).await?;
                MessageKind::Completed { execution, task, output }
            }
            Err(failure) => MessageKind::Failed { execution, task, failure },
        };
        self.send(&to, what).await?;
        self.kick(&to, &TickKick::default(), kicks).await;
        Ok(())
    }

    /// Has an instance ticked that was just sent something. If the kick is lost, the scheduler finds the message.
    pub(crate) async fn kick(&self, key: &InstanceKey, kick: &TickKick, kicks: &impl Kicks) {
        // It may run right here.
        self.ticking.ring(key);
        if let Err(error) = kicks.tick(key, kick).await {
            tracing::warn!("instance {key} waits for the scheduler: {error}");
        }
    }
}
