//! Single changes of a table, each of one entity.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::connection_string::ConnectionString;
use crate::entity::Entity;
use crate::key::{ETag, EntityKey};
use crate::request::{self, Draft, JSON_WITHOUT_METADATA, TooLong};
use crate::table_name::TableName;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A new entity; fails if there is one of this key.
    Insert(Entity),
    /// A new entity, or a change of the one that is there.
    Upsert(Entity, WriteMode),
    /// A change of an entity that is there, if its version is the one that is meant.
    Update(Entity, WriteMode, IfMatch),
    /// The end of an entity, if its version is the one that is meant.
    Delete(EntityKey, IfMatch),
}

/// What becomes of the properties that a write does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// They stay.
    Merge,
    /// They go.
    Replace,
}

/// Which version of an entity may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Any, as long as the entity is there.
    Any,
    /// Only this one.
    Version(ETag),
}

impl Operation {
    /// Which entity it is about.
    pub fn key(&self) -> &EntityKey {
        match self {
            Self::Insert(entity) | Self::Upsert(entity, _) | Self::Update(entity, _, _) => entity.key(),
            Self::Delete(key, _) => key,
        }
    }

    /// Whether doing it twice is as good as once. A second insert could bring back what somebody has deleted since; a
    /// second change of one version fails, and any version means any.
    pub(crate) fn may_be_repeated(&self) -> bool {
        !matches!(self, Self::Insert(_))
    }

    pub(crate) fn draft(&self, connection: &ConnectionString, table: &TableName) -> Result<Draft, TooLong> {
        let mut headers = HeaderMap::new();
        let path = match self {
            Self::Insert(_) => format!("/{table}"),
            _ => format!("/{table}{}", self.key().in_path()),
        };
        let body = match self {
            Self::Insert(entity) | Self::Upsert(entity, _) | Self::Update(entity, _, _) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Bytes::from(entity.to_json())
            }
            Self::Delete(..) => Bytes::new(),
        };
        if let Self::Insert(_) = self {
            let prefer = HeaderName::from_static("prefer");
            headers.insert(prefer, HeaderValue::from_static("return-no-content"));
        }
        if let Self::Update(_, _, version) | Self::Delete(_, version) = self {
            let version = match version {
                IfMatch::Any => "*",
                IfMatch::Version(etag) => etag.as_str(),
            };
            headers.insert(IF_MATCH, HeaderValue::try_from(version).expect("a tag is visible ASCII"));
        }
        let method = match self {
            Self::Insert(_) => Method::POST,
            Self::Upsert(_, WriteMode::Replace) | Self::Update(_, WriteMode::Replace, _) => Method::PUT,
            Self::Upsert(_, WriteMode::Merge) | Self::Update(_, WriteMode::Merge, _) => Method::PATCH,
            Self::Delete(..) => Method::DELETE,
        };
        let uri = request::uri(connection, &path, &[])?;
        Ok(Draft { method, uri, accept: JSON_WITHOUT_METADATA, headers, body })
    }
}
