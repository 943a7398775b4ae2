//! The engine: the protocols over the store, for whoever has a [`Platform`].

use std::rc::Rc;
use std::time::Duration;

use crate::bell::Ticking;
use crate::keys::TaskHub;
use crate::platform::Platform;

/// The engine of one task hub.
///
/// Its operations stand in files of their own: creating instances (`create`), reading them (`lookup`, `query`), telling
/// them something (`operations`), deleting them (`purge`), advancing them (`tick`), and seeing that none is forgotten
/// (`scheduler`).
pub struct Engine<P> {
    pub(crate) platform: P,
    pub(crate) hub: TaskHub,
    pub(crate) timing: Timing,
    pub(crate) limits: Limits,
    pub(crate) ticking: Rc<Ticking>,
}

impl<P: Platform> Engine<P> {
    /// The engine of `hub`, with the ordinary timing.
    pub fn new(platform: P, hub: TaskHub) -> Self {
        let (timing, limits) = (Timing::default(), Limits::default());
        Self { platform, hub, timing, limits, ticking: Rc::default() }
    }

    /// The same engine with another timing.
    #[must_use]
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// The same engine with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Whether this process takes ticks now. It does not while it runs one that may take the process down with it.
    pub fn takes_ticks(&self) -> bool {
        self.ticking.admits()
    }

    /// Where the engine runs.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The task hub.
    pub fn hub(&self) -> &TaskHub {
        &self.hub
    }

    /// How much of what is allowed.
    pub fn limits(&self) -> &Limits {
        &self.limits
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

/// How much of what the engine allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest value that is handed on (inputs, outputs, data of events), in bytes of JSON.
    pub max_payload: u64,
    /// How many activities of one instance run at the same time.
    pub in_flight: usize,
    /// About how long a sealed history segment is, in bytes.
    pub segment: usize,
    /// How often in a row an instance may take down the process that ticks it, and nothing else, before it fails.
    pub max_deaths: u32,
    /// What each call of an activity is given as its budget. None: it may take as long as it likes.
    pub activity_budget: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload: 8 * 1024 * 1024,
            in_flight: 64,
            segment: 16 * 1024,
            max_deaths: 10,
            activity_budget: Some(Duration::from_secs(20)),
        }
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
    /// How long a call of an activity may be silent before it counts as one that gave no answer.
    pub activity_silence: Duration,
    /// The longest wait for a timer or a retry through which a tick holds its lease, with nothing else to do.
    pub hold: Duration,
    /// How long a tick that is busy otherwise leaves messages from other processes alone, at first.
    pub inbox_poll: Duration,
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
            activity_silence: Duration::from_secs(600),
            hold: Duration::from_secs(2),
            inbox_poll: Duration::from_secs(1),
            rest: Duration::from_secs(20),
            poll: Duration::from_millis(500),
            idle_poll: None,
            patience: Duration::from_secs(30),
        }
    }
}
