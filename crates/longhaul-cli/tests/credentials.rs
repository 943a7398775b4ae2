//! How the query comes to its table: through Entra ID, App Configuration and Key Vault, in all the ways that there are.

use std::path::Path;
use std::time::{Duration, Instant};

use longhaul_tests::app::{App, Launch};
use longhaul_tests::azure::{AzureDouble, Trouble, World};
use serde_json::Value;
use table_service::{DEMO_TABLE, Data, Options, Running, TableService};

const HOST: &str = env!("CARGO_BIN_EXE_longhaul");

/// The services, and a directory for each kind of file.
struct Scene {
    tables: Running,
    azure: AzureDouble,
    state: tempfile::TempDir,
    certificates: tempfile::TempDir,
}

type Variables = Vec<(&'static str, String)>;

impl Scene {
    async fn new() -> Self {
        let address = ([127, 0, 0, 1], 0).into();
        let tables = TableService::start(address, Data::demo(), Options::default()).await.unwrap();
        let azure = AzureDouble::start(&tables.connection_string()).await.unwrap();
        let (state, certificates) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Self { tables, azure, state, certificates }
    }

    async fn start(&self, variables: Variables) -> App {
        let launch = Launch::new(HOST, self.state.path())
            .variable("table_emulator_host", &format!("http://{}", self.tables.local_addr()));
        self.start_with(self.azure.reached_by(launch, self.certificates.path()).unwrap(), variables).await
    }

    async fn start_with(&self, launch: Launch, variables: Variables) -> App {
        let launch = variables.iter().fold(launch, |launch, (name, value)| launch.variable(name, value));
        tokio::task::spawn_blocking(move || launch.start()).await.unwrap().unwrap()
    }

    /// The variables of each identity.
    fn identity(&self, name: &str) -> Variables {
        let world = self.azure.world();
        let application =
            vec![("azure_tenant_id", world.tenant.clone()), ("azure_client_id", world.client.clone())];
        let more = match name {
            "client_secret" => vec![("azure_client_secret", world.client_secret.clone())],
            "workload_identity" => vec![("azure_federated_token", format!("{}\n", world.federated_token))],
            "app_service" => vec![
                ("identity_endpoint", format!("{}/msi/token", self.azure.plain_origin())),
                ("identity_header", world.identity_header.clone()),
            ],
            "imds" => vec![("imds_endpoint", self.azure.plain_origin())],
            other => panic!("no identity {other}"),
        };
        [application, more].concat()
    }

    fn app_config(&self) -> Variables {
        vec![("app_config_endpoint", format!("{}/", self.azure.origin()))]
    }

    fn tokens_alone(&self) -> Variables {
        vec![("table_endpoint", self.azure.table_endpoint())]
    }

    /// Nothing that the application or its host wrote contains a secret that was used.
    fn assert_that_no_secret_was_written(&self) {
        let secrets = self.azure.world().all_secrets();
        assert!(secrets.len() >= 5, "the double knows what is secret");
        assert_none_in(self.state.path(), &secrets);
    }
}

fn assert_none_in(directory: &Path, secrets: &[String]) {
    let mut read = 0;
    for file in files(directory) {
        let bytes = std::fs::read(&file).unwrap();
        read += bytes.len();
        for secret in secrets {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for form in [secret, &encoded] {
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "{} contains the secret {secret}", file.display());
            }
        }
    }
    assert!(read > 10_000, "the store and the logs are there ({read} bytes)");
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What all components and the host said.
fn logs(state: &Path) -> String {
    let logs = files(state).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "txt"));
    logs.map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect()
}

async fn count(app: &App) -> Value {
    let status = app.query("01/08/2021", "31/08/2021").await.unwrap();
    assert_eq!(status["status"], "Completed", "{status}");
    status["result"].clone()
}

fn expected() -> Value {
    Data::demo().table(DEMO_TABLE).unwrap().expected_count("2021-08-01", "2021-08-31").into()
}

async fn failure(app: &App) -> String {
    let status = app.query("01/08/2021", "31/08/2021").await.unwrap();
    assert_eq!(status["status"], "Failed", "{status}");
    status["result"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_leads_to_the_table_with_every_identity_and_is_asked_once() {
    enum In {
        Variable,
        Plain,
        CurrentSecret,
        PinnedSecret,
        KeyOfTheStore,
        Tokens,
    }
    for (source, identity, tokens) in [
        (In::Variable, "client_secret", 0),
        (In::Plain, "client_secret", 1),
        (In::CurrentSecret, "workload_identity", 2),
        (In::PinnedSecret, "app_service", 2),
        (In::KeyOfTheStore, "imds", 1),
        (In::Tokens, "client_secret", 1),
        (In::Tokens, "workload_identity", 1),
        (In::Tokens, "app_service", 1),
        (In::Tokens, "imds", 1),
    ] {
        let scene = Scene::new().await;
        let connection = scene.tables.connection_string();
        let mut variables = scene.identity(identity);
        match source {
            In::Variable => {
                variables.extend(scene.app_config());
                variables.push(("table_connection_string", connection));
            }
            In::Plain => {
                scene.azure.world().set(&connection, "");
                variables.extend(scene.app_config());
                // It would be second, and is not asked.
                variables.extend(scene.tokens_alone());
            }
            In::CurrentSecret => {
                scene.azure.world().add_secret("table", "an older one");
                scene.azure.world().add_secret("table", &connection);
                scene.azure.world().refer_to(&scene.azure.secret_id("table", None));
                variables.extend(scene.app_config());
            }
            In::PinnedSecret => {
                let version = scene.azure.world().add_secret("table", &connection);
                scene.azure.world().add_secret("table", "a newer one");
                let id = scene.azure.secret_id("table", Some(&version));
                scene.azure.world().refer_to(&id);
                variables.extend(scene.app_config());
            }
            In::KeyOfTheStore => {
                scene.azure.world().add_secret("table", &connection);
                scene.azure.world().refer_to(&scene.azure.secret_id("table", None));
                let key = scene.azure.world().app_key.clone();
                let store = format!("Endpoint={};Id={};Secret={}", scene.azure.origin(), key.id, key.secret);
                variables.push(("app_config_connection_string", store));
            }
            In::Tokens => variables.extend(scene.tokens_alone()),
        }
        let app = scene.start(variables).await;
        assert_eq!(count(&app).await, expected(), "{identity}");
        let first = scene.azure.world().counts.clone();
        assert_eq!(first.all_tokens(), tokens, "{identity}: {first:?}");
        assert!(first.tokens.keys().all(|(asked, _)| *asked == identity), "{identity}: {first:?}");
        assert_eq!(count(&app).await, expected(), "{identity}");
        let second = scene.azure.world().counts.clone();
        assert_eq!(
            World::without_pages(second),
            World::without_pages(first),
            "{identity}: all of it was kept"
        );
        drop(app);
        scene.assert_that_no_secret_was_written();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_at_the_same_time_share_what_one_of_them_fetches() {
    let scene = Scene::new().await;
    // A token that is over at once; so the component has an instance, and no token.
    scene.azure.world().token_life = Duration::from_secs(1);
    let app = scene.start([scene.identity("client_secret"), scene.tokens_alone()].concat()).await;
    assert_eq!(count(&app).await, expected());
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.azure.world().token_life = Duration::from_secs(3600);
    // So long that the others come while the first is waiting.
    scene.azure.world().token_delay = Duration::from_millis(500);
    let before = scene.azure.world().counts.all_tokens();
    let counts = futures::future::join_all((0..8).map(|_| count(&app))).await;
    assert!(counts.iter().all(|count| *count == expected()), "{counts:?}");
    // One for each instance of the component that the host has started meanwhile, whatever the number of queries.
    let asked = scene.azure.world().counts.all_tokens() - before;
    assert!((1..8).contains(&asked), "{asked} tokens for 8 queries");
    drop(app);
    scene.assert_that_no_secret_was_written();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_when_it_ends_or_is_revoked() {
    let scene = Scene::new().await;
    scene.azure.world().token_life = Duration::from_secs(3);
    let app = scene.start([scene.identity("client_secret"), scene.tokens_alone()].concat()).await;
    let begin = Instant::now();
    while scene.azure.world().counts.all_tokens() < 2 {
        assert_eq!(count(&app).await, expected());
        assert!(begin.elapsed() < Duration::from_secs(60), "the token is not renewed");
    }
    scene.azure.world().token_life = Duration::from_secs(3600);
    scene.azure.world().revoke_all();
    assert_eq!(count(&app).await, expected(), "a new token takes the place of the revoked one");
    let tokens = scene.azure.world().counts.all_tokens();
    // What cannot be renewed is of no matter while a token is good.
    scene.azure.world().trouble = Some(Trouble::TokensDown);
    assert_eq!(count(&app).await, expected());
    assert_eq!(scene.azure.world().counts.all_tokens(), tokens);
    drop(app);
    scene.assert_that_no_secret_was_written();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_takes_the_place_of_the_kept_one_that_the_table_refuses() {
    let scene = Scene::new().await;
    let good = scene.tables.connection_string();
    let wrong = "b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleQ==";
    let key = good.split(';').find_map(|part| part.strip_prefix("AccountKey=")).unwrap().to_owned();
    scene.azure.world().add_secret("table", &good.replace(&key, wrong));
    scene.azure.world().refer_to(&scene.azure.secret_id("table", None));
    let app = scene.start([scene.identity("client_secret"), scene.app_config()].concat()).await;
    let message = failure(&app).await;
    assert!(message.contains("refused the credential"), "{message}");
    scene.azure.world().add_secret("table", &good);
    assert_eq!(count(&app).await, expected());
    assert_eq!(scene.azure.world().counts.all_tokens(), 2, "the tokens were good all the time");
    drop(app);
    scene.assert_that_no_secret_was_written();
    assert_none_in(scene.state.path(), &[wrong.to_owned()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_names_the_step_the_address_and_what_to_check() {
    type Change = fn(&mut World);
    type Set = fn(&Scene) -> Variables;
    fn to_secret(scene: &Scene) -> Variables {
        [scene.identity("client_secret"), scene.app_config()].concat()
    }
    fn to_table(scene: &Scene) -> Variables {
        [scene.identity("client_secret"), scene.tokens_alone()].concat()
    }
    let cases: [(&str, Set, Change, &str, &str, &str); 14] = [
        ("nothing set", |_| vec![], |_| {}, "The variables are not usable", "table_connection_string", ""),
        (
            "wrong client secret",
            to_table,
            |w| w.client_secret = "another".into(),
            "No token",
            "azure_client_secret",
            "/oauth2/v2.0/token",
        ),
        (
            "the authority quotes the secret",
            to_table,
            |w| w.trouble = Some(Trouble::Blabbing),
            "No token",
            "azure_client_secret",
            "/oauth2/v2.0/token",
        ),
        (
            "unknown tenant",
            to_table,
            |w| w.tenant = "another".into(),
            "No token",
            "azure_tenant_id",
            "/oauth2/v2.0/token",
        ),
        (
            "unknown client",
            to_table,
            |w| w.client = "another".into(),
            "No token",
            "azure_client_id",
            "/oauth2/v2.0/token",
        ),
        (
            "wrong federated token",
            |s| [s.identity("workload_identity"), s.tokens_alone()].concat(),
            |w| w.federated_token = "another".into(),
            "No token",
            "azure_federated_token",
            "/oauth2/v2.0/token",
        ),
        (
            "wrong identity header",
            |s| [s.identity("app_service"), s.tokens_alone()].concat(),
            |w| w.identity_header = "another".into(),
            "No token",
            "managed identity",
            "/msi/token",
        ),
        (
            "no such setting",
            |s| [to_secret(s), vec![("app_config_label", "other".into())]].concat(),
            |_| {},
            "No setting",
            "app_config_label",
            "https://127.0.0.1",
        ),
        (
            "a broken reference",
            to_secret,
            |w| w.refer_to("https://127.0.0.1/keys/k"),
            "No setting",
            "reference",
            "https://127.0.0.1",
        ),
        (
            "no such secret",
            to_secret,
            |w| w.secrets.clear(),
            "No secret",
            "name and version",
            "/secrets/table",
        ),
        (
            "a secret that is none",
            to_secret,
            |w| {
                w.add_secret("table", "AccountKey=Zm9vYmFyYmF6");
            },
            "No secret",
            "its value",
            "/secrets/table",
        ),
        (
            "a challenge for another service",
            to_secret,
            |w| w.trouble = Some(Trouble::ForeignChallenge),
            "No secret",
            "reference",
            "/secrets/table",
        ),
        (
            "no role",
            to_table,
            |w| w.trouble = Some(Trouble::NoRoles),
            "The table at",
            "Storage Table Data Reader",
            "https://127.0.0.1",
        ),
        (
            "tokens over plain http",
            |s| {
                [
                    s.identity("client_secret"),
                    vec![("table_endpoint", format!("http://{}/demo", s.tables.local_addr()))],
                ]
                .concat()
            },
            |_| {},
            "No token",
            "https",
            "http://127.0.0.1",
        ),
    ];
    for (name, variables, change, step, check, address) in cases {
        let scene = Scene::new().await;
        scene.azure.world().add_secret("table", &scene.tables.connection_string());
        scene.azure.world().refer_to(&scene.azure.secret_id("table", None));
        let variables = variables(&scene);
        let secrets = scene.azure.world().all_secrets();
        let app = scene.start(variables).await;
        change(&mut scene.azure.world());
        let message = failure(&app).await;
        assert!(message.starts_with(step) && message.contains(check), "{name}: {message}");
        assert!(!message.contains("127.0.0.1"), "{name}: the public sees no address: {message}");
        drop(app);
        let logs = logs(scene.state.path());
        assert!(logs.contains(address), "{name}: {logs}");
        assert!(!logs.contains("api-version"), "{name}: {logs}");
        scene.assert_that_no_secret_was_written();
        assert_none_in(scene.state.path(), &[secrets, vec!["Zm9vYmFyYmF6".into()]].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_authority_that_is_not_named_is_not_trusted() {
    let scene = Scene::new().await;
    let launch = Launch::new(HOST, scene.state.path())
        .variable("azure_authority_host", &scene.azure.origin())
        .variable("azure_private_host", &scene.azure.origin());
    let variables = [scene.identity("client_secret"), scene.tokens_alone()].concat();
    let app = scene.start_with(launch, variables).await;
    let message = failure(&app).await;
    assert!(message.contains("certificate is not valid"), "{message}");
    assert_eq!(scene.azure.world().counts.all_tokens(), 0);
}
