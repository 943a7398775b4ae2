//! `longhaul replay`: whether the orchestrators of an application still do what histories say.

mod document;
mod door;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use longhaul_host::{App, Config, Host, LoadError, StateDirError};
use longhaul_manifest::{ComponentId, KeyValueStore, Manifest, RuntimeConfig};
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::application::{Application, Loaded};
use document::Document;
use door::{Door, Verdict};

/// What of a management API gives histories that can be replayed.
const HOW_TO_GET: &str =
    "GET instances/ID?showHistory=true&showHistoryOutput=true&showInput=true&showEventIds=true";

#[derive(Args)]
pub struct Replay {
    #[command(flatten)]
    application: Application,

    #[command(flatten)]
    of: Of,

    /// Write what --history reads of the instances to a file
    #[arg(long, value_name = "FILE", conflicts_with = "history")]
    export: Option<PathBuf>,

    /// The component that has the orchestrators
    #[arg(long, value_name = "ID", default_value = "orchestrator")]
    component: ComponentId,
}

/// Where the histories are.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// Statuses with histories, as the management API gives them with showHistory, showHistoryOutput, showInput and
    /// showEventIds: a file of one, of an array of them, or a directory of such files. The state is not touched
    #[arg(long, value_name = "FILE OR DIRECTORY")]
    history: Vec<PathBuf>,

    /// An instance in the state directory, which no other process may be using. Nothing in it is changed
    #[arg(long, value_name = "ID")]
    instance: Vec<String>,
}

impl Replay {
    pub async fn run(self) -> anyhow::Result<()> {
        let documents = document::read(&self.of.history)?;
        let Loaded { manifest, runtime_config, variables, state_dir } = self.application.load().await?;
        let manifest = alone(manifest, &self.component)?;
        // What components print is not to be found among what they printed when they worked.
        let scratch = TempDir::new().context("cannot make a temporary directory")?;
        let (runtime_config, state_dir) = match self.of.instance.is_empty() {
            true => (without_state(runtime_config, &manifest), scratch.path().to_owned()),
            false => (runtime_config, existing(state_dir)?),
        };
        let mut config = Config::new(state_dir);
        config.log_dir = Some(scratch.path().join("logs"));
        config.environment = self.application.env.iter().cloned().collect();
        let host = Host::load(App { manifest, runtime_config, variables }, config).await.map_err(in_use)?;

        let door = Door { host: &host, component: &self.component };
        let mut tally = Tally::default();
        for Document { label, text } in &documents {
            tally.add(label, &door.check_document(text).await?);
        }
        for id in &self.of.instance {
            tally.add(id, &door.check_instance(id).await?);
        }
        if let Some(file) = &self.export {
            export(&door, &self.of.instance, file).await?;
        }
        host.close().await.context("the stores could not be closed")?;
        tally.verdict()
    }
}

/// How many histories there were.
#[derive(Default)]
struct Tally {
    all: usize,
    wrong: usize,
}

impl Tally {
    fn add(&mut self, label: &str, verdict: &Verdict) {
        println!("{label}: {verdict}");
        self.all += 1;
        self.wrong += usize::from(!matches!(verdict, Verdict::Matches));
    }

    fn verdict(&self) -> anyhow::Result<()> {
        match (self.wrong, self.all) {
            (0, _) => Ok(()),
            (_, 1) => bail!("the history does not replay"),
            (wrong, all) => bail!("{wrong} of {all} histories do not replay"),
        }
    }
}

/// The application with nothing but the component that is asked: nothing else runs, or need be there.
fn alone(mut manifest: Manifest, component: &ComponentId) -> anyhow::Result<Manifest> {
    if !manifest.components.contains_key(component) {
        let known: Vec<_> = manifest.components.keys().map(ComponentId::as_str).collect();
        bail!(
            "the application has no component {component}, but {}: name the one that has the orchestrators with \
             --component",
            known.join(", ")
        );
    }
    manifest.components.retain(|id, _| id == component);
    manifest.http_triggers.retain(|trigger| trigger.component == *component);
    Ok(manifest)
}

/// Every store is an empty one in memory.
fn without_state(mut runtime_config: RuntimeConfig, manifest: &Manifest) -> RuntimeConfig {
    let labels = manifest.components.values().flat_map(|component| component.key_value_stores.clone());
    runtime_config.key_value_stores = labels.map(|label| (label, KeyValueStore::Memory)).collect();
    runtime_config
}

/// A directory that is not there would be made, and have no instances.
fn existing(state_dir: PathBuf) -> anyhow::Result<PathBuf> {
    if !state_dir.is_dir() {
        bail!("there is no state directory {}: name it with --state-dir", state_dir.display());
    }
    Ok(state_dir)
}

fn in_use(error: LoadError) -> anyhow::Error {
    match error {
        LoadError::State(StateDirError::InUse { path }) => anyhow::anyhow!(
            "another process, such as `longhaul up`, uses the state directory {}: stop it, or get the history of the \
             instance from its management API ({HOW_TO_GET}) and pass that with --history",
            path.display()
        ),
        other => other.into(),
    }
}

/// Writes one document, or an array of them.
async fn export(door: &Door<'_>, instances: &[String], file: &Path) -> anyhow::Result<()> {
    let mut documents = Vec::new();
    for id in instances {
        documents.extend(door.export(id).await?);
    }
    let text = match &documents[..] {
        [] => bail!("nothing is written to {}: there are no such instances", file.display()),
        [one] => one.get().to_owned(),
        several => serde_json::to_string(several).expect("JSON has a JSON form"),
    };
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

type Text = Box<RawValue>;
