//! `longhaul replay`: histories of the application, recorded and replayed by its real components.

use std::path::Path;
use std::process::{Command, Output};

use longhaul_tests::app::{App, Launch, instance_id};
use serde_json::{Value, json};
use table_service::{Data, Options, TableService};

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");

fn replay(arguments: &[&str]) -> (Option<i32>, String, String) {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
    let mut command = Command::new(HOST);
    command.arg("replay").arg("--from").arg(manifest).args(arguments);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The application after it has answered a query, and the query's instance.
async fn queried(state: &Path) -> (App, String) {
    let tables =
        TableService::start(([127, 0, 0, 1], 0).into(), Data::demo(), Options::default()).await.unwrap();
    let launch = Launch::new(HOST, state).querying(&tables.connection_string());
    let app = tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap();
    let id = instance_id(&app.submit("01/08/2021", "02/08/2021", &[]).await.unwrap()).unwrap();
    assert_eq!(app.finished(&id).await.unwrap()["status"], "Completed");
    (app, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_history_replays_and_one_of_other_code_does_not() {
    let state = tempfile::tempdir().unwrap();
    let (app, id) = queried(state.path()).await;
    let state_dir = ["--state-dir", state.path().to_str().unwrap()];

    let (code, _, error) = replay(&[&["--instance", &id], &state_dir[..]].concat());
    assert_eq!(code, Some(1), "the state directory is in use: {error}");
    assert!(error.contains("stop it, or get the history") && error.contains("showEventIds=true"), "{error}");
    app.terminate().unwrap();

    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("query.json");
    let export = ["--export", file.to_str().unwrap()];
    let (code, said, error) = replay(&[&["--instance", &id], &state_dir[..], &export].concat());
    assert_eq!((code, said), (Some(0), format!("{id}: ok\n")), "{error}");
    let (code, said, _) = replay(&[&["--instance", "nobody"], &state_dir[..]].concat());
    assert_eq!((code, said.as_str()), (Some(1), "nobody: not replayed: there is no such instance\n"));

    let text = std::fs::read_to_string(&file).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let events: Vec<_> =
        document["historyEvents"].as_array().unwrap().iter().map(|event| &event["EventType"]).collect();
    assert_eq!(events, ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]);
    assert!(text.starts_with(r#"{"name":"#), "members are in order: {text}");

    // Without the state directory, and beside another that is wrong.
    let of = |path: &Path| replay(&["--history", path.to_str().unwrap()]);
    assert_eq!(of(&file).0, Some(0));
    let mut other = document.clone();
    other["historyEvents"][1]["FunctionName"] = json!("another-activity");
    std::fs::write(files.path().join("renamed.json"), other.to_string()).unwrap();
    let (code, said, error) = of(files.path());
    assert_eq!((code, error.as_str()), (Some(1), "Error: 1 of 2 histories do not replay\n"));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], format!("{}: {id}: ok", file.display()));
    for part in [
        "differs: at event 2 history asked for activity 'another-activity' as task 0, the code asks for activity \
         'query-storage-account-activity-function' as task 0",
        "either the orchestrator's code has changed",
    ] {
        assert!(lines[1].contains(part), "{said}");
    }

    let mut poor = document.clone();
    poor["historyEvents"][1].as_object_mut().unwrap().remove("Result");
    let mut newer = document;
    newer["name"] = json!("no-such-orchestrator");
    std::fs::write(&file, json!([poor, newer]).to_string()).unwrap();
    let (code, said, error) = of(&file);
    assert_eq!((code, error.as_str()), (Some(1), "Error: 2 of 2 histories do not replay\n"));
    assert!(said.contains("not replayed: the history was given without showHistoryOutput=true"), "{said}");
    assert!(said.contains("no orchestrator function 'no-such-orchestrator'"), "{said}");
}

#[test]
fn what_cannot_be_replayed_is_said() {
    longhaul_tests::guests::build(&longhaul_tests::app::COMPONENTS).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("history.json");
    std::fs::write(&file, r#"{"instanceId": "i"}"#).unwrap();
    let file = file.to_str().unwrap();
    let gone = directory.path().join("gone");
    for (arguments, expected) in [
        (&["--history", file, "--instance", "i"][..], "cannot be used with"),
        (&[], "required"),
        (&["--history", file, "--export", "e.json"], "cannot be used with"),
        (&["--history", "none.json"], "cannot read none.json"),
        (&["--instance", "i", "--state-dir", gone.to_str().unwrap()], "there is no state directory"),
        (
            &["--history", file, "--component", "orchestra"],
            "no component orchestra, but activity, management, orchestrator,",
        ),
        (&["--history", file, "--component", "activity"], "component activity replays no histories"),
    ] {
        let (code, _, error) = replay(arguments);
        assert!(code.is_some_and(|code| code > 0) && error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!gone.exists());
    let (code, said, _) = replay(&["--history", file]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("i: not replayed: the body is not what is expected here: missing field `name`"),
        "{said}"
    );
}
