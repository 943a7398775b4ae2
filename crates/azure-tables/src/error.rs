//! What can go wrong with a request, by what can be done about it.

use std::time::Duration;

use crate::connection_string::ConnectionStringError;
use crate::failure::ServiceFailure;
use crate::filter::FilterError;
use crate::key::EntityKey;
use crate::page::UnreadablePage;
use crate::table_name::{InvalidTableName, TableName};
use crate::transaction::InvalidTransaction;
use azure_core::{TokenError, TransportError};

/// Why a request has no answer, or a write was not made. The text contains no key, signature, query string or host; where the service is,
/// [`TableClient::endpoint`](crate::TableClient::endpoint) says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The connection string must be corrected.
    #[error(transparent)]
    BadConnectionString(#[from] ConnectionStringError),

    /// The table's name must be corrected.
    #[error(transparent)]
    BadTableName(#[from] InvalidTableName),

    /// The filter must be corrected; nothing was sent.
    #[error(transparent)]
    BadFilter(#[from] FilterError),

    /// The credential is wrong, has expired or does not suffice (401, 403). A clock that is wrong by 15 minutes or more has the
    /// same effect.
    #[error("the Table service refused the credential (is it still valid, and the clock right?): {0}")]
    Refused(ServiceFailure),

    /// There is no token of Entra ID to ask with.
    #[error(transparent)]
    NoToken(Box<TokenError>),

    /// The account has no such table.
    #[error("the account has no table {table}")]
    TableNotFound {
        /// The table that was asked for.
        table: TableName,
        /// What Azure's support asks for.
        request_id: Option<String>,
    },

    /// The service does not understand the query (400): a filter, a property or a page size is wrong.
    #[error("the Table service does not accept the query: {0}")]
    InvalidQuery(ServiceFailure),

    /// The service is overloaded or broken, and was so at each try.
    #[error("the Table service still fails (tries: {tries}): {last}")]
    StillFailing {
        /// How many requests were sent for this page or change.
        tries: u32,
        /// How it failed last.
        last: ServiceFailure,
        /// When the service asked to come again.
        retry_after: Option<Duration>,
    },

    /// The service cannot be reached, or connections to it break.
    #[error("the Table service could not be reached (tries: {tries}): {last}")]
    Transport {
        /// How many requests were sent for this page or change.
        tries: u32,
        /// How the last one failed. It is part of the text already, so it is not the error's source as well.
        last: TransportError,
    },

    /// Each try was answered with something that is not a page of entities: what answers may not be a Table service.
    #[error("the Table service did not answer properly (tries: {tries}): {last}")]
    BadAnswer {
        /// How many requests were sent for this page or change.
        tries: u32,
        /// What was wrong with the last answer.
        last: UnreadablePage,
        /// What Azure's support asks for.
        request_id: Option<String>,
    },

    /// A page is proper JSON, but its rows are not what was asked for.
    #[error("a page of the answer cannot be used: {0}")]
    BadPage(UnreadablePage),

    /// The service repeated a continuation token, so going on would never end.
    #[error("the Table service leads in a circle: after {pages} pages it repeats a continuation token")]
    EndlessPaging {
        /// How many pages were read.
        pages: u64,
    },

    /// A status that such requests do not have; what answers may not be a Table service.
    #[error("the Table service answered unexpectedly (is the endpoint right?): {0}")]
    Unexpected(ServiceFailure),

    /// The transaction must be corrected; nothing was sent.
    #[error(transparent)]
    BadTransaction(#[from] InvalidTransaction),

    /// The keys are too long to be sent.
    #[error("the keys make an address of {bytes} bytes, more than can be sent")]
    KeysTooLong {
        /// The length of the encoded URI.
        bytes: usize,
    },

    /// There is no such entity.
    #[error("the table has no entity of these keys: {0}")]
    EntityNotFound(ServiceFailure),

    /// There is an entity of these keys, so it cannot be inserted.
    #[error("the table has an entity of these keys already: {0}")]
    AlreadyExists(ServiceFailure),

    /// The entity has changed since the version that was to be written; read it again.
    #[error("the entity has changed since it was read: {0}")]
    PreconditionFailed(ServiceFailure),

    /// The service does not take the write (400, 413): a key, a property or a size is wrong.
    #[error("the Table service does not accept the write: {0}")]
    InvalidWrite(ServiceFailure),

    /// One operation of a transaction was refused, so none was made.
    #[error("the transaction was not made: operation {index} of it (from 0) was refused: {error}")]
    TransactionRefused {
        /// Which operation, counted from 0.
        index: usize,
        /// Its entity.
        key: EntityKey,
        /// Why.
        error: Box<Error>,
    },

    /// A try to write got no clear answer, and none after it succeeded: the change may have been made or not. Read the
    /// entity before writing again.
    #[error("it is not known whether the change was made; read the entity before writing it again: {0}")]
    OutcomeUnknown(Box<Error>),
}
