//! The table of operations: what the API is. The router, the OpenAPI document and the test of the documentation read it.

use http::Method;

use crate::schema::{Answer, Content, Parameter, Request, body, header, query};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Starts an instance.
    Start,
    /// Lists instances.
    List,
    /// Purges the finished ones among many.
    PurgeMany,
    /// Counts instances.
    Count,
    /// Shows an instance.
    Status,
    /// Purges an instance.
    Purge,
    /// Raises an external event.
    RaiseEvent,
    /// Ends an instance.
    Terminate,
    /// Holds an instance.
    Suspend,
    /// Lets a suspended instance go on.
    Resume,
    /// Takes the failure of an instance back.
    Rewind,
    /// Starts an instance once more.
    Restart,
    /// Starts an instance once more, under a chosen id or in another version.
    RestartWithOptions,
    /// Lists entities.
    ListEntities,
    /// Removes entities without a state, and releases locks whose holders are gone.
    CleanEntities,
    /// Shows the state of an entity.
    EntityState,
    /// Signals an entity.
    SignalEntity,
    /// Signals an entity to delete itself.
    DeleteEntity,
    /// Makes this the primary application.
    MakePrimary,
    /// Wakes the scheduler.
    Tick,
    /// The OpenAPI document.
    OpenApi,
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// What it is.
    pub operation: Operation,
    /// Its name in the OpenAPI document.
    pub id: &'static str,
    /// Its methods, all of which mean the same.
    pub methods: &'static [Method],
    /// Its paths below the base. What is in braces is a segment of the request's choice; the rest is compared ignoring
    /// case.
    pub paths: &'static [&'static str],
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Its parameters, without those of the path.
    pub parameters: &'static [Parameter],
    /// The content of its request, if it takes any.
    pub request: Option<Request>,
    /// Its answers, but for those that all have.
    pub answers: &'static [Answer],
}

/// All operations. Where two rows match a request, the first holds.
pub const OPERATIONS: &[Row] = &[
    Row {
        operation: Operation::Start,
        id: "start",
        methods: &[Method::POST],
        paths: &["orchestrators/{functionName}", "orchestrators/{functionName}/{instanceId}"],
        summary: "Starts an instance of an orchestrator function; with `timeout`, waits for its end.",
        parameters: &[query::TIMEOUT, query::POLLING_INTERVAL, query::VERSION, query::ERROR_ON_FAILURE],
        request: Some(body::INPUT),
        answers: &[
            Answer::new(202, "The instance is stored: where to find it.", Content::CheckStatus)
                .with(&[header::LOCATION, header::RETRY_AFTER]),
            Answer::new(200, "It has finished in time: its output, or its status.", Content::Any),
            Answer::new(400, "No such function, no JSON, or a malformed id.", Content::Error),
            Answer::new(409, "An instance of that id has not finished.", Content::Error),
            Answer::new(413, "The input is too large.", Content::Error),
            Answer::new(500, "The store or the orchestrator component failed.", Content::Any),
        ],
    },
    Row {
        operation: Operation::List,
        id: "list",
        methods: &[Method::GET],
        paths: &["instances"],
        summary: "Lists instances in the order of their creation, a page of them.",
        parameters: &[
            query::CREATED_FROM,
            query::CREATED_TO,
            query::RUNTIME_STATUS,
            query::ID_PREFIX,
            query::NAME,
            query::SHOW_INPUT,
            query::TOP,
            query::CONTINUATION,
        ],
        request: None,
        answers: &[
            Answer::new(200, "The instances.", Content::Statuses).with(&[header::CONTINUATION]),
            Answer::new(400, "The continuation token is none of ours.", Content::Error),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::PurgeMany,
        id: "purgeMany",
        methods: &[Method::DELETE],
        paths: &["instances"],
        summary: "Purges those instances that have finished, for a limited time.",
        parameters: &[
            query::CREATED_FROM_REQUIRED,
            query::CREATED_TO,
            query::RUNTIME_STATUS,
            query::ID_PREFIX,
            query::NAME,
            query::RECURSIVE,
            query::CONTINUATION,
        ],
        request: None,
        answers: &[
            Answer::new(200, "So many are gone; with a token, there may be more.", Content::Purged)
                .with(&[header::CONTINUATION]),
            Answer::new(400, "Without `createdTimeFrom`, or with a malformed one.", Content::Any),
            Answer::new(404, "There was nothing to purge.", Content::Nothing),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::Count,
        id: "count",
        methods: &[Method::GET],
        paths: &["instances/count"],
        summary: "Counts instances.",
        parameters: &[
            query::CREATED_FROM,
            query::CREATED_TO,
            query::RUNTIME_STATUS,
            query::ID_PREFIX,
            query::NAME,
        ],
        request: None,
        answers: &[
            Answer::new(200, "So many there are.", Content::Count),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::Status,
        id: "status",
        methods: &[Method::GET],
        paths: &["instances/{instanceId}"],
        summary: "Shows an instance, with its history if that is asked for.",
        parameters: &[
            query::SHOW_HISTORY,
            query::SHOW_HISTORY_OUTPUT,
            query::SHOW_INPUT,
            query::SHOW_EVENT_IDS,
            query::ERROR_ON_FAILURE,
        ],
        request: None,
        answers: &[
            Answer::new(200, "It has finished.", Content::Status),
            Answer::new(202, "It has not finished: ask again there.", Content::Status)
                .with(&[header::LOCATION, header::RETRY_AFTER]),
            Answer::new(400, "A malformed id.", Content::Error),
            Answer::new(404, "There is no such instance.", Content::Nothing),
            Answer::new(500, "It has failed, and that was to be a 500; or the store failed.", Content::Any),
        ],
    },
    Row {
        operation: Operation::Purge,
        id: "purge",
        methods: &[Method::DELETE],
        paths: &["instances/{instanceId}"],
        summary: "Purges an instance that has finished.",
        parameters: &[query::RECURSIVE],
        request: None,
        answers: &[
            Answer::new(200, "It is gone.", Content::Purged),
            Answer::new(400, "A malformed id.", Content::Error),
            Answer::new(404, "There is no such instance.", Content::Nothing),
            Answer::new(409, "It has not finished.", Content::Error),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::RaiseEvent,
        id: "raiseEvent",
        methods: &[Method::POST],
        paths: &["instances/{instanceId}/raiseEvent/{eventName}"],
        summary: "Raises an external event for an instance.",
        parameters: &[],
        request: Some(body::EVENT),
        answers: &[
            Answer::new(202, "The event is stored.", Content::Nothing),
            Answer::new(400, "No JSON, another content type, or a malformed id or name.", Content::Error),
            Answer::new(404, "There is no such instance.", Content::Nothing),
            Answer::new(410, "It has finished.", Content::Nothing),
            Answer::new(413, "The data is too large.", Content::Error),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    telling(Operation::Terminate, "terminate", "Ends an instance.", TERMINATE),
    telling(Operation::Suspend, "suspend", "Holds an instance until it is resumed.", IN_STATE),
    telling(Operation::Resume, "resume", "Lets a suspended instance go on.", IN_STATE),
    telling(
        Operation::Rewind,
        "rewind",
        "Runs once more what made an instance fail, and nothing else.",
        IN_STATE,
    ),
    Row {
        operation: Operation::Restart,
        id: "restart",
        methods: &[Method::POST],
        paths: &["instances/{instanceId}/restart"],
        summary: "Starts an instance once more with its input, under a new id or the same.",
        parameters: &[
            query::RESTART_WITH_NEW_ID,
            query::TIMEOUT,
            query::POLLING_INTERVAL,
            query::ERROR_ON_FAILURE,
        ],
        request: None,
        answers: RESTARTED,
    },
    Row {
        operation: Operation::RestartWithOptions,
        id: "restartWithOptions",
        methods: &[Method::POST],
        paths: &["instances/{instanceId}/restartWithOptions"],
        summary: "Starts an instance once more with its input, under a chosen id, in its version or another.",
        parameters: &[
            query::NEW_INSTANCE_ID,
            query::VERSION,
            query::TIMEOUT,
            query::POLLING_INTERVAL,
            query::ERROR_ON_FAILURE,
        ],
        request: Some(body::RESTART_OPTIONS),
        answers: RESTARTED,
    },
    Row {
        operation: Operation::ListEntities,
        id: "listEntities",
        methods: &[Method::GET],
        paths: &["entities", "entities/{entityName}"],
        summary: "Lists entities that have a state in the order of their creation, a page of them.",
        parameters: &[
            query::LAST_OPERATION_FROM,
            query::LAST_OPERATION_TO,
            query::FETCH_STATE,
            query::TOP_ENTITIES,
            query::CONTINUATION,
        ],
        request: None,
        answers: &[
            Answer::new(200, "The entities.", Content::Entities).with(&[header::CONTINUATION]),
            Answer::new(
                400,
                "A malformed name, or a continuation token that is none of ours.",
                Content::Error,
            ),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::CleanEntities,
        id: "cleanEntities",
        methods: &[Method::POST],
        paths: &["entities"],
        summary: "Removes entities without a state, and releases locks whose holders are gone, for a limited time.",
        parameters: &[query::REMOVE_EMPTY, query::RELEASE_LOCKS, query::CONTINUATION],
        request: None,
        answers: &[
            Answer::new(200, "What was done.", Content::Cleaned).with(&[header::CONTINUATION]),
            Answer::new(400, "The continuation token is none of ours.", Content::Error),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::EntityState,
        id: "entityState",
        methods: &[Method::GET],
        paths: &["entities/{entityName}/{entityKey}"],
        summary: "Shows the state of an entity. The key `$` is the empty one.",
        parameters: &[],
        request: None,
        answers: &[
            Answer::new(200, "The state, as it is.", Content::Any),
            Answer::new(400, "A malformed name or key.", Content::Error),
            Answer::new(404, "There is no such entity, or it has no state.", Content::Nothing),
            Answer::new(500, "The store failed.", Content::Error),
        ],
    },
    Row {
        operation: Operation::SignalEntity,
        id: "signalEntity",
        methods: &[Method::POST],
        paths: &["entities/{entityName}/{entityKey}"],
        summary: "Signals an entity, which is created on first use.",
        parameters: &[query::OPERATION],
        request: Some(body::SIGNAL),
        answers: SIGNALLED,
    },
    Row {
        operation: Operation::DeleteEntity,
        id: "deleteEntity",
        methods: &[Method::DELETE],
        paths: &["entities/{entityName}/{entityKey}"],
        summary: "Signals an entity to delete itself.",
        parameters: &[],
        request: None,
        answers: DELETED,
    },
    Row {
        operation: Operation::MakePrimary,
        id: "makePrimary",
        methods: &[Method::GET, Method::POST, Method::PUT, Method::DELETE],
        paths: &["makeprimary"],
        summary: "Does nothing: every host of an application is a primary one.",
        parameters: &[],
        request: None,
        answers: &[Answer::new(200, "It is.", Content::Nothing)],
    },
    Row {
        operation: Operation::Tick,
        id: "tick",
        methods: &[Method::POST],
        paths: &["tick"],
        summary: "Wakes the scheduler, for hosts that end work in the background.",
        parameters: &[],
        request: None,
        answers: &[
            Answer::new(202, "The scheduler is awake.", Content::Nothing),
            Answer::new(500, "It does not answer.", Content::Error),
        ],
    },
    Row {
        operation: Operation::OpenApi,
        id: "openApi",
        methods: &[Method::GET],
        paths: &["openapi.json"],
        summary: "This document.",
        parameters: &[],
        request: None,
        answers: &[Answer::new(200, "The document.", Content::Any)],
    },
];

const SIGNALLED: &[Answer] = &[
    Answer::new(202, "The signal is stored.", Content::Nothing),
    Answer::new(400, "A malformed name or key, or no JSON.", Content::Error),
    Answer::new(413, "The input is too large.", Content::Error),
    Answer::new(500, "The store failed.", Content::Error),
];

const DELETED: &[Answer] = &[
    Answer::new(202, "The signal is stored.", Content::Nothing),
    Answer::new(400, "A malformed name or key.", Content::Error),
    Answer::new(500, "The store failed.", Content::Error),
];

const RESTARTED: &[Answer] = &[
    Answer::new(202, "The new run is stored: where to find it.", Content::CheckStatus)
        .with(&[header::LOCATION, header::RETRY_AFTER]),
    Answer::new(200, "It has finished in time: its output, or its status.", Content::Any),
    Answer::new(400, "Malformed ids or times.", Content::Error),
    Answer::new(404, "There is no such instance.", Content::Nothing),
    Answer::new(409, "An instance of the target's id has not finished.", Content::Error),
    Answer::new(500, "The store failed.", Content::Any),
];

const TERMINATE: &[Answer] = &[
    Answer::new(202, "The message is stored.", Content::Nothing),
    Answer::new(400, "A malformed id.", Content::Error),
    Answer::new(404, "There is no such instance.", Content::Nothing),
    Answer::new(410, "It has finished.", Content::Nothing),
    Answer::new(500, "The store failed.", Content::Error),
];

const IN_STATE: &[Answer] = &[
    Answer::new(202, "The message is stored.", Content::Nothing),
    Answer::new(400, "A malformed id.", Content::Error),
    Answer::new(404, "There is no such instance.", Content::Nothing),
    Answer::new(409, "It is in a state for which this is not.", Content::Error),
    Answer::new(410, "It has finished.", Content::Nothing),
    Answer::new(500, "The store failed.", Content::Error),
];

const fn telling(
    operation: Operation,
    name: &'static str,
    summary: &'static str,
    answers: &'static [Answer],
) -> Row {
    let paths: &[&str] = match operation {
        Operation::Terminate => &["instances/{instanceId}/terminate"],
        Operation::Suspend => &["instances/{instanceId}/suspend"],
        Operation::Resume => &["instances/{instanceId}/resume"],
        _ => &["instances/{instanceId}/rewind"],
    };
    Row {
        operation,
        id: name,
        methods: &[Method::POST],
        paths,
        summary,
        parameters: &[query::REASON],
        request: None,
        answers,
    }
}
