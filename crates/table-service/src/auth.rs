//! Who may ask: SharedKey, checked as the real service checks it.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>

use std::time::{Duration, SystemTime};

use azure_tables::shared_key::{AccountKey, ToSign, authorization};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use subtle::ConstantTimeEq as _;

use crate::error::Refusal;

/// How far the date of a request may be from now.
const TOLERANCE: Duration = Duration::from_secs(15 * 60);

/// Checks that the request was signed with the account's key, within the last minutes.
pub(crate) fn verify(
    account: &str,
    key: &AccountKey,
    request: &http::request::Parts,
    now: SystemTime,
) -> Result<(), Refusal> {
    use Refusal::AuthenticationFailed as Failed;

    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let given = header(AUTHORIZATION.as_str()).ok_or(Failed("The Authorization header is missing."))?;
    let date = header("x-ms-date")
        .or_else(|| header(DATE.as_str()))
        .ok_or(Failed("The x-ms-date header and the Date header are missing."))?;
    let comp = url::form_urlencoded::parse(request.uri.query().unwrap_or("").as_bytes())
        .find_map(|(name, value)| (name == "comp").then_some(value));
    let to_sign = ToSign {
        method: request.method.as_str(),
        content_md5: header("content-md5").unwrap_or(""),
        content_type: header(CONTENT_TYPE.as_str()).unwrap_or(""),
        date,
        path: request.uri.path(),
        comp: comp.as_deref(),
    };
    let expected = authorization(account, key, &to_sign);
    if !bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
        return Err(Failed(
            "The signature in the Authorization header is not the one computed for this request.",
        ));
    }

    let date =
        httpdate::parse_http_date(date).map_err(|_| Failed("The request's date is not an HTTP date."))?;
    let distance = now.duration_since(date).unwrap_or_else(|error| error.duration());
    if distance > TOLERANCE {
        return Err(Failed("The request's date is more than 15 minutes from the time of the server."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        account: String,
        key_base64: String,
        method: String,
        url: String,
        headers: std::collections::BTreeMap<String, String>,
        authorization: String,
    }

    /// Requests signed by Microsoft's azure-data-tables 12.7.0 for Python. (It signs no path at all for a URL
    /// without one, although it sends `/`; that request is left out.)
    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../tests/sharedkey_vectors.json"))
            .expect("the vectors are well formed")
    }

    impl Vector {
        fn request(&self) -> http::request::Parts {
            let mut request = http::Request::builder().method(self.method.as_str()).uri(&self.url);
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            let request = request.header(AUTHORIZATION, &self.authorization);
            request.body(()).expect("a vector is a request").into_parts().0
        }

        fn key(&self) -> AccountKey {
            AccountKey::from_base64(&self.key_base64).expect("a vector has a key")
        }

        fn date(&self) -> SystemTime {
            httpdate::parse_http_date(&self.headers["x-ms-date"]).expect("a vector has a date")
        }

        fn verify(&self, request: &http::request::Parts) -> Result<(), Refusal> {
            verify(&self.account, &self.key(), request, self.date())
        }
    }

    #[test]
    fn requests_signed_by_the_official_client_are_accepted() {
        let vectors = vectors();
        assert!(vectors.len() >= 10);
        for vector in vectors {
            assert_eq!(vector.verify(&vector.request()), Ok(()), "{}", vector.name);
        }
    }

    #[test]
    fn a_change_to_anything_signed_is_refused() {
        type Change = fn(&mut http::request::Parts);
        let changes: [(&str, Change); 7] = [
            ("method", |request| request.method = http::Method::OPTIONS),
            ("path", |request| {
                request.uri = "http://127.0.0.1/devstoreaccount1/other".parse().expect("a URI")
            }),
            ("date", |request| set(request, "x-ms-date", "Sun, 10 Oct 2021 08:49:38 GMT")),
            ("type", |request| set(request, "content-type", "text/plain")),
            ("digest", |request| set(request, "content-md5", "AAAA")),
            ("signature", |request| set(request, "authorization", "SharedKey devstoreaccount1:AAAA")),
            ("no signature", |request| drop(request.headers.remove("authorization"))),
        ];
        fn set(request: &mut http::request::Parts, name: &'static str, value: &'static str) {
            request.headers.insert(name, http::HeaderValue::from_static(value));
        }
        let vector = &vectors()[0];
        for (what, change) in changes {
            let mut request = vector.request();
            change(&mut request);
            let refused = matches!(vector.verify(&request), Err(Refusal::AuthenticationFailed(_)));
            assert!(refused, "{what}");
        }
    }

    #[test]
    fn the_date_may_be_15_minutes_off_and_no_more() {
        let vector = &vectors()[0];
        let (request, date) = (vector.request(), vector.date());
        let verify_at = |now| verify(&vector.account, &vector.key(), &request, now).is_ok();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let second = Duration::from_secs(1);
        assert!(verify_at(date + minutes(15)) && verify_at(date - minutes(15)));
        assert!(!verify_at(date + minutes(15) + second) && !verify_at(date - minutes(15) - second));
    }
}
