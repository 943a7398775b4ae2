//! What can go wrong, told to people: what was wrong, where, and what to do.

use std::io;

use http::StatusCode;
use thiserror::Error;

use super::text::plain;

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
pub enum Failure {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    #[error("{server} cannot be reached: {why}. Is it running there? --url or LONGHAUL_URL names another")]
    Unreachable { server: String, why: String },
    #[error("{server} did not answer in {seconds} s; what was asked for may have been done all the same")]
    TimedOut { server: String, seconds: u64 },
    #[error(
        "{server} asks for a key: set LONGHAUL_KEY or pass --key. For Longhaul it is the variable management_key, for \
         Azure the system key durabletask_extension of the function app"
    )]
    NoKey { server: String },
    #[error("{server} refuses the key that was given with --key, LONGHAUL_KEY or the URL")]
    KeyRefused { server: String },
    #[error(
        "there is no management API at {server}: it is closed until the variable management_key is set, or it is \
         elsewhere (--url)"
    )]
    NoApi { server: String },
    #[error("there is no instance '{}'", plain(.0))]
    NoInstance(String),
    #[error("the instance '{}' has ended: {what}", plain(.id))]
    Ended { id: String, what: &'static str },
    /// Its state does not allow this now.
    #[error("the state of '{}' does not allow this: {}", plain(.id), plain(.why))]
    Conflict { id: String, why: String },
    /// Any other status that says no.
    #[error("{server} refuses this (status {status}): {}", plain(.why))]
    Refused { server: String, status: StatusCode, why: String },
    #[error("the answer of {server} is not that of a management API: {why}")]
    Unreadable { server: String, why: String },
    /// Some of several; each was told.
    #[error("{failed} of {all} were refused")]
    Some { failed: usize, all: usize },
    #[error("nothing was purged: it was not confirmed")]
    NotConfirmed,
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// With what the process exits: 2 if the command line is to blame, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            // `longhaul instances list | head` has what it wanted.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => 1,
        }
    }

    /// Whether it may be gone in a moment, as while a server is started anew.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}
