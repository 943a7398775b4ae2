//! Files of statuses with histories.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::{HOW_TO_GET, Text};

/// The status of one instance.
pub struct Document {
    /// The file, and the instance.
    pub label: String,
    /// As it stands in the file.
    pub text: Text,
}

/// Reads all that these files, and the files in these directories, have.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for path in paths {
        for file in files(path)? {
            documents.extend(read_file(&file)?);
        }
    }
    if documents.is_empty() && !paths.is_empty() {
        bail!("there are no histories in what --history names");
    }
    Ok(documents)
}

/// The file itself, or the `.json` files in the directory.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.with_context(|| format!("cannot read {}", path.display()))?;
    let is_json = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "json");
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_json).collect();
    if files.is_empty() {
        bail!("there are no .json files in {}", path.display());
    }
    files.sort();
    Ok(files)
}

fn read_file(file: &Path) -> anyhow::Result<Vec<Document>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        instance_id: String,
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let is_array = text.trim_start().starts_with('[');
    let documents: Vec<Text> = match is_array {
        true => serde_json::from_str(&text),
        false => serde_json::from_str(&text).map(|one| vec![one]),
    }
    .with_context(|| format!("{} is not JSON", file.display()))?;
    let labelled = documents.into_iter().map(|text| {
        let Named { instance_id } = serde_json::from_str(text.get()).with_context(|| {
            format!("{} is not the status of an instance, as `{HOW_TO_GET}` gives it", file.display())
        })?;
        Ok(Document { label: format!("{}: {instance_id}", file.display()), text })
    });
    labelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_status_or_many_and_a_directory_has_files() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = directory.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let error = |path: &Path| format!("{:#}", read(&[path.to_owned()]).err().unwrap());
        assert!(error(directory.path()).contains("no .json files"));
        let many = write("b.json", r#" [{"instanceId": "2"}, {"instanceId": "3", "z": 1, "a": 1e400}]"#);
        write("a.json", r#"{"instanceId": "1"}"#);
        let other = write("c.txt", "[1");
        let read_all = read(&[directory.path().to_owned(), many.clone()]).unwrap();
        let ids: Vec<_> =
            read_all.iter().map(|document| document.label.rsplit(' ').next().unwrap()).collect();
        assert_eq!(ids, ["1", "2", "3", "2", "3"]);
        assert_eq!(read_all[2].text.get(), r#"{"instanceId": "3", "z": 1, "a": 1e400}"#);
        assert!(error(&other).contains("c.txt is not JSON"));
        assert!(error(&write("d.txt", "[]")).contains("there are no histories"));
        assert!(error(&write("e.txt", r#"[{"EventType": "x"}]"#)).contains("showEventIds=true"));
        assert!(error(&directory.path().join("none")).contains("cannot read"));
        assert!(read(&[]).unwrap().is_empty());
    }
}
