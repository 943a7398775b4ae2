//! Hostile input: challenges, secrets, addresses of secrets. See `seed_fuzz`.

use azure_core::Endpoint;
use azure_key_vault::{Challenge, SecretId, read_secret};

fn run(name: &str, target: impl Fn(&[u8])) {
    seed_fuzz::run(env!("CARGO_MANIFEST_DIR"), name, target);
}

#[test]
fn a_challenge_is_met_only_for_a_vault_in_its_domain() {
    let vault = Endpoint::parse("https://v.vault.azure.net").expect("an endpoint");
    run("challenge", |header| {
        let Ok(challenge) = Challenge::parse(&String::from_utf8_lossy(header)) else { return };
        if challenge.is_for(&vault) {
            let resource = challenge.scope.strip_prefix("https://").expect("https");
            let domain = resource.split('/').next().expect("a host").to_ascii_lowercase();
            assert!(["vault.azure.net", "azure.net", "net"].contains(&domain.as_str()), "{challenge:?}");
        }
    });
}

#[test]
fn a_secret_is_read_or_not_and_its_value_never_shown() {
    run("secret", |body| {
        if let Ok(secret) = read_secret(body) {
            assert!(!secret.version.is_empty() && format!("{secret:?}").contains("[hidden]"));
        }
    });
}

#[test]
fn an_address_is_read_as_it_is_written_and_can_be_asked() {
    run("secret_id", |text| {
        let Ok(id) = String::from_utf8_lossy(text).parse::<SecretId>() else { return };
        assert_eq!(id.to_string().trim_end_matches('/').parse().as_ref(), Ok(&id));
        let uri: http::Uri = format!("{id}?api-version=7.4").parse().expect("a URI");
        assert_eq!(uri.authority().map(|authority| authority.as_str()), Some(id.vault().authority()));
    });
}
