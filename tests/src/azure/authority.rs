//! Entra ID, and the endpoints of managed identities.

use http::Method;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::json;

use super::server::{Answer, header, json as answer, parameter};
use super::world::{Trouble, World};

const JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The audience that a scope or a resource means, if there is such a service.
fn audience(resource: &str, world: &World) -> Option<String> {
    // The vault's resource is a part of its own host, as Azure's clients require.
    let (_, vault) =
        world.origin.ip().to_string().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
    let known = [
        "https://storage.azure.com".to_owned(),
        "https://appconfig.azure.com".to_owned(),
        format!("https://{vault}:{}", world.origin.port()),
    ];
    known.into_iter().find(|known| known == resource)
}

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn entra(head: &Parts, body: &[u8], world: &mut World) -> Answer {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let get =
        |name: &str| form.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str());
    let identity = if get("client_assertion").is_empty() { "client_secret" } else { "workload_identity" };
    *world.counts.tokens.entry((identity, get("scope").to_owned())).or_default() += 1;

    let refuse = |error: &str, number: u32, message: &str| {
        let description = format!(
            "AADSTS{number}: {message}\r\nTrace ID: 0ad7\r\nCorrelation ID: 1c11\r\nTimestamp: 2021-10-10 08:49:37Z"
        );
        let status = if error == "invalid_client" { 401 } else { 400 };
        let body = json!({ "error": error, "error_description": description, "error_codes": [number],
            "timestamp": "2021-10-10 08:49:37Z", "trace_id": "0ad7", "correlation_id": "1c11" });
        answer(status, body)
    };
    let tenant = head.uri.path().split('/').nth(1).unwrap_or_default();
    let form_type = header(head, "content-type").starts_with("application/x-www-form-urlencoded");
    if world.trouble == Some(Trouble::TokensDown) {
        return answer(500, json!({}));
    }
    if world.trouble == Some(Trouble::Blabbing) {
        let shown = format!("What is '{}{}'?", get("client_secret"), get("client_assertion"));
        return refuse("invalid_client", 7_000_215, &shown);
    }
    if head.method != Method::POST || !form_type || get("grant_type") != "client_credentials" {
        return refuse("unsupported_grant_type", 70_003, "The app requested an unsupported grant type.");
    }
    if tenant != world.tenant {
        return refuse("invalid_request", 90_002, &format!("Tenant '{tenant}' not found."));
    }
    if get("client_id") != world.client {
        return refuse("unauthorized_client", 700_016, "Application was not found in the directory.");
    }
    match identity {
        "client_secret" if get("client_secret") != world.client_secret => {
            return refuse("invalid_client", 7_000_215, "Invalid client secret provided.");
        }
        "workload_identity" if get("client_assertion_type") != JWT => {
            return refuse(
                "invalid_request",
                900_144,
                "The request body must contain client_assertion_type.",
            );
        }
        "workload_identity" if get("client_assertion") != world.federated_token => {
            return refuse("invalid_client", 700_213, "No matching federated identity record found.");
        }
        _ => {}
    }
    let Some(resource) = get("scope").strip_suffix("/.default") else {
        return refuse("invalid_scope", 1_002_012, "The provided value for scope is not valid.");
    };
    let Some(audience) = audience(resource, world) else {
        return refuse(
            "invalid_resource",
            500_011,
            &format!("The resource principal named {resource} was not found."),
        );
    };
    let life = world.token_life.as_secs();
    let token = world.make_token(&audience);
    answer(
        200,
        json!({ "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token }),
    )
}

/// The endpoint of an App Service.
pub(super) fn app_service(head: &Parts, world: &mut World) -> Answer {
    managed("app_service", head, world, |head, world| {
        parameter(head, "api-version").as_deref() == Some("2019-08-01")
            && header(head, "x-identity-header") == world.identity_header
    })
}

/// The metadata service of a virtual machine.
pub(super) fn imds(head: &Parts, world: &mut World) -> Answer {
    managed("imds", head, world, |head, _| {
        parameter(head, "api-version").as_deref() == Some("2018-02-01")
            && header(head, "metadata") == "true"
            && header(head, "x-forwarded-for").is_empty()
    })
}

fn managed(
    identity: &'static str,
    head: &Parts,
    world: &mut World,
    is_allowed: impl Fn(&Parts, &World) -> bool,
) -> Answer {
    let resource = parameter(head, "resource").unwrap_or_default();
    *world.counts.tokens.entry((identity, resource.clone())).or_default() += 1;
    if world.trouble == Some(Trouble::TokensDown) {
        return answer(500, json!({}));
    }
    let client = parameter(head, "client_id").is_none_or(|client| client == world.client);
    let audience = audience(&resource, world);
    let (true, true, Some(audience)) =
        (is_allowed(head, world) && head.method == Method::GET, client, audience)
    else {
        return answer(400, json!({ "error": "invalid_request", "error_description": "Identity not found" }));
    };
    let end = (Timestamp::now() + world.token_life).as_second();
    let token = world.make_token(&audience);
    // The one writes strings, the other numbers.
    let end = if identity == "app_service" { json!(end.to_string()) } else { json!(end) };
    let body = json!({ "access_token": token, "expires_on": end, "resource": resource, "token_type": "Bearer",
        "client_id": world.client });
    answer(200, body)
}
