//! The words that the [table of operations](crate::OPERATIONS) is written in.

/// A parameter, in the query or a header. Whatever its type, what is not of it counts as left out; so for a client it is
/// a text, unless it says otherwise here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Whether it is a header.
    pub is_header: bool,
    /// Whether the operation is refused without it.
    pub is_required: bool,
    /// What its values look like.
    pub kind: Kind,
    /// What it is for.
    pub description: &'static str,
}

/// What the values of a parameter look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text in which something is looked for; what is not found is left out.
    Lenient,
    /// A time, as RFC 3339 has it, or a date.
    Time,
    /// An instance id.
    Id,
    /// A token that an earlier answer gave.
    Token,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// When it is given.
    pub description: &'static str,
    /// What its body is.
    pub content: Content,
    /// Its headers.
    pub headers: &'static [Header],
}

impl Answer {
    pub(crate) const fn new(status: u16, description: &'static str, content: Content) -> Self {
        Self { status, description, content, headers: &[] }
    }

    pub(crate) const fn with(self, headers: &'static [Header]) -> Self {
        Self { headers, ..self }
    }
}

/// A header of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: &'static str,
    /// Whether such an answer always has it.
    pub is_certain: bool,
    /// What it says.
    pub description: &'static str,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Empty.
    Nothing,
    /// Any JSON.
    Any,
    /// Where an instance is found and controlled.
    CheckStatus,
    /// The status of an instance.
    Status,
    /// An array of those.
    Statuses,
    /// How many were deleted.
    Purged,
    /// How many there are.
    Count,
    /// An array of entities.
    Entities,
    /// What was wrong.
    Error,
}

/// The content of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// What it is for.
    pub description: &'static str,
    /// The members that it may have, all of them texts. None: it is any JSON.
    pub members: Option<&'static [&'static str]>,
}

pub(crate) mod header {
    use super::Header;

    pub(crate) const LOCATION: Header =
        Header { name: "Location", is_certain: true, description: "Where to ask for the status." };
    pub(crate) const RETRY_AFTER: Header =
        Header { name: "Retry-After", is_certain: true, description: "In how many seconds." };
    pub(crate) const CONTINUATION: Header = Header {
        name: crate::continuation::HEADER,
        is_certain: false,
        description: "The token to go on with. Without it there is no more.",
    };
}

pub(crate) mod body {
    use super::Request;

    pub(crate) const INPUT: Request = Request {
        description: "The orchestrator's input, in JSON, whatever its content type. Empty: null.",
        members: None,
    };
    pub(crate) const EVENT: Request =
        Request { description: "The event's data, in JSON. Empty: null.", members: None };
    pub(crate) const RESTART_OPTIONS: Request = Request {
        description: "The options, where they are not parameters.",
        members: Some(&["newInstanceId", "version"]),
    };
}

pub(crate) mod query {
    use super::{Kind, Parameter};

    const fn parameter(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
        Parameter { name, is_header: false, is_required: false, kind, description }
    }

    pub(crate) const TIMEOUT: Parameter = parameter(
        "timeout",
        Kind::Lenient,
        "For how many seconds to wait for the end: at most 230. Without it, not at all.",
    );
    pub(crate) const POLLING_INTERVAL: Parameter = parameter(
        "pollingInterval",
        Kind::Lenient,
        "In seconds, not above `timeout`. Nothing is polled here at intervals: it is only checked.",
    );
    pub(crate) const VERSION: Parameter =
        parameter("version", Kind::Text, "The version of the orchestrator function.");
    pub(crate) const ERROR_ON_FAILURE: Parameter = parameter(
        "returnInternalServerErrorOnFailure",
        Kind::Lenient,
        "`true`: the status of an instance that has failed is a 500.",
    );
    pub(crate) const CREATED_FROM: Parameter =
        parameter("createdTimeFrom", Kind::Lenient, "Created at this time or later.");
    pub(crate) const CREATED_FROM_REQUIRED: Parameter =
        Parameter { is_required: true, kind: Kind::Time, ..CREATED_FROM };
    pub(crate) const CREATED_TO: Parameter =
        parameter("createdTimeTo", Kind::Lenient, "Created at this time or earlier.");
    pub(crate) const RUNTIME_STATUS: Parameter = parameter(
        "runtimeStatus",
        Kind::Lenient,
        "In one of these states: names with commas between them, or the parameter several times.",
    );
    pub(crate) const ID_PREFIX: Parameter = parameter("instanceIdPrefix", Kind::Text, "Whose id begins so.");
    pub(crate) const NAME: Parameter = parameter("name", Kind::Text, "Of this orchestrator function.");
    pub(crate) const SHOW_INPUT: Parameter =
        parameter("showInput", Kind::Lenient, "Whether inputs are shown: `true` unless it says `false`.");
    pub(crate) const TOP: Parameter = parameter(
        "top",
        Kind::Lenient,
        "How many at most: 100, or at most 1000. Below the base for SDKs, all unless it says how many.",
    );
    pub(crate) const CONTINUATION: Parameter = Parameter {
        is_header: true,
        ..parameter(crate::continuation::HEADER, Kind::Token, "The token of the page before.")
    };
    pub(crate) const RECURSIVE: Parameter =
        parameter("recursive", Kind::Lenient, "`true`: with the sub-orchestrations that have finished.");
    pub(crate) const SHOW_HISTORY: Parameter =
        parameter("showHistory", Kind::Lenient, "`true`: with the history.");
    pub(crate) const SHOW_HISTORY_OUTPUT: Parameter =
        parameter("showHistoryOutput", Kind::Lenient, "`true`: with the results in the history.");
    pub(crate) const SHOW_EVENT_IDS: Parameter =
        parameter("showEventIds", Kind::Lenient, "`true`: with the ids that a replay needs.");
    pub(crate) const REASON: Parameter = parameter("reason", Kind::Text, "Why, for the history.");
    pub(crate) const RESTART_WITH_NEW_ID: Parameter = parameter(
        "restartWithNewInstanceId",
        Kind::Lenient,
        "Whether the new run gets an id of its own: `true` unless it says `false`.",
    );
    pub(crate) const NEW_INSTANCE_ID: Parameter = Parameter {
        is_required: true,
        ..parameter("newInstanceId", Kind::Id, "The id of the new run. It may stand in the body instead.")
    };
}
