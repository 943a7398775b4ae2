//! What every command that runs an application is told of it.

use std::path::{Path, PathBuf};

use clap::Args;
use longhaul_manifest::{Manifest, RuntimeConfig, VariableArgument, VariableSources};

use crate::build;

/// The application, and what its deployment gives it: the flags of `spin up`.
#[derive(Args)]
pub struct Application {
    /// The application: a spin.toml, or the directory that has one
    #[arg(short, long, value_name = "FILE OR DIRECTORY", default_value = ".")]
    from: PathBuf,

    /// Build the components first, with the commands of the manifest
    #[arg(short, long)]
    build: bool,

    /// Where stores and the values of variables come from
    #[arg(long, value_name = "FILE", env = "RUNTIME_CONFIG_FILE")]
    runtime_config_file: Option<PathBuf>,

    /// The directory for state and logs [default: .spin beside the manifest]
    #[arg(long, value_name = "DIRECTORY")]
    state_dir: Option<PathBuf>,

    /// The value of a variable: name=value, name=@file, or a @file.json or @file.toml of several
    #[arg(long, value_name = "NAME=VALUE")]
    variable: Vec<VariableArgument>,

    /// An environment variable for all components
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub env: Vec<(String, String)>,
}

/// All of it, read.
pub struct Loaded {
    pub manifest: Manifest,
    pub runtime_config: RuntimeConfig,
    pub variables: VariableSources,
    pub state_dir: PathBuf,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl Application {
    /// Reads the files that the command line names, and builds the components if it says so.
    pub async fn load(&self) -> anyhow::Result<Loaded> {
        let manifest_file = if self.from.is_dir() { self.from.join("spin.toml") } else { self.from.clone() };
        let manifest = longhaul_manifest::load(&manifest_file)?;
        if self.build {
            build::components(&manifest).await?;
        }
        let runtime_config = match &self.runtime_config_file {
            Some(file) => RuntimeConfig::load(file)?,
            None => RuntimeConfig::default(),
        };
        let mut command_line = Vec::new();
        for argument in &self.variable {
            command_line.extend(argument.read()?);
        }
        let variables = VariableSources::of_process(command_line, &runtime_config);
        let state_dir = self.state_dir(&manifest_file, &runtime_config);
        Ok(Loaded { manifest, runtime_config, variables, state_dir })
    }

    fn state_dir(&self, manifest_file: &Path, runtime_config: &RuntimeConfig) -> PathBuf {
        let beside_manifest = || manifest_file.parent().unwrap_or(Path::new("")).join(".spin");
        self.state_dir.clone().or_else(|| runtime_config.state_dir.clone()).unwrap_or_else(beside_manifest)
    }
}
