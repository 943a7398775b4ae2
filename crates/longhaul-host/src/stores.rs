//! The databases of an application, and who may open which.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::path::{Path, PathBuf};

use longhaul_kv::{Database, Durability, SqliteOptions, Stores};
use longhaul_manifest::{KeyValueStore, Manifest, RuntimeConfig};

use crate::error::LoadError;

/// Opens every store that a component may use: one database for each file, however many labels it holds. Blocks for
/// a few disk writes.
///
/// Writes need not be on disk before what depends on them leaves the process ([`Outgoing`](crate::outgoing::Outgoing)). But
/// where there are several files, one could have on disk what follows from something that another has not; and a file
/// elsewhere than in the state directory may have other users, who tell of what they read. There every write is synced by
/// itself.
pub(crate) fn open(
    manifest: &Manifest,
    runtime_config: &RuntimeConfig,
    state_dir: &Path,
) -> Result<Stores, LoadError> {
    runtime_config.check_stores(manifest)?;
    let own_file = state_dir.join(longhaul_kv::FILE_NAME);
    let labels: BTreeSet<_> =
        manifest.components.values().flat_map(|component| &component.key_value_stores).collect();
    // Without a path: in memory.
    let places = labels.into_iter().map(|label| {
        let path = match runtime_config.store(label).expect("check_stores found it") {
            KeyValueStore::Memory => None,
            KeyValueStore::Sqlite { path } => Some(path.unwrap_or_else(|| own_file.clone())),
        };
        (label, path)
    });
    let places: Vec<_> = places.collect();
    let has_other_files = places.iter().any(|(_, path)| path.as_ref().is_some_and(|path| *path != own_file));
    let durability = if has_other_files { Durability::EachWrite } else { Durability::OnDemand };

    let mut files: BTreeMap<PathBuf, Database> = BTreeMap::new();
    let mut stores = Stores::new();
    for (label, path) in places {
        let database = match path {
            None => Database::memory(),
            Some(path) => match files.entry(path) {
                Entry::Occupied(open) => open.get().clone(),
                Entry::Vacant(new) => {
                    let options = SqliteOptions { durability, ..SqliteOptions::default() };
                    let database = Database::sqlite_with(new.key(), options)
                        .map_err(|source| LoadError::Store { label: label.clone(), source })?;
                    new.insert(database).clone()
                }
            },
        };
        stores.insert(database.store(label));
    }
    Ok(stores)
}

/// Those of the stores that one component may open.
pub(crate) fn of_component(stores: &Stores, labels: &[String]) -> Stores {
    let mut own = Stores::new();
    for label in labels {
        own.insert(stores.open(label).expect("every component's store was opened"));
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often 200 writes are synced, with this runtime configuration.
    async fn syncs(runtime_config: &str, directory: &Path) -> u64 {
        let manifest = Manifest::parse(
            "spin.toml".as_ref(),
            "spin_manifest_version = 2\n\
             application.name = \"stores\"\n\
             trigger.http = [{ route = \"/...\", component = \"a\" }]\n\
             [component.a]\n\
             source = \"a.wasm\"\n\
             key_value_stores = [\"default\", \"other\"]\n",
        );
        let runtime_config = RuntimeConfig::parse("runtime-config.toml".as_ref(), runtime_config).unwrap();
        let stores = open(&manifest.unwrap(), &runtime_config, directory).unwrap();
        let store = stores.open("default").unwrap();
        for number in 0..200 {
            store.set("k", vec![number]).await.unwrap();
        }
        let (labels, statistics) = &stores.statistics()[0];
        assert_eq!(labels[0], "default");
        stores.close().await.unwrap();
        statistics.syncs
    }

    #[tokio::test]
    async fn each_write_is_synced_unless_all_are_in_the_file_of_the_state_directory() {
        let directory = tempfile::tempdir().unwrap();
        let (own, elsewhere) = (directory.path().join("state"), directory.path().join("elsewhere.db"));
        let other = |rest: &str| format!("[key_value_store.other]\n{rest}\n");
        let elsewhere = format!("type = \"spin\"\npath = \"{}\"", elsewhere.display());
        assert!(syncs(&other("type = \"spin\""), &own).await < 200);
        assert_eq!(syncs(&other(&elsewhere), &own).await, 200);
    }
}
