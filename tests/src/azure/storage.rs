//! A storage account that takes tokens: it checks them, and hands the request on to a Table service that takes a key.

use std::time::SystemTime;

use azure_tables::shared_key::{AccountKey, ToSign, authorization};
use http::request::Parts;
use http::{Method, StatusCode};

use super::server::{Answer, has_token_for, header, json, plain};
use super::world::{Trouble, World};
use crate::http_client::send;

/// The Table service to hand it on to, as a connection string.
pub(super) fn check(head: &Parts, world: &mut World) -> Result<String, Box<Answer>> {
    let refuse = |status, code: &str| {
        let message =
            serde_json::json!({ "lang": "en-US", "value": format!("{code}.\nRequestId:1\nTime:2") });
        let mut refusal =
            json(status, serde_json::json!({ "odata.error": { "code": code, "message": message } }));
        refusal.headers_mut().insert("x-ms-error-code", code.parse().expect("visible ASCII"));
        Err(Box::new(refusal))
    };
    world.counts.pages += 1;
    // The first version that takes tokens.
    if header(head, "x-ms-version") < "2020-12-06" || head.method != Method::GET {
        return refuse(400, "InvalidHeaderValue");
    }
    if !has_token_for(head, "https://storage.azure.com", world) {
        return refuse(401, "InvalidAuthenticationInfo");
    }
    if world.trouble == Some(Trouble::NoRoles) {
        return refuse(403, "AuthorizationPermissionMismatch");
    }
    Ok(world.upstream.clone())
}

/// Asks the Table service the same with its key.
pub(super) async fn forward(upstream: &str, head: &Parts) -> Answer {
    match try_forward(upstream, head).await {
        Ok(answer) => answer,
        Err(error) => plain(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

async fn try_forward(upstream: &str, head: &Parts) -> anyhow::Result<Answer> {
    let setting = |name: &str| {
        let mut settings = upstream.split(';').filter_map(|setting| setting.split_once('='));
        settings.find(|(found, _)| *found == name).map(|(_, value)| value).unwrap_or_default()
    };
    let account = setting("AccountName");
    let origin = setting("TableEndpoint").trim_end_matches(account).trim_end_matches('/');
    let date = httpdate::fmt_http_date(SystemTime::now());
    let to_sign = ToSign {
        method: head.method.as_str(),
        content_md5: "",
        content_type: "",
        date: &date,
        path: head.uri.path(),
        comp: None,
    };
    let signature = authorization(account, &AccountKey::from_base64(setting("AccountKey"))?, &to_sign);
    let headers = [
        ("authorization", signature.as_str()),
        ("x-ms-date", &date),
        ("x-ms-version", "2019-02-02"),
        ("accept", header(head, "accept")),
        ("dataserviceversion", header(head, "dataserviceversion")),
    ];
    let answer = send(head.method.clone(), &format!("{origin}{}", head.uri), &headers).await?;
    let mut forwarded = plain(answer.status, answer.body);
    for (name, value) in &answer.headers {
        if name.as_str().starts_with("x-ms-") || name == "content-type" {
            forwarded.headers_mut().insert(name, value.clone());
        }
    }
    Ok(forwarded)
}
