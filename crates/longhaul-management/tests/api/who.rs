//! Who is let in.

use std::time::Duration;

use longhaul::InstanceId;
use longhaul_management::{Linked, OPERATIONS, Variables};
use serde_json::{Value, json};

use crate::scene::{KEY, Scene, WEBHOOKS, local, waits};

const BASIC: &str = "Basic bG9uZ2hhdWw6c2VzYW1lLCBvcGVu";

/// A request for each operation: method and path.
fn requests() -> Vec<(String, String)> {
    let mut requests = Vec::new();
    for row in OPERATIONS {
        for path in row.paths {
            let path = path.replace("{instanceId}", "Running").replace("{eventName}", "go");
            let path = path.replace("{functionName}", "program").replace("{entityName}", "n");
            let path = path.replace("{entityKey}", "k");
            requests.extend(row.methods.iter().map(|method| (method.to_string(), path.clone())));
        }
    }
    requests
}

#[test]
fn without_a_key_in_its_settings_the_api_is_not_there() {
    let scene = Scene::with(Variables::default());
    for (method, path) in requests() {
        for headers in [&[][..], &[("x-functions-key", "")], &[("authorization", "Bearer x")]] {
            let answer = scene.send(&method, &format!("{WEBHOOKS}/{path}?code="), headers, "");
            assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{method} {path}");
        }
    }
    assert!(scene.engine.platform().keys().is_empty());
}

#[test]
fn nobody_gets_in_without_a_key() {
    let scene = Scene::with_instances();
    let before = scene.engine.platform().operations();
    for (method, path) in requests() {
        for (query, headers) in [
            ("", &[][..]),
            ("?code=", &[]),
            ("?code=sesame", &[]),
            ("?code=sesame,%20ope", &[]),
            ("?code=sesame,%20open%20", &[]),
            ("?key=sesame,%20open", &[]),
            ("", &[("x-functions-key", "sesame, open!")]),
            ("", &[("authorization", "Bearer sesame")]),
            ("", &[("authorization", "Basic c2VzYW1lLCBvcGVuOg==")]),
            ("", &[("authorization", KEY)]),
            ("?code=l1.9999999999.AAAA", &[]),
            ("?code=l1..", &[]),
        ] {
            for base in [WEBHOOKS, "/durabletask"] {
                let answer = scene.send(&method, &format!("{base}/{path}{query}"), headers, "");
                assert_eq!(
                    (answer.status, answer.body.as_str()),
                    (401, ""),
                    "{method} {path}{query} {headers:?}"
                );
            }
        }
    }
    // Nor does anybody learn what there is.
    assert_eq!(scene.send("GET", &format!("{WEBHOOKS}/nothing"), &[], "").status, 401);
    assert_eq!(scene.send("PUT", &format!("{WEBHOOKS}/instances"), &[], "").status, 401);
    assert_eq!(
        scene.engine.platform().operations(),
        before,
        "the store was asked for somebody without a key"
    );
}

#[test]
fn each_key_opens_in_each_of_four_ways() {
    let scene = Scene::with(Variables {
        management_key: "new",
        management_key_secondary: KEY,
        ..Variables::default()
    });
    for (query, headers) in [
        ("?code=sesame,%20open", &[][..]),
        ("?code=sesame%2C+open", &[]),
        ("?code=new", &[]),
        ("", &[("x-functions-key", KEY)]),
        ("", &[("x-functions-key", "new")]),
        ("", &[("authorization", "Bearer new")]),
        ("", &[("authorization", BASIC)]),
        // What is presented besides does not matter.
        ("?code=new", &[("authorization", "Bearer of-a-proxy")]),
    ] {
        let answer = scene.send("GET", &format!("{WEBHOOKS}/instances{query}"), headers, "");
        assert_eq!(answer.status, 200, "{query} {headers:?}");
    }
}

#[test]
fn what_is_not_there_is_not_found_and_a_wrong_method_is_told() {
    let scene = Scene::new();
    for path in ["nothing", "instances/a/dance", "instances//terminate", "orchestrators"] {
        let answer = scene.ask("POST", path, &Value::Null);
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
    }
    for (method, path, allowed) in [
        ("PUT", "instances", "GET, DELETE"),
        ("POST", "instances/a", "GET, DELETE"),
        ("GET", "instances/a/terminate", "POST"),
        ("GET", "tick", "POST"),
        ("HEAD", "openapi.json", "GET"),
    ] {
        let answer = scene.ask(method, path, &Value::Null);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[test]
fn a_link_opens_its_operation_on_its_instance_and_nothing_else() {
    let scene = Scene::with_instances();
    let links = scene.start("mine", waits());
    for (name, link) in links.as_object().unwrap().iter().filter(|(name, _)| *name != "id") {
        let link = local(link);
        let code = link.split("code=").nth(1).unwrap();
        assert!(!link.contains("sesame"), "{link}");
        let own = link.split('?').next().unwrap().trim_start_matches(WEBHOOKS).trim_start_matches('/');
        let own_method = match name.as_str() {
            "statusQueryGetUri" => "GET",
            "purgeHistoryDeleteUri" => "DELETE",
            _ => "POST",
        };
        for (method, path) in requests() {
            let mine = path.replace("Running", "mine");
            let is_own = mine == own.replace("{eventName}", "go") && method == own_method;
            for path in [path, mine] {
                let answer = scene.send(&method, &format!("{WEBHOOKS}/{path}?code={code}"), &[], "");
                match is_own && path.contains("mine") {
                    true => assert_ne!(answer.status, 401, "{name}: {method} {path}"),
                    false => assert_eq!(answer.status, 401, "{name}: {method} {path}"),
                }
            }
            // As a key it opens nothing at all.
            let answer = scene.send(&method, &format!("{WEBHOOKS}/{own}"), &[("x-functions-key", code)], "");
            assert_eq!(answer.status, 401);
        }
    }
}

#[test]
fn a_link_that_was_altered_or_has_expired_opens_nothing() {
    let variables = Variables { management_key: KEY, link_lifetime: "1h", ..Variables::default() };
    let scene = Scene::with(variables);
    let link = local(&scene.start("mine", waits())["statusQueryGetUri"]);
    let get = |uri: &str| scene.send("GET", uri, &[], "").status;
    assert_eq!(get(&link), 202);
    let (path, code) = link.split_once("code=l1.").unwrap();
    let (expires, signature) = code.split_once('.').unwrap();
    let later = expires.parse::<u64>().unwrap() + 1;
    let swapped: String = signature.chars().rev().collect();
    for altered in [
        format!("{path}code=l1.{later}.{signature}"),
        format!("{path}code=l1.{expires}.{swapped}"),
        format!("{path}code=l1.{expires}.{}", &signature[1..]),
        format!("{path}code=l1.{expires}."),
        format!("{path}code=l2.{expires}.{signature}"),
        format!("{path}code={signature}"),
        link.replace("/mine?", "/mine2?"),
    ] {
        assert_eq!(get(&altered), 401, "{altered}");
    }
    scene.sleep(Duration::from_secs(3599));
    assert_eq!(get(&link), 202);
    scene.sleep(Duration::from_secs(1));
    assert_eq!(get(&link), 401);
}

#[test]
fn links_outlive_the_replacement_of_the_first_key_but_not_of_both() {
    let mut scene = Scene::new();
    let link = local(&scene.start("mine", waits())["statusQueryGetUri"]);
    for (keys, expected) in
        [([KEY, "new"], 202), (["new", KEY], 202), (["new", ""], 401), (["", "newer"], 401)]
    {
        let variables =
            Variables { management_key: keys[0], management_key_secondary: keys[1], ..Variables::default() };
        scene.settings = longhaul_management::Settings::from_variables(&variables).unwrap();
        assert_eq!(scene.send("GET", &link, &[], "").status, expected, "{keys:?}");
    }
}

#[test]
fn a_link_does_not_lead_to_more_than_it_opens() {
    let scene = Scene::with_instances();
    let links = scene.settings.links("test", &head()).unwrap();
    let payload = links.payload(
        &InstanceId::new("Completed").unwrap(),
        jiff::Timestamp::from_second(1_700_000_000).unwrap(),
    );
    let restart = payload.clone().only(&[Linked::Restart]).restart_post_uri.unwrap();
    let restart = restart.trim_start_matches("http://app.example");
    let answer = scene.send("POST", &format!("{restart}&restartWithNewInstanceId=false"), &[], "");
    assert_eq!(answer.status, 202);
    let members: Vec<_> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["id", "restartPostUri", "statusQueryGetUri"]);
    let expiry = |link: &str| link.split("code=l1.").nth(1).unwrap().split('.').next().unwrap().to_owned();
    assert_eq!(expiry(answer.json()["restartPostUri"].as_str().unwrap()), expiry(restart));

    // A status says where to ask again: by the same link for who came by one, by a new one for who has the key.
    let link = scene.start("mine", waits())["statusQueryGetUri"].as_str().unwrap().to_owned();
    scene.sleep(Duration::from_secs(60));
    let answer = scene.send("GET", &local(&json!(link)), &[], "");
    assert_eq!(answer.header("location"), Some(link.as_str()));
    let uri = format!("{WEBHOOKS}/instances/mine?showInput=false&code=sesame,%20open");
    let location = scene.send("GET", &uri, &[], "").header("location").unwrap().to_owned();
    assert!(location.starts_with(
        "http://app.example/runtime/webhooks/durabletask/instances/mine?showInput=false&code=l1."
    ));
    let answer = scene.send("GET", &local(&json!(location)), &[], "");
    assert_eq!((answer.status, &answer.json()["input"]), (202, &Value::Null));
}

fn head() -> http::request::Parts {
    http::Request::get("/").header("host", "app.example").body(()).unwrap().into_parts().0
}
