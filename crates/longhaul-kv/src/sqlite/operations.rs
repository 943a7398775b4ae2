//! The operations as SQL. Those that write run inside the writer's transaction, and leave nothing behind when they
//! fail.

use rusqlite::{Connection, OptionalExtension, params};

use super::file::Failure;
use crate::store::{Swap, add_to_counter};

type Result<T, E = Failure> = std::result::Result<T, E>;

const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1 ORDER BY key";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const SWAP: &str = "UPDATE spin_key_value SET value = ?4 WHERE store = ?1 AND key = ?2 AND value = ?3";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";

/// Prepares every statement, so that a table of another shape is found when the file is opened.
pub(super) fn prepare(db: &Connection) -> rusqlite::Result<()> {
    for statement in [GET, EXISTS, KEYS, SET, SWAP, DELETE] {
        db.prepare_cached(statement)?;
    }
    Ok(())
}

pub(super) fn get(db: &Connection, label: &str, key: &str) -> Result<Option<Vec<u8>>> {
    let mut statement = db.prepare_cached(GET)?;
    // Text is taken as its bytes: people put values in with the sqlite3 shell.
    let value = statement.query_row(params![label, key], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec()));
    Ok(value.optional()?)
}

pub(super) fn exists(db: &Connection, label: &str, key: &str) -> Result<bool> {
    Ok(db.prepare_cached(EXISTS)?.exists(params![label, key])?)
}

pub(super) fn keys(db: &Connection, label: &str) -> Result<Vec<String>> {
    let mut statement = db.prepare_cached(KEYS)?;
    let keys = statement.query_map([label], |row| row.get(0))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn get_many(db: &Connection, label: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
    let snapshot = db.unchecked_transaction()?;
    let values = keys.iter().map(|key| get(&snapshot, label, key)).collect::<Result<_>>()?;
    snapshot.commit()?;
    Ok(values)
}

pub(super) fn set_many(db: &Connection, label: &str, pairs: &[(String, Vec<u8>)]) -> Result<()> {
    all_or_nothing(db, pairs.len(), || {
        let mut statement = db.prepare_cached(SET)?;
        for (key, value) in pairs {
            statement.execute(params![label, key, value])?;
        }
        Ok(())
    })
}

pub(super) fn delete_many(db: &Connection, label: &str, keys: &[String]) -> Result<()> {
    all_or_nothing(db, keys.len(), || {
        let mut statement = db.prepare_cached(DELETE)?;
        for key in keys {
            statement.execute(params![label, key])?;
        }
        Ok(())
    })
}

pub(super) fn increment(db: &Connection, label: &str, key: &str, delta: i64) -> Result<i64> {
    let value = add_to_counter(key, get(db, label, key)?.as_deref(), delta)?;
    db.prepare_cached(SET)?.execute(params![label, key, value.to_le_bytes()])?;
    Ok(value)
}

pub(super) fn compare_and_swap(
    db: &Connection,
    label: &str,
    key: &str,
    expected: Option<&[u8]>,
    new: &[u8],
) -> Result<Swap> {
    if let Some(expected) = expected
        && db.prepare_cached(SWAP)?.execute(params![label, key, expected, new])? == 1
    {
        return Ok(Swap::Done);
    }
    let found = get(db, label, key)?;
    // The rest is a key that is missing, as expected, or one whose value is text, which equals no blob.
    if found.as_deref() != expected {
        return Ok(Swap::Changed(found));
    }
    db.prepare_cached(SET)?.execute(params![label, key, new])?;
    Ok(Swap::Done)
}

/// Undoes what `write` did if it fails half-way. A single statement undoes itself.
fn all_or_nothing(db: &Connection, statements: usize, write: impl FnOnce() -> Result<()>) -> Result<()> {
    if statements <= 1 {
        return write();
    }
    db.prepare_cached("SAVEPOINT operation")?.execute([])?;
    let outcome = write();
    // Some errors (a full disk) have undone the whole transaction already, and the savepoint with it.
    if outcome.is_err() && !db.is_autocommit() {
        db.prepare_cached("ROLLBACK TO operation")?.execute([])?;
    }
    if !db.is_autocommit() {
        db.prepare_cached("RELEASE operation")?.execute([])?;
    }
    outcome
}
