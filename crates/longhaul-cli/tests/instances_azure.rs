//! `longhaul instances` against what Azure's servers do otherwise than Longhaul: a double that answers word for word as
//! they were seen to, since the real ones are not to be had in a test.

use std::convert::Infallible;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

const LONGHAUL: &str = env!("CARGO_BIN_EXE_longhaul");
/// A system key as Azure makes them.
const KEY: &str = "Wm9tYmllcw-_x==";
const BASE: &str = "/runtime/webhooks/durabletask";

/// What the double was asked for: method, path and query, continuation token.
type Asked = Arc<Mutex<Vec<String>>>;

/// Status, continuation token, body.
type Answer = (StatusCode, &'static str, String);

fn instance(id: &str, name: &str, status: &str) -> Value {
    json!({
        "name": name, "instanceId": id, "runtimeStatus": status, "input": null, "customStatus": null, "output": null,
        "createdTime": "2018-02-28T05:18:49Z", "lastUpdatedTime": "2018-02-28T05:18:54Z",
    })
}

fn answer(method: &str, path: &str, token: &str) -> Answer {
    let ok = |next, body: Value| (StatusCode::OK, next, body.to_string());
    let deleted = |number: u32| json!({"instancesDeleted": number});
    let bare = |status| (status, "", String::new());
    match (method, path.strip_prefix(BASE).unwrap_or_default(), token) {
        // Pages of any length, an empty one among them, and an empty token at the end. A name is ignored.
        ("GET", "/instances", "") => {
            ok("1", json!([instance("a-1", "hello", "Completed"), instance("b", "other", "Completed")]))
        }
        ("GET", "/instances", "1") => ok("2", json!([])),
        ("GET", "/instances", "2") => {
            ok("", json!([instance("a-2", "hello", "Failed"), instance("c", "hello", "Unknown")]))
        }
        // The first request has no time for all of them.
        ("DELETE", "/instances", "") => ok("more", deleted(250)),
        ("DELETE", "/instances", "more") => ok("", deleted(3)),
        ("DELETE", "/instances/a-1" | "/instances/a-2", _) => ok("", deleted(1)),
        ("GET", "/instances/a-1", _) => ok("", instance("a-1", "hello", "Completed")),
        ("GET", "/instances/late", _) => {
            (StatusCode::BAD_GATEWAY, "", "The service\u{1b}[2J is unavailable.".to_owned())
        }
        ("POST", "/instances/a-1/suspend", _) => bare(StatusCode::GONE),
        ("POST", "/orchestrators/hello", _) => (StatusCode::ACCEPTED, "", links().to_string()),
        _ => bare(StatusCode::NOT_FOUND),
    }
}

fn links() -> Value {
    let link = |rest: &str| {
        let code = KEY.replace('=', "%3D");
        format!(
            "https://f.azurewebsites.net{BASE}/instances/new{rest}taskHub=H&connection=Storage&code={code}"
        )
    };
    json!({"id": "new", "statusQueryGetUri": link("?"), "terminatePostUri": link("/terminate?reason={text}&")})
}

fn serve(request: &Request<Incoming>, asked: &Asked) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
    let token = header("x-ms-continuation-token").unwrap_or_default();
    let (status, next, body) = match header("x-functions-key") {
        Some(KEY) => {
            asked.lock().unwrap().push(format!("{} {} {token}", request.method(), request.uri()));
            answer(request.method().as_str(), request.uri().path(), token)
        }
        _ => (StatusCode::UNAUTHORIZED, "", String::new()),
    };
    let response = Response::builder().status(status).header("x-ms-continuation-token", next);
    response.body(Full::new(body.into())).unwrap()
}

struct Azure {
    base: String,
    asked: Asked,
}

impl Azure {
    async fn start() -> Self {
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                let service = service_fn(move |request| {
                    let response = serve(&request, &log);
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { base, asked }
    }

    /// The exit code, and what was written. The process runs aside, so that this can answer it.
    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(LONGHAUL);
        command.arg("instances").args(arguments).stdin(Stdio::null());
        command.env("LONGHAUL_URL", format!("{}?taskHub=H", self.base)).env("LONGHAUL_KEY", KEY);
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        for secret in [KEY, &KEY.replace('=', "%3D")] {
            assert!(!out.contains(secret) && !err.contains(secret), "the key is shown: {out}{err}");
        }
        (status.code(), out, err)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn ids(list: &str) -> Vec<String> {
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    list.iter().map(|instance| instance["instanceId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_past_empty_pages_and_what_the_server_ignores_is_done_here() {
    let azure = Azure::start().await;
    let (code, all, _) = azure.run(&["list", "--json", "--all"]).await;
    assert_eq!((code, ids(&all)), (Some(0), vec!["a-1".into(), "b".into(), "a-2".into(), "c".into()]));
    let asked = azure.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[0].contains("/instances?taskHub=H&showInput=false&top=1000") && asked[2].ends_with(" 2"),
        "{asked:?}"
    );
    assert_eq!(ids(&azure.run(&["list", "--json", "--name", "hello"]).await.1), ["a-1", "a-2", "c"]);
    assert_eq!(ids(&azure.run(&["list", "--json", "--id-prefix", "a-", "--top", "1"]).await.1), ["a-1"]);
    assert_eq!(azure.run(&["list", "--count", "--name", "hello"]).await.1, "3\n");
    let (_, table, _) = azure.run(&["list"]).await;
    assert!(table.contains("Unknown") && table.contains("5 s"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn purges_go_on_where_the_server_stopped_and_never_further_than_meant() {
    let azure = Azure::start().await;
    let (code, out, err) = azure.run(&["purge", "--until", "2020-01-01", "--yes"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "purged: 253\n"), "{err}");
    let asked = azure.asked();
    let parameters = "createdTimeFrom=1970-01-01T00%3A00%3A00Z&createdTimeTo=2020-01-01T00%3A00%3A00Z&\
                      runtimeStatus=Completed%2CFailed%2CTerminated%2CCanceled";
    assert_eq!(asked.len(), 2);
    for (asked, token) in asked.iter().zip(["", "more"]) {
        assert!(
            asked.starts_with("DELETE ")
                && asked.contains(parameters)
                && asked.ends_with(&format!(" {token}")),
            "{asked}"
        );
    }
    // This server would purge those of other functions too, and the list has one that has not ended.
    assert_eq!(azure.run(&["purge", "--name", "hello", "--yes"]).await.1, "purged: 2\n");
    let deleted: Vec<_> = azure.asked().into_iter().filter(|asked| asked.starts_with("DELETE")).collect();
    assert_eq!(deleted.len(), 2);
    assert!(deleted[0].contains("/instances/a-1?") && deleted[1].contains("/instances/a-2?"), "{deleted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_azure_puts_in_links_is_left_out() {
    let azure = Azure::start().await;
    let (code, out, _) = azure.run(&["start", "hello", "--json"]).await;
    let links: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &links["id"]), (Some(0), &json!("new")));
    let terminate = "https://f.azurewebsites.net/runtime/webhooks/durabletask/instances/new/terminate?reason={text}&taskHub=H&connection=Storage";
    assert_eq!(links["terminatePostUri"], terminate);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_with_what_the_server_says() {
    let azure = Azure::start().await;
    for (arguments, expected) in [
        (&["show", "gone"][..], "Error: there is no instance 'gone'\n"),
        (&["suspend", "a-1"], "Error: the instance 'a-1' has ended"),
        (&["show", "late"], "(status 502 Bad Gateway): The service\\u{1b}[2J is unavailable.\n"),
        (&["show", "a-1", "--url", &format!("{}/admin", azure.base)], "there is no management API at"),
        (&["show", "a-1", "--key", "another"], "refuses the key"),
    ] {
        let (code, out, err) = azure.run(arguments).await;
        assert!(code == Some(1) && out.is_empty() && err.contains(expected), "{arguments:?}: {out}{err}");
    }
}
