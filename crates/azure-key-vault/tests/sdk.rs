//! Against what Azure's own SDK for Python does: challenges and addresses of secrets.

use azure_core::Endpoint;
use azure_key_vault::{Challenge, SecretId};
use serde_json::Value;

fn vectors(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("vectors/services_vectors.json")).expect("JSON");
    all[name].as_array().expect("a list").clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn challenges_are_met_as_by_the_sdk() {
    for vector in vectors("keyvault_challenges") {
        let challenge = Challenge::parse(text(&vector, "www_authenticate"));
        if vector["error"].is_string() {
            assert!(challenge.is_err(), "{vector}");
            continue;
        }
        let challenge = challenge.expect("a challenge");
        assert_eq!(challenge.scope, text(&vector, "scope"), "{vector}");
        assert_eq!(challenge.tenant.as_deref(), Some(text(&vector, "tenant")), "{vector}");
        let request: http::Uri = text(&vector, "request_url").parse().expect("a URI");
        let vault = format!("https://{}", request.authority().expect("a host"));
        let vault = Endpoint::parse(&vault).expect("an endpoint");
        assert_eq!(Some(challenge.is_for(&vault)), vector["resource_ok"].as_bool(), "{vector}");
    }
}

#[test]
fn addresses_of_secrets_are_read_as_by_the_sdk() {
    for vector in vectors("keyvault_reference_parsing") {
        let id = text(&vector, "uri").parse::<SecretId>();
        let official = &vector["official"];
        // The SDK reads the addresses of keys as well; those are no secrets.
        if official.is_null() || text(&vector, "uri").contains("/keys/") {
            assert!(id.is_err(), "{vector}");
            continue;
        }
        let id = id.expect("an address");
        assert_eq!(id.vault().as_str(), text(official, "vault_url"));
        assert_eq!((id.name(), id.version()), (text(official, "name"), official["version"].as_str()));
    }
}
