//! What can be wrong with a configuration file.

use std::{fmt, io, path::PathBuf};

/// A place in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was given.
    pub file: PathBuf,
    /// The line, counted from 1, when there is one to point to.
    pub line: Option<usize>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file.display()),
            None => write!(f, "{}", self.file.display()),
        }
    }
}

/// Why a manifest or a runtime configuration was refused. Each message says where, which key, what is wrong and what to
/// do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file that was asked for.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not TOML.
    #[error("{at}: not valid TOML: {message}")]
    Syntax {
        /// Where.
        at: Location,
        /// What the TOML parser said.
        message: String,
    },
    /// Neither Spin nor this host knows the key.
    #[error("{at}: {key}: unknown key; {advice}")]
    UnknownKey {
        /// Where.
        at: Location,
        /// The whole dotted key.
        key: String,
        /// What was probably meant, or what is known here.
        advice: String,
    },
    /// Spin knows the key or value; this host does not offer it.
    #[error("{at}: {key}: not supported by this host: {advice}")]
    Unsupported {
        /// Where.
        at: Location,
        /// The whole dotted key.
        key: String,
        /// What to do instead.
        advice: String,
    },
    /// A key that must be there is not.
    #[error("{at}: {key}: missing; {advice}")]
    Missing {
        /// Where the table begins that lacks the key.
        at: Location,
        /// The whole dotted key.
        key: String,
        /// What to write.
        advice: String,
    },
    /// The value of a key makes no sense.
    #[error("{at}: {key}: {problem}")]
    Invalid {
        /// Where.
        at: Location,
        /// The whole dotted key.
        key: String,
        /// What is wrong with the value, and what would be right.
        problem: String,
    },
    /// A component uses a key-value store that nobody configured.
    #[error(
        "component {component} uses the key-value store {label:?}, which is not configured; \
         add [key_value_store.{label}] with type = \"spin\" to the runtime configuration ({runtime_config}), or use \"default\""
    )]
    UnconfiguredStore {
        /// The component.
        component: crate::ComponentId,
        /// The label of the store.
        label: String,
        /// The file that should configure it, or that there is none.
        runtime_config: String,
    },
}
