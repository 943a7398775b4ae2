use azure_tables::shared_key::AccountKey;
use azure_tables::{ConnectionString, ConnectionStringError as E, Credential, Filter};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::scripted::{Script, audit, page, read_all};
use crate::vectors::{self, CredentialVector};

/// Where this crate differs from the SDK on purpose.
const ACCEPTED_BESIDES: [&str; 1] = ["dev_shortcut_semicolon"];

#[test]
fn connection_strings_mean_what_they_mean_to_the_sdk() {
    let vectors = vectors::connection_strings();
    assert!(vectors.len() >= 30, "the vectors were read");
    for vector in vectors {
        let name = vector.name;
        let parsed = vector.connection_string.parse::<ConnectionString>();
        let (account, key) = match (vector.error, vector.credential) {
            (Some(_), _) => {
                assert_eq!(parsed.is_ok(), ACCEPTED_BESIDES.contains(&name.as_str()), "{name}");
                continue;
            }
            (None, Some(CredentialVector::Sas {})) => {
                assert_eq!(parsed, Err(E::SasNotSupported), "{name}");
                continue;
            }
            (None, Some(CredentialVector::SharedKey { name, key })) => (name, key),
            (None, None) => panic!("{name} has neither error nor credential"),
        };
        let parsed = parsed.expect(&name);
        assert_eq!(Some(parsed.endpoint().as_str()), vector.endpoint.as_deref(), "{name}");
        assert_eq!(parsed.account(), account, "{name}");
        let key = AccountKey::from_base64(&key).expect("a key");
        assert_eq!(parsed.credential(), &Credential::SharedKey(key), "{name}");

        let script = Script::new([page("", None, None)]);
        let filter = Filter::new("PartitionKey eq 'a'").expect("a filter");
        let query = audit().select(["identificationNumber"]).filter(filter);
        read_all(&script.client_of(parsed), &query).expect("a page");
        assert_eq!(script.urls(), [vector.request_url.expect("a URL")], "{name}");
        let authorization = script.requests.borrow()[0].headers()["authorization"].clone();
        let prefix = vector.authorization_prefix.expect("a prefix");
        assert!(authorization.to_str().expect("ASCII").starts_with(&format!("{prefix}:")), "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_connection_string_is_said() {
    let cases = [
        ("", E::Empty),
        (" ; ", E::Empty),
        (";;", E::Empty),
        ("AccountName=a;;AccountKey=AAEC", E::Malformed { position: 2 }),
        ("AccountName=a;AccountKey=", E::Malformed { position: 2 }),
        ("AccountName=a;AccountKey", E::Malformed { position: 2 }),
        ("AccountName=a; AccountKey=AAEC", E::SpaceAroundName { position: 2 }),
        ("AccountName=a;AccountKey=AAEC;accountname=a", E::Duplicate { position: 3 }),
        ("AccountName=a", E::Missing { name: "AccountKey" }),
        ("AccountKey=AAEC", E::Missing { name: "AccountName" }),
        ("TableEndpoint=https://a.example.org", E::Missing { name: "AccountName" }),
        ("AccountName=a;AccountKey=AAE", E::Key(azure_tables::shared_key::InvalidAccountKey)),
        ("AccountName=a;SharedAccessSignature=sv=1&sig=x", E::SasNotSupported),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://p", E::EmulatorNotAlone),
        ("UseDevelopmentStorage=false", E::Missing { name: "AccountName" }),
        ("AccountName=a;AccountKey=AAEC;TableSecondaryEndpoint=https://a.example.org", E::OnlySecondary),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<ConnectionString>(), Err(expected), "{text}");
    }
    for (setting, name) in [
        ("TableEndpoint=ftp://a.example.org", "TableEndpoint"),
        ("TableEndpoint=https://a.example.org/?sv=1", "TableEndpoint"),
        ("DefaultEndpointsProtocol=ftp;EndpointSuffix=example.org", "DefaultEndpointsProtocol"),
        ("EndpointSuffix=a b", "EndpointSuffix"),
    ] {
        let error = format!("AccountName=a;AccountKey=AAEC;{setting}").parse::<ConnectionString>();
        assert!(
            matches!(error, Err(E::Invalid { name: found, .. }) if found == name),
            "{setting}: {error:?}"
        );
    }
    for account in ["a/b", "a@b", "a b", "ñ"] {
        let error = format!("AccountName={account};AccountKey=AAEC").parse::<ConnectionString>();
        assert!(matches!(error, Err(E::Invalid { name: "AccountName", .. })), "{account}: {error:?}");
    }
}

#[test]
fn a_key_beats_a_signature_and_an_endpoint_beats_a_suffix() {
    let text = "AccountName=a;AccountKey=AAEC;SharedAccessSignature=sig=x;EndpointSuffix=example.org;\
                TableEndpoint=https://b.example.org/a/";
    let parsed: ConnectionString = text.parse().expect("a connection string");
    assert_eq!(parsed.endpoint().as_str(), "https://b.example.org/a");
    assert_eq!(parsed.endpoint().path(), "/a");
}

#[test]
fn a_connection_string_is_shown_without_its_key() {
    let parsed: ConnectionString = "AccountName=a;AccountKey=c2VjcmV0".parse().expect("a connection string");
    assert_eq!(parsed.to_string(), "account a at https://a.table.core.windows.net");
    let debug = format!("{parsed:?}");
    assert!(debug.contains("hidden") && !debug.contains("c2VjcmV0") && !debug.contains("115"), "{debug}");
}

/// Some of the settings that go together with an account's name and key, in any order.
fn settings() -> impl Strategy<Value = (Vec<&'static str>, Vec<&'static str>)> {
    let optional = vec![
        "DefaultEndpointsProtocol=http",
        "EndpointSuffix=example.org",
        "TableEndpoint=https://b.example.org",
        "BlobEndpoint=https://blob.example.org",
        "UseDevelopmentStorage=false",
    ];
    subsequence(optional, 0..=5).prop_flat_map(|chosen| {
        let all: Vec<_> = ["AccountName=a", "AccountKey=AAECAw=="].into_iter().chain(chosen).collect();
        (Just(all.clone()), Just(all).prop_shuffle())
    })
}

/// The same setting with another case of each letter in its name.
fn with_case(setting: &str, upper: u64) -> String {
    let (name, value) = setting.split_once('=').expect("a setting");
    let name: String = (0..)
        .zip(name.chars())
        .map(
            |(index, c)| {
                if upper >> index & 1 == 1 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
            },
        )
        .collect();
    format!("{name}={value}")
}

proptest! {
    #[test]
    fn order_and_case_of_names_do_not_matter((ordered, shuffled) in settings(), upper: u64, end in "[;]{0,2}") {
        let expected = ordered.join(";").parse::<ConnectionString>();
        prop_assert!(expected.is_ok());
        let other: Vec<_> = shuffled.iter().map(|setting| with_case(setting, upper)).collect();
        prop_assert_eq!((other.join(";") + &end).parse::<ConnectionString>(), expected);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in any::<String>()) {
        let _ = text.parse::<ConnectionString>();
    }

    #[test]
    fn no_setting_makes_parsing_panic_or_is_shown_in_an_error(
        secrets in proptest::collection::vec("[#-:<>-~ñ]{12,20}", 0..5),
        names in proptest::collection::vec("AccountName|AccountKey|TableEndpoint|EndpointSuffix|Foo|[A-Z]{0,2}", 5),
    ) {
        let settings: Vec<_> = names.iter().zip(&secrets).map(|(name, secret)| format!("{name}={secret}")).collect();
        if let Err(error) = settings.join(";").parse::<ConnectionString>() {
            let shown = format!("{error} {error:?}");
            prop_assert!(secrets.iter().all(|secret| !shown.contains(secret.as_str())), "{}", shown);
        }
    }
}
