//! A run in progress: instances, a virtual clock, and what is going to happen.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::TestError;
use super::check::check;
use super::entities::TestEntity;
use super::hub::TestHub;
use super::instance::{Instance, Task};
use super::mock::TestCall;
use super::run::TestRun;
use super::start::TestStart;
use crate::context::Identity;
use crate::engine::Limits;
use crate::entity::EntityId;
use crate::execution::{Beginning, End, Execution, News, Turn};
use crate::failure::Failure;
use crate::id::{ExecutionId, InstanceId};
use crate::json::Json;
use crate::platform::after;

/// After so many turns a run is taken for endless.
const MOST_TURNS: usize = 100_000;

pub(super) struct World<'h, 'a> {
    pub(super) hub: &'h TestHub<'a>,
    pub(super) now: Timestamp,
    until: Option<Timestamp>,
    pub(super) instances: Vec<Instance>,
    /// What is going to happen, by time, and then in the order in which it was decided.
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    decided: u64,
    pub(super) calls: Vec<TestCall<Json>>,
    executions: u64,
    pub(super) turns: usize,
    pub(super) entities: BTreeMap<EntityId, TestEntity>,
}

/// Something that is going to happen.
pub(super) enum Happening {
    Result(Task, Result<Json, Failure>),
    Outside(InstanceId, News),
    Entity(EntityId),
}

impl<'h, 'a> World<'h, 'a> {
    pub(super) fn begin(start: TestStart<'h, 'a>) -> Result<Self, TestError> {
        let TestStart { hub, name, input, instance, version, until, plan } = start;
        let now = hub.begin;
        let mut world = Self {
            hub,
            now,
            until: until.map(|duration| after(now, duration)),
            instances: Vec::new(),
            agenda: BTreeMap::new(),
            decided: 0,
            calls: Vec::new(),
            executions: 0,
            turns: 0,
            entities: BTreeMap::new(),
        };
        for (duration, to, news) in plan {
            world.decide(after(now, duration), Happening::Outside(to, news));
        }
        let identity = Identity {
            instance,
            execution: world.new_execution(),
            version,
            parent: None,
            max_payload: Limits::default().max_payload,
        };
        world.add(Beginning { identity, name, input, at: now }, None)?;
        Ok(world)
    }

    pub(super) fn run(mut self) -> Result<TestRun, TestError> {
        while let Some(next) = self.next() {
            if let Some(until) = self.until.filter(|until| *until < next) {
                self.now = until;
                break;
            }
            self.now = next;
            self.hand_out()?;
            let mut index = 0;
            while index < self.instances.len() {
                self.turn(index)?;
                index += 1;
            }
        }
        for index in 0..self.instances.len() {
            self.leave(index)?;
        }
        let instances = self.instances.into_iter().map(|instance| instance.seen).collect();
        let states = self.entities.into_iter().map(|(id, entity)| (id, entity.state));
        Ok(TestRun { instances, calls: self.calls, states: states.collect() })
    }

    /// When something happens next.
    fn next(&self) -> Option<Timestamp> {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let own = self.instances.iter().filter_map(|instance| match instance.is_told() {
            true => Some(self.now),
            false => instance.execution.as_ref().and_then(Execution::next_timer),
        });
        // A timer may be in the past; the clock does not go back.
        planned.into_iter().chain(own).min().map(|at| at.max(self.now))
    }

    /// Tells the instances what is planned for now.
    fn hand_out(&mut self) -> Result<(), TestError> {
        while let Some(entry) = self.agenda.first_entry()
            && entry.key().0 <= self.now
        {
            match entry.remove() {
                Happening::Result(Task { instance, execution, id }, result) => {
                    let instance = &mut self.instances[instance];
                    // What an earlier execution asked for is nothing to this one.
                    if instance.beginning.identity.execution == execution {
                        instance.news.push(News::Result(id, result));
                    }
                }
                Happening::Entity(id) => self.tell_entity(id, Vec::new())?,
                Happening::Outside(id, news) => {
                    let found = self.instances.iter_mut().rev().find(|instance| instance.seen.id == id);
                    match found {
                        Some(instance) => instance.news.push(news),
                        None => return Err(TestError::NoInstance { id, known: self.known() }),
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets an instance take its turn, if there is anything for it.
    fn turn(&mut self, index: usize) -> Result<(), TestError> {
        let instance = &mut self.instances[index];
        let news = std::mem::take(&mut instance.news);
        let Some(execution) = &mut instance.execution else { return Ok(()) };
        let fires = execution.next_timer().is_some_and(|at| at <= self.now);
        if !instance.begins && !fires && !news.iter().any(|news| execution.minds(news)) {
            return Ok(());
        }
        instance.begins = false;
        let Turn { events, messages, end } = execution.turn(self.now, news);
        let asked: Vec<_> = events.iter().filter_map(|event| event.event.asks_for()).collect();
        instance.record(events);
        let id = instance.seen.id.clone();
        self.count_turn(id)?;
        self.send_to_entities(index, messages)?;
        match end {
            Some(end) => self.end(index, end, &asked),
            None => asked.into_iter().try_for_each(|id| self.dispatch(index, id)),
        }
    }

    /// What is to be said of an instance at the end of the run, if it goes on.
    fn leave(&mut self, index: usize) -> Result<(), TestError> {
        let Some(execution) = &self.instances[index].execution else { return Ok(()) };
        let waits_for = execution.waits_for();
        self.check(index, None)?;
        let seen = &mut self.instances[index].seen;
        (seen.waits_for, seen.seen) = (waits_for, self.now);
        Ok(())
    }

    /// Counts a turn of an orchestrator, or a batch of an entity: there may be only so many.
    pub(super) fn count_turn(&mut self, instance: InstanceId) -> Result<(), TestError> {
        self.turns += 1;
        match self.turns > MOST_TURNS {
            true => Err(TestError::Endless { turns: MOST_TURNS, instance }),
            false => Ok(()),
        }
    }

    /// Has something happen at `at`.
    pub(super) fn decide(&mut self, at: Timestamp, what: Happening) {
        self.agenda.insert((at, self.decided), what);
        self.decided += 1;
    }

    /// Adds an instance, whose first turn is due.
    pub(super) fn add(&mut self, beginning: Beginning, waiter: Option<Task>) -> Result<(), TestError> {
        self.instances.push(Instance::begin(beginning, waiter, &self.hub.orchestrators)?);
        Ok(())
    }

    /// The same in every run, so that GUIDs are, too.
    pub(super) fn new_execution(&mut self) -> ExecutionId {
        self.executions += 1;
        ExecutionId::random(u128::from(self.executions).to_be_bytes())
    }

    fn known(&self) -> String {
        let known: Vec<_> = self.instances.iter().map(|instance| instance.seen.id.as_str()).collect();
        known.join(", ")
    }

    /// Replays the execution of an instance.
    pub(super) fn check(&self, index: usize, end: Option<&End>) -> Result<(), TestError> {
        let Instance { seen, beginning, .. } = &self.instances[index];
        let round = seen.rounds.last().expect("an instance has an execution");
        check(&self.hub.orchestrators, beginning, round, end).map_err(|difference| {
            TestError::NonDeterministic { name: seen.name.clone(), instance: seen.id.clone(), difference }
        })
    }
}
