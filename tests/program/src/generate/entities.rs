//! Programs that use entities.

use rand::RngExt;
use serde_json::{Value, json};

use super::{Generator, Place};
use crate::program::Program;

impl Generator {
    /// Several programs that use the same entities, of at most so many nodes, and at least four.
    pub(super) fn entity_block(&mut self, nodes: usize, place: Place) -> Program {
        match self.rng.random_range(0..4) {
            0 => self.counting(nodes),
            1 => self.adding_at_once(nodes),
            // In one instance at most one at a time is in a critical section. Others may break this rule at times.
            2 if !place.concurrent || self.chance(0.1) => self.critical_section(nodes),
            _ => self.banking(nodes),
        }
    }

    /// An operation on an entity that others may use as well.
    pub(super) fn entity_leaf(&mut self) -> Program {
        let shared = self.rng.random_range(0..2);
        let (name, operation, input) = match self.rng.random_range(0..12) {
            0..4 => ("counter", "add", self.amount()),
            4 => ("counter", "get", Value::Null),
            5 => ("counter", "reset", Value::Null),
            6..8 => ("account", "deposit", self.amount()),
            8 => ("account", "withdraw", self.amount()),
            9 => ("Account", "balance", Value::Null),
            10 => ("counter", "delete", Value::Null),
            _ => ("account", "rob", Value::Null),
        };
        self.operation(&format!("{name}@{}-{shared}", self.seed), operation, input)
    }

    /// One after the other, and in the end what came of it.
    fn counting(&mut self, nodes: usize) -> Program {
        let counter = self.new_entity("counter");
        let mut steps = Vec::new();
        for _ in 0..self.rng.random_range(1..nodes - 1) {
            let (operation, input) = match self.rng.random_range(0..10) {
                0 => ("reset", Value::Null),
                1 => ("get", Value::Null),
                _ => ("add", self.amount()),
            };
            steps.push(match self.chance(0.2) {
                true => self.tame_leaf(),
                false => self.operation(&counter, operation, input),
            });
        }
        steps.push(called(&counter, "get", Value::Null));
        Program::Sequence { steps }
    }

    /// All at once, and in the end what came of it.
    fn adding_at_once(&mut self, nodes: usize) -> Program {
        let counter = self.new_entity("counter");
        let branches = (0..self.rng.random_range(1..=nodes - 3))
            .map(|_| {
                let amount = self.amount();
                self.operation(&counter, "add", amount)
            })
            .collect();
        let sum = called(&counter, "get", Value::Null);
        Program::Sequence { steps: vec![Program::All { branches }, sum] }
    }

    /// Money that comes and goes.
    fn banking(&mut self, nodes: usize) -> Program {
        let account = self.new_entity("account");
        let amount = self.amount();
        let mut steps = vec![self.operation(&account, "deposit", amount)];
        for _ in 0..self.rng.random_range(0..=(nodes - 3) / 3) {
            let step = self.withdrawal(&account);
            steps.push(step);
        }
        steps.push(called(&account, "balance", Value::Null));
        Program::Sequence { steps }
    }

    fn critical_section(&mut self, nodes: usize) -> Program {
        let entities: Vec<_> =
            (0..self.rng.random_range(1..=3)).map(|_| self.new_entity("account")).collect();
        let mut steps = Vec::new();
        for _ in 0..self.rng.random_range(1..=(nodes - 2) / 3 + 1) {
            let account = entities[self.rng.random_range(0..entities.len())].clone();
            let amount = self.amount();
            steps.push(match self.rng.random_range(0..10) {
                0..4 => called(&account, "deposit", amount),
                4 if nodes > 4 => self.withdrawal(&account),
                5 => self.tame_leaf(),
                6 => {
                    let other = self.new_entity("counter");
                    signalled(&other, "add", amount)
                }
                // Against the rules.
                7 if self.chance(0.3) => signalled(&account, "deposit", amount),
                8 if self.chance(0.3) => {
                    let other = self.new_entity("counter");
                    called(&other, "add", amount)
                }
                _ => called(&account, "balance", Value::Null),
            });
        }
        steps.truncate((nodes - 2).max(1));
        Program::Lock { entities, body: Program::Sequence { steps }.into() }
    }

    /// Of more than there is, perhaps. Three nodes.
    fn withdrawal(&mut self, account: &str) -> Program {
        let withdraw = called(account, "withdraw", self.amount());
        Program::Catch { body: withdraw.into(), handler: Program::Value { value: json!("none") }.into() }
    }

    fn operation(&mut self, entity: &str, operation: &str, input: Value) -> Program {
        match self.chance(0.5) {
            true => called(entity, operation, input),
            false => signalled(entity, operation, input),
        }
    }

    fn amount(&mut self) -> Value {
        self.rng.random_range(1..=20).into()
    }

    /// One that nothing else uses.
    fn new_entity(&mut self, name: &str) -> String {
        self.accounts += 1;
        format!("{name}@{}-own-{}", self.seed, self.accounts)
    }
}

fn called(entity: &str, operation: &str, input: Value) -> Program {
    Program::Call { entity: entity.to_owned(), operation: operation.to_owned(), input }
}

fn signalled(entity: &str, operation: &str, input: Value) -> Program {
    Program::Signal { entity: entity.to_owned(), operation: operation.to_owned(), input }
}
