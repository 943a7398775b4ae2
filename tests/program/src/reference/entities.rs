//! What is known of operations on entities, and of the rules of critical sections.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Reference;
use crate::program::Program;

/// What is said of a call of an entity that is no part of the critical section.
const NOT_LOCKED: &str = "is no part of the critical section";
/// What is said of a signal to an entity that is part of it.
const LOCKED: &str = "is locked by this orchestrator";
/// What is said of a second critical section.
const ONE_SECTION: &str = "is in a critical section already";
/// What is said of a sub-orchestration in one.
const NO_CHILD: &str = "cannot be called in a critical section";

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Adds so much, and gives what there is then.
    Add(i64),
    /// Takes so much, if there is as much, and gives what there is then.
    Withdraw(i64),
    /// Gives what there is.
    Read,
    /// Begins anew.
    Reset,
}

impl Operation {
    /// Whether it gives `null`, and no number.
    pub(super) fn is_silent(self) -> bool {
        self == Self::Reset
    }
}

/// What an operation of this name does; else the message with which it fails.
pub(super) fn operation(entity: &str, operation: &str, input: &Value) -> Result<Operation, String> {
    let amount = || input.as_i64().ok_or_else(|| "does not have the expected shape".to_owned());
    let known = canonical(entity);
    let Some((name, _)) = known.split_once('@') else { return Err("not the id of an entity".to_owned()) };
    match (name, operation) {
        ("counter", "add") | ("account", "deposit") => amount().map(Operation::Add),
        ("account", "withdraw") => amount().map(Operation::Withdraw),
        ("counter", "get") | ("account", "balance") => Ok(Operation::Read),
        ("counter", "reset") | ("counter" | "account", "delete") => Ok(Operation::Reset),
        ("counter" | "account", _) => Err("has no operation".to_owned()),
        _ => Err("there is no entity function".to_owned()),
    }
}

/// The one form of an entity's name: that of its function ignores case, and an `@` may stand before it.
pub(super) fn canonical(entity: &str) -> String {
    let text = entity.strip_prefix('@').unwrap_or(entity);
    match text.split_once('@') {
        Some((name, key)) => format!("{}@{key}", name.to_lowercase()),
        None => text.to_owned(),
    }
}

/// In which critical section something is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Section {
    /// In none.
    None,
    /// In one with these entities.
    Of(BTreeSet<String>),
    /// In one at times, since another branch is.
    Perhaps,
}

/// Whether something keeps the rules of critical sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Kept,
    /// It fails with a message that contains this.
    Broken(&'static str),
    /// It may.
    Unknown(&'static str),
}

impl Reference<'_> {
    /// That of the body of a lock.
    pub(super) fn inside(&self, entities: &[String]) -> Reference<'_> {
        let section = match self.section {
            Section::Perhaps => Section::Perhaps,
            _ => Section::Of(entities.iter().map(|entity| canonical(entity)).collect()),
        };
        Reference {
            raised: self.raised,
            waits: self.waits.clone(),
            in_doubt: self.in_doubt.clone(),
            section,
            contended: self.contended,
        }
    }

    /// Whether `program` itself keeps the rules.
    pub(super) fn rule_of(&self, program: &Program) -> Rule {
        let is_locked = |entity: &str| match &self.section {
            Section::Of(locked) => locked.contains(&canonical(entity)),
            _ => false,
        };
        let (breaks, message) = match program {
            Program::Call { entity, .. } => (!is_locked(entity), NOT_LOCKED),
            Program::Signal { entity, .. } => (is_locked(entity), LOCKED),
            Program::Lock { .. } => (true, ONE_SECTION),
            Program::Child { .. } => (true, NO_CHILD),
            _ => return Rule::Kept,
        };
        match (&self.section, breaks) {
            (Section::Perhaps, _) => Rule::Unknown(message),
            (Section::Of(_), true) => Rule::Broken(message),
            _ => Rule::Kept,
        }
    }
}

/// Whether something in `program` is locked while other branches are under way; also in children, if these count.
pub(super) fn locks_beside_others(program: &Program, in_children: bool) -> bool {
    fn visit(program: &Program, in_children: bool, beside: bool) -> bool {
        let beside = match program {
            Program::Lock { .. } if beside => return true,
            Program::Child { .. } if !in_children => return false,
            Program::All { .. } | Program::Any { .. } => true,
            _ => beside,
        };
        program.parts().into_iter().any(|part| visit(part, in_children, beside))
    }
    visit(program, in_children, false)
}
