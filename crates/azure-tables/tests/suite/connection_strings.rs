use azure_tables::shared_key::AccountKey;
use azure_tables::{
    ConnectionString, ConnectionStringError as E, Credential, Filter, InvalidSasToken, SasToken,
};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::scripted::{Script, audit, lost, page, read_all};
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
        let credential = match (vector.error, vector.credential) {
            (Some(_), _) => {
                assert_eq!(parsed.is_ok(), ACCEPTED_BESIDES.contains(&name.as_str()), "{name}");
                continue;
            }
            (None, Some(CredentialVector::Sas { signature })) => {
                Credential::Sas(SasToken::new(&signature).expect("a signature"))
            }
            (None, Some(CredentialVector::SharedKey { name: account, key })) => {
                Credential::SharedKey { account, key: AccountKey::from_base64(&key).expect("a key") }
            }
            (None, None) => panic!("{name} has neither error nor credential"),
        };
        let parsed = parsed.expect(&name);
        assert_eq!(Some(parsed.endpoint().as_str()), vector.endpoint.as_deref(), "{name}");
        assert_eq!(parsed.credential(), &credential, "{name}");

        let script = Script::new([page("", None, None)]);
        let filter = Filter::new("PartitionKey eq 'a'").expect("a filter");
        let query = audit().select(["identificationNumber"]).filter(filter);
        read_all(&script.client_of(parsed), &query).expect("a page");
        assert_eq!(script.urls(), [vector.request_url.expect("a URL")], "{name}");
        let requests = script.requests.borrow();
        let authorization =
            requests[0].headers().get("authorization").map(|value| value.to_str().expect("ASCII"));
        let scheme_and_account =
            authorization.map_or("", |value| value.split(':').next().unwrap_or_default());
        assert_eq!(Some(scheme_and_account), vector.authorization_prefix.as_deref(), "{name}");
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
        ("AccountName=a", E::NoCredential),
        ("AccountKey=AAEC", E::Missing { name: "AccountName" }),
        ("TableEndpoint=https://a.example.org", E::NoCredential),
        ("AccountName=a;AccountKey=AAE", E::Key(azure_tables::shared_key::InvalidAccountKey)),
        ("AccountName=a;SharedAccessSignature=sv=1", E::Sas(InvalidSasToken)),
        ("SharedAccessSignature=sv=1&sig=x", E::Missing { name: "TableEndpoint" }),
        ("AccountKey=AAEC;SharedAccessSignature=sig=x", E::Missing { name: "TableEndpoint" }),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://p", E::EmulatorNotAlone),
        ("UseDevelopmentStorage=false", E::NoCredential),
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
    assert!(matches!(parsed.credential(), Credential::SharedKey { .. }));
}

#[test]
fn signatures_of_accounts_and_of_tables_are_sent_as_the_sdk_sends_them() {
    let vectors = vectors::signed_addresses();
    assert!(vectors.iter().any(|vector| vector.sas_token.contains("tn=audit")), "one is of a table");
    let filter = Filter::new("PartitionKey eq '2021-08-10'").expect("a filter");
    let query = audit().select(["identificationNumber"]).filter(filter);
    for vector in vectors {
        let endpoint = "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1";
        let text = format!("{endpoint};SharedAccessSignature={}", vector.sas_token);
        let script = Script::new([page("", None, None)]);
        read_all(&script.client_of(text.parse().expect("a connection string")), &query).expect("a page");
        assert_eq!(script.urls(), [vector.request_url], "{}", vector.name);
    }
}

#[test]
fn each_page_is_asked_for_with_the_signature_and_without_a_question_mark_of_its_own() {
    let text = "TableEndpoint=https://a.example.org;SharedAccessSignature=?sv=1&sig=a%2Bb/c%3D";
    let script = Script::new([page("", Some("p"), None), lost(), page("", None, None)]);
    read_all(&script.client_of(text.parse().expect("a connection string")), &audit()).expect("two pages");
    let next = "https://a.example.org/audit()?NextPartitionKey=p&sv=1&sig=a%2Bb/c%3D";
    assert_eq!(script.urls(), ["https://a.example.org/audit()?sv=1&sig=a%2Bb/c%3D", next, next]);
}

#[test]
fn a_connection_string_is_shown_without_its_signature() {
    let text = "AccountName=a;SharedAccessSignature=sv=1&sig=secret";
    let parsed: ConnectionString = text.parse().expect("a connection string");
    assert_eq!(parsed.to_string(), "a shared access signature at https://a.table.core.windows.net");
    let client = format!("{:?}", Script::new([]).client_of(parsed).endpoint());
    let debug = format!("{:?} {client}", text.parse::<ConnectionString>());
    assert!(debug.contains("hidden") && !debug.contains("secret") && !debug.contains("sig="), "{debug}");
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
        "SharedAccessSignature=sv=1&sig=x",
    ];
    subsequence(optional, 0..=6).prop_flat_map(|chosen| {
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
        names in proptest::collection::vec("AccountName|AccountKey|SharedAccessSignature|TableEndpoint|EndpointSuffix|Foo|[A-Z]{0,2}", 5),
    ) {
        let settings: Vec<_> = names.iter().zip(&secrets).map(|(name, secret)| format!("{name}={secret}")).collect();
        if let Err(error) = settings.join(";").parse::<ConnectionString>() {
            let shown = format!("{error} {error:?}");
            prop_assert!(secrets.iter().all(|secret| !shown.contains(secret.as_str())), "{}", shown);
        }
    }
}
