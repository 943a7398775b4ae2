use std::time::Duration;

use super::*;
use crate::ByteSize;

const HEAD: &str = r#"
spin_manifest_version = 2
application = { name = "app" }
"#;

/// A manifest that is right, to which a test adds what it is about.
fn with(more: &str) -> String {
    format!(
        "{HEAD}trigger.http = [{{ route = \"/...\", component = \"api\" }}]\ncomponent.api.source = \"api.wasm\"\n{more}\n"
    )
}

fn parse(text: &str) -> Result<Manifest, String> {
    Manifest::parse("app/spin.toml".as_ref(), text).map_err(|error| error.to_string())
}

fn api(more: &str) -> Component {
    parse(&with(more)).unwrap().components["api"].clone()
}

#[test]
fn a_manifest_is_read_whole() {
    let manifest = parse(
        r#"
spin_manifest_version = 2

[application]
name = "orders"
version = "1.2.3"
description = "Takes orders"
authors = ["A <a@example.com>"]
targets = ["spin-up:3"]

[application.tool.longhaul]
max_instances = 8
request_timeout = "1m"

[application.tool.other]
anything = [1, { goes = true }]

[variables]
endpoint = { default = "https://x.example" }
key = { required = true, secret = true, description = "the account's key" }

[[trigger.http]]
id = "front"
route = "/api/:id/..."
component = "api"
executor = { type = "http" }

[[trigger.http]]
route = { private = true }
component = "worker"

[component.api]
source = "target/api.wasm"
description = "The API"
environment = { RUST_LOG = "info" }
variables = { endpoint = "{{ endpoint }}/v1", auth = "key {{key}}" }
allowed_outbound_hosts = ["{{ endpoint }}", "http://*.spin.internal"]
key_value_stores = ["default", "orders"]

[component.api.build]
command = "cargo build"
workdir = "api"
watch = ["src/**/*.rs"]

[component.api.tool.longhaul]
max_instances = 2
memory_limit = "64MiB"

[component.api.tool.other]
x = 1

[component.worker]
source = "worker.wasm"
build.command = ["one", "two"]
"#,
    )
    .unwrap();

    assert_eq!(
        (&*manifest.name, &*manifest.version, &*manifest.description),
        ("orders", "1.2.3", "Takes orders")
    );
    let triggers: Vec<_> = manifest
        .http_triggers
        .iter()
        .map(|trigger| format!("{} {}", trigger.route, trigger.component))
        .collect();
    assert_eq!(triggers, ["/api/:id/... api", "private worker"]);
    assert_eq!(manifest.variables["endpoint"].default.as_deref(), Some("https://x.example"));
    let key = &manifest.variables["key"];
    assert!(key.secret && key.is_required());
    assert_eq!(key.description.as_deref(), Some("the account's key"));

    let api = &manifest.components["api"];
    assert_eq!(api.source, Path::new("app/target/api.wasm"));
    assert_eq!(api.description, "The API");
    assert_eq!(api.environment["RUST_LOG"], "info");
    assert_eq!(api.variables["auth"].as_str(), "key {{key}}");
    assert_eq!(api.allowed_outbound_hosts.len(), 2);
    assert_eq!(api.key_value_stores, ["default", "orders"]);
    let build = Build {
        commands: vec!["cargo build".to_owned()],
        workdir: "app/api".into(),
        watch: vec!["src/**/*.rs".to_owned()],
    };
    assert_eq!(api.build, Some(build));
    let settings = ToolSettings {
        max_instances: 2,
        memory_limit: Some(ByteSize(64 << 20)),
        request_timeout: Some(Duration::from_secs(60)),
        ..ToolSettings::default()
    };
    assert_eq!(api.tool, settings);

    let worker = &manifest.components["worker"];
    let build = worker.build.as_ref().unwrap();
    assert_eq!(
        (build.commands.as_slice(), build.workdir.as_path()),
        (&["one".to_owned(), "two".to_owned()][..], Path::new("app/"))
    );
    assert_eq!(worker.tool.max_instances, 8);
}

#[test]
fn a_component_may_stand_inside_its_trigger() {
    let manifest = parse(&format!(
        r#"{HEAD}
[[trigger.http]]
id = "front"
route = "/a"
component = {{ source = "a.wasm", key_value_stores = ["default"] }}
[[trigger.http]]
route = "/b"
component = {{ source = "b.wasm" }}
[[trigger.http]]
route = "/c"
component = {{ source = "c.wasm" }}
"#
    ))
    .unwrap();
    let found: Vec<_> = manifest
        .http_triggers
        .iter()
        .map(|trigger| {
            let source = &manifest.components[&trigger.component].source;
            format!("{} {} {}", trigger.route, trigger.component, source.display())
        })
        .collect();
    assert_eq!(
        found,
        [
            "/a front-component app/a.wasm",
            "/b inline-component1 app/b.wasm",
            "/c inline-component2 app/c.wasm"
        ]
    );
}

#[test]
fn settings_have_defaults_and_units() {
    assert_eq!(api("").tool, ToolSettings::default());
    let settings = api("component.api.tool.longhaul = { max_requests = 1, max_concurrent_requests = 2, memory_limit = 65536 }").tool;
    assert_eq!((settings.max_requests, settings.max_concurrent_requests), (1, 2));
    assert_eq!(settings.memory_limit, Some(ByteSize(65536)));
}

#[test]
fn the_start_call_is_of_the_application() {
    let of_application = |start: &str| {
        let tool = format!("application = {{ name = \"app\", tool.longhaul.start = {start} }}");
        parse(&with("").replace("application = { name = \"app\" }", &tool))
    };
    assert_eq!(parse(&with("")).unwrap().start, None);
    let start = of_application("{ component = \"api\", path = \"/run?now\" }").unwrap().start.unwrap();
    assert_eq!((start.component.as_str(), start.path.as_str()), ("api", "/run?now"));
    for (start, expected) in [
        (
            "{ component = \"apo\", path = \"/\" }",
            "start.component: there is no component \"apo\"; did you mean",
        ),
        ("{ component = \"api\" }", "start.path: missing"),
        ("{ component = \"api\", path = \"run\" }", "start.path: must be the path of a URL"),
        ("{ component = \"api\", path = \"/\", a = 1 }", "start.a: unknown key"),
    ] {
        let error = of_application(start).expect_err(start);
        assert!(error.contains(expected), "{start}: {error}");
    }
    let of_component = with("component.api.tool.longhaul.start = { component = \"api\", path = \"/\" }");
    assert!(parse(&of_component).unwrap_err().contains("component.api.tool.longhaul.start: unknown key"));
}

#[test]
fn the_default_of_a_secret_is_not_shown() {
    let manifest = parse(&with("variables.key = { default = \"hunter2\", secret = true }")).unwrap();
    assert_eq!(manifest.variables["key"].default.as_deref(), Some("hunter2"));
    assert!(!format!("{manifest:?}").contains("hunter2"));
}

#[test]
fn an_empty_list_of_something_unsupported_asks_for_nothing() {
    api("component.api.files = []\ncomponent.api.ai_models = []\ncomponent.api.dependencies = {}");
}

#[test]
fn what_is_wrong_with_a_component_is_said() {
    for (line, expected) in [
        ("files = [\"a.txt\"]", "component.api.files: not supported by this host: embed the files"),
        ("exclude_files = [\"a.txt\"]", "component.api.exclude_files: not supported"),
        (
            "sqlite_databases = [\"default\"]",
            "component.api.sqlite_databases: not supported by this host: keep the data in a key-value store",
        ),
        ("ai_models = [\"llama2-chat\"]", "component.api.ai_models: not supported"),
        (
            "dependencies = { \"a:b/c\" = \"1\" }",
            "component.api.dependencies: not supported by this host: compose",
        ),
        (
            "dependencies_inherit_configuration = true",
            "component.api.dependencies_inherit_configuration: not supported",
        ),
        ("profile.debug.source = \"x\"", "component.api.profile: not supported"),
        (
            "allowed_http_hosts = [\"a\"]",
            "component.api.allowed_http_hosts: not supported by this host: write allowed_outbound_hosts",
        ),
        (
            "key_value_store = [\"default\"]",
            "component.api.key_value_store: unknown key; did you mean \"key_value_stores\"?",
        ),
        ("zzz = 1", "component.api.zzz: unknown key; known here: source, description, "),
        ("\"a b\" = 1", "component.api.\"a b\": unknown key"),
        ("key_value_stores = \"default\"", "component.api.key_value_stores: must be a list, but is string"),
        (
            "key_value_stores = [\"a\", 1]",
            "component.api.key_value_stores[1]: must be text in quotes, but is integer",
        ),
        ("key_value_stores = [\"a b\"]", "\"a b\" is no label"),
        ("key_value_stores = [\"a\", \"a\"]", "\"a\" comes twice"),
        ("environment = { A = 1 }", "component.api.environment.A: must be text"),
        ("environment = { \"A=B\" = \"x\" }", "must not be empty nor contain '='"),
        ("variables = { a = \"{{ key \" }", "component.api.variables.a: \"{{\" without a closing \"}}\""),
        (
            "variables = { a = \"{{ kye }}\" }",
            "the application has no variable \"kye\"; did you mean \"key\"?",
        ),
        ("variables = { A = \"\" }", "\"A\" is not a variable name"),
        (
            "allowed_outbound_hosts = [\"example.com\"]",
            "component.api.allowed_outbound_hosts[0]: \"example.com\" is not a host to allow",
        ),
        ("allowed_outbound_hosts = [\"\"]", "is not a host to allow"),
        (
            "allowed_outbound_hosts = [\"https://a\", \"insecure:allow-all\"]",
            "component.api.allowed_outbound_hosts[1]: \"insecure:allow-all\"",
        ),
        ("allowed_outbound_hosts = [\"https://{{ nope }}\"]", "the application has no variable \"nope\""),
        ("build = { command = [] }", "component.api.build.command: must not be empty"),
        ("build = { workdir = \"x\" }", "component.api.build.command: missing; write command"),
        ("build = { command = \"x\", env = {} }", "component.api.build.env: unknown key"),
        (
            "tool.longhaul = { max_instance = 1 }",
            "component.api.tool.longhaul.max_instance: unknown key; did you mean \"max_instances\"?",
        ),
        (
            "tool.longhaul = { max_instances = 0 }",
            "component.api.tool.longhaul.max_instances: must be a whole number, at least 1",
        ),
        ("tool.longhaul = { memory_limit = \"much\" }", "\"much\" is not a size"),
        ("tool.longhaul = { memory_limit = 0 }", "must be more than nothing"),
        ("tool.longhaul = { memory_limit = true }", "must be a number of bytes"),
        ("tool.longhaul = { request_timeout = \"30\" }", "\"30\" is not a duration"),
        ("tool.longhaul = { request_timeout = \"0s\" }", "must be longer than nothing"),
    ] {
        let text = with(&format!("variables.key = {{ required = true }}\ncomponent.api.{line}"));
        let error = parse(&text).expect_err(line);
        assert!(error.contains(expected), "{line}: {error}");
        assert!(error.starts_with("app/spin.toml:7: "), "{line}: {error}");
    }
}

#[test]
fn what_is_wrong_with_a_source_is_said() {
    for (source, expected) in [
        (
            "{ url = \"https://x/a.wasm\", digest = \"sha256:00\" }",
            "not supported by this host: a component from a URL; build or download it first",
        ),
        (
            "{ registry = \"r.example\", package = \"a:b\", version = \"1\" }",
            "not supported by this host: a component from a registry",
        ),
        ("\"\"", "must not be empty"),
        ("1", "must be text: the path of the .wasm file"),
    ] {
        let text = with("")
            .replace("component.api.source = \"api.wasm\"", &format!("component.api.source = {source}"));
        let error = parse(&text).expect_err(source);
        assert!(
            error.contains(expected) && error.starts_with("app/spin.toml:5: component.api.source: "),
            "{source}: {error}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_trigger_is_said() {
    for (trigger, expected) in [
        (
            "[[trigger.redis]]\naddress = \"redis://x\"",
            "spin.toml:4: trigger.redis: not supported by this host: only HTTP triggers are",
        ),
        ("[[trigger.http]]\nroute = \"/a\"", "spin.toml:4: trigger.http[0].component: missing"),
        ("[[trigger.http]]\ncomponent = \"api\"", "trigger.http[0].route: missing"),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"apo\"",
            "spin.toml:6: trigger.http[0].component: there is no component \"apo\"; did you mean \"api\"?",
        ),
        (
            "[[trigger.http]]\nroute = \"a\"\ncomponent = \"api\"",
            "spin.toml:5: trigger.http[0].route: \"a\" is not a route: it must begin with '/'",
        ),
        ("[[trigger.http]]\nroute = 1\ncomponent = \"api\"", "trigger.http[0].route: must be text such as"),
        (
            "[[trigger.http]]\nroute = { private = false }\ncomponent = \"api\"",
            "{ private = false } is no route",
        ),
        (
            "[[trigger.http]]\nroute = { privat = true }\ncomponent = \"api\"",
            "trigger.http[0].route.privat: unknown key; did you mean \"private\"?",
        ),
        (
            "[[trigger.http]]\nroute = \"/a/:x\"\ncomponent = \"api\"\n[[trigger.http]]\nroute = \"/a/:y\"\ncomponent = \"api\"",
            "spin.toml:8: trigger.http[1].route: \"/a/:y\" (component api) answers the same paths as \"/a/:x\" (component api)",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"api\"\nexecutor = { type = \"wagi\" }",
            "trigger.http[0].executor.type: not supported by this host: the Wagi executor",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"api\"\nexecutor = { type = \"cgi\" }",
            "there is no executor \"cgi\"",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"api\"\nexecutor = { type = \"http\", argv = \"x\" }",
            "trigger.http[0].executor.argv: unknown key",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\nstatic_response = { status_code = 404 }",
            "trigger.http[0].static_response: not supported",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"api\"\ncomponents = { x = \"api\" }",
            "trigger.http[0].components: not supported",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"api\"\nbase = \"/\"",
            "trigger.http[0].base: unknown key",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = { source = { url = \"x\" } }",
            "trigger.http[0].component.source: not supported",
        ),
        ("[trigger.http]\nroute = \"/a\"", "trigger.http: must be a list; write [[trigger.http]]"),
        ("[trigger]\nhttp = []", "trigger.http: is empty; add [[trigger.http]]"),
        ("[trigger]", "trigger.http: missing; add [[trigger.http]]"),
        ("", "trigger: missing; add [[trigger.http]]"),
    ] {
        let error =
            parse(&format!("{HEAD}{trigger}\n[component.api]\nsource = \"api.wasm\"\n")).expect_err(trigger);
        assert!(error.contains(expected), "{trigger}: {error}");
    }
}

#[test]
fn what_is_wrong_with_an_application_is_said() {
    for (text, expected) in [
        ("", "app/spin.toml: spin_manifest_version: missing; write spin_manifest_version = 2"),
        ("spin_manifest_version = 2", "app/spin.toml: application: missing; add [application] with a name"),
        (
            "spin_manifest_version = 3",
            "spin.toml:1: spin_manifest_version: not supported by this host: only version 2",
        ),
        ("spin_manifest_version = \"1\"\nname = \"x\"", "`spin doctor` converts version 1"),
        ("spin_version = \"1\"", "spin_version: not supported"),
        ("spin_manifest_version = 1", "`spin doctor`"),
        ("spin_manifest_version = 2\n[application]\n", "spin.toml:2: application.name: missing"),
        ("spin_manifest_version = 2\nname = \"x\"", "spin.toml:2: name: unknown key"),
        (
            "spin_manifest_version = 2\ncomponents = {}",
            "components: unknown key; did you mean \"component\"?",
        ),
        ("spin_manifest_version =", "app/spin.toml:1: not valid TOML: "),
        ("a = 1\na = 2", "app/spin.toml:2: not valid TOML: duplicate key"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    for (line, expected) in [
        ("[application.trigger.http]\nbase = \"/x\"", "application.trigger.http: not supported"),
        ("[application.trigger.redis]\naddress = \"x\"", "application.trigger.redis: not supported"),
        ("license = \"x\"", "application.license: unknown key"),
        ("[application.tool.longhaul]\nspeed = 9", "application.tool.longhaul.speed: unknown key"),
        ("[variables.a]", "variables.a: must have either required = true or a default"),
        ("[variables.a]\nrequired = false", "variables.a: must have either"),
        ("[variables.a]\nrequired = true\ndefault = \"\"", "variables.a: must have either"),
        ("[variables.a]\ndefault = 1", "variables.a.default: must be text in quotes, but is integer"),
        (
            "[variables.a]\ndefault = \"\"\nsecrte = true",
            "variables.a.secrte: unknown key; did you mean \"secret\"?",
        ),
        ("[variables.Not-Good]\ndefault = \"\"", "\"Not-Good\" is not a variable name"),
        (
            "[component.not_good]\nsource = \"\"",
            "spin.toml:4: component.not_good: \"not_good\" is not a component id: join words with '-'",
        ),
        ("[component]\napi = 1", "component.api: must be a table"),
    ] {
        let text = format!("spin_manifest_version = 2\n[application]\nname = \"x\"\n{line}\n");
        let error = parse(&text).expect_err(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn a_manifest_is_found_by_its_file_or_directory() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("spin.toml");
    std::fs::write(&file, with("")).unwrap();
    for path in [directory.path(), &file] {
        assert_eq!(load(path).unwrap().components["api"].source, directory.path().join("api.wasm"));
    }
    let missing = directory.path().join("none.toml");
    let error = load(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}: ", missing.display())), "{error}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics_the_parser(text in ".*") {
        let _ = parse(&text);
        let _ = parse(&with(&text));
    }

    #[test]
    fn no_value_panics_the_parser(key in 0..KEYS.len(), value in VALUE) {
        let _ = parse(&with(&format!("{} = {value}", KEYS[key])));
    }

    #[test]
    fn no_text_panics_the_small_parsers(text in SMALL, path in SMALL, host in SMALL) {
        let _ = text.parse::<Template>();
        let _ = text.parse::<ByteSize>();
        let _ = crate::quantity::duration(&text);
        let _ = text.parse::<crate::VariableArgument>();
        let _ = crate::service_chaining_target(&text);
        if let Ok(hosts) = crate::AllowedHosts::parse([text.as_str()], []) {
            hosts.allows("http", &host, None);
        }
        if let Ok(pattern) = text.parse() {
            let trigger = HttpTrigger { component: "a".parse().unwrap(), route: Route::Path(pattern) };
            crate::Router::new([&trigger]).unwrap().route(&path);
        }
    }
}

const SMALL: &str = r"(/|//|\.\.\.|\.\.|:|\*|\*\.|a|b|\{\{|\}\}|@|=|https://|\[|\]|::1|10\.0\.0\.1|/8|MiB|s|[0-9]|é|\PC){0,10}";
const VALUE: &str = r#"("[a-z{}/:*.@ é]{0,12}"|\["[a-z{}/:*.]{0,12}"\]|\{ [a-z]{1,8} = ("[^"\\\n]{0,5}"|1|true) \}|-?[0-9]{1,25}|0x[0-9a-f]{1,20}|1\.5|true|1979-05-27)"#;
const KEYS: [&str; 12] = [
    "spin_manifest_version",
    "application.name",
    "variables.a",
    "variables.a.default",
    "trigger.x",
    "component.b",
    "component.api.build",
    "component.api.variables",
    "component.api.allowed_outbound_hosts",
    "component.api.tool.longhaul.memory_limit",
    "component.api.tool.longhaul.request_timeout",
    "component.api.tool.longhaul.max_requests",
];
