//! What is answered when something was not done, in the form of ASP.NET's `HttpError`, which Azure's clients read.

use http::header::{ALLOW, HeaderValue};
use http::{Method, Response, StatusCode};
use longhaul::{
    InvalidInstanceId, OperationError, QueryError, ReadError, RuntimeStatus, StartError, public_text,
};
use serde::Serialize;
use thiserror::Error;

use crate::answers::{Body, empty, json};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Error)]
pub(crate) enum Refusal {
    /// There is nothing under the path, or the API is closed.
    #[error("there is nothing here")]
    Nowhere,
    /// There is something under the path, for other methods.
    #[error("there is something here for other methods")]
    WrongMethod(Vec<Method>),
    /// Neither a key nor a link that is good for this.
    #[error("neither a key nor a link that is good for this was presented")]
    Unauthorized,
    /// There is no such instance or entity.
    #[error("there is no such instance or entity")]
    NotFound,
    /// The instance has finished.
    #[error("the instance has finished")]
    Gone,
    /// A part of the request is not as it must be.
    #[error("{0}")]
    BadArgument(String),
    /// The body is no JSON.
    #[error("{0}")]
    NoJson(String),
    /// The content type is not JSON.
    #[error("Only application/json request content is supported")]
    NotJson,
    /// A purge of many without a beginning.
    #[error("Please provide value for 'createdTimeFrom' parameter.")]
    WithoutBeginning,
    /// The instance is in a state for which this is not.
    #[error("{0}")]
    Conflict(String),
    /// Something is too large.
    #[error("{0}")]
    TooLarge(String),
    /// The store, or another component, failed.
    #[error("{0}")]
    Failed(String),
}

/// <https://learn.microsoft.com/previous-versions/aspnet/hh834180(v=vs.118)>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HttpError<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_trace: Option<&'a str>,
}

const BAD_ARGUMENT: &str = "One or more of the arguments submitted is incorrect";
const CONFLICT: &str = "The state of the instance does not allow this";
const FAILED: &str = "Something went wrong while processing your request";

impl Refusal {
    /// The answer that says so.
    pub(crate) fn answer(self) -> Response<Body> {
        let error = |status, message, kind, text: &str| {
            let text = public_text(text);
            let stack_trace = Some("");
            json(
                status,
                &HttpError {
                    message,
                    exception_message: Some(&text),
                    exception_type: Some(kind),
                    stack_trace,
                },
            )
        };
        match self {
            Self::Nowhere | Self::NotFound => empty(StatusCode::NOT_FOUND),
            Self::WrongMethod(allowed) => {
                let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
                let allowed = HeaderValue::try_from(allowed.join(", ")).expect("names of methods are ASCII");
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, allowed);
                response
            }
            Self::Unauthorized => empty(StatusCode::UNAUTHORIZED),
            Self::Gone => empty(StatusCode::GONE),
            Self::BadArgument(text) => {
                error(StatusCode::BAD_REQUEST, BAD_ARGUMENT, "System.ArgumentException", &text)
            }
            Self::NoJson(text) => {
                error(StatusCode::BAD_REQUEST, "Invalid JSON content", "System.ArgumentException", &text)
            }
            Self::NotJson => {
                let message = &self.to_string();
                let bare =
                    HttpError { message, exception_message: None, exception_type: None, stack_trace: None };
                json(StatusCode::BAD_REQUEST, &bare)
            }
            Self::WithoutBeginning => json(StatusCode::BAD_REQUEST, &self.to_string()),
            Self::Conflict(text) => {
                error(StatusCode::CONFLICT, CONFLICT, "System.InvalidOperationException", &text)
            }
            Self::TooLarge(text) => {
                error(StatusCode::PAYLOAD_TOO_LARGE, BAD_ARGUMENT, "System.ArgumentException", &text)
            }
            Self::Failed(text) => {
                tracing::error!("a request to the management API failed: {text}");
                error(StatusCode::INTERNAL_SERVER_ERROR, FAILED, "System.Exception", &text)
            }
        }
    }
}

impl From<InvalidInstanceId> for Refusal {
    fn from(error: InvalidInstanceId) -> Self {
        Self::BadArgument(error.to_string())
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        match error {
            StartError::TooLarge(failure) => Self::TooLarge(failure.message),
            StartError::NotStored(_) | StartError::Unknown(_) => Self::Failed(error.to_string()),
        }
    }
}

impl From<OperationError> for Refusal {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::NotFound(_) => Self::NotFound,
            OperationError::Finished { .. } => Self::Gone,
            // One that has finished otherwise than by a failure cannot be rewound.
            OperationError::WrongState { status, .. } if status.is_finished() => Self::Gone,
            OperationError::NotFinished { .. } | OperationError::WrongState { .. } => {
                Self::Conflict(error.to_string())
            }
            OperationError::TooLarge(failure) => Self::TooLarge(failure.message),
            OperationError::Read(error) => error.into(),
        }
    }
}

/// In Azure's words, which clients show to people.
pub(crate) fn already_exists(status: RuntimeStatus) -> Refusal {
    Refusal::Conflict(format!("An Orchestration instance with the status {status:?} already exists."))
}
