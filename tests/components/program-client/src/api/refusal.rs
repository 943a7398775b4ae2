//! What is answered when something was not done.

use http::StatusCode;
use longhaul::{OperationError, QueryError, ReadError, StartError};
use thiserror::Error;

#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("there is nothing under this path")]
    NoSuchPath,
    #[error("there is no such instance")]
    NoSuchInstance,
    #[error("{0}")]
    Bad(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Operation(#[from] OperationError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchInstance => StatusCode::NOT_FOUND,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Start(StartError::TooLarge(_)) | Self::Operation(OperationError::TooLarge(_)) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Operation(OperationError::NotFound(_)) => StatusCode::NOT_FOUND,
            Self::Operation(
                OperationError::Finished { .. }
                | OperationError::NotFinished { .. }
                | OperationError::WrongState { .. },
            ) => StatusCode::CONFLICT,
            Self::Start(_) | Self::Operation(_) | Self::Query(_) | Self::Read(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}
