//! The engine: the protocols over the store, for whoever has a [`Platform`].

use std::time::Duration;

use crate::keys::TaskHub;
use crate::platform::Platform;

/// The engine of one task hub.
///
/// Its operations stand in files of their own: creating instances (`create`), reading them (`lookup`), advancing them
/// (`tick`), and seeing that none is forgotten (`scheduler`).
pub struct Engine<P> {
    pub(crate) platform: P,
    pub(crate) hub: TaskHub,
    pub(crate) timing: Timing,
}

impl<P: Platform> Engine<P> {
    /// The engine of `hub`, with the ordinary timing.
    pub fn new(platform: P, hub: TaskHub) -> Self {
        Self { platform, hub, timing: Timing::default() }
    }

    /// The same engine with another timing.
    #[must_use]
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// Where the engine runs.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The durations in use.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// 16 random hex digits.
    pub(crate) fn nonce(&self) -> String {
        hex::encode(&self.platform.random()[..8])
    }
}

/// How long the engine waits for what. They decide when things happen, never whether: any values are safe, with the
/// one exception of [`Timing::hole_grace`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How long a tick may be silent before another may take over.
    pub lease: Duration,
    /// How long a newly created instance waits for the tick that its creator asked for.
    pub grant: Duration,
    /// G: how long an empty slot of a log is waited for. The clocks of all processes must run at about the same rate,
    /// so that no writer needs longer than this without noticing.
    pub hole_grace: Duration,
    /// The wait before an activity that gave no answer is called again; it doubles each time.
    pub first_retry: Duration,
    /// The longest such wait.
    pub max_retry: Duration,
    /// How often in a row an activity may give no answer before its task fails.
    pub max_failures: u32,
    /// The longest wait for a retry through which a tick holds its lease, with nothing else to do.
    pub hold: Duration,
    /// How far off the next need must be for the scheduler to rest. Longer than a lease, so that it does not rest while
    /// anything runs: then it sees within [`Timing::poll`] what is filed.
    pub rest: Duration,
    /// How often the scheduler reads the logs while it does not rest.
    pub poll: Duration,
    /// The longest rest of the scheduler; none: until it is woken. For stores that several hosts share.
    pub idle_poll: Option<Duration>,
    /// How long a failing store is tried again before an operation is given up.
    pub patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            grant: Duration::from_secs(5),
            hole_grace: Duration::from_secs(10),
            first_retry: Duration::from_millis(500),
            max_retry: Duration::from_secs(60),
            max_failures: 20,
            hold: Duration::from_secs(2),
            rest: Duration::from_secs(20),
            poll: Duration::from_millis(500),
            idle_poll: None,
            patience: Duration::from_secs(30),
        }
    }
}
