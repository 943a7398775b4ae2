//! The file: how it is opened, checked and left, and what its errors mean to a caller.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Durability, SqliteOptions, operations};
use crate::{Error, Result};

/// Spin's table. A file made by either host is used by both.
const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,

    PRIMARY KEY (store, key)
)";

/// After a burst, the log is cut back to this size in bytes.
const LOG_SIZE_LIMIT: i64 = 64 << 20;

/// Why an operation on a connection failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite refused or broke.
    Sqlite(rusqlite::Error),
    /// The operation itself does not fit what is stored.
    Operation(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Operation(error)
    }
}

impl Failure {
    /// The failure as the caller of an operation on the file `path` sees it.
    pub(super) fn explain(self, path: &Path) -> Error {
        match self {
            Self::Operation(error) => error,
            Self::Sqlite(error) => explain(error, path),
        }
    }
}

/// What an error of SQLite on the file `path` means to a caller.
pub(super) fn explain(error: rusqlite::Error, path: &Path) -> Error {
    let path = path.to_owned();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::TooBig) => Error::TooLarge,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Locked { path },
        Some(ErrorCode::ReadOnly) => Error::ReadOnly { path },
        Some(ErrorCode::DiskFull) => Error::Full { path },
        // `Unknown` is SQLITE_ERROR: one of our fixed statements does not fit the schema it met.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) => {
            Error::Corrupt { path, detail }
        }
        Some(_) => Error::Storage { path, detail },
        // Not from SQLite: a column that holds something else than it must.
        None => Error::Corrupt { path, detail },
    }
}

/// Opens the connection that writes, creating what is missing. Where `options` cannot be had, it changes them.
pub(super) fn open_writer(path: &Path, options: &mut SqliteOptions) -> Result<Connection> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|error| Error::Storage {
            path: directory.to_owned(),
            detail: format!("the directory cannot be made: {error}"),
        })?;
    }
    let mut open = || -> rusqlite::Result<Connection> {
        let db = connect(path, options, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            // Some file systems cannot share memory between connections. All else holds; reads wait for writes.
            tracing::warn!(path = %path.display(), mode, "the file system does not support write-ahead logging");
            options.durability = Durability::EachWrite;
        }
        match options.durability {
            // A commit is on disk when COMMIT returns.
            Durability::EachWrite => db.pragma_update(None, "synchronous", "FULL")?,
            // It is in the log, which somebody else syncs, and folds.
            Durability::OnDemand => {
                db.pragma_update(None, "synchronous", "NORMAL")?;
                db.pragma_update(None, "wal_autocheckpoint", 0)?;
            }
        }
        db.pragma_update(None, "journal_size_limit", LOG_SIZE_LIMIT)?;
        db.execute_batch(CREATE_TABLE)?;
        operations::prepare(&db)?;
        Ok(db)
    };
    open().map_err(|error| explain(error, path))
}

/// Opens a connection that reads the file that [`open_writer`] has opened before.
pub(super) fn open_reader(path: &Path, options: &SqliteOptions) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let db = connect(path, options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.pragma_update(None, "query_only", true)?;
        Ok(db)
    };
    open().map_err(|error| explain(error, path))
}

fn connect(path: &Path, options: &SqliteOptions, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // No mutex in SQLite: a connection is used by one thread at a time, which Rust's types enforce.
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(options.busy_timeout)?;
    Ok(db)
}

/// Copies as much of the log into the file as can be without waiting for anybody, and syncs both.
pub(super) fn fold(db: &Connection) -> Result<(), Failure> {
    Ok(db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

/// Closes the connection that writes, after all others, and leaves the file as Spin would: in rollback-journal mode,
/// with everything in it and nothing beside it.
pub(super) fn close_writer(db: Connection, path: &Path) -> Result<()> {
    match db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)) {
        Ok(_) => {}
        // Another program has the file open. Nothing is lost: whoever opens the file next reads the log too.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            tracing::debug!(path = %path.display(), "left in write-ahead-logging mode: another program has it open");
        }
        Err(error) => return Err(explain(error, path)),
    }
    db.close().map_err(|(_, error)| explain(error, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_syncs_a_log_at_every_commit_by_default() {
        let directory = tempfile::tempdir().unwrap();
        let db = open_writer(&directory.path().join("kv.db"), &mut SqliteOptions::default()).unwrap();
        let pragma =
            |name| db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2.into(), "2 is FULL");
    }
}
