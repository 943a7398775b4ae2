//! What can go wrong, by what a caller can do about it.

use std::path::PathBuf;

/// Why an operation, or opening a database, failed.
///
/// It can be cloned because writers that share a transaction share its failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// `increment` met a value that is not an 8-byte little-endian integer. Nothing was changed.
    #[error(
        "the value of key {key:?} is {length} bytes long, so it cannot be incremented: a counter has 8 bytes"
    )]
    NotACounter {
        /// The key that was to be incremented.
        key: String,
        /// The length of the value found, in bytes.
        length: usize,
    },

    /// `increment` would pass the range of a signed 64-bit integer. Nothing was changed.
    #[error("adding {delta} to the counter {key:?}, which is {value}, passes the range of a 64-bit integer")]
    CounterOverflow {
        /// The key that was to be incremented.
        key: String,
        /// Its value.
        value: i64,
        /// What was to be added.
        delta: i64,
    },

    /// A key or value is larger than the database can hold. Nothing was changed.
    #[error("a key or value is too large for the key-value store")]
    TooLarge,

    /// Another connection held the file's lock for longer than the busy time-out. A write was not made; it may be
    /// tried again.
    #[error("{} is locked by another program; stop it and try again", path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },

    /// The file is not a SQLite database, is damaged, or was made by a SQLite that this one cannot read.
    #[error(
        "{} is not a usable database ({detail}); restore it from a backup, or move it away to start empty",
        path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite or the check of the table found.
        detail: String,
    },

    /// The file cannot be written: its permissions, a read-only file system, or a newer version of the format.
    #[error(
        "{} cannot be written; check its permissions and those of its directory, and that no newer version wrote it",
        path.display()
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },

    /// The disk is full. The write was not made.
    #[error("no space is left on the disk of {}", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
    },

    /// Reading or writing the file failed in another way. Whether a write was made is unknown.
    #[error("{}: {detail}", path.display())]
    Storage {
        /// The database file.
        path: PathBuf,
        /// What the operating system or SQLite said.
        detail: String,
    },

    /// The database was closed. Whether a write under way was made is unknown.
    #[error("the key-value store is closed")]
    Closed,
}
