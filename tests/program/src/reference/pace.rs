//! How soon programs end, as far as that is certain: by it, some branches of `any` cannot win.

use std::time::Duration;

use super::Reference;
use super::entities::Rule;
use super::known::{longest, pauses};
use crate::program::Program;

/// What takes so long is slow.
const SLOW: Duration = Duration::from_secs(60 * 60);
/// What takes less than this is quick: so much less than what is slow, that no crash or outage evens it out.
const QUICK: Duration = Duration::from_secs(10 * 60);

/// Whether a program ends as soon as it is begun, without waiting for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instant {
    Yes,
    No,
    /// That depends.
    Maybe,
}

/// What is known of the branches of `any`.
pub(super) struct Race {
    slow: Vec<bool>,
    quick: Vec<bool>,
    instants: Vec<Instant>,
}

impl Race {
    /// Whether the branch `index` can be the first to end.
    pub(super) fn may_win(&self, index: usize) -> Result<(), String> {
        if self.slow[index]
            && let Some(quick) = self.quick.iter().position(|quick| *quick)
        {
            return Err(format!("it is slow, and part {quick} is quick: it cannot have ended first"));
        }
        match self.instants.iter().position(|instant| *instant == Instant::Yes) {
            Some(first) if first < index => Err(format!("part {first} stands before it, and ends at once")),
            Some(first) if self.instants[index] == Instant::No => {
                Err(format!("it does not end at once, as part {first} does"))
            }
            _ => Ok(()),
        }
    }
}

impl Reference<'_> {
    pub(super) fn race(&self, branches: &[Program]) -> Race {
        Race {
            slow: branches.iter().map(|branch| self.is_slow(branch)).collect(),
            quick: branches.iter().map(|branch| self.is_quick(branch)).collect(),
            instants: branches.iter().map(|branch| self.instant(branch)).collect(),
        }
    }

    /// Whether `program` certainly does not end soon.
    pub(super) fn is_slow(&self, whole: &Program) -> bool {
        match whole {
            Program::Timer { ms } => Duration::from_millis(*ms) >= SLOW,
            Program::Event { name, timeout_ms } => {
                let never_raised = self.events(name).next().is_none();
                never_raised && timeout_ms.is_none_or(|ms| Duration::from_millis(ms) >= SLOW)
            }
            // As far as it certainly goes.
            Program::Sequence { steps } => {
                for step in steps {
                    if self.is_slow(step) {
                        return true;
                    }
                    if !self.failures(step).is_empty() {
                        return false;
                    }
                }
                false
            }
            Program::All { branches } => branches.iter().any(|branch| self.is_slow(branch)),
            Program::Any { branches } => {
                !branches.is_empty() && branches.iter().all(|branch| self.is_slow(branch))
            }
            Program::Child { program, id, .. } => {
                let child = self.of_child(program);
                let is_started = id.as_ref().is_none_or(|id| !self.in_doubt.contains(id))
                    && self.rule_of(whole) == Rule::Kept;
                is_started && child.is_slow(child.top(program))
            }
            Program::Catch { body, handler } => {
                self.is_slow(body) || (!self.can_succeed(body) && self.is_slow(handler))
            }
            Program::Lock { entities, body } => {
                self.rule_of(whole) == Rule::Kept && self.inside(entities).is_slow(body)
            }
            _ => false,
        }
    }

    /// Whether `program` certainly ends soon.
    pub(super) fn is_quick(&self, program: &Program) -> bool {
        self.longest(program).is_some_and(|longest| longest < QUICK)
    }

    /// How long `program` takes at most, apart from the work that it makes, and from the time that passes until events
    /// are raised. None: that is not known.
    fn longest(&self, program: &Program) -> Option<Duration> {
        match program {
            Program::Activity { name, input, retry } => Some(longest(name, input, retry.as_ref())),
            Program::Sequence { steps } => self.longest_of(steps),
            Program::All { branches } => branches
                .iter()
                .map(|branch| self.longest(branch))
                .try_fold(Duration::ZERO, |longest, branch| Some(longest.max(branch?))),
            Program::Any { branches } if branches.is_empty() => Some(Duration::ZERO),
            Program::Any { branches } => branches.iter().filter_map(|branch| self.longest(branch)).min(),
            Program::Timer { ms } => Some(Duration::from_millis(*ms)),
            Program::Event { timeout_ms: Some(ms), .. } => Some(Duration::from_millis(*ms)),
            // When there are as many events as there are waits, everybody gets one.
            Program::Event { name, timeout_ms: None } => {
                let waits = self.waits.get(&name.to_lowercase()).copied().unwrap_or(0);
                (self.events(name).count() as u64 >= waits).then_some(Duration::ZERO)
            }
            Program::Child { program, retry, .. } => {
                let once = self.of_child(program).longest_in_all(program)?;
                let attempts = retry.as_ref().map_or(1, |retry| retry.attempts());
                let all = once.checked_mul(attempts).unwrap_or(Duration::MAX);
                Some(all.saturating_add(pauses(retry.as_ref(), u32::MAX)))
            }
            Program::Catch { body, handler } => {
                Some(self.longest(body)?.saturating_add(self.longest(handler)?))
            }
            // Others may hold what it waits for.
            Program::Call { .. } | Program::Lock { .. } if self.contended => None,
            Program::Lock { entities, body } => self.inside(entities).longest(body),
            Program::Rounds { .. }
            | Program::Value { .. }
            | Program::Status { .. }
            | Program::Now
            | Program::Guid
            | Program::Call { .. }
            | Program::Signal { .. }
            | Program::Fail { .. } => Some(Duration::ZERO),
        }
    }

    /// As [`Reference::longest`], with all rounds of a program at the top.
    pub(super) fn longest_in_all(&self, program: &Program) -> Option<Duration> {
        match program {
            Program::Rounds { count, body } => {
                Some(self.longest(body)?.checked_mul((*count).max(1)).unwrap_or(Duration::MAX))
            }
            other => self.longest(other),
        }
    }

    fn longest_of(&self, steps: &[Program]) -> Option<Duration> {
        steps
            .iter()
            .map(|step| self.longest(step))
            .try_fold(Duration::ZERO, |sum, step| Some(sum.saturating_add(step?)))
    }

    fn instant(&self, program: &Program) -> Instant {
        let never_fails = |program| self.failures(program).is_empty();
        match program {
            Program::Value { .. }
            | Program::Status { .. }
            | Program::Now
            | Program::Guid
            | Program::Fail { .. }
            | Program::Signal { .. }
            | Program::Rounds { .. } => Instant::Yes,
            // What breaks the rules of critical sections fails at once.
            Program::Call { .. } | Program::Lock { .. } => Instant::Maybe,
            Program::Child { .. } if self.rule_of(program) != Rule::Kept => Instant::Maybe,
            Program::Timer { .. } | Program::Activity { .. } => Instant::No,
            // It may have come before.
            Program::Event { name, .. } if self.events(name).next().is_some() => Instant::Maybe,
            Program::Event { .. } => Instant::No,
            // One whose id is none fails at once.
            Program::Child { id, .. } => {
                if id.is_some() {
                    Instant::Maybe
                } else {
                    Instant::No
                }
            }
            Program::Sequence { steps } => {
                for (index, step) in steps.iter().enumerate() {
                    match self.instant(step) {
                        Instant::Yes if !self.can_succeed(step) => return Instant::Yes,
                        Instant::Yes => {}
                        Instant::No if steps[..index].iter().all(never_fails) => return Instant::No,
                        _ => return Instant::Maybe,
                    }
                }
                Instant::Yes
            }
            Program::All { branches } => {
                let instants: Vec<_> = branches.iter().map(|branch| self.instant(branch)).collect();
                match () {
                    () if instants.contains(&Instant::No) => Instant::No,
                    () if instants.contains(&Instant::Maybe) => Instant::Maybe,
                    () => Instant::Yes,
                }
            }
            Program::Any { branches } => {
                let instants: Vec<_> = branches.iter().map(|branch| self.instant(branch)).collect();
                match () {
                    () if instants.is_empty() || instants.contains(&Instant::Yes) => Instant::Yes,
                    () if instants.contains(&Instant::Maybe) => Instant::Maybe,
                    () => Instant::No,
                }
            }
            Program::Catch { body, handler } => match (self.instant(body), self.instant(handler)) {
                (Instant::No, _) => Instant::No,
                (Instant::Yes, _) if never_fails(body) => Instant::Yes,
                (Instant::Yes, Instant::Yes) => Instant::Yes,
                (Instant::Yes, Instant::No) if !self.can_succeed(body) => Instant::No,
                _ => Instant::Maybe,
            },
        }
    }
}
