//! Key Vault: `GET /secrets/{name}/{version}`.

use http::request::Parts;
use http::{HeaderValue, Method};
use serde_json::json;

use super::server::{Answer, has_token_for, header, json as answer, parameter};
use super::world::{Trouble, World};

pub(super) fn secret(head: &Parts, world: &mut World) -> Answer {
    let refuse = |status, code: &str, message: &str| {
        answer(status, json!({ "error": { "code": code, "message": message } }))
    };
    // The rest of the host after its first label, as a vault's resource is the rest of its host.
    let host = header(head, "host").to_owned();
    let resource = format!("https://{}", host.split_once('.').map_or("", |(_, rest)| rest));
    if !has_token_for(head, &resource, world) {
        world.counts.challenges += 1;
        let resource = match world.trouble {
            Some(Trouble::ForeignChallenge) => "https://storage.azure.com",
            _ => &resource,
        };
        let challenge =
            format!("Bearer authorization=\"https://{host}/{}\", resource=\"{resource}\"", world.tenant);
        let mut refusal = refuse(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.");
        let challenge = HeaderValue::try_from(challenge).expect("visible ASCII");
        refusal.headers_mut().insert("www-authenticate", challenge);
        return refusal;
    }
    world.counts.secrets += 1;
    if world.trouble == Some(Trouble::NoRoles) {
        return refuse(403, "Forbidden", "Caller is not authorized to perform action on resource.");
    }
    let path = head.uri.path();
    // `/secrets/{name}/{version}`, in which the version may be empty but its slash may not be missing.
    let (["", "secrets", name, version], Some(_), Method::GET) =
        (&path.split('/').collect::<Vec<_>>()[..], parameter(head, "api-version"), head.method.clone())
    else {
        return refuse(400, "BadParameter", "The request URI contains an invalid name or version.");
    };
    let versions = world.secrets.get(*name).map(Vec::as_slice).unwrap_or_default();
    let found = match *version {
        "" => versions.last(),
        version => versions.iter().find(|(known, _)| known == version),
    };
    match found {
        None => {
            refuse(404, "SecretNotFound", &format!("A secret with (name/id) {name}/{version} was not found."))
        }
        Some((version, value)) => answer(
            200,
            json!({ "value": value, "id": format!("https://{host}/secrets/{name}/{version}"),
                "attributes": { "enabled": true, "created": 1_633_855_777, "updated": 1_633_855_777 } }),
        ),
    }
}
