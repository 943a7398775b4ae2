//! What befalls a store operation: it is slow, fails, or its process stops just before or just after it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::exec::{Exec, Process};
use crate::focus::{Kind, Op, Side};
use crate::process::{ALL, OUTSIDE, Processes};
use crate::weather::Weather;

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It takes effect, and its caller is told.
    Fine,
    /// It fails without effect.
    FailsBefore,
    /// It takes effect, and its caller is told that it has failed.
    FailsAfter,
    /// It fails, and takes effect later.
    Late(Duration),
}

/// The dice of store operations, loaded by the weather.
#[derive(Clone)]
pub struct Faults {
    exec: Exec,
    processes: Processes,
    weather: Rc<RefCell<Weather>>,
    /// About how long processes stop.
    stop: Duration,
}

impl Faults {
    /// The faults of `weather`, for as long as it lasts.
    pub fn new(exec: &Exec, processes: &Processes, weather: &Rc<RefCell<Weather>>, stop: Duration) -> Self {
        Self { exec: exec.clone(), processes: processes.clone(), weather: weather.clone(), stop }
    }

    /// Half of an operation's time: the way there or back.
    pub async fn pass_time(&self) {
        let slow = {
            let weather = self.weather.borrow();
            self.exec.chance(weather.slow).then_some(weather.slowest)
        };
        self.exec.sleep(self.exec.up_to(slow.unwrap_or(Duration::from_millis(4)))).await;
    }

    /// What becomes of an operation.
    pub fn fate(&self, op: Op) -> Fate {
        let (failing, lying) = {
            let weather = self.weather.borrow();
            (weather.failing, weather.lying)
        };
        if op == Op::Swap && self.exec.chance(lying) {
            return Fate::FailsAfter;
        }
        if !self.exec.chance(failing) {
            return Fate::Fine;
        }
        match self.exec.below(3) {
            0 => Fate::FailsBefore,
            1 => Fate::FailsAfter,
            _ => Fate::Late(self.exec.up_to(Duration::from_secs(20))),
        }
    }

    /// Stops `process` here, perhaps: for a while that some protocol must notice, or for good.
    pub async fn stop(&self, process: Process, op: Op, kind: Kind, side: Side) {
        let probability = {
            let weather = self.weather.borrow();
            let focus = weather.focus.filter(|focus| focus.is_at(op, kind, side));
            let ordinary = if op == Op::Get { 0.0 } else { weather.at_writes };
            focus.map_or(ordinary, |focus| focus.probability)
        };
        if probability == 0.0 || !ALL.contains(&process) || !self.exec.chance(probability) {
            return;
        }
        match self.exec.below(10) {
            0..=2 => self.processes.crash(process),
            3..=8 => self.suspend(process, self.stop / 4 + self.exec.up_to(self.stop * 3)),
            _ => self.suspend(process, self.exec.up_to(Duration::from_secs(60))),
        }
        // Goes on when the process does.
        self.exec.sleep(Duration::from_micros(1)).await;
    }

    /// Suspends a process, and perhaps kills it soon after it goes on: so do hosts that find it hanging.
    fn suspend(&self, process: Process, time: Duration) {
        self.processes.suspend(process, time);
        if self.exec.chance(0.4) {
            let (exec, processes) = (self.exec.clone(), self.processes.clone());
            let life = processes.life(process);
            self.exec.spawn(OUTSIDE, async move {
                exec.sleep(time + exec.up_to(Duration::from_millis(60))).await;
                if processes.life(process) == life {
                    processes.crash(process);
                }
            });
        }
    }
}
