//! Reading and changing single entities, and changing several of a partition at once.
//!
//! A read, an upsert, an update and a delete are tried again like a page of a query: a second time does no harm. An
//! insert, and a transaction with one, is tried again only if the service said that it was too busy to begin. When a
//! try got no clear answer (the connection was lost, the service failed) and none after it succeeded, the error is
//! [`Error::OutcomeUnknown`], whatever the last answer was: a conditional update that is repeated after it was made
//! finds a version that is its own.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::client::{Effect, Failure, TableClient, refusal};
use crate::entity::Entity;
use crate::error::Error;
use crate::failure::{self, ServiceFailure};
use crate::key::{ETag, EntityKey};
use crate::operation::{IfMatch, Operation, WriteMode};
use crate::page::UnreadablePage;
use crate::request::{self, Draft, JSON_WITHOUT_METADATA, TooLong};
use crate::table_name::TableName;
use crate::transaction::{self, BOUNDARY, Transaction};
use azure_core::{Clock, HttpClient};

/// The service names the types that JSON does not say.
pub(crate) const JSON_WITH_TYPES: &str = "application/json;odata=minimalmetadata";

impl<H: HttpClient, C: Clock> TableClient<H, C> {
    /// Reads an entity.
    ///
    /// # Errors
    ///
    /// [`Error::EntityNotFound`], and those that queries have.
    pub async fn get(&self, table: &TableName, key: &EntityKey) -> Result<Entity, Error> {
        let uri = request::uri(self.connection(), &format!("/{table}{}", key.in_path()), &[])?;
        let (headers, body) = Default::default();
        let draft = Draft { method: Method::GET, uri, accept: JSON_WITH_TYPES, headers, body };
        self.until_answered(&draft, Effect::None, &mut 0, |response| {
            if response.status() != StatusCode::OK {
                let said = ServiceFailure::read(&response);
                return Err(Failure::Refusal(match said.status {
                    StatusCode::BAD_REQUEST => refusal(said, table),
                    _ => entity_refusal(said, table),
                }));
            }
            let etag = etag(response.headers());
            Entity::from_json(key.clone(), etag, response.body())
                .map_err(|problem| unreadable(problem, response.headers()))
        })
        .await
    }

    /// Adds an entity, and returns its version.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`], and those of [`TableClient::write`].
    pub async fn insert(&self, table: &TableName, entity: Entity) -> Result<ETag, Error> {
        self.write_version(table, &Operation::Insert(entity)).await
    }

    /// Adds an entity or changes the one that is there, and returns its version.
    ///
    /// # Errors
    ///
    /// Those of [`TableClient::write`].
    pub async fn upsert(&self, table: &TableName, entity: Entity, mode: WriteMode) -> Result<ETag, Error> {
        self.write_version(table, &Operation::Upsert(entity, mode)).await
    }

    /// Changes an entity that is there, and returns its new version.
    ///
    /// # Errors
    ///
    /// [`Error::EntityNotFound`], [`Error::PreconditionFailed`], and those of [`TableClient::write`].
    pub async fn update(
        &self,
        table: &TableName,
        entity: Entity,
        mode: WriteMode,
        version: IfMatch,
    ) -> Result<ETag, Error> {
        self.write_version(table, &Operation::Update(entity, mode, version)).await
    }

    /// Changes the properties that `entity` has of one that is there, and returns its new version.
    ///
    /// # Errors
    ///
    /// Those of [`TableClient::update`].
    pub async fn merge(&self, table: &TableName, entity: Entity, version: IfMatch) -> Result<ETag, Error> {
        self.update(table, entity, WriteMode::Merge, version).await
    }

    /// Removes an entity.
    ///
    /// # Errors
    ///
    /// [`Error::EntityNotFound`], [`Error::PreconditionFailed`], and those of [`TableClient::write`].
    pub async fn delete(&self, table: &TableName, key: EntityKey, version: IfMatch) -> Result<(), Error> {
        self.write(table, &Operation::Delete(key, version)).await.map(|_| ())
    }

    /// Makes one change; the version that came of it, if one did.
    ///
    /// # Errors
    ///
    /// [`Error::OutcomeUnknown`], [`Error::InvalidWrite`], [`Error::KeysTooLong`], those of the kind of change, and
    /// those that all requests have.
    pub async fn write(&self, table: &TableName, operation: &Operation) -> Result<Option<ETag>, Error> {
        let draft = operation.draft(self.connection(), table)?;
        let effect = if operation.may_be_repeated() { Effect::Repeatable } else { Effect::Once };
        self.until_answered(&draft, effect, &mut 0, |response| match is_done(response.status()) {
            true => Ok(etag(response.headers())),
            false => Err(Failure::Refusal(entity_refusal(ServiceFailure::read(&response), table))),
        })
        .await
    }

    async fn write_version(&self, table: &TableName, operation: &Operation) -> Result<ETag, Error> {
        // Without its version nothing proves that this write was made, and not something else answered.
        let missing = || {
            let bad = Error::BadAnswer { tries: 1, last: UnreadablePage::Tag, request_id: None };
            Error::OutcomeUnknown(Box::new(bad))
        };
        self.write(table, operation).await?.ok_or_else(missing)
    }

    /// Makes all changes or none; the versions that came of them, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::TransactionRefused`] with the operation that could not be made, [`Error::BadTransaction`],
    /// [`Error::OutcomeUnknown`], and those that all requests have.
    pub async fn transact(
        &self,
        table: &TableName,
        transaction: &Transaction,
    ) -> Result<Vec<Option<ETag>>, Error> {
        let operations = transaction.operations();
        let content_type = format!("multipart/mixed; boundary={BOUNDARY}");
        let content_type = HeaderValue::try_from(content_type).expect("a boundary is visible ASCII");
        let draft = Draft {
            method: Method::POST,
            uri: request::uri(self.connection(), "/$batch", &[])?,
            accept: JSON_WITHOUT_METADATA,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body: transaction.body(self.connection(), table)?,
        };
        let repeatable = operations.iter().all(Operation::may_be_repeated);
        let effect = if repeatable { Effect::Repeatable } else { Effect::Once };
        self.until_answered(&draft, effect, &mut 0, |response| {
            if response.status() != StatusCode::ACCEPTED {
                return Err(Failure::Refusal(entity_refusal(ServiceFailure::read(&response), table)));
            }
            let cut_off = || unreadable(UnreadablePage::Parts, response.headers());
            let answers = transaction::answers(response.body()).ok_or_else(cut_off)?;
            if let Some(failed) = answers.iter().position(|answer| !is_done(answer.status())) {
                return Err(part_refusal(&answers[failed], failed, table, operations));
            }
            if answers.len() != operations.len() {
                return Err(cut_off());
            }
            Ok(answers.iter().map(|answer| etag(answer.headers())).collect())
        })
        .await
    }
}

/// The only part of the answer to a transaction that was not made. The operation's number is before the message.
fn part_refusal(answer: &Response<Bytes>, at: usize, table: &TableName, operations: &[Operation]) -> Failure {
    let mut said = ServiceFailure::read(answer);
    let message = said.message.clone().unwrap_or_default();
    let numbered = message.split_once(':').and_then(|(index, rest)| Some((index.parse().ok()?, rest)));
    let (index, message) = numbered.unwrap_or((at, &message));
    if !message.is_empty() {
        said.message = Some(message.to_owned());
    }
    let Some(operation) = operations.get(index) else { return Failure::Refusal(entity_refusal(said, table)) };
    let (key, error) = (operation.key().clone(), Box::new(entity_refusal(said, table)));
    Failure::Refusal(Error::TransactionRefused { index, key, error })
}

fn entity_refusal(said: ServiceFailure, table: &TableName) -> Error {
    let no_table = said.code.as_deref() == Some("TableNotFound");
    match said.status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Error::InvalidWrite(said),
        StatusCode::NOT_FOUND if !no_table && said.code.is_some() => Error::EntityNotFound(said),
        StatusCode::CONFLICT if said.code.as_deref() == Some("EntityAlreadyExists") => {
            Error::AlreadyExists(said)
        }
        StatusCode::PRECONDITION_FAILED => Error::PreconditionFailed(said),
        _ => refusal(said, table),
    }
}

fn is_done(status: StatusCode) -> bool {
    matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT)
}

fn etag(headers: &HeaderMap) -> Option<ETag> {
    headers.get(ETAG)?.to_str().ok()?.parse().ok()
}

fn unreadable(problem: UnreadablePage, headers: &HeaderMap) -> Failure {
    Failure::Answer { problem, request_id: failure::request_id(headers) }
}

impl From<TooLong> for Error {
    fn from(TooLong { bytes }: TooLong) -> Self {
        Self::KeysTooLong { bytes }
    }
}
