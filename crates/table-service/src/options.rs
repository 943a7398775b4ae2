//! How the service behaves, and how it misbehaves.

use std::num::NonZeroU32;
use std::time::Duration;

/// How the service behaves. The default is a fast and faultless service with real Azure's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long the service takes over each page.
    pub latency: Duration,
    /// A page ends after this many matched rows; 0 is taken as 1. Real tables: 1,000.
    pub page_size: usize,
    /// What a row that lacks a selected property shows for it.
    pub missing_property: MissingProperty,
    /// Whether a page ends where a partition ends, with a continuation that names the next partition but no row.
    pub pages_end_at_partitions: bool,
    /// Which pages are empty, with a continuation. The page after an empty one is never empty for this reason, so
    /// that a query always ends.
    pub empty_page: Every,
    /// Requests for a later page whose continuation is refused, as if it had expired.
    pub expired_token: Every,
    /// Requests that are refused because the service is busy.
    pub throttle: Option<Throttle>,
    /// Requests whose connection is closed.
    pub drop_connection: Option<DropConnection>,
    /// Where in each run of n requests the n-th one falls: another seed strikes other requests, as often.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            page_size: 1000,
            missing_property: MissingProperty::Null,
            pages_end_at_partitions: false,
            empty_page: Every::NEVER,
            expired_token: Every::NEVER,
            throttle: None,
            drop_connection: None,
            seed: 0,
        }
    }
}

/// What a row that lacks a selected property shows for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingProperty {
    /// `null`, as real Azure does.
    Null,
    /// Nothing, as Azurite does.
    LeftOut,
}

/// One in each run of n requests (or pages): exactly one of the first n, one of the next n, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(Option<NonZeroU32>);

impl Every {
    /// None at all.
    pub const NEVER: Self = Self(None);

    /// One in each run of `n`: 1 is every one, 0 is none.
    pub const fn nth(n: u32) -> Self {
        Self(NonZeroU32::new(n))
    }

    /// The length of a run, if there is one.
    pub(crate) fn run(self) -> Option<NonZeroU32> {
        self.0
    }
}

/// Requests that are refused with `ServerBusy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Which requests.
    pub every: Every,
    /// The status of the refusal.
    pub status: ThrottleStatus,
    /// The `Retry-After` header, in whole seconds rounded up; none if `None`.
    pub retry_after: Option<Duration>,
}

/// The status of a refusal for load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottleStatus {
    /// 503, what the Table service documents.
    ServiceUnavailable,
    /// 429, what gateways in front of it answer.
    TooManyRequests,
}

/// Requests whose connection the service closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropConnection {
    /// Which requests.
    pub every: Every,
    /// At which moment.
    pub when: DropWhen,
}

/// The moment at which a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropWhen {
    /// After the request was read, before anything is answered.
    BeforeAnswer,
    /// In the middle of the answer's body, which its `Content-Length` shows to be cut short.
    MidBody,
}
