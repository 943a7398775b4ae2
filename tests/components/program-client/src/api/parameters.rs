//! The parts of a request.

use std::str::FromStr;

use http::Uri;
use longhaul::{Json, Query, RuntimeStatus};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::refusal::Refusal;

/// The segments of a path.
pub(super) fn segments(uri: &Uri) -> Result<Vec<String>, Refusal> {
    let decoded = uri.path().split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8());
    decoded
        .map(|part| part.map(|part| part.into_owned()).map_err(|error| Refusal::Bad(error.to_string())))
        .collect()
}

/// A body; none is `null`.
pub(super) fn json(body: &[u8]) -> Result<Json, Refusal> {
    let text = str::from_utf8(body).map_err(|error| Refusal::Bad(error.to_string()))?;
    match text {
        "" => Ok(Json::null()),
        text => Json::parse(text).map_err(|error| Refusal::Bad(format!("the body is no JSON: {error}"))),
    }
}

/// What stands after the `?`.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Self {
        Self(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    pub(super) fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let malformed = |text: &str| Refusal::Bad(format!("the parameter {name} cannot be '{text}'"));
        self.text(name).map(|text| text.parse().map_err(|_| malformed(text))).transpose()
    }

    pub(super) fn query(&self) -> Result<Query, Refusal> {
        let status = |name: &str| {
            serde_json::from_value::<RuntimeStatus>(name.into())
                .map_err(|error| Refusal::Bad(error.to_string()))
        };
        let statuses = self.text("status").map(|names| names.split(',').map(status).collect()).transpose()?;
        Ok(Query {
            created_from: self.value("from")?,
            created_to: self.value("to")?,
            statuses: statuses.unwrap_or_default(),
            name: self.text("name").map(str::to_owned),
            id_prefix: self.text("prefix").map(str::to_owned),
            page_size: self.value("size")?,
            continuation: self.value("after")?,
        })
    }
}
