//! The runtime configuration, `runtime-config.toml`: what a deployment provides to an application.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    ByteSize, Error, Manifest,
    toml_reader::{Document, Table, Value},
};

/// What a deployment provides.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// The file it was read from; `None` for [`RuntimeConfig::default`], an application that runs without one.
    pub file: Option<PathBuf>,
    /// `[key_value_store.<label>]`. `default` may be missing here: [`RuntimeConfig::store`] knows what it is then.
    pub key_value_stores: BTreeMap<String, KeyValueStore>,
    /// `[[variables_provider]]` of `type = "static"`, in order; the first that has a value wins. They may hold values
    /// for variables that the application does not have: a deployment can share the file between applications.
    pub static_variables: Vec<BTreeMap<String, String>>,
    /// `state_dir`: where the host keeps its state, relative to the working directory.
    pub state_dir: Option<PathBuf>,
    /// `log_dir`: where the host writes what components print, relative to the working directory.
    pub log_dir: Option<PathBuf>,
    /// `max_instance_memory`: how much linear memory an instance may have, where the component sets no limit.
    pub max_instance_memory: Option<ByteSize>,
}

/// Where the contents of a key-value store live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValueStore {
    /// `type = "spin"`: SQLite, in Spin's file format.
    Sqlite {
        /// `path`, joined to the directory of the runtime configuration. `None`: the database in the state directory.
        /// (Spin keeps a store without a path in memory, and loses it.)
        path: Option<PathBuf>,
    },
    /// `type = "memory"`: gone when the host stops; for tests. Spin has no such type.
    Memory,
}

impl RuntimeConfig {
    /// Reads the runtime configuration at `file`.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
        Self::parse(file, &text)
    }

    /// Reads the text of a runtime configuration. `file` is only named: in errors, and as what paths are relative to.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Error> {
        let document = Document { file, text };
        let parsed = document.parse()?;
        let root = document.root(&parsed);
        check_keys(&root)?;

        let directory = file.parent().unwrap_or("".as_ref());
        let mut key_value_stores = BTreeMap::new();
        if let Some(stores) = root.table("key_value_store")? {
            for (label, value) in stores.iter() {
                key_value_stores.insert(label.to_owned(), key_value_store(&value.table()?, directory)?);
            }
        }
        // The old name of the list still works in Spin.
        let mut static_variables = Vec::new();
        for providers in ["variables_provider", "config_provider"].iter().filter_map(|key| root.get(key)) {
            for provider in providers.array()? {
                static_variables.push(self::static_variables(&provider)?);
            }
        }
        Ok(Self {
            file: Some(file.to_owned()),
            key_value_stores,
            static_variables,
            state_dir: directory_at(&root, "state_dir")?,
            log_dir: directory_at(&root, "log_dir")?,
            max_instance_memory: root
                .get("max_instance_memory")
                .map(|value| value.byte_size())
                .transpose()?,
        })
    }

    /// The store with a label: as configured, or, for `default`, SQLite in the state directory.
    pub fn store(&self, label: &str) -> Option<KeyValueStore> {
        let implied = || (label == "default").then_some(KeyValueStore::Sqlite { path: None });
        self.key_value_stores.get(label).cloned().or_else(implied)
    }

    /// Refuses an application with a component that uses a store which is neither `default` nor configured.
    pub fn check_stores(&self, manifest: &Manifest) -> Result<(), Error> {
        for (component, declared) in &manifest.components {
            if let Some(label) = declared.key_value_stores.iter().find(|label| self.store(label).is_none()) {
                let runtime_config = match &self.file {
                    Some(file) => file.display().to_string(),
                    None => "none is given: write one, and pass it with --runtime-config-file".to_owned(),
                };
                return Err(Error::UnconfiguredStore {
                    component: component.clone(),
                    label: label.clone(),
                    runtime_config,
                });
            }
        }
        Ok(())
    }
}

/// The values of static providers may be secrets, and which are is known only to the manifest.
impl fmt::Debug for RuntimeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<Vec<_>> = self.static_variables.iter().map(|values| values.keys().collect()).collect();
        f.debug_struct("RuntimeConfig")
            .field("file", &self.file)
            .field("key_value_stores", &self.key_value_stores)
            .field("static_variables", &names)
            .field("state_dir", &self.state_dir)
            .field("log_dir", &self.log_dir)
            .field("max_instance_memory", &self.max_instance_memory)
            .finish()
    }
}

fn check_keys(root: &Table<'_>) -> Result<(), Error> {
    const DATABASES: &str = "SQL databases; keep the data in a key-value store";
    const LIMITS: &str = "limits on outbound connections; remove it";
    const ONLY_HTTP: &str = "only outbound HTTP is offered; remove it";
    root.allow_only(
        &[
            "key_value_store",
            "variables_provider",
            "config_provider",
            "state_dir",
            "log_dir",
            "max_instance_memory",
        ],
        &[
            ("sqlite_database", DATABASES),
            ("llm_compute", "models; call one over HTTP"),
            (
                "client_tls",
                "client certificates; for a certificate authority of your own pass --ca-certificate",
            ),
            ("tls", "client certificates; for a certificate authority of your own pass --ca-certificate"),
            ("outbound_networking", LIMITS),
            ("outbound_http", LIMITS),
            ("outbound_redis", ONLY_HTTP),
            ("outbound_pg", ONLY_HTTP),
            ("outbound_mysql", ONLY_HTTP),
            ("outbound_mqtt", ONLY_HTTP),
            ("telemetry", "telemetry settings; remove it"),
        ],
    )
}

fn key_value_store(table: &Table<'_>, directory: &Path) -> Result<KeyValueStore, Error> {
    let kind = table.require("type", "write type = \"spin\" for SQLite, or \"memory\" for tests")?;
    match kind.string()?.as_str() {
        "spin" => {
            table.allow_only(&["type", "path"], &[])?;
            let path = table.get("path").map(|value| path(&value)).transpose()?;
            Ok(KeyValueStore::Sqlite { path: path.map(|path| directory.join(path)) })
        }
        "memory" => {
            table.allow_only(&["type"], &[])?;
            Ok(KeyValueStore::Memory)
        }
        other @ ("redis" | "azure_cosmos" | "aws_dynamo") => Err(kind
            .unsupported(format!("a key-value store of type {other:?}; write type = \"spin\" for SQLite"))),
        other => Err(kind.invalid(format!(
            "there is no key-value store of type {other:?}; write type = \"spin\" for SQLite"
        ))),
    }
}

fn static_variables(provider: &Value<'_>) -> Result<BTreeMap<String, String>, Error> {
    let table = provider.table()?;
    let kind = table.require("type", "write type = \"static\"")?;
    match kind.string()?.as_str() {
        "static" => {}
        "env" => {
            return Err(kind.unsupported(
                "an \"env\" provider of its own; SPIN_VARIABLE_<NAME> is always read from the environment: remove it",
            ));
        }
        other @ ("vault" | "azure_key_vault") => {
            return Err(kind.unsupported(format!(
                "variables from {other:?}; write type = \"static\" with values, or set SPIN_VARIABLE_<NAME> in the environment"
            )));
        }
        other => {
            return Err(
                kind.invalid(format!("there is no variables provider of type {other:?}; write \"static\""))
            );
        }
    }
    table.allow_only(&["type", "values"], &[])?;
    let values = table.require("values", "write values = { name = \"value\" }")?.table()?;
    values.iter().map(|(name, value)| Ok((name.to_owned(), value.string()?))).collect()
}

fn directory_at(root: &Table<'_>, key: &str) -> Result<Option<PathBuf>, Error> {
    root.get(key).map(|value| path(&value)).transpose()
}

fn path(value: &Value<'_>) -> Result<PathBuf, Error> {
    let text = value.string()?;
    // To Spin, an empty `state_dir` means "keep nothing".
    if text.is_empty() {
        Err(value.invalid("must not be empty; write a path, or leave it out"))
    } else {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests;
