use super::*;

fn parse(text: &str) -> Result<RuntimeConfig, String> {
    RuntimeConfig::parse("etc/runtime-config.toml".as_ref(), text).map_err(|error| error.to_string())
}

#[test]
fn a_runtime_configuration_is_read_whole() {
    let config = parse(
        r#"
state_dir = "state"
log_dir = "/var/log/app"
max_instance_memory = 1048576

[key_value_store.orders]
type = "spin"
path = "data/orders.db"

[key_value_store.scratch]
type = "memory"

[[variables_provider]]
type = "static"
values = { key = "hunter2" }

[[config_provider]]
type = "static"
values = { key = "other", region = "eu" }
"#,
    )
    .unwrap();
    assert_eq!(config.state_dir.as_deref(), Some("state".as_ref()));
    assert_eq!(config.log_dir.as_deref(), Some("/var/log/app".as_ref()));
    assert_eq!(config.max_instance_memory, Some(ByteSize(1 << 20)));
    let names: Vec<Vec<_>> = config.static_variables.iter().map(|values| values.keys().collect()).collect();
    assert_eq!(names, [vec!["key"], vec!["key", "region"]]);
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");

    for (label, store) in [
        ("orders", Some(KeyValueStore::Sqlite { path: Some("etc/data/orders.db".into()) })),
        ("scratch", Some(KeyValueStore::Memory)),
        ("default", Some(KeyValueStore::Sqlite { path: None })),
        ("other", None),
    ] {
        assert_eq!(config.store(label), store, "{label}");
    }
}

#[test]
fn the_default_store_can_be_configured() {
    let config = parse("key_value_store.default = { type = \"memory\" }").unwrap();
    assert_eq!(config.store("default"), Some(KeyValueStore::Memory));
}

#[test]
fn what_this_host_does_not_offer_is_an_error() {
    for (text, expected) in [
        (
            "[key_value_store.a]\ntype = \"redis\"\nurl = \"x\"",
            "runtime-config.toml:2: key_value_store.a.type: not supported by this host: a key-value store of type \"redis\"",
        ),
        (
            "[key_value_store.a]\ntype = \"azure_cosmos\"",
            "not supported by this host: a key-value store of type \"azure_cosmos\"",
        ),
        (
            "[key_value_store.a]\ntype = \"aws_dynamo\"",
            "not supported by this host: a key-value store of type \"aws_dynamo\"",
        ),
        (
            "[key_value_store.a]\ntype = \"sqlite\"",
            "there is no key-value store of type \"sqlite\"; write type = \"spin\"",
        ),
        ("[key_value_store.a]", "runtime-config.toml:1: key_value_store.a.type: missing"),
        (
            "[key_value_store.a]\ntype = \"spin\"\npth = \"x\"",
            "key_value_store.a.pth: unknown key; did you mean \"path\"?",
        ),
        ("[key_value_store.a]\ntype = \"spin\"\npath = \"\"", "key_value_store.a.path: must not be empty"),
        ("[key_value_store.a]\ntype = \"memory\"\npath = \"x\"", "key_value_store.a.path: unknown key"),
        (
            "[[variables_provider]]\ntype = \"vault\"",
            "variables_provider[0].type: not supported by this host: variables from \"vault\"",
        ),
        ("[[variables_provider]]\ntype = \"azure_key_vault\"", "not supported by this host"),
        ("[[variables_provider]]\ntype = \"env\"", "SPIN_VARIABLE_<NAME> is always read"),
        ("[[variables_provider]]\ntype = \"magic\"", "there is no variables provider of type \"magic\""),
        ("[[variables_provider]]\ntype = \"static\"", "variables_provider[0].values: missing"),
        (
            "[[variables_provider]]\ntype = \"static\"\nvalues = { a = 1 }",
            "variables_provider[0].values.a: must be text",
        ),
        ("[variables_provider]\ntype = \"static\"", "variables_provider: must be a list"),
        (
            "[sqlite_database.default]\ntype = \"spin\"",
            "sqlite_database: not supported by this host: SQL databases",
        ),
        ("[llm_compute]\ntype = \"spin\"", "llm_compute: not supported"),
        ("[outbound_http]\nmax_connections = 1", "outbound_http: not supported"),
        ("[outbound_redis]\nmax_connections = 1", "outbound_redis: not supported"),
        ("[[client_tls]]\ncomponent_ids = []", "client_tls: not supported"),
        (
            "[key_value_stores.a]\ntype = \"spin\"",
            "key_value_stores: unknown key; did you mean \"key_value_store\"?",
        ),
        ("state_dir = \"\"", "state_dir: must not be empty"),
        ("max_instance_memory = -1", "max_instance_memory: must not be negative"),
        ("x", "runtime-config.toml:1: not valid TOML"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_store_that_nobody_configured_stops_the_start() {
    let manifest = Manifest::parse(
        "spin.toml".as_ref(),
        "spin_manifest_version = 2\napplication.name = \"x\"\n\
         trigger.http = [{ route = \"/\", component = { source = \"a.wasm\", key_value_stores = [\"default\", \"orders\"] } }]",
    )
    .unwrap();
    for (config, expected) in [
        (parse("key_value_store.orders = { type = \"spin\" }").unwrap(), None),
        (
            parse("key_value_store.other = { type = \"spin\" }").unwrap(),
            Some(
                "component inline-component1 uses the key-value store \"orders\", which is not configured; add [key_value_store.orders] with type = \"spin\" to the runtime configuration (etc/runtime-config.toml)",
            ),
        ),
        (RuntimeConfig::default(), Some("pass it with --runtime-config-file")),
    ] {
        match (config.check_stores(&manifest), expected) {
            (Ok(()), None) => {}
            (Err(error), Some(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_runtime_configuration_is_read_from_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("runtime-config.toml");
    std::fs::write(&file, "key_value_store.a = { type = \"spin\", path = \"a.db\" }").unwrap();
    let config = RuntimeConfig::load(&file).unwrap();
    assert_eq!(config.store("a"), Some(KeyValueStore::Sqlite { path: Some(directory.path().join("a.db")) }));
    assert!(
        RuntimeConfig::load(&directory.path().join("none"))
            .unwrap_err()
            .to_string()
            .starts_with("cannot read ")
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics_the_parser(text in ".*", label in "[a-z\"é ]{0,5}", value in "[a-z0-9\"{}=\\[\\]]{0,12}") {
        let _ = parse(&text);
        let _ = parse(&format!("[key_value_store.{label}]\ntype = {value}"));
        let _ = parse(&format!("[[variables_provider]]\ntype = \"static\"\nvalues = {value}"));
    }
}
