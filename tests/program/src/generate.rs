//! Programs at random.
//!
//! Each ends by itself within about five minutes, given that its events are raised: what takes longer stands only in
//! branches that lose.

mod entities;
mod leaves;
#[cfg(test)]
mod tests;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::program::{Program, Retry};
use crate::scenario::{Raise, Scenario};

/// How many programs one consists of at most, itself included.
const NODES: usize = 25;
/// How many levels of programs stand above the deepest one at most.
const DEPTH: usize = 4;
/// What all timers, pauses and sleeps may take together, in milliseconds.
const TIME: u64 = 200_000;

/// The scenario of a seed: always the same.
pub fn scenario(seed: u64) -> Scenario {
    generate(seed, false)
}

/// As [`scenario`], of another kind: its programs use entities too, which no other seed's do.
pub fn scenario_with_entities(seed: u64) -> Scenario {
    generate(seed, true)
}

fn generate(seed: u64, entities: bool) -> Scenario {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut generator =
        Generator { rng, seed, left: TIME, raised: Vec::new(), children: 0, entities, accounts: 0 };
    let nodes = generator.rng.random_range(1..=NODES);
    let place = Place { depth: 0, times: 1, is_child: false, repeats: false, concurrent: false };
    let program = generator.top(nodes, place);
    let mut raised = generator.raised;
    raised.sort_by_key(|raise| raise.after);
    Scenario { program, raised }
}

struct Generator {
    rng: ChaCha8Rng,
    seed: u64,
    /// What is left of [`TIME`].
    left: u64,
    raised: Vec<Raise>,
    /// How many children have ids.
    children: u32,
    /// Whether there are entities.
    entities: bool,
    /// How many entities there are.
    accounts: u32,
}

/// Where a program stands.
#[derive(Clone, Copy)]
struct Place {
    /// How many stand above it.
    depth: usize,
    /// How often it is evaluated at most.
    times: u64,
    /// Whether it is evaluated by another instance, to which no events are raised.
    is_child: bool,
    /// Whether it may be evaluated more than once.
    repeats: bool,
    /// Whether the same instance may be doing something else at the time.
    concurrent: bool,
}

impl Place {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn beside_others(self) -> Self {
        Self { concurrent: true, ..self }
    }

    fn repeated(self, times: u32) -> Self {
        Self { times: self.times * u64::from(times), repeats: self.repeats || times > 1, ..self }
    }
}

impl Generator {
    fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    /// A time of at most so many milliseconds, as far as there is time left for it.
    fn spend(&mut self, most: u64, place: Place) -> u64 {
        let most = most.min(self.left / place.times);
        let ms = match self.rng.random_range(0..4) {
            0 => 0,
            1 => self.rng.random_range(0..=most.min(100)),
            _ => self.rng.random_range(0..=most),
        };
        self.left -= ms * place.times;
        ms
    }

    /// The program of an instance, of at most so many nodes.
    fn top(&mut self, nodes: usize, place: Place) -> Program {
        if nodes < 2 || place.depth >= DEPTH || !self.chance(0.12) {
            return self.program(nodes, place);
        }
        let count = self.rng.random_range(1..=3);
        let body = self.program(nodes - 1, Place { repeats: true, ..place.below().repeated(count) });
        Program::Rounds { count, body: body.into() }
    }

    /// A program of at most so many nodes.
    fn program(&mut self, nodes: usize, place: Place) -> Program {
        let grows = match nodes {
            0 | 1 => false,
            2 | 3 => self.chance(0.5),
            _ => self.chance(0.9),
        };
        if !grows || place.depth >= DEPTH {
            // Nothing at all is rare, and has its own meaning.
            return match self.rng.random_range(0..150) {
                0 => Program::Sequence { steps: Vec::new() },
                1 => Program::All { branches: Vec::new() },
                2 => Program::Any { branches: Vec::new() },
                _ => self.leaf(place),
            };
        }
        if self.entities && place.depth + 2 <= DEPTH && nodes >= 4 && self.chance(0.3) {
            return self.entity_block(nodes, place);
        }
        let below = place.below();
        match self.rng.random_range(0..20) {
            0..6 => Program::Sequence { steps: self.parts(nodes - 1, below) },
            6..10 => Program::All { branches: self.parts(nodes - 1, below.beside_others()) },
            10..14 => self.any(nodes - 1, below.beside_others()),
            14..17 => self.child(nodes - 1, below),
            _ if nodes >= 3 => {
                let (body, handler) = (self.rng.random_range(1..nodes - 1), nodes - 1);
                Program::Catch {
                    body: self.program_that_may_fail(body, below).into(),
                    handler: self.program(handler - body, below).into(),
                }
            }
            _ => Program::Sequence { steps: self.parts(nodes - 1, below) },
        }
    }

    fn program_that_may_fail(&mut self, nodes: usize, place: Place) -> Program {
        match self.chance(0.4) {
            true if nodes == 1 => self.failing_leaf(),
            true if nodes >= 2 && place.depth < DEPTH => {
                let mut steps = self.parts(nodes - 1, place.below());
                steps.pop();
                steps.push(self.failing_leaf());
                Program::Sequence { steps }
            }
            _ => self.program(nodes, place),
        }
    }

    /// Programs of at most so many nodes together.
    fn parts(&mut self, nodes: usize, place: Place) -> Vec<Program> {
        self.shares(nodes).into_iter().map(|share| self.program(share, place)).collect()
    }

    /// Up to five shares of so many nodes, none of them empty.
    fn shares(&mut self, mut nodes: usize) -> Vec<usize> {
        let count = self.rng.random_range(1..=nodes.clamp(1, 5));
        let mut shares = Vec::new();
        for others in (0..count).rev() {
            let most = nodes - others;
            let share = if others == 0 { most } else { self.rng.random_range(1..=most) };
            shares.push(share);
            nodes -= share;
        }
        shares
    }

    /// At least one of its branches ends in time; others may never.
    fn any(&mut self, nodes: usize, place: Place) -> Program {
        let shares = self.shares(nodes);
        let ends = self.rng.random_range(0..shares.len());
        let mut branches = Vec::new();
        for (index, share) in shares.into_iter().enumerate() {
            let loses = index != ends && self.chance(0.4);
            branches.push(if loses { self.loser(share, place) } else { self.program(share, place) });
        }
        Program::Any { branches }
    }

    /// Certainly loses against a branch that ends in time.
    fn loser(&mut self, nodes: usize, place: Place) -> Program {
        let last = self.losing_leaf();
        if nodes < 2 || place.depth >= DEPTH || self.chance(0.4) {
            return last;
        }
        match self.rng.random_range(0..3) {
            0 => Program::All { branches: vec![last, self.tame_leaf()] },
            1 => Program::Any { branches: vec![last, self.losing_leaf()] },
            _ => Program::Sequence { steps: vec![self.tame_leaf(), last] },
        }
    }

    fn child(&mut self, nodes: usize, place: Place) -> Program {
        let retry = self.chance(0.3).then(|| self.retry(place));
        let attempts = retry.as_ref().map_or(1, Retry::attempts);
        // What may run twice at a time must not have one id.
        let id = (!place.repeats && self.chance(0.4)).then(|| {
            self.children += 1;
            format!("c-{}-{}", self.seed, self.children)
        });
        let program =
            self.top(nodes, Place { is_child: true, concurrent: false, ..place.repeated(attempts) });
        Program::Child { program: program.into(), id, retry }
    }

    /// A policy, whose pauses are paid for.
    fn retry(&mut self, place: Place) -> Retry {
        let max_attempts = self.rng.random_range(1..=4);
        let first_ms = self.spend(2000, place);
        let backoff = self.pick(&[None, Some(1.0), Some(1.5), Some(2.0)]);
        let max_ms = self.chance(0.3).then(|| self.rng.random_range(0..=3000));
        let mut retry = Retry { first_ms, max_attempts, backoff, max_ms };
        let pauses: u64 = (1..max_attempts).map(|failures| retry.pause(failures).as_millis() as u64).sum();
        match pauses * place.times <= self.left {
            true => self.left -= pauses * place.times,
            false => retry.first_ms = 0,
        }
        retry
    }
}
