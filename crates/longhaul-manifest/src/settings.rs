//! This project's own settings in a manifest: `[component.<id>.tool.longhaul]`.

use std::time::Duration;

use http::uri::PathAndQuery;

use crate::{ByteSize, ComponentId, Error, quantity::duration, toml_reader::Table};

/// How a host runs the instances of a component.
///
/// `[application.tool.longhaul]` takes the same keys and sets them for every component that does not; besides, it has
/// [`start`](StartCall).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSettings {
    /// `max_concurrent_requests`: how many requests one instance may have in hand at a time; at least 1.
    pub max_concurrent_requests: usize,
    /// `max_requests`: how many requests one instance may serve in its life; at least 1.
    pub max_requests: usize,
    /// `max_instances`: how many instances of the component may live at a time; at least 1.
    pub max_instances: usize,
    /// `memory_limit`: how much linear memory one instance may have. `None`: the runtime configuration's
    /// `max_instance_memory`, if any, else as much as WebAssembly allows.
    pub memory_limit: Option<ByteSize>,
    /// `request_timeout`: how long a handler may take before it is stopped. `None`: as long as it likes.
    pub request_timeout: Option<Duration>,
}

/// `[application.tool.longhaul] start = { component = "…", path = "/…" }`: what the host calls when it has started.
///
/// The call is a `POST` with `{"startedAt": "<RFC 3339 time>"}`, in process, so that the component's route may be private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartCall {
    /// The component; a key of [`Manifest::components`](crate::Manifest::components).
    pub component: ComponentId,
    /// The path, and perhaps a query.
    pub path: PathAndQuery,
}

impl Default for ToolSettings {
    /// Spin's figure for requests at a time; 4,096 requests, where Spin makes an instance anew after 128, which then has
    /// everything to find out again; 64 instances; no limit on memory or time.
    fn default() -> Self {
        Self {
            max_concurrent_requests: 16,
            max_requests: 4096,
            max_instances: 64,
            memory_limit: None,
            request_timeout: None,
        }
    }
}

impl ToolSettings {
    /// The keys that [`overlaid`](Self::overlaid) reads.
    pub(crate) const KEYS: [&str; 5] =
        ["max_concurrent_requests", "max_requests", "max_instances", "memory_limit", "request_timeout"];

    /// These settings, with what the table sets put over them.
    pub(crate) fn overlaid(&self, table: &Table<'_>) -> Result<Self, Error> {
        let count = |key, otherwise| match table.get(key) {
            Some(value) => match usize::try_from(value.integer()?) {
                Ok(count @ 1..) => Ok(count),
                _ => Err(value.invalid("must be a whole number, at least 1")),
            },
            None => Ok(otherwise),
        };
        Ok(Self {
            max_concurrent_requests: count("max_concurrent_requests", self.max_concurrent_requests)?,
            max_requests: count("max_requests", self.max_requests)?,
            max_instances: count("max_instances", self.max_instances)?,
            memory_limit: match table.get("memory_limit") {
                Some(value) => Some(value.byte_size()?),
                None => self.memory_limit,
            },
            request_timeout: match table.get("request_timeout") {
                Some(value) => {
                    let timeout = duration(&value.string()?).map_err(|problem| value.invalid(problem))?;
                    if timeout.is_zero() {
                        return Err(value.invalid("must be longer than nothing; leave it out for no limit"));
                    }
                    Some(timeout)
                }
                None => self.request_timeout,
            },
        })
    }
}
