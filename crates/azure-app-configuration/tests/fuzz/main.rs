//! Hostile input: settings and connection strings. See `seed_fuzz`.

use azure_app_configuration::{Access, SettingKey, read_setting};

fn run(name: &str, target: impl Fn(&[u8])) {
    seed_fuzz::run(env!("CARGO_MANIFEST_DIR"), name, target);
}

#[test]
fn a_setting_is_read_or_not_and_its_value_never_shown() {
    run("setting", |body| {
        if let Ok(setting) = read_setting(body) {
            let _ = setting.reference();
            assert!(format!("{setting:?}").contains("[hidden]"));
        }
    });
}

#[test]
fn a_connection_string_is_read_or_refused_without_quoting_it() {
    run("connection_string", |text| {
        let text = String::from_utf8_lossy(text);
        let shown = match text.parse::<Access>() {
            Ok(access) => format!("{access:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        for secret in text.split(';').filter_map(|setting| setting.strip_prefix("Secret=")) {
            // Not what the messages, or another setting, say anyway.
            let alone = secret.len() >= 16 && text.matches(secret).count() == 1;
            assert!(!alone || !shown.contains(secret), "{secret}: {shown}");
        }
    });
}

#[test]
fn key_and_label_come_back_out_of_the_address() {
    run("key", |text| {
        let text = String::from_utf8_lossy(text);
        let (key, label) = text.split_once('\n').unwrap_or((&text, ""));
        let Ok(setting) = SettingKey::new(key, label) else { return };
        let uri: http::Uri = format!("https://x.azconfig.io{}", setting.target()).parse().expect("a URI");
        let sent = uri.path().strip_prefix("/kv/").expect("the path of settings");
        let decoded = percent_encoding::percent_decode_str(sent).decode_utf8().expect("text");
        assert_eq!(decoded, key);
        let labels = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let found = labels.into_owned().find_map(|(name, value)| (name == "label").then_some(value));
        assert_eq!(found.unwrap_or_default(), label);
    });
}
