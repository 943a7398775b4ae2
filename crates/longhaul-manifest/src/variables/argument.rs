//! The argument of `--variable`.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

/// What `--variable` takes; each form is Spin's.
#[derive(Clone, PartialEq, Eq)]
pub enum VariableArgument {
    /// `name=value`.
    Literal {
        /// The variable.
        name: String,
        /// Its value, which may be empty.
        value: String,
    },
    /// `name=@file`: the value is the text of the file, all of it.
    FileText {
        /// The variable.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// `@file.json` or `@file.toml`: a table of names and texts.
    Table {
        /// The file.
        file: PathBuf,
    },
}

/// Why an argument of `--variable` was refused. No message holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidArgument {
    /// It has none of the forms.
    #[error("--variable: write name=value, name=@file, @file.json or @file.toml")]
    Form,
    /// A file could not be read.
    #[error("--variable: cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not a table of texts.
    #[error("--variable: {} must be one {format} table of names and texts", file.display())]
    Table {
        /// The file.
        file: PathBuf,
        /// "JSON" or "TOML".
        format: &'static str,
    },
}

impl FromStr for VariableArgument {
    type Err = InvalidArgument;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(file) = text.strip_prefix('@') {
            return match is_json(file) {
                Some(_) => Ok(Self::Table { file: file.into() }),
                None => Err(InvalidArgument::Form),
            };
        }
        let (name, value) = text.split_once('=').ok_or(InvalidArgument::Form)?;
        let name = name.to_owned();
        Ok(match value.strip_prefix('@') {
            Some(file) => Self::FileText { name, file: file.into() },
            None => Self::Literal { name, value: value.to_owned() },
        })
    }
}

/// Whether the name is that of a JSON file, or of a TOML file, or neither.
fn is_json(file: impl Into<PathBuf>) -> Option<bool> {
    match file.into().extension()?.to_str()? {
        "json" => Some(true),
        "toml" => Some(false),
        _ => None,
    }
}

impl VariableArgument {
    /// The names and values, read from the file where one is named.
    pub fn read(&self) -> Result<Vec<(String, String)>, InvalidArgument> {
        let text = |file: &PathBuf| {
            std::fs::read_to_string(file)
                .map_err(|source| InvalidArgument::Read { file: file.clone(), source })
        };
        match self {
            Self::Literal { name, value } => Ok(vec![(name.clone(), value.clone())]),
            Self::FileText { name, file } => Ok(vec![(name.clone(), text(file)?)]),
            Self::Table { file } => {
                let text = text(file)?;
                // The parsers' own messages can quote the text, and with it a secret.
                let (format, values) = match is_json(file) {
                    Some(true) => ("JSON", serde_json::from_str::<BTreeMap<String, String>>(&text).ok()),
                    _ => ("TOML", toml::from_str(&text).ok()),
                };
                let values = values.ok_or_else(|| InvalidArgument::Table { file: file.clone(), format })?;
                Ok(values.into_iter().collect())
            }
        }
    }
}

/// A value may be a secret.
impl fmt::Debug for VariableArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal { name, .. } => write!(f, "{name}=…"),
            Self::FileText { name, file } => write!(f, "{name}=@{}", file.display()),
            Self::Table { file } => write!(f, "@{}", file.display()),
        }
    }
}
