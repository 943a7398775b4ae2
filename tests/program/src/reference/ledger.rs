//! The states of entities, as far as they are certain: what operations gave must follow from those before them.
//!
//! An instance's operations on one entity are carried out in their order. Of those of branches that are under way at the
//! same time the order is not known: if all of them add, still the sum is, and between which limits each result lies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Reference;
use super::entities::{Operation, Section, canonical, operation};
use crate::program::Program;

/// Checks what operations of entities gave, on the way on which `program` gave `value`, which it can.
///
/// # Errors
/// When some cannot have given that: says where and why.
pub(super) fn follow(reference: &Reference<'_>, program: &Program, value: &Value) -> Result<(), String> {
    Ledger::default().instance(reference, program, value)
}

/// What is known of an entity's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It lies between these.
    Between(i64, i64),
    /// It lies between these while several add to it.
    Shared(i64, i64),
    /// Nothing.
    Unknown,
}

/// What is known of all: what does not stand here is 0.
#[derive(Debug, Clone, Default)]
struct Ledger {
    states: BTreeMap<String, State>,
}

impl Ledger {
    fn instance(
        &mut self,
        reference: &Reference<'_>,
        program: &Program,
        value: &Value,
    ) -> Result<(), String> {
        let Program::Rounds { count, body } = program else { return self.follow(reference, program, value) };
        for _ in 1..(*count).min(1000) {
            self.unseen(body);
        }
        self.follow(reference, body, value)
    }

    fn follow(&mut self, reference: &Reference<'_>, program: &Program, value: &Value) -> Result<(), String> {
        match program {
            Program::Call { entity, .. } | Program::Signal { entity, .. }
                if reference.section == Section::Perhaps =>
            {
                self.states.insert(canonical(entity), State::Unknown);
                Ok(())
            }
            Program::Call { entity, operation: name, input } => match operation(entity, name, input) {
                Ok(operation) => self
                    .called(entity, operation, value)
                    .map_err(|why| format!("'{name}' of {entity} cannot give {value}: {why}")),
                Err(_) => Ok(()),
            },
            Program::Signal { entity, operation: name, input } => {
                if let Ok(operation) = operation(entity, name, input) {
                    self.signalled(entity, operation);
                }
                Ok(())
            }
            Program::Sequence { steps } => (steps.iter().zip(values(value)))
                .try_for_each(|(step, value)| self.follow(reference, step, value)),
            Program::All { branches } => self.all(reference, branches, value),
            Program::Any { branches } => {
                let winner = value["index"].as_u64().and_then(|index| branches.get(index as usize));
                let Some(winner) = winner else { return Ok(()) };
                // The others may have gone any way.
                let losers: Vec<_> =
                    branches.iter().filter(|branch| !std::ptr::eq(*branch, winner)).collect();
                losers.iter().for_each(|loser| self.forget(loser));
                self.follow(reference, winner, &value["value"])
            }
            Program::Child { program, retry, .. } => {
                let child = reference.of_child(program);
                if retry.as_ref().is_some_and(|retry| retry.attempts() > 1)
                    && !child.failures(child.top(program)).is_empty()
                {
                    self.forget(program);
                }
                self.instance(&child, program, value)?;
                // When its signals arrive is not known.
                for node in program.nodes() {
                    if let Program::Signal { entity, .. } = node {
                        self.states.insert(canonical(entity), State::Unknown);
                    }
                }
                Ok(())
            }
            Program::Catch { body, handler } => self.caught(reference, body, handler, value),
            Program::Lock { entities, body } => self.follow(&reference.inside(entities), body, value),
            _ => Ok(()),
        }
    }

    fn all(&mut self, reference: &Reference<'_>, branches: &[Program], value: &Value) -> Result<(), String> {
        let mut sums = Vec::new();
        let touched: Vec<_> = branches.iter().map(touches).collect();
        for entity in touched.iter().flatten().collect::<BTreeSet<_>>() {
            let is_shared = touched.iter().filter(|touched| touched.contains(entity)).count() > 1;
            if !is_shared || matches!(self.state(entity), State::Shared(..)) {
                continue;
            }
            let adds: Option<Vec<_>> = branches.iter().map(|branch| adds(branch, entity)).collect();
            match (self.state(entity), adds) {
                (State::Between(low, high), Some(adds)) => {
                    let amounts: Vec<i64> = adds.into_iter().flatten().collect();
                    let less: i64 = amounts.iter().filter(|amount| **amount < 0).sum();
                    let more: i64 = amounts.iter().filter(|amount| **amount > 0).sum();
                    self.states.insert(entity.clone(), State::Shared(low + less, high + more));
                    sums.push((entity.clone(), State::Between(low + less + more, high + less + more)));
                }
                _ => drop(self.states.insert(entity.clone(), State::Unknown)),
            }
        }
        (branches.iter().zip(values(value)))
            .try_for_each(|(branch, value)| self.follow(reference, branch, value))?;
        self.states.extend(sums);
        Ok(())
    }

    fn caught(
        &mut self,
        reference: &Reference<'_>,
        body: &Program,
        handler: &Program,
        value: &Value,
    ) -> Result<(), String> {
        let looks_caught = value.get("caught").is_some_and(Value::is_string);
        match (looks_caught, reference.gives(body, value).is_ok()) {
            (false, _) => self.follow(reference, body, value),
            (true, true) => {
                self.forget(body);
                self.forget(handler);
                Ok(())
            }
            (true, false) => {
                match body {
                    Program::Call { entity, operation: name, input }
                        if reference.section != Section::Perhaps =>
                    {
                        if let Ok(Operation::Withdraw(amount)) = operation(entity, name, input)
                            && matches!(reference.rule_of(body), super::Rule::Kept)
                        {
                            self.refused(entity, amount)?;
                        }
                    }
                    _ => self.forget(body),
                }
                self.follow(reference, handler, &value["value"])
            }
        }
    }

    /// What `program` does to entities, if nobody knows what it gave.
    fn unseen(&mut self, program: &Program) {
        for entity in touches(program) {
            match adds(program, &entity) {
                Some(amounts) => {
                    amounts.into_iter().for_each(|amount| self.signalled(&entity, Operation::Add(amount)));
                }
                None => drop(self.states.insert(entity, State::Unknown)),
            }
        }
    }

    fn forget(&mut self, program: &Program) {
        self.states.extend(touches(program).into_iter().map(|entity| (entity, State::Unknown)));
    }

    fn state(&self, entity: &str) -> State {
        self.states.get(&canonical(entity)).copied().unwrap_or(State::Between(0, 0))
    }

    /// An operation was called, and gave `value`.
    fn called(&mut self, entity: &str, operation: Operation, value: &Value) -> Result<(), String> {
        if operation.is_silent() {
            self.signalled(entity, operation);
            return Ok(());
        }
        let Some(value) = value.as_i64() else { return Err("it is no number".to_owned()) };
        let within = |low: i64, high: i64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(format!("it lies between {low} and {high}")),
        };
        match (self.state(entity), operation) {
            (State::Unknown, _) => return Ok(()),
            (State::Shared(low, high), _) => return within(low, high),
            (State::Between(low, high), Operation::Add(amount)) => within(low + amount, high + amount)?,
            (State::Between(low, high), Operation::Withdraw(amount)) => {
                within((low - amount).max(0), high - amount)?;
            }
            (State::Between(low, high), _) => within(low, high)?,
        }
        self.states.insert(canonical(entity), State::Between(value, value));
        Ok(())
    }

    /// An operation was carried out, and nobody knows what it gave.
    fn signalled(&mut self, entity: &str, operation: Operation) {
        let State::Between(low, high) = self.state(entity) else { return };
        let (low, high) = match operation {
            Operation::Add(amount) => (low + amount, high + amount),
            Operation::Withdraw(amount) if low >= amount => (low - amount, high - amount),
            Operation::Withdraw(amount) if high < amount => (low, high),
            Operation::Withdraw(amount) => (low.min(0), high.max(high - amount)),
            Operation::Read => (low, high),
            Operation::Reset => (0, 0),
        };
        self.states.insert(canonical(entity), State::Between(low, high));
    }

    /// A withdrawal has failed.
    fn refused(&mut self, entity: &str, amount: i64) -> Result<(), String> {
        match self.state(entity) {
            State::Between(low, _) if low >= amount => {
                Err(format!("a withdrawal of {amount} from {entity} has failed, and there is at least {low}"))
            }
            State::Between(low, high) => {
                self.states.insert(canonical(entity), State::Between(low, high.min(amount - 1)));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn values(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The entities that `program` uses.
fn touches(program: &Program) -> BTreeSet<String> {
    let entity = |node: &Program| match node {
        Program::Call { entity, .. } | Program::Signal { entity, .. } => Some(canonical(entity)),
        _ => None,
    };
    program.nodes().into_iter().filter_map(entity).collect()
}

/// What `program` adds to `entity`, if it certainly does no more and no less.
fn adds(program: &Program, entity: &str) -> Option<Vec<i64>> {
    match program {
        Program::Call { entity: to, operation: name, input }
        | Program::Signal { entity: to, operation: name, input }
            if canonical(to) == entity =>
        {
            match operation(to, name, input) {
                Ok(Operation::Add(amount)) => Some(vec![amount]),
                _ => None,
            }
        }
        Program::Sequence { steps: parts } | Program::All { branches: parts } => {
            let all: Option<Vec<_>> = parts.iter().map(|part| adds(part, entity)).collect();
            all.map(|amounts| amounts.concat())
        }
        other => (!touches(other).contains(entity)).then(Vec::new),
    }
}
