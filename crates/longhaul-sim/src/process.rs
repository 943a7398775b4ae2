//! What befalls processes: they crash, are suspended, and their states are wrong.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::exec::{Exec, Process};
use crate::trace::Trace;

/// Where client functions run: starts and status polls.
pub const CLIENTS: [Process; 2] = [Process(0), Process(1)];
/// Where ticks run.
pub const ORCHESTRATORS: [Process; 2] = [Process(2), Process(3)];
/// Where activities run.
pub const ACTIVITIES: [Process; 2] = [Process(4), Process(5)];
/// Where schedulers run.
pub const SCHEDULERS: [Process; 2] = [Process(6), Process(7)];
/// Everything that may crash.
pub const ALL: [Process; 8] = {
    let ([a, b], [c, d], [e, f], [g, h]) = (CLIENTS, ORCHESTRATORS, ACTIVITIES, SCHEDULERS);
    [a, b, c, d, e, f, g, h]
};
/// Who uses the application, carries its messages and watches it. These do not crash.
pub const OUTSIDE: Process = Process(100);
/// The store's backend. It does not crash.
pub const BACKEND: Process = Process(101);

#[derive(Default)]
struct State {
    /// How wrong the wall clock is.
    skew: SignedDuration,
    /// For how long the monotonic clock stood still.
    stood: Duration,
    /// How often the process has crashed.
    crashes: u32,
}

/// The processes of a run. Clones are the same processes.
#[derive(Clone)]
pub struct Processes {
    exec: Exec,
    trace: Trace,
    states: Rc<RefCell<BTreeMap<Process, State>>>,
    /// Whether a suspended process is one on a suspended machine, whose monotonic clock stands still.
    machines: bool,
}

impl Processes {
    /// Processes with clocks that are right.
    pub fn new(exec: &Exec, trace: &Trace, machines: bool) -> Self {
        Self { exec: exec.clone(), trace: trace.clone(), states: Rc::default(), machines }
    }

    /// What the wall clock of `process` shows.
    pub fn now(&self, process: Process) -> Timestamp {
        let start = Timestamp::from_second(1_700_000_000).expect("a time");
        let skew = self.states.borrow().get(&process).map_or(SignedDuration::ZERO, |state| state.skew);
        start + SignedDuration::try_from(self.exec.now()).expect("a short time") + skew
    }

    /// What the monotonic clock of `process` shows.
    pub fn monotonic(&self, process: Process) -> Duration {
        let stood = self.states.borrow().get(&process).map_or(Duration::ZERO, |state| state.stood);
        Duration::from_secs(86_400) + self.exec.now() - stood
    }

    /// Sets the wall clock of `process` forward or back.
    pub fn jump(&self, process: Process, by: SignedDuration) {
        self.note(process, || format!("its clock jumps by {:.1} s", by.as_secs_f64()));
        self.states.borrow_mut().entry(process).or_default().skew += by;
    }

    /// Stops `process` for `time`.
    pub fn suspend(&self, process: Process, time: Duration) {
        self.note(process, || format!("suspended for {:.1} s", time.as_secs_f64()));
        let longer = self.exec.suspend(process, time);
        if self.machines {
            self.states.borrow_mut().entry(process).or_default().stood += longer;
        }
    }

    /// Kills `process`. It starts again at once, and remembers nothing.
    pub fn crash(&self, process: Process) {
        self.note(process, || "crashes".to_owned());
        self.states.borrow_mut().entry(process).or_default().crashes += 1;
        self.exec.crash(process);
    }

    /// Which of its lives `process` is in.
    pub fn life(&self, process: Process) -> u32 {
        self.states.borrow().get(&process).map_or(0, |state| state.crashes)
    }

    /// Adds a line to the trace.
    pub fn note(&self, process: Process, what: impl FnOnce() -> String) {
        self.trace.note(self.exec.now(), process, what);
    }
}
