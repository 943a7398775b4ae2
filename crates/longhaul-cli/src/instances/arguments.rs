//! Arguments that are read before anything is sent.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::value::RawValue;

use super::failure::Failure;

/// The id of an instance: one segment of a URL's path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        segment(text).map(Self)
    }
}

/// Whatever becomes one segment of a path: an id, the name of a function or of an event. Nothing and dots would not: they
/// stand for the list of all instances, or for something above it.
pub fn segment(text: &str) -> Result<String, String> {
    match text {
        "" | "." | ".." => Err("that is no name".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::text::plain(&self.0))
    }
}

/// Where a JSON value comes from: `-` is standard input, `@file` a file, anything else the JSON itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Argument(String),
    File(PathBuf),
    StandardInput,
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        match text.strip_prefix('@') {
            Some("-") => Self::StandardInput,
            Some(file) => Self::File(file.into()),
            None if text == "-" => Self::StandardInput,
            None => Self::Argument(text.to_owned()),
        }
    }
}

impl Source {
    /// The JSON. With `as_text`, whatever is there becomes a JSON string.
    ///
    /// # Errors
    /// When it cannot be read or is no JSON.
    pub fn json(&self, as_text: bool) -> Result<String, Failure> {
        let cannot = |error| Failure::Usage(format!("cannot read {self}: {error}"));
        let text = match self {
            Self::Argument(text) => text.clone(),
            Self::File(file) => std::fs::read_to_string(file).map_err(cannot)?,
            Self::StandardInput => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(cannot)?;
                text
            }
        };
        if as_text {
            return Ok(serde_json::Value::String(text).to_string());
        }
        match serde_json::from_str::<&RawValue>(text.trim()) {
            Ok(json) => Ok(json.get().to_owned()),
            Err(error) => Err(Failure::Usage(format!(
                "{self} is no JSON: {error}. A string is written '\"text\"', or with --text as it is"
            ))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(_) => f.write_str("the argument"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::StandardInput => f.write_str("standard input"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment() {
        for text in ["", ".", ".."] {
            assert!(text.parse::<Id>().is_err(), "{text:?}");
        }
        assert_eq!("a/b".parse::<Id>().unwrap().as_str(), "a/b");
        assert_eq!("a\u{7}".parse::<Id>().unwrap().to_string(), "a\\u{7}");
    }

    #[test]
    fn json_comes_from_the_argument_or_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("input.json");
        std::fs::write(&file, " {\"b\": 1,\n \"a\": 1e400}\n").unwrap();
        let at_file = format!("@{}", file.display());
        let json = |text: &str, as_text| Source::from(text).json(as_text).map_err(|error| error.to_string());
        assert_eq!(json(&at_file, false), Ok("{\"b\": 1,\n \"a\": 1e400}".to_owned()));
        assert_eq!(json("[1, 2]", false), Ok("[1, 2]".to_owned()));
        assert_eq!(json("hello \"you\"", true), Ok(r#""hello \"you\"""#.to_owned()));
        assert_eq!((Source::from("-"), Source::from("@-")), (Source::StandardInput, Source::StandardInput));
        let error = json("hello", false).unwrap_err();
        assert!(error.starts_with("the argument is no JSON") && error.contains("--text"), "{error}");
        assert!(json("", false).is_err() && json("1 2", false).is_err());
        assert!(json("@/none.json", false).unwrap_err().starts_with("cannot read /none.json"));
    }
}
