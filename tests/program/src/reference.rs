//! The reference: which outcomes of a program are possible. It is a relation and no interpreter, since what happens
//! first is up to the world, and it knows nothing of how the engine works.
//!
//! It refuses what certainly cannot be, and where it is not certain it allows.

mod entities;
mod known;
mod ledger;
mod pace;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::entities::INSUFFICIENT_FUNDS;
use crate::orchestrator::{ANY_OF_NOTHING, MISPLACED_ROUNDS, TIMEOUT};
use crate::program::Program;
use entities::{Operation, Rule, Section, locks_beside_others, operation};
use known::{Known, known};

/// What is said of a second child with the id of one that is running.
const ID_IN_USE: &str = "exists and has not finished";

/// Whether a program, to whose instance these events are raised (within minutes of its start), can have this outcome: an
/// output, or the message of the failure, in which the innermost message counts. Nobody else uses its entities.
///
/// # Errors
/// When it cannot: says where and why.
pub fn allows(
    program: &Program,
    raised: &[(String, Value)],
    outcome: &Result<Value, String>,
) -> Result<(), String> {
    let reference = Reference::new(program, raised, ids_in_doubt(program));
    let top = reference.top(program);
    match outcome {
        Ok(value) => {
            reference.gives(top, value)?;
            ledger::follow(&reference, program, value)
        }
        Err(message) => reference.fails_with(top, message),
    }
}

/// How long `program` takes at most, apart from the work that it makes, and from the time that passes until its events
/// are raised. None: that is not known.
#[cfg(all(test, feature = "generate"))]
pub(crate) fn longest(program: &Program, raised: &[crate::Raise]) -> Option<std::time::Duration> {
    let raised: Vec<_> = raised.iter().map(|raise| (raise.name.clone(), raise.data.clone())).collect();
    Reference::new(program, &raised, BTreeSet::new()).longest_in_all(program)
}

/// What is known of the surroundings of a program.
struct Reference<'a> {
    raised: &'a [(String, Value)],
    /// How many waits there are at most for an event, by its name in lower case.
    waits: BTreeMap<String, u64>,
    /// Ids that more than one child has, or one more than once.
    in_doubt: BTreeSet<String>,
    /// The critical section in which it is evaluated.
    section: Section,
    /// Whether entities may be locked by another branch, or another instance.
    contended: bool,
}

impl<'a> Reference<'a> {
    fn new(program: &Program, raised: &'a [(String, Value)], in_doubt: BTreeSet<String>) -> Self {
        let mut waits = BTreeMap::new();
        count_waits(program, 1, &mut waits);
        let section = match locks_beside_others(program, false) {
            true => Section::Perhaps,
            false => Section::None,
        };
        Self { raised, waits, in_doubt, section, contended: locks_beside_others(program, true) }
    }

    /// That of a child: events are raised to the topmost instance alone.
    fn of_child(&self, program: &Program) -> Reference<'static> {
        let child = Reference::new(program, &[], self.in_doubt.clone());
        Reference { contended: self.contended || child.contended, ..child }
    }

    /// The program whose value is that of an instance's program.
    fn top<'p>(&self, program: &'p Program) -> &'p Program {
        match program {
            Program::Rounds { body, .. } => body,
            other => other,
        }
    }

    fn events<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'a Value> + 'b {
        let name = name.to_lowercase();
        self.raised.iter().filter(move |(raised, _)| raised.to_lowercase() == name).map(|(_, data)| data)
    }

    /// Whether `program` can give `value`.
    fn gives(&self, program: &Program, value: &Value) -> Result<(), String> {
        let expected = |what: &str| Err(format!("{value} is not {what}"));
        if let Rule::Broken(message) = self.rule_of(program) {
            return expected(&format!("possible, since it fails with '{message}'"));
        }
        match program {
            Program::Value { value: known } if value == known => Ok(()),
            Program::Value { value: known } => expected(&known.to_string()),
            Program::Activity { name, input, retry } => match known(name, input, retry.as_ref()) {
                Known::Value(known) if *value == known => Ok(()),
                Known::Value(known) => expected(&format!("{known}, which '{name}' gives")),
                Known::Positive if value.as_u64().is_some_and(|count| count > 0) => Ok(()),
                Known::Positive => expected(&format!("a positive integer, which '{name}' gives")),
                Known::Fails(message) => {
                    expected(&format!("possible, since '{name}' fails with '{message}'"))
                }
            },
            Program::Sequence { steps: parts } | Program::All { branches: parts } => {
                let Some(values) = value.as_array().filter(|values| values.len() == parts.len()) else {
                    return expected(&format!("an array of {} values", parts.len()));
                };
                (parts.iter().zip(values).enumerate())
                    .try_for_each(|(index, (part, value))| at(index, self.gives(part, value)))
            }
            Program::Any { branches } => {
                let members = value.as_object().filter(|members| members.len() == 2);
                let winner = members.and_then(|members| Some((members.get("index")?, members.get("value")?)));
                let Some((index, value)) = winner else { return expected("an index and a value") };
                let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                let Some(index) = index.filter(|index| *index < branches.len()) else {
                    return expected(&format!("what {} branches can give: no such index", branches.len()));
                };
                at(
                    index,
                    self.race(branches).may_win(index).and_then(|()| self.gives(&branches[index], value)),
                )
            }
            Program::Event { name, timeout_ms } => {
                let is_raised = self.events(name).any(|data| data == value);
                match is_raised || (timeout_ms.is_some() && value == TIMEOUT) {
                    true => Ok(()),
                    false => expected(&format!("what an event '{name}' brings")),
                }
            }
            Program::Child { program, .. } => {
                let child = self.of_child(program);
                child.gives(child.top(program), value).map_err(|error| format!("in a child: {error}"))
            }
            Program::Catch { body, handler } => {
                let Err(not_body) = self.gives(body, value) else { return Ok(()) };
                let members = value.as_object().filter(|members| members.len() == 2);
                let caught = members.and_then(|all| Some((all.get("caught")?.as_str()?, all.get("value")?)));
                let Some((message, value)) = caught else { return Err(not_body) };
                self.fails_with(body, message).map_err(|error| format!("caught: {error}"))?;
                self.gives(handler, value).map_err(|error| format!("in a handler: {error}"))
            }
            Program::Call { entity, operation: name, input } => match operation(entity, name, input) {
                Ok(operation)
                    if operation.is_silent() == value.is_null() && (value.is_null() || value.is_i64()) =>
                {
                    Ok(())
                }
                Ok(_) => expected(&format!("what '{name}' of {entity} gives")),
                Err(message) => expected(&format!("possible, since '{name}' fails with '{message}'")),
            },
            Program::Lock { entities, body } => self.inside(entities).gives(body, value),
            Program::Timer { .. } | Program::Status { .. } | Program::Signal { .. } if value.is_null() => {
                Ok(())
            }
            Program::Timer { .. } | Program::Status { .. } | Program::Signal { .. } => expected("null"),
            Program::Now => match value.as_str().map(str::parse::<jiff::Timestamp>) {
                Some(Ok(_)) => Ok(()),
                _ => expected("a time as RFC 3339 has it"),
            },
            Program::Guid if value.as_str().is_some_and(is_guid) => Ok(()),
            Program::Guid => expected("a GUID"),
            Program::Rounds { .. } => expected("possible, since rounds do not stand here"),
            Program::Fail { message } => expected(&format!("possible, since it fails with '{message}'")),
        }
    }

    /// Whether `program` can fail with `message`, or one that contains it.
    fn fails_with(&self, program: &Program, message: &str) -> Result<(), String> {
        let failures = self.failures(program);
        match failures.iter().any(|failure| message.contains(failure.as_str())) {
            true => Ok(()),
            false => Err(format!("it does not fail with '{message}'; possible failures: {failures:?}")),
        }
    }

    /// The messages with which `program` can fail.
    fn failures(&self, program: &Program) -> BTreeSet<String> {
        match self.rule_of(program) {
            Rule::Kept => self.own_failures(program),
            Rule::Broken(message) => [message.to_owned()].into(),
            Rule::Unknown(message) => {
                let mut failures = self.own_failures(program);
                failures.insert(message.to_owned());
                failures
            }
        }
    }

    fn own_failures(&self, program: &Program) -> BTreeSet<String> {
        match program {
            Program::Activity { name, input, retry } => match known(name, input, retry.as_ref()) {
                Known::Fails(message) => [message].into(),
                Known::Value(_) | Known::Positive => BTreeSet::new(),
            },
            Program::Sequence { steps } => {
                let mut failures = BTreeSet::new();
                for step in steps {
                    failures.append(&mut self.failures(step));
                    if !self.can_succeed(step) {
                        break;
                    }
                }
                failures
            }
            Program::All { branches } => branches.iter().flat_map(|branch| self.failures(branch)).collect(),
            Program::Any { branches } if branches.is_empty() => [ANY_OF_NOTHING.to_owned()].into(),
            Program::Any { branches } => {
                self.winners(branches).into_iter().flat_map(|branch| self.failures(branch)).collect()
            }
            Program::Child { program, id, .. } => {
                let child = self.of_child(program);
                let mut failures = child.failures(child.top(program));
                if id.as_ref().is_some_and(|id| self.in_doubt.contains(id)) {
                    failures.insert(ID_IN_USE.to_owned());
                }
                failures
            }
            Program::Catch { body, handler } => match self.failures(body).is_empty() {
                true => BTreeSet::new(),
                false => self.failures(handler),
            },
            Program::Rounds { .. } => [MISPLACED_ROUNDS.to_owned()].into(),
            Program::Fail { message } => [message.clone()].into(),
            Program::Call { entity, operation: name, input } => match operation(entity, name, input) {
                Ok(Operation::Withdraw(_)) => [INSUFFICIENT_FUNDS.to_owned()].into(),
                Ok(_) => BTreeSet::new(),
                Err(message) => [message].into(),
            },
            Program::Lock { entities, body } => self.inside(entities).failures(body),
            Program::Value { .. }
            | Program::Timer { .. }
            | Program::Event { .. }
            | Program::Status { .. }
            | Program::Signal { .. }
            | Program::Now
            | Program::Guid => BTreeSet::new(),
        }
    }

    /// Whether `program` can give any value at all.
    fn can_succeed(&self, program: &Program) -> bool {
        if matches!(self.rule_of(program), Rule::Broken(_)) {
            return false;
        }
        match program {
            Program::Activity { name, input, retry } => {
                !matches!(known(name, input, retry.as_ref()), Known::Fails(_))
            }
            Program::Sequence { steps: parts } | Program::All { branches: parts } => {
                parts.iter().all(|part| self.can_succeed(part))
            }
            Program::Any { branches } => {
                self.winners(branches).into_iter().any(|branch| self.can_succeed(branch))
            }
            Program::Event { name, timeout_ms } => timeout_ms.is_some() || self.events(name).next().is_some(),
            Program::Child { program, .. } => {
                let child = self.of_child(program);
                child.can_succeed(child.top(program))
            }
            Program::Catch { body, handler } => {
                self.can_succeed(body) || (!self.failures(body).is_empty() && self.can_succeed(handler))
            }
            Program::Call { entity, operation: name, input } => operation(entity, name, input).is_ok(),
            Program::Lock { entities, body } => self.inside(entities).can_succeed(body),
            Program::Rounds { .. } | Program::Fail { .. } => false,
            Program::Value { .. }
            | Program::Timer { .. }
            | Program::Status { .. }
            | Program::Signal { .. }
            | Program::Now
            | Program::Guid => true,
        }
    }

    /// Those of `branches` that can be the first to end.
    fn winners<'p>(&self, branches: &'p [Program]) -> Vec<&'p Program> {
        let race = self.race(branches);
        (0..)
            .zip(branches)
            .filter(|(index, _)| race.may_win(*index).is_ok())
            .map(|(_, branch)| branch)
            .collect()
    }
}

/// Says where an error is.
fn at(index: usize, result: Result<(), String>) -> Result<(), String> {
    result.map_err(|error| format!("in part {index}: {error}"))
}

/// Counts the waits for each event that is raised to the instance of `program`, which runs so often.
fn count_waits(program: &Program, times: u64, waits: &mut BTreeMap<String, u64>) {
    match program {
        Program::Event { name, .. } => *waits.entry(name.to_lowercase()).or_default() += times,
        Program::Rounds { count, body } => count_waits(body, times * u64::from(*count).max(1), waits),
        Program::Child { .. } => {}
        other => other.parts().into_iter().for_each(|part| count_waits(part, times, waits)),
    }
}

/// The ids that may be given to a child while there is another: those that stand in the program twice, or where it may
/// pass twice.
fn ids_in_doubt(program: &Program) -> BTreeSet<String> {
    fn visit<'p>(program: &'p Program, repeats: bool, seen: &mut BTreeMap<&'p str, u32>) {
        let mut repeats_parts = repeats || matches!(program, Program::Rounds { .. });
        if let Program::Child { id, retry, .. } = program {
            repeats_parts |= retry.as_ref().is_some_and(|retry| retry.attempts() > 1);
            if let Some(id) = id {
                *seen.entry(id).or_default() += if repeats { 2 } else { 1 };
            }
        }
        program.parts().into_iter().for_each(|part| visit(part, repeats_parts, seen));
    }
    let mut seen = BTreeMap::new();
    visit(program, false, &mut seen);
    seen.into_iter().filter(|(_, times)| *times > 1).map(|(id, _)| id.to_owned()).collect()
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
