use super::*;

fn manifest(variables: &str, component: &str) -> Manifest {
    let text = format!(
        "spin_manifest_version = 2\napplication.name = \"x\"\ntrigger.http = [{{ route = \"/\", component = \"c\" }}]\n\
         component.c.source = \"c.wasm\"\n{component}\n[variables]\n{variables}\n"
    );
    Manifest::parse("spin.toml".as_ref(), &text).unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_strongest_source_wins() {
    let names = ["all", "later", "provided", "second", "set", "plain"];
    let declared: String = names.map(|name| format!("{name} = {{ default = \"default\" }}\n")).concat();
    let seen: String =
        names.map(|name| format!("component.c.variables.{name} = \"{{{{ {name} }}}}\"\n")).concat();
    let manifest = manifest(&declared, &seen);
    let sources = VariableSources {
        command_line: pairs(&[("all", "argument"), ("later", "first"), ("later", "argument")]),
        providers: vec![
            pairs(&[("all", "one"), ("provided", "one")]).into_iter().collect(),
            pairs(&[("provided", "two"), ("second", "two"), ("of_another_application", "two")])
                .into_iter()
                .collect(),
        ],
        environment: pairs(&[
            ("SPIN_VARIABLE_ALL", "environment"),
            ("SPIN_VARIABLE_PROVIDED", "environment"),
            ("SPIN_VARIABLE_SET", "environment"),
            ("SPIN_VARIABLE_OTHER", "environment"),
            ("PLAIN", "environment"),
        ])
        .into_iter()
        .collect(),
    };
    let resolver = Resolver::new(&manifest, &sources).unwrap();
    let found: Vec<_> = resolver
        .component_variables(&manifest.components["c"])
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        found,
        ["all=argument", "later=argument", "plain=default", "provided=one", "second=two", "set=environment"]
    );
}

#[test]
fn every_missing_variable_is_named_with_how_to_set_it() {
    let manifest = manifest(
        "a = { required = true }\nb = { required = true, description = \"the key\" }\nc = { required = true }\nd = { default = \"\" }",
        "",
    );
    let sources = VariableSources { command_line: pairs(&[("c", "")]), ..VariableSources::default() };
    let error = Resolver::new(&manifest, &sources).unwrap_err();
    assert_eq!(
        error.to_string(),
        "these variables are required and have no value:\n  \
         a: pass --variable a=… or set SPIN_VARIABLE_A\n  \
         b (the key): pass --variable b=… or set SPIN_VARIABLE_B\n\
         or give them in the runtime configuration: [[variables_provider]] type = \"static\", values = { … }"
    );
}

#[test]
fn an_argument_for_no_variable_is_refused() {
    for (variables, expected) in [
        (
            "endpoint = { default = \"\" }",
            "--variable endpiont: the application has no such variable; did you mean \"endpoint\"?",
        ),
        ("x = { default = \"\" }", "known here: x"),
        ("", "it has no variables at all"),
    ] {
        let sources =
            VariableSources { command_line: pairs(&[("endpiont", "hunter2")]), ..VariableSources::default() };
        let error = Resolver::new(&manifest(variables, ""), &sources).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn secrets_are_given_but_never_shown() {
    let manifest = manifest(
        "key = { required = true, secret = true }\nopen = { default = \"visible\" }",
        "component.c.variables = { auth = \"Bearer {{ key }}\", open = \"{{ open }}\" }\n\
         component.c.allowed_outbound_hosts = [\"{{ key }}\"]",
    );
    let sources = VariableSources {
        command_line: pairs(&[("key", "hunter2")]),
        providers: vec![pairs(&[("key", "hunter2")]).into_iter().collect()],
        environment: pairs(&[("SPIN_VARIABLE_KEY", "hunter2")]).into_iter().collect(),
    };
    let resolver = Resolver::new(&manifest, &sources).unwrap();
    let values = resolver.component_variables(&manifest.components["c"]);
    assert_eq!((values["auth"].expose(), values["auth"].is_secret()), ("Bearer hunter2", true));
    assert_eq!((values["open"].to_string().as_str(), values["open"].is_secret()), ("visible", false));
    assert_eq!(format!("{:?} {}", values["open"], values["auth"]), "\"visible\" <secret>");

    let error = resolver.allowed_hosts(&manifest, &manifest.components["c"]).unwrap_err();
    assert!(error.to_string().contains("\"{{ key }}\" is not a host to allow"), "{error}");
    let argument: VariableArgument = "key=hunter2".parse().unwrap();
    let shown = format!("{sources:?} {resolver:?} {values:?} {error} {error:?} {argument:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn allowed_hosts_follow_the_variables() {
    let manifest = manifest(
        "host = { default = \"a.example\" }\nendpoint = { default = \"\" }",
        "component.c.allowed_outbound_hosts = [\"https://{{ host }}\", \"{{ endpoint }}\", \"https://{{ endpoint }}\", \"http://*.spin.internal\"]",
    );
    for (endpoint, allowed) in [
        ("", Ok(&["https://a.example", "http://c.spin.internal"][..])),
        ("https://b.example", Err("\"https://https://b.example\" is not a host to allow")),
        ("nothing", Err("\"nothing\" is not a host to allow: write <scheme>://<host>")),
    ] {
        let sources =
            VariableSources { command_line: pairs(&[("endpoint", endpoint)]), ..VariableSources::default() };
        let found =
            Resolver::new(&manifest, &sources).unwrap().allowed_hosts(&manifest, &manifest.components["c"]);
        match (found, allowed) {
            (Ok(hosts), Ok(allowed)) => {
                for url in
                    ["https://a.example", "http://c.spin.internal", "https://b.example", "https://x.example"]
                {
                    let (scheme, host) = url.split_once("://").unwrap();
                    assert_eq!(
                        hosts.allows(scheme, host, None),
                        allowed.contains(&url),
                        "{endpoint:?} {url}"
                    );
                }
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, _) => panic!("{endpoint:?}: {found:?}"),
        }
    }
}

#[test]
fn arguments_name_values_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let text = file("key.txt", "line\n");
    let json = file("v.json", r#"{ "a": "1", "b": "2" }"#);
    let toml = file("v.toml", "a = \"3\"");
    let wrong = [file("w.json", "{ \"a\": hunter2 }"), file("w.toml", "a = 1")];
    for (argument, expected) in [
        ("k=v".to_owned(), "k=v"),
        ("k=".to_owned(), "k="),
        ("k=a=b@c".to_owned(), "k=a=b@c"),
        (format!("k=@{text}"), "k=line\n"),
        (format!("@{json}"), "a=1 b=2"),
        (format!("@{toml}"), "a=3"),
        ("k".to_owned(), "--variable: write name=value"),
        ("".to_owned(), "--variable: write name=value"),
        (format!("@{text}"), "--variable: write name=value"),
        (format!("k=@{text}.none"), "--variable: cannot read"),
        (format!("@{}", wrong[0]), "must be one JSON table"),
        (format!("@{}", wrong[1]), "must be one TOML table"),
    ] {
        let found = match argument.parse().and_then(|argument: VariableArgument| argument.read()) {
            Ok(values) => {
                values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        let right = if expected.contains("--") || expected.contains("must") {
            found.contains(expected)
        } else {
            found == expected
        };
        assert!(right && !found.contains("hunter2"), "{argument}: {found}");
    }
}
