//! Entities: typed properties, and how JSON carries their types.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations#property-types-in-a-json-feed>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use crate::key::{ETag, EntityKey};
use crate::page::UnreadablePage;
use crate::value::{Value, date_time};

const LONGEST_NAME: usize = 255;
const TYPE: &str = "@odata.type";

/// A row: its keys and typed properties. A property that is null is one that is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    key: EntityKey,
    properties: BTreeMap<String, Value>,
    etag: Option<ETag>,
}

impl Entity {
    /// An entity without properties.
    pub fn new(key: EntityKey) -> Self {
        Self { key, properties: BTreeMap::new(), etag: None }
    }

    /// The same entity with one property more, or another value of it.
    ///
    /// # Errors
    ///
    /// [`InvalidProperty`] if the name is not one, or is one that the service sets.
    pub fn with(mut self, name: &str, value: Value) -> Result<Self, InvalidProperty> {
        if !is_property_name(name) || matches!(name, "PartitionKey" | "RowKey" | "Timestamp") {
            return Err(InvalidProperty { name: name.to_owned() });
        }
        self.properties.insert(name.to_owned(), value);
        Ok(self)
    }

    /// The keys.
    pub fn key(&self) -> &EntityKey {
        &self.key
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.properties.get(name)
    }

    /// All properties but the keys. An entity that was read has the service's `Timestamp` among them.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.properties.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The version, if the entity was read.
    pub fn etag(&self) -> Option<&ETag> {
        self.etag.as_ref()
    }

    /// The body of a write, on one line. The type is said wherever JSON does not say it.
    pub(crate) fn to_json(&self) -> String {
        let mut object = Map::new();
        object.insert("PartitionKey".to_owned(), json!(self.key.partition_key()));
        object.insert("RowKey".to_owned(), json!(self.key.row_key()));
        // The service's own time is not for the client to set.
        for (name, value) in self.properties.iter().filter(|(name, _)| *name != "Timestamp") {
            let (json, edm) = match value {
                Value::Text(text) => (json!(text), None),
                Value::Bool(value) => (json!(value), None),
                Value::Int32(number) => (json!(number), None),
                Value::Int64(number) => (json!(number.to_string()), Some("Edm.Int64")),
                Value::Double(number) if number.is_finite() => (json!(number), Some("Edm.Double")),
                Value::Double(number) => (json!(not_finite(*number)), Some("Edm.Double")),
                Value::DateTime(time) => (json!(date_time(*time)), Some("Edm.DateTime")),
                Value::Guid(guid) => (json!(guid.hyphenated().to_string()), Some("Edm.Guid")),
                Value::Binary(bytes) => (json!(BASE64_STANDARD.encode(bytes)), Some("Edm.Binary")),
            };
            object.insert(name.clone(), json);
            if let Some(edm) = edm {
                object.insert(format!("{name}{TYPE}"), json!(edm));
            }
        }
        Json::Object(object).to_string()
    }

    /// Reads an entity of a page with minimal metadata: its keys and its version are among the properties.
    pub(crate) fn from_page(json: &RawValue) -> Result<Self, UnreadablePage> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Names {
            partition_key: String,
            row_key: String,
            #[serde(rename = "odata.etag")]
            etag: Option<String>,
        }
        let names: Names = serde_json::from_str(json.get())?;
        // Keys that could not be written cannot be read either.
        let key = EntityKey::new(names.partition_key, names.row_key).map_err(|_| UnreadablePage::Property)?;
        let etag = names.etag.and_then(|etag| etag.parse().ok());
        Self::from_json(key, etag, json.get().as_bytes())
    }

    /// Reads an answer with minimal metadata, which names the types that JSON does not say.
    pub(crate) fn from_json(key: EntityKey, etag: Option<ETag>, body: &[u8]) -> Result<Self, UnreadablePage> {
        let body = std::str::from_utf8(body).map_err(|_| UnreadablePage::NotText)?;
        let object: Map<String, Json> = serde_json::from_str(body)?;
        let mut properties = BTreeMap::new();
        for (name, json) in &object {
            if name.contains(['@', '.'])
                || matches!(name.as_str(), "PartitionKey" | "RowKey")
                || json.is_null()
            {
                continue;
            }
            let edm = object.get(&format!("{name}{TYPE}")).and_then(Json::as_str);
            let edm = edm.or((name == "Timestamp").then_some("Edm.DateTime"));
            properties.insert(name.clone(), value(json, edm).ok_or(UnreadablePage::Property)?);
        }
        Ok(Self { key, properties, etag })
    }
}

/// Whether a property, the service's own included, can have this name.
pub(crate) fn is_property_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
        && name.chars().count() <= LONGEST_NAME
}

fn value(json: &Json, edm: Option<&str>) -> Option<Value> {
    let text = json.as_str();
    Some(match edm {
        Some("Edm.Int64") => Value::Int64(text.map_or(json.as_i64(), |text| text.parse().ok())?),
        Some("Edm.Double") => Value::Double(match text {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some("-Infinity") => f64::NEG_INFINITY,
            Some(text) => text.parse().ok()?,
            None => json.as_f64()?,
        }),
        Some("Edm.DateTime") => Value::DateTime(text?.parse().ok()?),
        Some("Edm.Guid") => Value::Guid(text?.parse().ok()?),
        Some("Edm.Binary") => Value::Binary(BASE64_STANDARD.decode(text?).ok()?),
        _ => match json {
            Json::String(text) => Value::Text(text.clone()),
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
                Some(number) => Value::Int32(number),
                None => Value::Double(number.as_f64()?),
            },
            Json::Null | Json::Array(_) | Json::Object(_) => return None,
        },
    })
}

fn not_finite(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

/// A text that cannot be the name of a property that a client sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} cannot be a property: a name is up to 255 letters, digits and _, begins with no digit, and is not \
     PartitionKey, RowKey or Timestamp"
)]
pub struct InvalidProperty {
    /// The text.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key() -> EntityKey {
        EntityKey::new("p", "r").expect("a key")
    }

    #[test]
    fn each_type_survives_json_and_says_what_json_does_not() {
        let cases = [
            (Value::from("x\n"), r#""v":"x\n""#),
            (Value::Bool(true), r#""v":true"#),
            (Value::Int32(-1), r#""v":-1"#),
            (Value::Int64(i64::MAX), r#""v":"9223372036854775807","v@odata.type":"Edm.Int64""#),
            (Value::Double(1.0), r#""v":1.0,"v@odata.type":"Edm.Double""#),
            (Value::Double(f64::INFINITY), r#""v":"Infinity","v@odata.type":"Edm.Double""#),
            (
                Value::DateTime("2021-10-10T06:49:37.1234567Z".parse().expect("a time")),
                r#""v":"2021-10-10T06:49:37.1234567Z","v@odata.type":"Edm.DateTime""#,
            ),
            (
                Value::Guid(Uuid::nil()),
                r#""v":"00000000-0000-0000-0000-000000000000","v@odata.type":"Edm.Guid""#,
            ),
            (Value::Binary(vec![0, 255]), r#""v":"AP8=","v@odata.type":"Edm.Binary""#),
        ];
        for (value, expected) in cases {
            let entity = Entity::new(key()).with("v", value).expect("a property");
            let json = entity.to_json();
            assert_eq!(json, format!(r#"{{"PartitionKey":"p","RowKey":"r",{expected}}}"#));
            assert_eq!(Entity::from_json(key(), None, json.as_bytes()).as_ref(), Ok(&entity));
        }
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_no_answer() {
        for json in [r#"{"v":"x","v@odata.type":"Edm.Int64"}"#, r#"{"v":[1]}"#, r#"{"Timestamp":1}"#] {
            assert_eq!(
                Entity::from_json(key(), None, json.as_bytes()),
                Err(UnreadablePage::Property),
                "{json}"
            );
        }
        let null = Entity::from_json(key(), None, br#"{"odata.etag":"x","v":null}"#);
        assert_eq!(null, Ok(Entity::new(key())));
    }

    #[test]
    fn a_property_has_a_name_that_the_service_takes() {
        for (name, valid) in
            [("a1_", true), ("ñ", true), ("1a", false), ("a-b", false), ("", false), ("RowKey", false)]
        {
            assert_eq!(Entity::new(key()).with(name, Value::Bool(true)).is_ok(), valid, "{name}");
        }
    }
}
