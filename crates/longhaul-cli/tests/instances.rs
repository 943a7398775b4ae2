//! `longhaul instances`, against the built components under `longhaul up`, in processes of their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};

use longhaul_tests::app::{App, Launch};
use serde_json::{Value, json};
use tempfile::TempDir;

const LONGHAUL: &str = env!("CARGO_BIN_EXE_longhaul");
const KEY: &str = "a-key-that-is-shown-nowhere";

struct Scene {
    app: App,
    _state: TempDir,
}

/// What a command wrote, and with what it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// The test application, whose instances are programs.
fn scene() -> Scene {
    let state = tempfile::tempdir().unwrap();
    let app = Launch::program(LONGHAUL, state.path()).variable("management_key", KEY).start().unwrap();
    Scene { app, _state: state }
}

fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(LONGHAUL);
    command.arg("instances").args(arguments).env("LONGHAUL_URL", url).env("LONGHAUL_KEY", KEY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let said = Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!said.out.contains(KEY) && !said.err.contains(KEY), "the key is shown: {said:?}");
    said
}

fn program(program: &Value) -> String {
    json!({ "program": program }).to_string()
}

fn event(name: &str) -> Value {
    json!({"op": "event", "name": name})
}

impl Scene {
    fn run(&self, arguments: &[&str]) -> Said {
        said(command(self.app.base(), arguments).output().unwrap())
    }

    /// What a command writes that does what it is asked for.
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {said:?}");
        said.out
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Starts an instance and, if it is said how, waits until it has ended.
    fn start(&self, id: &str, input: &Value, more: &[&str]) -> Said {
        self.run(&[&["start", "program", &program(input), "--id", id], more].concat())
    }

    fn ids(&self, filters: &[&str]) -> Vec<String> {
        let list = self.json(&[&["list"], filters].concat());
        let id = |instance: &Value| instance["instanceId"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(id).collect()
    }

    /// Waits until the instance has this status.
    fn until(&self, id: &str, status: &str) {
        loop {
            let now = self.json(&["show", id])["runtimeStatus"].clone();
            if now == status {
                return;
            }
            assert!(matches!(now.as_str(), Some("Pending" | "Running" | "Suspended")), "{id}: {now}");
        }
    }
}

#[test]
fn instances_are_started_shown_listed_and_counted() {
    let scene = scene();
    let echo = json!({"op": "sequence", "steps": [
        {"op": "status", "value": {"done": 1}}, {"op": "timer", "ms": 1},
        {"op": "activity", "name": "echo", "input": "hello"},
    ]});
    let said = scene.start("first", &echo, &["--wait"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), "first\n"), "{said:?}");
    for line in [
        "Instance  first\n",
        "Status    Completed\n",
        "Custom    {\"done\":1}\n",
        "Output    [null,null,\"hello\"]\n",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }

    // The id that the server chose is all that is written, for scripts.
    let id = scene.done(&["start", "program", &program(&json!({"op": "fail", "message": "boom"}))]);
    let failed = id.trim_end();
    assert!(failed.len() == 32 && id.ends_with('\n'), "{id}");
    let said = scene.run(&["show", failed, "--wait"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("boom"), "{}", said.out);

    // Input from a file and from standard input.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), program(&event("Go"))).unwrap();
    scene.done(&["start", "program", &format!("@{}", file.path().display()), "--id", "waiting"]);
    let mut child =
        command(scene.app.base(), &["start", "program", "-", "--id", "piped", "--version", "2", "--json"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
    child.stdin.take().unwrap().write_all(program(&event("Go")).as_bytes()).unwrap();
    let started = said_of(child);
    let links: Value = serde_json::from_str(&started.out).unwrap();
    assert_eq!((started.code, &links["id"]), (Some(0), &json!("piped")));
    assert!(links["terminatePostUri"].as_str().unwrap().contains("/terminate?reason={text}"), "{links}");

    // A history, for people and for `longhaul replay`.
    let told = scene.done(&["show", "first", "--history"]);
    let kinds: Vec<_> = told.lines().filter(|line| line.starts_with('+')).collect();
    for (line, parts) in kinds.iter().zip([
        &["started", "program"][..],
        &["timer set", "for "],
        &["timer fired", "of "],
        &["activity", "echo → \"hello\""],
        &["completed", "→ [null,null,\"hello\"]"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{told}");
    }
    assert_eq!(kinds.len(), 5, "{told}");
    let document = scene.json(&["show", "first", "--history"]);
    assert!(
        document["executionId"].is_string() && document["historyEvents"][0]["EventId"].is_u64(),
        "{document}"
    );

    assert_eq!(scene.ids(&[]), ["first", failed, "waiting", "piped"]);
    assert_eq!(scene.ids(&["--status", "completed,Failed"]), ["first", failed]);
    assert_eq!(scene.ids(&["--id-prefix", "wait"]), ["waiting"]);
    assert_eq!(scene.ids(&["--name", "nobody"]), [""; 0]);
    assert_eq!(scene.ids(&["--top", "2"]).len(), 2);
    assert_eq!(scene.ids(&["--since", "1h", "--until", "now"]).len(), 4);
    assert_eq!(scene.ids(&["--until", "1h ago"]).len(), 0);
    assert_eq!(scene.done(&["list", "--count", "--status", "Running", "--status", "Pending"]), "2\n");
    let table = scene.run(&["list", "--top", "1"]);
    let lines: Vec<_> = table.out.lines().collect();
    assert!(
        lines[0].starts_with("ID     NAME     STATUS     CREATED")
            && lines[1].starts_with("first  program  Completed  20")
    );
    assert!(table.err.starts_with("There are more: --all"), "{}", table.err);
}

fn said_of(child: Child) -> Said {
    said(child.wait_with_output().unwrap())
}

#[test]
fn instances_are_told_what_to_do() {
    let scene = scene();
    for id in ["a", "b"] {
        assert_eq!(scene.start(id, &event("Go"), &[]).code, Some(0));
    }
    assert_eq!(scene.done(&["suspend", "a", "b", "--reason", "lunch"]), "a: accepted\nb: accepted\n");
    for id in ["a", "b"] {
        scene.until(id, "Suspended");
    }
    let said = scene.run(&["suspend", "a"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("Error: the state of 'a' does not allow this: "), "{}", said.err);
    scene.done(&["resume", "a", "b"]);
    assert_eq!(
        scene.json(&["raise", "a", "Go", "{\"n\": [1]}"]),
        json!({"instanceId": "a", "accepted": true})
    );
    let shown = scene.json(&["show", "a", "--wait"]);
    assert_eq!(shown["output"], json!({"n": [1]}));
    scene.done(&["raise", "b", "Other", "a text", "--text"]);
    scene.done(&["terminate", "b", "--reason", "enough"]);
    let said = scene.run(&["show", "b", "--wait", "--history"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(
        said.out.contains("Output    \"enough\"") && said.out.contains("Other \"a text\""),
        "{}",
        said.out
    );

    // What has ended, what is not there: said of each, and the others are done.
    scene.start("c", &event("Go"), &[]);
    let said = scene.run(&["terminate", "a", "nobody", "c"]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), "c: accepted\n"), "{said:?}");
    for part in [
        "a: the instance 'a' has ended",
        "nobody: there is no instance 'nobody'",
        "Error: 2 of 3 were refused",
    ] {
        assert!(said.err.contains(part), "{}", said.err);
    }

    // Again: a failed one from what failed, a finished one from the begin.
    let flaky = json!({"op": "fail", "message": "boom"});
    assert_eq!(scene.start("failed", &flaky, &["--wait"]).code, Some(3));
    scene.done(&["rewind", "failed", "--reason", "mended"]);
    assert_eq!(scene.run(&["show", "failed", "--wait"]).code, Some(3), "the program fails again");
    let again = scene.done(&["restart", "a"]);
    assert_ne!(again, "a\n");
    scene.done(&["raise", again.trim_end(), "Go", "2"]);
    assert_eq!(scene.json(&["show", again.trim_end(), "--wait"])["output"], 2);
    assert_eq!(scene.done(&["restart", "failed", "--same-id"]), "failed\n");
    let said = scene.run(&["restart", "nobody"]);
    assert_eq!((said.code, said.err.as_str()), (Some(1), "Error: there is no instance 'nobody'\n"));
}

#[test]
fn instances_are_purged_when_that_is_confirmed() {
    let scene = scene();
    let value = json!({"op": "value", "value": 1});
    for id in ["x-1", "x-2", "y-1", "y-2", "z"] {
        assert_eq!(scene.start(id, &value, &["--wait"]).code, Some(0));
    }
    scene.start("live", &event("Go"), &[]);

    let said = scene.run(&["purge", "--status", "Completed"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("this would purge 5 instances that are Completed: pass --yes"), "{}", said.err);
    for (arguments, expected) in [
        (&["purge", "--yes"][..], "name the instances to purge"),
        (&["purge", "z", "--yes", "--since", "1h"], "not both"),
        (&["purge", "--status", "Running", "--yes"], "terminate them first"),
    ] {
        let said = scene.run(arguments);
        assert!(said.code == Some(2) && said.err.contains(expected), "{arguments:?}: {said:?}");
    }
    let said = scene.run(&["purge", "live", "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(scene.ids(&[]).len(), 6, "nothing was purged so far");

    assert_eq!(scene.done(&["purge", "z", "--yes"]), "purged: 1\n");
    assert_eq!(scene.done(&["purge", "--id-prefix", "x-", "--yes"]), "purged: 2\n");
    assert_eq!(scene.ids(&[]), ["y-1", "y-2", "live"]);
    assert_eq!(scene.json(&["purge", "--since", "1h", "--yes"]), json!({"instancesDeleted": 2}));
    assert_eq!(scene.ids(&[]), ["live"]);
    assert_eq!(scene.done(&["purge", "--since", "1h", "--yes"]), "purged: 0\n");
    assert_eq!(scene.run(&["show", "z"]).err, "Error: there is no instance 'z'\n");
}

#[test]
fn changes_are_watched_line_by_line_until_the_end() {
    let scene = scene();
    let steps = json!({"op": "sequence", "steps": [
        {"op": "status", "value": "one"}, event("Go"), {"op": "status", "value": "two"}, event("Go"),
    ]});
    scene.start("watched", &steps, &[]);
    let mut child =
        command(scene.app.base(), &["show", "watched", "--watch", "--interval", "50ms"]).spawn().unwrap();
    let mut list =
        command(scene.app.base(), &["list", "--watch", "--json", "--interval", "50ms"]).spawn().unwrap();
    let mut changes = BufReader::new(list.stdout.take().unwrap()).lines();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    for expected in ["Running  \"one\"", "Running  \"two\"", "Completed  [null,null,null,null]"] {
        let from = seen.len();
        while !seen[from..].contains(expected) {
            assert_ne!(out.read_line(&mut seen).unwrap(), 0, "it ended: {seen}");
        }
        let _ = scene.run(&["raise", "watched", "Go"]);
    }
    assert_eq!(said_of(child).code, Some(0));
    let ended = changes.find(|line| line.as_ref().unwrap().contains(r#""Completed""#)).unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&ended).unwrap()["instanceId"], "watched");
    list.kill().unwrap();
    list.wait().unwrap();

    scene.start("waiting", &event("Go"), &[]);
    let said = scene.run(&["show", "waiting", "--timeout", "200ms"]);
    assert_eq!(said.code, Some(5), "{said:?}");
}

#[test]
fn a_wait_outlives_the_server() {
    let state = tempfile::tempdir().unwrap();
    let launch = Launch::program(LONGHAUL, state.path()).variable("management_key", KEY);
    let app = launch.start().unwrap();
    let base = app.base().to_owned();
    let launch = launch.listening(base.trim_start_matches("http://").parse().unwrap());
    let run = |arguments: &[&str]| said(command(&base, arguments).output().unwrap());
    assert_eq!(run(&["start", "program", &program(&event("Go")), "--id", "i"]).code, Some(0));
    let mut waiting = command(&base, &["show", "i", "--watch", "--interval", "50ms"]).spawn().unwrap();
    let mut err = BufReader::new(waiting.stderr.take().unwrap());
    let mut out = BufReader::new(waiting.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Running") && !line.contains("Pending") {
        assert_ne!(out.read_line(&mut line).unwrap(), 0);
    }
    app.kill().unwrap();
    let mut told = String::new();
    err.read_line(&mut told).unwrap();
    assert!(told.contains("cannot be reached") && told.contains("trying again"), "{told}");
    let said = run(&["show", "i"]);
    assert_eq!(said.code, Some(1), "what was never reached is not waited for: {said:?}");
    assert!(said.err.contains("Is it running there? --url or LONGHAUL_URL"), "{}", said.err);

    let _app = launch.start().unwrap();
    assert_eq!(run(&["raise", "i", "Go", "7"]).code, Some(0));
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
}

#[test]
fn who_is_not_let_in_is_told_how() {
    let scene = scene();
    let base = scene.app.base();
    let with = |url: &str, key: Option<&str>, arguments: &[&str]| {
        let mut command = command(url, arguments);
        match key {
            Some(key) => command.env("LONGHAUL_KEY", key),
            None => command.env_remove("LONGHAUL_KEY"),
        };
        said(command.output().unwrap())
    };
    for (key, expected) in [
        (None, "asks for a key: set LONGHAUL_KEY or pass --key"),
        (Some(""), "asks for a key: set LONGHAUL_KEY or pass --key"),
        (Some("another-key"), "refuses the key"),
    ] {
        let said = with(base, key, &["list"]);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains(expected) && !said.err.contains("another-key"), "{}", said.err);
    }
    // The key in the URL, as SDKs are told it; and the base for SDKs.
    let in_url = base.replace("http://", &format!("http://longhaul:{KEY}@"));
    assert_eq!(with(&in_url, None, &["list", "--count"]).out, "0\n");
    assert_eq!(with(&format!("{base}/durabletask/?code={KEY}"), None, &["list", "--count"]).out, "0\n");

    let nowhere = with(&format!("{base}/elsewhere/"), Some(KEY), &["show", "i"]);
    assert!(nowhere.code == Some(1) && nowhere.err.contains("there is no management API at"), "{nowhere:?}");
    let closed = tempfile::tempdir().unwrap();
    let closed = (Launch::program(LONGHAUL, closed.path()).start().unwrap(), closed);
    let said = with(closed.0.base(), Some(KEY), &["show", "i"]);
    assert!(said.err.contains("it is closed until the variable management_key is set"), "{}", said.err);

    let refused = scene.run(&["start", "nobody"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("refuses this (status 400 Bad Request): ") && refused.err.contains("nobody"),
        "{refused:?}"
    );
    assert_eq!(scene.start("taken", &event("Go"), &[]).code, Some(0));
    let taken = scene.start("taken", &event("Go"), &[]);
    assert!(
        taken.code == Some(1) && taken.err.contains("the state of 'taken' does not allow this"),
        "{taken:?}"
    );

    for (arguments, expected) in [
        (&["show", ""][..], "that is no name"),
        (&["show", ".."], "that is no name"),
        (&["start", "program", "hello"], "is no JSON"),
        (&["start", "program", "@/none.json"], "cannot read /none.json"),
        (&["list", "--since", "soon"], "write a time such as"),
        (&["list", "--status", "Done"], "invalid value"),
        (&["list", "--url", "localhost:3000"], "must begin with http:// or https://"),
        (&["list", "--key", "a\nb"], "characters that no key has"),
        (&["fly"], "unrecognized subcommand"),
    ] {
        let said = scene.run(arguments);
        assert!(said.code == Some(2) && said.err.contains(expected), "{arguments:?}: {said:?}");
    }
    for help in [&["--help"][..], &["list", "--help"], &["start", "-h"]] {
        let said = scene.run(help);
        assert!(said.code == Some(0) && said.out.contains("LONGHAUL_KEY"), "{said:?}");
    }
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Command::new(LONGHAUL).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("terminate") && script.contains("created-from"),
            "{shell}"
        );
    }
    // The one whose shell is everywhere is one that its shell can read.
    let output = Command::new(LONGHAUL).args(["completions", "bash"]).output().unwrap();
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(&output.stdout).unwrap();
    assert!(bash.wait().unwrap().success());
}
