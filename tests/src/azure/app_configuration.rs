//! App Configuration: `GET /kv/{key}`.

use azure_app_configuration::Key;
use azure_app_configuration::signature::{ToSign, authorization, content_hash};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::json;

use super::server::{Answer, has_token_for, header, json as answer, parameter, plain};
use super::world::{Trouble, World};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How far the date of a signed request may be from now, in seconds.
const TOLERANCE: u64 = 15 * 60;

pub(super) fn setting(head: &Parts, world: &mut World) -> Answer {
    world.counts.settings += 1;
    let signed = is_signed(head, world);
    if !signed && !has_token_for(head, "https://appconfig.azure.com", world) {
        let mut refusal = plain(StatusCode::UNAUTHORIZED, "");
        refusal.headers_mut().insert("www-authenticate", HeaderValue::from_static("HMAC-SHA256, Bearer"));
        return refusal;
    }
    if !signed && world.trouble == Some(Trouble::NoRoles) {
        return plain(StatusCode::FORBIDDEN, "");
    }
    let sent = head.uri.path().trim_start_matches("/kv/");
    let key = percent_decode_str(sent).decode_utf8_lossy().into_owned();
    let well_encoded = utf8_percent_encode(&key, ENCODED).to_string() == sent;
    let accepts = header(head, "accept").contains("application/vnd.microsoft.appconfig.kv+json");
    let version = parameter(head, "api-version").is_some();
    if head.method != Method::GET || !well_encoded || !accepts || !version {
        let problem = json!({ "type": "https://azconfig.io/errors/invalid-argument", "title": "Invalid request",
            "status": 400, "detail": "The request is not well formed." });
        return answer(400, problem);
    }
    let label = parameter(head, "label").unwrap_or_default();
    match world.settings.get(&(key.clone(), label.clone())) {
        None => plain(StatusCode::NOT_FOUND, ""),
        Some(setting) => answer(
            200,
            json!({ "etag": "e", "key": key, "label": label, "content_type": setting.content_type,
                "value": setting.value, "tags": {}, "locked": false }),
        ),
    }
}

fn is_signed(head: &Parts, world: &World) -> bool {
    let date = header(head, "x-ms-date");
    let Ok(sent) = httpdate::parse_http_date(date) else { return false };
    let now = std::time::SystemTime::now();
    let distance = now.duration_since(sent).unwrap_or_else(|error| error.duration());
    let key = Key::new(&world.app_key.id, &world.app_key.secret).expect("the double's own key");
    let to_sign = ToSign {
        method: head.method.as_str(),
        target: head.uri.path_and_query().map_or("/", |target| target.as_str()),
        date,
        host: header(head, "host"),
        content_hash: header(head, "x-ms-content-sha256"),
    };
    distance.as_secs() <= TOLERANCE
        && to_sign.content_hash == content_hash(b"")
        && header(head, "authorization") == authorization(&key, &to_sign)
}
