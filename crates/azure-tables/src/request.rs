//! Requests: the address, and the headers, which are made anew for each try because they carry the time.

use azure_core::AccessToken;
use azure_core::token::with_token;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::connection_string::{ConnectionString, Credential};
use crate::filter::FilterError;
use crate::page::Continuation;
use crate::query::Query;
use crate::shared_key::{self, ToSign};

/// Of the answer's forms this is the shortest: no types, no links.
pub(crate) const JSON_WITHOUT_METADATA: &str = "application/json;odata=nometadata";
pub(crate) const DATA_SERVICE_VERSION: &str = "3.0";
const SERVICE_VERSION: &str = "2019-02-02";
/// The first that takes tokens.
/// <https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory>
const SERVICE_VERSION_FOR_TOKENS: &str = "2020-12-06";

/// What the tokens of Entra ID must be for, in every cloud.
pub const TOKEN_SCOPE: &str = "https://storage.azure.com/.default";

pub(crate) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is asked, without the headers that every request has.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) accept: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An address is longer than any URI may be. It is only known to be of valid characters, so nothing else can be wrong.
#[derive(Debug)]
pub(crate) struct TooLong {
    pub(crate) bytes: usize,
}

/// The request for a page, its parameters in the order that the SDK uses.
pub(crate) fn page(
    connection: &ConnectionString,
    query: &Query,
    from: Option<&Continuation>,
) -> Result<Draft, FilterError> {
    let select = (!query.select.is_empty()).then(|| query.select.join(","));
    let top = query.top.map(|rows| rows.to_string());
    let parameters = [
        ("$top", top.as_deref()),
        ("$select", select.as_deref()),
        ("$filter", query.filter.as_ref().map(|filter| filter.as_str())),
        ("NextPartitionKey", from.and_then(|from| from.next_partition_key())),
        ("NextRowKey", from.and_then(|from| from.next_row_key())),
    ];
    let uri = uri(connection, &format!("/{}()", query.table), &parameters)
        .map_err(|TooLong { bytes }| FilterError::TooLong { bytes })?;
    let (headers, body) = Default::default();
    Ok(Draft { method: Method::GET, uri, accept: JSON_WITHOUT_METADATA, headers, body })
}

/// An address, with the shared access signature if that is the credential. The path is percent-encoded already.
pub(crate) fn uri(
    connection: &ConnectionString,
    path: &str,
    parameters: &[(&str, Option<&str>)],
) -> Result<Uri, TooLong> {
    let mut uri = format!("{}{path}", connection.endpoint());
    let mut separator = '?';
    for (name, value) in parameters {
        if let Some(value) = value {
            uri.push(separator);
            uri.push_str(name);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, ENCODED));
            separator = '&';
        }
    }
    if let Credential::Sas(token) = connection.credential() {
        uri.push(separator);
        uri.push_str(token.as_str());
    }
    let bytes = uri.len();
    // The endpoint and the token are known to fit into URIs, and the rest is made of characters that any may contain.
    Uri::try_from(uri).map_err(|_| TooLong { bytes })
}

/// The request, dated and signed for this moment.
///
/// There is no `Date` header: some implementations prefer it to `x-ms-date`, which is the one that is signed.
pub(crate) fn signed(
    connection: &ConnectionString,
    draft: &Draft,
    now: Timestamp,
    token: Option<&AccessToken>,
) -> Request<Bytes> {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
    let authorization = match connection.credential() {
        Credential::SharedKey { account, key } => {
            let content_type = draft.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let to_sign = ToSign {
                method: draft.method.as_str(),
                content_md5: "",
                content_type: content_type.unwrap_or_default(),
                date: &date,
                path: draft.uri.path(),
                comp: None,
            };
            let authorization = shared_key::authorization(account, key, &to_sign);
            let mut authorization =
                HeaderValue::try_from(authorization).expect("account names and base64 are visible ASCII");
            authorization.set_sensitive(true);
            Some(authorization)
        }
        Credential::Sas(_) | Credential::Tokens(_) => None,
    };

    let version = if token.is_some() { SERVICE_VERSION_FOR_TOKENS } else { SERVICE_VERSION };
    let mut request = Request::new(draft.body.clone());
    *request.method_mut() = draft.method.clone();
    *request.uri_mut() = draft.uri.clone();
    *request.headers_mut() = draft.headers.clone();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static(draft.accept));
    headers.insert("dataserviceversion", HeaderValue::from_static(DATA_SERVICE_VERSION));
    headers.insert("x-ms-version", HeaderValue::from_static(version));
    headers.insert("x-ms-date", HeaderValue::try_from(date).expect("an HTTP date is visible ASCII"));
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    match token {
        Some(token) => with_token(request, token),
        None => request,
    }
}
