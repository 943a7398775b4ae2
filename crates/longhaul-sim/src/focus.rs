//! One place in the protocols where processes stop more often than elsewhere: before or after one kind of store
//! operation.

use crate::exec::Exec;

/// A kind of store operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A read.
    Get,
    /// A write, of one key or several.
    Set,
    /// A removal.
    Delete,
    /// An increment.
    Increment,
    /// A compare-and-swap.
    Swap,
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An instance's record.
    Instance,
    /// Who holds a caller-chosen id.
    Claim,
    /// A log's counter.
    Counter,
    /// A slot of a log.
    Slot,
    /// A message to an instance, or how many there are.
    Inbox,
    /// A long value, a sealed segment of a history, or what an activity has saved.
    Part,
    /// The scheduler's state.
    Scheduler,
}

impl Kind {
    /// The kind of `key`.
    pub fn of(key: &str) -> Self {
        let mut parts = key.split('/').skip(1);
        match (parts.next(), parts.next()) {
            (Some("instance"), _) => Self::Instance,
            (Some("claim"), _) => Self::Claim,
            (Some("scheduler"), _) => Self::Scheduler,
            (Some("inbox"), _) => Self::Inbox,
            (Some("payload" | "history" | "checkpoint"), _) => Self::Part,
            (Some("far"), _) if parts.next().is_none() => Self::Counter,
            (_, Some(_)) => Self::Slot,
            (_, None) => Self::Counter,
        }
    }
}

/// Whether a process stops before or after an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before it.
    Before,
    /// When it has taken effect, and its caller does not know yet.
    After,
}

/// A place where processes stop more often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Focus {
    op: Op,
    kind: Kind,
    /// None: on both.
    side: Option<Side>,
    /// How often.
    pub probability: f64,
}

/// Every kind of operation that the engine makes; twice those on which most depends.
const PLACES: [(Op, Kind); 21] = [
    (Op::Set, Kind::Slot),
    (Op::Swap, Kind::Claim),
    (Op::Swap, Kind::Instance),
    (Op::Increment, Kind::Counter),
    (Op::Set, Kind::Slot),
    (Op::Set, Kind::Instance),
    (Op::Increment, Kind::Claim),
    (Op::Get, Kind::Claim),
    (Op::Swap, Kind::Claim),
    (Op::Get, Kind::Instance),
    (Op::Swap, Kind::Instance),
    (Op::Swap, Kind::Scheduler),
    (Op::Get, Kind::Counter),
    (Op::Get, Kind::Slot),
    (Op::Delete, Kind::Slot),
    (Op::Increment, Kind::Inbox),
    (Op::Set, Kind::Inbox),
    (Op::Get, Kind::Inbox),
    (Op::Set, Kind::Part),
    (Op::Delete, Kind::Part),
    (Op::Swap, Kind::Instance),
];

impl Focus {
    /// Draws one.
    pub fn any(exec: &Exec) -> Self {
        let (op, kind) = PLACES[exec.below(PLACES.len() as u64) as usize];
        let side = [Some(Side::Before), Some(Side::After), None][exec.below(3) as usize];
        let probability = match (op, kind) {
            (Op::Swap | Op::Increment, Kind::Claim) => 0.4,
            (Op::Get, Kind::Claim) => 0.1,
            (Op::Get, _) => 0.03,
            _ => 0.2,
        };
        Self { op, kind, side, probability }
    }

    /// Whether it is here.
    pub fn is_at(&self, op: Op, kind: Kind, side: Side) -> bool {
        (self.op, self.kind) == (op, kind) && self.side.is_none_or(|only| only == side)
    }
}
