//! Entity group transactions: several changes of one partition, made together or not at all.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions>

use std::collections::HashSet;

use bytes::Bytes;
use http::Response;

use crate::connection_string::ConnectionString;
use crate::error::Error;
use crate::operation::Operation;
use crate::request::{DATA_SERVICE_VERSION, JSON_WITHOUT_METADATA};
use crate::table_name::TableName;

/// What the service allows.
const MOST_OPERATIONS: usize = 100;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// JSON has no line that begins with these, since it is sent on one line, and nor do headers.
pub(crate) const BOUNDARY: &str = "batch_longhaul";
const CHANGES: &str = "changeset_longhaul";

/// Changes of different entities of one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction(Vec<Operation>);

impl Transaction {
    /// These changes, 1 to 100.
    ///
    /// # Errors
    ///
    /// [`InvalidTransaction`] if there are none or too many, in several partitions, or two of one entity.
    pub fn new(operations: Vec<Operation>) -> Result<Self, InvalidTransaction> {
        let Some(first) = operations.first() else { return Err(InvalidTransaction::Empty) };
        if operations.len() > MOST_OPERATIONS {
            return Err(InvalidTransaction::TooMany { operations: operations.len() });
        }
        let mut seen = HashSet::new();
        for (index, operation) in operations.iter().enumerate() {
            if operation.key().partition_key() != first.key().partition_key() {
                return Err(InvalidTransaction::OtherPartition { index });
            }
            if !seen.insert(operation.key()) {
                return Err(InvalidTransaction::SameEntity { index });
            }
        }
        Ok(Self(operations))
    }

    /// The changes, in their order.
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    pub(crate) fn body(&self, connection: &ConnectionString, table: &TableName) -> Result<Bytes, Error> {
        let mut body =
            format!("--{BOUNDARY}\r\nContent-Type: multipart/mixed; boundary={CHANGES}\r\n\r\n").into_bytes();
        for operation in &self.0 {
            let draft = operation.draft(connection, table)?;
            // A signature belongs to the whole, not to its parts.
            let uri = draft.uri.to_string();
            let uri = uri.split_once('?').map_or(uri.as_str(), |(uri, _)| uri);
            let head = format!(
                "--{CHANGES}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
                 {} {uri} HTTP/1.1\r\nAccept: {JSON_WITHOUT_METADATA}\r\n\
                 DataServiceVersion: {DATA_SERVICE_VERSION}\r\n",
                draft.method
            );
            body.extend(head.bytes());
            for (name, value) in &draft.headers {
                let name = title_case(name.as_str());
                body.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
            body.extend([b"\r\n", &*draft.body, b"\r\n"].concat());
        }
        body.extend(format!("--{CHANGES}--\r\n--{BOUNDARY}--\r\n").bytes());
        match body.len() {
            bytes if bytes > MOST_BYTES => Err(InvalidTransaction::TooLarge { bytes }.into()),
            _ => Ok(body.into()),
        }
    }
}

/// `If-Match` rather than `if-match`: the emulator compares these names letter by letter.
fn title_case(name: &str) -> String {
    let words = name.split('-').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    });
    words.collect::<Vec<_>>().join("-")
}

/// The answers in the body of an answer: one for each operation, or one that says which was refused. `None` if the
/// body was cut off or is something else.
pub(crate) fn answers(body: &[u8]) -> Option<Vec<Response<Bytes>>> {
    let text = std::str::from_utf8(body).ok()?;
    let boundary = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        let (kind, boundary) = value.split_once("boundary=")?;
        let multipart = name.eq_ignore_ascii_case("content-type") && kind.starts_with("multipart/mixed");
        multipart.then(|| format!("--{}", boundary.trim_matches('"')))
    })?;
    let (all, _) = text.split_once(&format!("{boundary}--"))?;
    all.split(&format!("{boundary}\r\n")).skip(1).map(answer).collect()
}

/// One part: its own headers, then the status line, headers and body of an answer.
fn answer(part: &str) -> Option<Response<Bytes>> {
    let (_, http) = part.split_once("HTTP/1.1 ")?;
    let (head, body) = http.split_once("\r\n\r\n").unwrap_or((http, ""));
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').next()?;
    let mut answer = Response::builder().status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        answer = answer.header(name, value.trim());
    }
    answer.body(Bytes::copy_from_slice(body.trim().as_bytes())).ok()
}

/// Why changes are no transaction. Operations are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransaction {
    /// There is nothing to do.
    #[error("the transaction has no operations")]
    Empty,
    /// There are more than the service takes.
    #[error("the transaction has {operations} operations; the Table service takes 100")]
    TooMany {
        /// How many there are.
        operations: usize,
    },
    /// Not all changes are in the partition of the first.
    #[error(
        "operation {index} (from 0) is in another partition than the first; make it a transaction of its own"
    )]
    OtherPartition {
        /// The first that is elsewhere.
        index: usize,
    },
    /// An entity is changed twice.
    #[error("operation {index} (from 0) is of the same entity as one before it; combine them")]
    SameEntity {
        /// The second change.
        index: usize,
    },
    /// The request is larger than the service takes.
    #[error("the transaction is a request of {bytes} bytes; the Table service takes 4 MiB")]
    TooLarge {
        /// The size of the request.
        bytes: usize,
    },
}
