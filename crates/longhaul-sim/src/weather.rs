//! How bad a run is: what fails in it how often, and what it must achieve nevertheless.
//!
//! Each seed draws a weather of its own, in which some things fail often and others not at all. That finds more than
//! one in which everything fails sometimes: many mistakes show only where one kind of failure comes in a row, or where
//! nothing else hides what it led to.

use std::time::Duration;

use longhaul::{Limits, Timing};

use crate::exec::Exec;
use crate::focus::Focus;

/// A kind of weather, from which a seed draws its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Climate {
    /// Whatever a protocol must not even notice: reports of swaps that lie, kicks that come twice or unasked. Nothing
    /// may be done twice, and no tick may lose its lease.
    Fair,
    /// Kicks that are lost and activities that give no answer. Nobody polls: the engine alone must see to it that
    /// everything is done in time.
    Quiet,
    /// Everything fails. No acknowledged instance may be lost.
    Storm,
}

/// The weather of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Weather {
    /// How likely a store operation fails.
    pub failing: f64,
    /// How likely a swap that took effect reports a failure.
    pub lying: f64,
    /// How likely a store operation takes up to `slowest`.
    pub slow: f64,
    /// See `slow`.
    pub slowest: Duration,
    /// How likely a kick is lost.
    pub lost: f64,
    /// How likely no tick kick gets through after a start.
    pub no_tick: f64,
    /// How likely no scheduler kick gets through after a start.
    pub no_scheduler: f64,
    /// Until when no scheduler kick gets through at all.
    pub no_scheduler_until: Duration,
    /// How likely a kick comes twice.
    pub doubled: f64,
    /// How likely a kick takes half a minute.
    pub delayed: f64,
    /// How often somebody kicks an instance without need.
    pub stray: Option<Duration>,
    /// How likely an activity gives no answer.
    pub unanswered: f64,
    /// How likely an activity traps, and takes its process with it.
    pub trapping: f64,
    /// Whether an activity that means to trap takes its process with it.
    pub traps: bool,
    /// How likely an activity falls silent for ever.
    pub hanging: f64,
    /// How often a process crashes or is suspended.
    pub mishaps: Option<Duration>,
    /// How likely that happens at a write to the store.
    pub at_writes: f64,
    /// Where it happens more often.
    pub focus: Option<Focus>,
    /// How wrong clocks are.
    pub skew: Duration,
    /// Whether clocks jump.
    pub jumps: bool,
    /// Whether the host restarts, with everything in it.
    pub restarts: bool,
    /// Whether starts come in bursts.
    pub bursts: bool,
    /// Whether clients poll; else something kicks the scheduler now and then.
    pub polls: bool,
}

impl Weather {
    /// Nothing fails.
    pub const NONE: Self = Self {
        failing: 0.0,
        lying: 0.0,
        slow: 0.02,
        slowest: Duration::from_millis(400),
        lost: 0.0,
        no_tick: 0.0,
        no_scheduler: 0.0,
        no_scheduler_until: Duration::ZERO,
        doubled: 0.0,
        delayed: 0.0,
        stray: None,
        unanswered: 0.0,
        trapping: 0.0,
        traps: true,
        hanging: 0.0,
        mishaps: None,
        at_writes: 0.0,
        focus: None,
        skew: Duration::ZERO,
        jumps: false,
        restarts: false,
        bursts: false,
        polls: false,
    };

    /// This weather, once the troubles are over.
    pub fn calmed(&self) -> Self {
        Self {
            bursts: self.bursts,
            polls: self.polls,
            traps: self.traps,
            no_scheduler_until: self.no_scheduler_until,
            ..Self::NONE
        }
    }
}

impl Climate {
    /// Draws a weather.
    pub fn weather(self, exec: &Exec) -> Weather {
        let often = |often: f64, value: f64| if exec.chance(often) { value } else { 0.0 };
        match self {
            Self::Fair => Weather {
                lying: often(0.5, 0.3),
                doubled: often(0.7, 0.5),
                stray: exec.chance(0.5).then_some(Duration::from_millis(700)),
                bursts: exec.chance(0.5),
                traps: false,
                ..Weather::NONE
            },
            Self::Quiet => Weather {
                slow: 0.15,
                no_tick: 0.8,
                unanswered: often(0.5, 0.3),
                bursts: true,
                ..Weather::NONE
            },
            Self::Storm => Weather {
                failing: often(0.5, 0.05),
                lying: often(0.3, 0.2),
                slowest: Duration::from_millis([400, 3000][exec.below(2) as usize]),
                lost: often(0.6, 0.2),
                no_tick: often(0.3, 0.5),
                no_scheduler: often(0.3, 0.5),
                no_scheduler_until: Duration::from_secs(often(0.05, 7200.0) as u64),
                doubled: often(0.5, 0.3),
                delayed: often(0.5, 0.1),
                stray: exec.chance(0.3).then_some(Duration::from_secs(3)),
                unanswered: [0.0, 0.3, 0.6][exec.below(3) as usize],
                trapping: often(0.5, 0.05),
                hanging: often(0.3, 0.05),
                mishaps: exec.chance(0.5).then_some(Duration::from_secs(6)),
                at_writes: often(0.5, 0.02),
                focus: exec.chance(0.8).then(|| Focus::any(exec)),
                skew: Duration::from_millis([0, 0, 2000, 8000][exec.below(4) as usize]),
                jumps: exec.chance(0.2),
                restarts: exec.chance(0.2),
                bursts: exec.chance(0.5),
                polls: exec.chance(0.5),
                ..Weather::NONE
            },
        }
    }

    /// Draws the engine's timing. Any is safe, so a storm has any.
    pub fn timing(self, exec: &Exec) -> Timing {
        let any = |millis: &[u64]| Duration::from_millis(millis[exec.below(millis.len() as u64) as usize]);
        match self {
            Self::Fair => Timing::default(),
            Self::Quiet => {
                Timing { lease: Duration::from_secs(6), hold: any(&[0, 2000]), ..Timing::default() }
            }
            Self::Storm => Timing {
                lease: any(&[3000, 15_000, 40_000]),
                grant: any(&[300, 2000, 5000]),
                hole_grace: any(&[2000, 5000, 10_000]),
                first_retry: any(&[100, 500, 3000]),
                max_retry: any(&[2000, 10_000, 60_000]),
                max_failures: [4, 20][exec.below(2) as usize],
                activity_silence: any(&[60_000, 120_000]),
                hold: any(&[0, 0, 2000]),
                inbox_poll: any(&[200, 1000, 5000]),
                rest: any(&[500, 5000]),
                poll: any(&[250, 500]),
                idle_poll: exec.chance(0.3).then_some(Duration::from_secs(30)),
                patience: any(&[500, 5000, 30_000]),
            },
        }
    }

    /// Draws the engine's limits: small ones, so that they are reached.
    pub fn limits(self, exec: &Exec) -> Limits {
        let any = |values: [usize; 3]| values[exec.below(3) as usize];
        Limits {
            in_flight: any([1, 3, 64]),
            segment: any([1, 700, 16 * 1024]),
            // Processes are suspended for minutes here, and crash for no reason of an instance's own.
            max_deaths: 1000,
            ..Limits::default()
        }
    }
}
