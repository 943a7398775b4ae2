//! Programs that consist of no others.

use std::time::Duration;

use rand::RngExt;
use serde_json::{Value, json};

use super::{Generator, Place};
use crate::program::Program;
use crate::scenario::Raise;

/// The events that are raised.
const EVENTS: [&str; 3] = ["approval", "go", "data"];
/// Those that never are.
const NEVER_RAISED: [&str; 2] = ["godot", "nobody"];
const CITIES: [&str; 5] = ["Tokyo", "Seattle", "London", "Paris", "Lima"];
const HOUR: u64 = 60 * 60 * 1000;

impl Generator {
    pub(super) fn leaf(&mut self, place: Place) -> Program {
        if self.entities && self.chance(0.15) {
            return self.entity_leaf();
        }
        match self.rng.random_range(0..100) {
            0..10 => Program::Value { value: self.value() },
            10..55 => self.activity(place),
            55..67 => Program::Timer { ms: self.spend(30_000, place) },
            67..81 => self.event(place),
            81..89 => Program::Status { value: self.value() },
            89..93 => Program::Now,
            93..97 => Program::Guid,
            _ => self.failing_leaf(),
        }
    }

    fn activity(&mut self, place: Place) -> Program {
        let mut retry = None;
        let (name, input) = match self.rng.random_range(0..100) {
            0..25 => ("echo", self.value()),
            25..35 => {
                let numbers: Vec<i32> =
                    (0..self.rng.random_range(0..4)).map(|_| self.rng.random_range(-9..=9)).collect();
                ("add", json!(numbers))
            }
            35..45 => {
                let strings: Vec<_> = (0..self.rng.random_range(0..4)).map(|_| self.pick(&CITIES)).collect();
                ("concat", json!(strings))
            }
            45..60 => ("hello", self.pick(&CITIES).into()),
            60..75 => ("sleep", json!({"ms": self.spend(5000, place), "value": self.value()})),
            75..90 => {
                let policy = self.retry(place);
                // Most of them succeed in the end.
                let most = policy.attempts() - u32::from(self.chance(0.8));
                let fails = self.rng.random_range(0..=most);
                retry = Some(policy);
                ("flaky", json!({"fails": fails, "value": self.value()}))
            }
            90..92 => {
                retry = Some(self.retry(place));
                ("fail", self.message().into())
            }
            92..94 => ("trap", self.value()),
            94..97 => ("steps", json!({"of": self.rng.random_range(0..4)})),
            _ => ("count", json!({"key": self.pick(&["a", "b"])})),
        };
        if retry.is_none() && self.chance(0.1) {
            retry = Some(self.retry(place));
        }
        Program::Activity { name: name.to_owned(), input, retry }
    }

    fn event(&mut self, place: Place) -> Program {
        if place.is_child {
            let name = self.pick(&EVENTS);
            return Program::Event { name: self.cased(name), timeout_ms: Some(self.spend(3000, place)) };
        }
        let timeout_ms = self.chance(0.5).then(|| self.spend(20_000, place));
        if timeout_ms.is_some() && self.chance(0.3) {
            let name = self.pick(&NEVER_RAISED);
            return Program::Event { name: self.cased(name), timeout_ms };
        }
        // One for each time that it is waited for, so that nobody who must go on waits in vain.
        let name = self.pick(&EVENTS);
        for _ in 0..place.times {
            let (name, data) = (self.cased(name), self.value());
            let ms = if self.chance(0.3) { 0 } else { self.rng.random_range(0..=60_000) };
            self.raised.push(Raise { name, data, after: Duration::from_millis(ms) });
        }
        Program::Event { name: self.cased(name), timeout_ms }
    }

    pub(super) fn failing_leaf(&mut self) -> Program {
        let message = self.message();
        match self.chance(0.5) {
            true => Program::Fail { message },
            false => Program::Activity { name: "fail".into(), input: message.into(), retry: None },
        }
    }

    /// One that takes hours, or for ever.
    pub(super) fn losing_leaf(&mut self) -> Program {
        let ms = self.rng.random_range(HOUR..=30 * 24 * HOUR);
        let name = self.pick(&NEVER_RAISED);
        match self.rng.random_range(0..3) {
            0 => Program::Timer { ms },
            1 => Program::Event { name: self.cased(name), timeout_ms: None },
            _ => Program::Event { name: self.cased(name), timeout_ms: Some(ms) },
        }
    }

    /// One that costs next to no time, and does not fail.
    pub(super) fn tame_leaf(&mut self) -> Program {
        match self.chance(0.3) {
            true => Program::Value { value: self.value() },
            false => Program::Activity { name: "echo".into(), input: self.value(), retry: None },
        }
    }

    fn message(&mut self) -> String {
        format!("{} {}", self.pick(&["boom", "bang", "crash"]), self.rng.random_range(0..100))
    }

    fn value(&mut self) -> Value {
        match self.rng.random_range(0..8) {
            0 => Value::Null,
            1 => self.chance(0.5).into(),
            2 => self.pick(&["", "x", "ä\n\"ö\"", "🦀"]).into(),
            3 => json!([self.rng.random_range(0..10), null, "y"]),
            4 => json!({"a": self.rng.random_range(0..10), "b": {"c": []}}),
            _ => self.rng.random_range(-1000..=1000).into(),
        }
    }

    /// `name`, in any case.
    fn cased(&mut self, name: &str) -> String {
        name.chars()
            .map(|letter| if self.chance(0.3) { letter.to_ascii_uppercase() } else { letter })
            .collect()
    }
}
