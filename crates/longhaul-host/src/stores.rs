//! The databases of an application, and who may open which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use longhaul_kv::{Database, Stores};
use longhaul_manifest::{KeyValueStore, Manifest, RuntimeConfig};

use crate::error::LoadError;

/// Opens every store that a component may use: one database for each file, however many labels it holds. Blocks for
/// a few disk writes.
pub(crate) fn open(
    manifest: &Manifest,
    runtime_config: &RuntimeConfig,
    state_dir: &Path,
) -> Result<Stores, LoadError> {
    runtime_config.check_stores(manifest)?;
    let mut files: BTreeMap<PathBuf, Database> = BTreeMap::new();
    let mut stores = Stores::new();
    let labels: std::collections::BTreeSet<_> =
        manifest.components.values().flat_map(|component| &component.key_value_stores).collect();
    for label in labels {
        let database = match runtime_config.store(label).expect("check_stores found it") {
            KeyValueStore::Memory => Database::memory(),
            KeyValueStore::Sqlite { path } => {
                let path = path.unwrap_or_else(|| state_dir.join(longhaul_kv::FILE_NAME));
                match files.get(&path) {
                    Some(database) => database.clone(),
                    None => {
                        let database = Database::sqlite(&path)
                            .map_err(|source| LoadError::Store { label: label.clone(), source })?;
                        files.insert(path, database.clone());
                        database
                    }
                }
            }
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
