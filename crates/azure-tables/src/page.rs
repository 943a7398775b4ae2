//! Pages of entities, and the tokens that lead from one to the next.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Where a query goes on. What the tokens contain is the service's own affair. It can be stored and used later with
/// the same query, by [`TableClient::query_from`](crate::TableClient::query_from).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Continuation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_partition_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_row_key: Option<String>,
}

impl Continuation {
    /// The tokens in an answer's headers: either alone, both, or none at the end of the query.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, UnreadablePage> {
        let token = |name: &str| match headers.get(name) {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(value) => {
                value.to_str().map(|token| Some(token.to_owned())).map_err(|_| UnreadablePage::Token)
            }
        };
        let next_partition_key = token("x-ms-continuation-nextpartitionkey")?;
        let next_row_key = token("x-ms-continuation-nextrowkey")?;
        let found = next_partition_key.is_some() || next_row_key.is_some();
        Ok(found.then_some(Self { next_partition_key, next_row_key }))
    }

    pub(crate) fn next_partition_key(&self) -> Option<&str> {
        self.next_partition_key.as_deref()
    }

    pub(crate) fn next_row_key(&self) -> Option<&str> {
        self.next_row_key.as_deref()
    }
}

/// One page of an answer, complete and well-formed. It may be empty although more follow.
#[derive(Debug, Clone)]
pub struct Page {
    body: Bytes,
    rows: u64,
    continuation: Option<Continuation>,
}

impl Page {
    /// Checks that a body is a whole page.
    pub(crate) fn new(body: Bytes, continuation: Option<Continuation>) -> Result<Self, UnreadablePage> {
        let mut page = Self { body, rows: 0, continuation };
        let mut rows = 0;
        page.for_each(AnyEntity, |()| rows += 1)?;
        page.rows = rows;
        Ok(page)
    }

    /// The body as received: `{"value":[…]}`.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How many entities it has.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the query goes on after this page; `None` at its end.
    pub fn continuation(&self) -> Option<&Continuation> {
        self.continuation.as_ref()
    }

    /// The entities, which may borrow from the page.
    ///
    /// # Errors
    ///
    /// [`UnreadablePage`] if one does not fit the type.
    pub fn entities<'a, T: Deserialize<'a>>(&'a self) -> Result<Vec<T>, UnreadablePage> {
        let mut entities = Vec::new();
        self.for_each(PhantomData, |entity| entities.push(entity))?;
        Ok(entities)
    }

    /// Reads one entity after the other in the way that `entity` does, and keeps none.
    pub(crate) fn for_each<'a, S>(
        &'a self,
        entity: S,
        each: impl FnMut(S::Value),
    ) -> Result<(), UnreadablePage>
    where
        S: DeserializeSeed<'a> + Copy,
    {
        // Strings that nobody looks at would otherwise not be checked.
        let body = std::str::from_utf8(&self.body).map_err(|_| UnreadablePage::NotText)?;
        let mut json = serde_json::Deserializer::from_str(body);
        Envelope { entity, each }.deserialize(&mut json)?;
        Ok(json.end()?)
    }
}

/// Why an answer is not what was asked for. It quotes nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadablePage {
    /// The body ends before its JSON does.
    #[error("its body was cut off")]
    CutOff,
    /// The body is not UTF-8.
    #[error("its body is not text")]
    NotText,
    /// The body is not JSON, or not of this form.
    #[error("its body is not the expected JSON (line {line}, column {column})")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// A continuation token cannot be sent back.
    #[error("its continuation token is not visible ASCII")]
    Token,
    /// A property's value is not of the type that is said.
    #[error("a property's value is not of its type")]
    Property,
    /// The entity's tag is missing.
    #[error("it has no entity tag")]
    Tag,
    /// The answers to a transaction's operations are not all there.
    #[error("it does not answer every operation of the transaction")]
    Parts,
}

impl From<serde_json::Error> for UnreadablePage {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::CutOff } else { Self::Json { line: error.line(), column: error.column() } }
    }
}

/// The object around the entities: its `value`, and whatever else the service may add.
struct Envelope<S, F> {
    entity: S,
    each: F,
}

impl<'de, S, F> DeserializeSeed<'de> for Envelope<S, F>
where
    S: DeserializeSeed<'de> + Copy,
    F: FnMut(S::Value),
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S, F> Visitor<'de> for Envelope<S, F>
where
    S: DeserializeSeed<'de> + Copy,
    F: FnMut(S::Value),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the entities in `value`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<String>()? {
            if name != "value" {
                map.next_value::<IgnoredAny>()?;
            } else if found {
                return Err(A::Error::duplicate_field("value"));
            } else {
                map.next_value_seed(Entities { entity: self.entity, each: &mut self.each })?;
                found = true;
            }
        }
        if found { Ok(()) } else { Err(A::Error::missing_field("value")) }
    }
}

/// The array of entities.
struct Entities<'f, S, F> {
    entity: S,
    each: &'f mut F,
}

impl<'de, S, F> DeserializeSeed<'de> for Entities<'_, S, F>
where
    S: DeserializeSeed<'de> + Copy,
    F: FnMut(S::Value),
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S, F> Visitor<'de> for Entities<'_, S, F>
where
    S: DeserializeSeed<'de> + Copy,
    F: FnMut(S::Value),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of entities")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entities: A) -> Result<(), A::Error> {
        while let Some(entity) = entities.next_element_seed(self.entity)? {
            (self.each)(entity);
        }
        Ok(())
    }
}

/// Any object, which is checked and forgotten.
#[derive(Clone, Copy)]
struct AnyEntity;

impl<'de> DeserializeSeed<'de> for AnyEntity {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnyEntity {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_page_is_a_page() {
        let json = |column| Err(UnreadablePage::Json { line: 1, column });
        let cases: [(&[u8], _); 13] = [
            (br#"{"value":[]}"#, Ok(0)),
            (br#"{"odata.metadata":"x","value":[{"a":1},{}],"more":{}} "#, Ok(2)),
            (br#"{"value":[{"a":1},"#, Err(UnreadablePage::CutOff)),
            (br#"{"value":[{"a":1}]"#, Err(UnreadablePage::CutOff)),
            (b"", Err(UnreadablePage::CutOff)),
            (b"\xff", Err(UnreadablePage::NotText)),
            (b"{\"value\":[{\"a\":\"\xff\"}]}", Err(UnreadablePage::NotText)),
            (b"<html>", json(1)),
            (br#"{"value":[1]}"#, json(11)),
            (br#"{"value":[null]}"#, json(14)),
            (br#"{"rows":[]}"#, json(11)),
            (br#"{"value":[],"value":[]}"#, json(19)),
            (br#"{"value":[]}{"#, json(13)),
        ];
        for (body, expected) in cases {
            let page = Page::new(Bytes::from_static(body), None).map(|page| page.rows());
            assert_eq!(page, expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn entities_can_borrow_from_the_page() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Entity<'a> {
            name: &'a str,
        }
        let page =
            Page::new(Bytes::from_static(br#"{"value":[{"name":"a"},{"name":"b"}]}"#), None).expect("a page");
        assert_eq!(page.entities(), Ok(vec![Entity { name: "a" }, Entity { name: "b" }]));
        assert!(page.entities::<u8>().is_err());
    }

    #[test]
    fn a_continuation_survives_being_stored() {
        for json in [r#"{"nextPartitionKey":"a","nextRowKey":"b"}"#, r#"{"nextPartitionKey":"a"}"#] {
            let continuation: Continuation = serde_json::from_str(json).expect("a continuation");
            assert_eq!(serde_json::to_string(&continuation).expect("JSON"), json);
        }
    }
}
