//! One query request: its address, and its headers, which are made anew for each try because they carry the time.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method, Request, Uri};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::connection_string::{ConnectionString, Credential};
use crate::filter::FilterError;
use crate::page::Continuation;
use crate::query::Query;
use crate::shared_key::{self, ToSign};

/// Of the answer's forms this is the shortest: no types, no links.
const JSON_WITHOUT_METADATA: &str = "application/json;odata=nometadata";
const DATA_SERVICE_VERSION: &str = "3.0";
const SERVICE_VERSION: &str = "2019-02-02";

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a page, in the order of parameters that the SDK uses.
pub(crate) fn uri(
    connection: &ConnectionString,
    query: &Query,
    from: Option<&Continuation>,
) -> Result<Uri, FilterError> {
    let select = (!query.select.is_empty()).then(|| query.select.join(","));
    let top = query.top.map(|rows| rows.to_string());
    let parameters = [
        ("$top", top.as_deref()),
        ("$select", select.as_deref()),
        ("$filter", query.filter.as_ref().map(|filter| filter.as_str())),
        ("NextPartitionKey", from.and_then(|from| from.next_partition_key())),
        ("NextRowKey", from.and_then(|from| from.next_row_key())),
    ];
    let mut uri = format!("{}/{}()", connection.endpoint(), query.table);
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
    let bytes = uri.len();
    // The endpoint is known to be a URI, and the rest is made of characters that any URI may contain.
    Uri::try_from(uri).map_err(|_| FilterError::TooLong { bytes })
}

/// The request for a page, signed for this moment.
///
/// There is no `Date` header: some implementations prefer it to `x-ms-date`, which is the one that is signed.
pub(crate) fn signed(connection: &ConnectionString, uri: Uri, now: Timestamp) -> Request<Bytes> {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
    let Credential::SharedKey(key) = connection.credential();
    let to_sign = ToSign {
        method: Method::GET.as_str(),
        content_md5: "",
        content_type: "",
        date: &date,
        path: uri.path(),
        comp: None,
    };
    let authorization = shared_key::authorization(connection.account(), key, &to_sign);
    let mut authorization =
        HeaderValue::try_from(authorization).expect("account names and base64 are visible ASCII");
    authorization.set_sensitive(true);

    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static(JSON_WITHOUT_METADATA));
    headers.insert("dataserviceversion", HeaderValue::from_static(DATA_SERVICE_VERSION));
    headers.insert("x-ms-version", HeaderValue::from_static(SERVICE_VERSION));
    headers.insert("x-ms-date", HeaderValue::try_from(date).expect("an HTTP date is visible ASCII"));
    headers.insert(AUTHORIZATION, authorization);
    request
}
