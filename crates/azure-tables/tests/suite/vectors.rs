//! Inputs and outputs of Azure's Python SDK.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

pub fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the vectors have the form that the test expects")
}

pub fn connection_strings() -> Vec<ConnectionStringVector> {
    #[derive(Deserialize)]
    struct File {
        vectors: Vec<ConnectionStringVector>,
    }
    read::<File>(include_str!("../vectors/connstr_vectors.json")).vectors
}

#[derive(Deserialize)]
pub struct ConnectionStringVector {
    pub name: String,
    pub connection_string: String,
    /// Given if the SDK refuses it, and then nothing below is.
    pub error: Option<String>,
    pub endpoint: Option<String>,
    pub credential: Option<CredentialVector>,
    pub request_url: Option<String>,
    pub authorization_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum CredentialVector {
    SharedKey { name: String, key: String },
    Sas { signature: String },
}

pub fn signed_addresses() -> Vec<SignedAddressVector> {
    #[derive(Deserialize)]
    struct File {
        sas_live_azurite: Vec<SignedAddressVector>,
    }
    read::<File>(include_str!("../vectors/connstr_vectors.json")).sas_live_azurite
}

#[derive(Deserialize)]
pub struct SignedAddressVector {
    pub name: String,
    pub sas_token: String,
    pub request_url: String,
}

pub fn filters() -> FilterVectors {
    read(include_str!("../vectors/filter_vectors.json"))
}

#[derive(Deserialize)]
pub struct FilterVectors {
    #[serde(rename = "filter_vectors")]
    pub filters: Vec<FilterVector>,
    #[serde(rename = "select_vectors")]
    pub selections: Vec<SelectVector>,
    /// A character, and the encoded filter `a eq '<character>'`.
    #[serde(rename = "url_escape_vectors_for_filter_a_eq_char")]
    pub escapes: Vec<(String, String)>,
}

#[derive(Deserialize)]
pub struct FilterVector {
    pub name: String,
    pub filter: String,
    pub parameters: Option<std::collections::BTreeMap<String, ParameterVector>>,
    pub error: Option<String>,
    pub result: Option<String>,
    pub request_target: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ParameterVector {
    String { value: String },
    Bool { value: bool },
    Int { value: String },
    Float { value: String },
    DateTime { iso: String },
    Guid { value: String },
    Null,
}

#[derive(Deserialize)]
pub struct SelectVector {
    pub kwargs: serde_json::Map<String, Json>,
    pub url: String,
}

pub fn signatures() -> Vec<SignatureVector> {
    #[derive(Deserialize)]
    struct File {
        vectors: Vec<SignatureVector>,
    }
    read::<File>(include_str!("../vectors/sharedkey_vectors.json")).vectors
}

#[derive(Deserialize)]
pub struct SignatureVector {
    pub name: String,
    pub account: String,
    pub key_base64: String,
    pub method: String,
    pub url: String,
    pub headers: std::collections::BTreeMap<String, String>,
    pub authorization: String,
}
