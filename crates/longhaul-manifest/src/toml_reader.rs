//! TOML read by hand: every error knows its file, line and whole key, which deserialising into structs cannot say.

use std::{ops::Range, path::Path, str::FromStr};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{ByteSize, Error, Location, suggest};

/// A TOML text and the name of its file.
pub(crate) struct Document<'t> {
    pub(crate) file: &'t Path,
    pub(crate) text: &'t str,
}

/// A table at some key of a document. The empty key is the document itself.
#[derive(Clone)]
pub(crate) struct Table<'d> {
    document: &'d Document<'d>,
    key: String,
    span: Range<usize>,
    entries: &'d DeTable<'d>,
}

/// A value at some key of a document.
#[derive(Clone)]
pub(crate) struct Value<'d> {
    document: &'d Document<'d>,
    /// The whole dotted key.
    pub(crate) key: String,
    /// Where the key stands, or the element of an array.
    span: Range<usize>,
    value: &'d DeValue<'d>,
}

impl<'t> Document<'t> {
    /// Parses the text; [`Document::root`] reads the result.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'t>>, Error> {
        DeTable::parse(self.text).map_err(|error| Error::Syntax {
            at: self.at(error.span().as_ref()),
            message: error.message().to_owned(),
        })
    }

    /// The parsed text as a table.
    pub(crate) fn root<'d>(&'d self, parsed: &'d Spanned<DeTable<'d>>) -> Table<'d> {
        Table { document: self, key: String::new(), span: 0..0, entries: parsed.get_ref() }
    }

    fn at(&self, span: Option<&Range<usize>>) -> Location {
        let line =
            span.map(|span| 1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
        Location { file: self.file.to_owned(), line }
    }
}

impl<'d> Table<'d> {
    /// The value of `key`, if the table has one.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'d>> {
        self.iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The value of `key`, which must be there; `advice` says what to write.
    pub(crate) fn require(&self, key: &str, advice: &str) -> Result<Value<'d>, Error> {
        self.get(key).ok_or_else(|| Error::Missing {
            at: self.document.at((!self.key.is_empty()).then_some(&self.span)),
            key: join(&self.key, key),
            advice: advice.to_owned(),
        })
    }

    /// The table at `key`, if there is one.
    pub(crate) fn table(&self, key: &str) -> Result<Option<Table<'d>>, Error> {
        self.get(key).map(|value| value.table()).transpose()
    }

    /// The text at `key`, or nothing.
    pub(crate) fn string_or_empty(&self, key: &str) -> Result<String, Error> {
        self.get(key).map_or(Ok(String::new()), |value| value.string())
    }

    /// The list of texts at `key`, or an empty list.
    pub(crate) fn strings(&self, key: &str) -> Result<Vec<(String, Value<'d>)>, Error> {
        match self.get(key) {
            Some(value) => value.array()?.into_iter().map(|item| Ok((item.string()?, item))).collect(),
            None => Ok(Vec::new()),
        }
    }

    /// The entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        self.entries.iter().map(|(name, value)| {
            let text: &'d str = name.get_ref();
            let value = Value {
                document: self.document,
                key: join(&self.key, text),
                span: name.span(),
                value: value.get_ref(),
            };
            (text, value)
        })
    }

    /// Refuses every key that is neither in `known` nor, with its advice, in `unsupported`; those are refused too unless
    /// they are an empty list or table, which asks for nothing.
    pub(crate) fn allow_only(&self, known: &[&str], unsupported: &[(&str, &str)]) -> Result<(), Error> {
        for (name, value) in self.iter() {
            if known.contains(&name) {
                continue;
            }
            match unsupported.iter().find(|(key, _)| *key == name) {
                Some((_, advice)) if !value.is_empty() => return Err(value.unsupported(*advice)),
                Some(_) => {}
                None => return Err(value.unknown(known)),
            }
        }
        Ok(())
    }
}

impl<'d> Value<'d> {
    pub(crate) fn string(&self) -> Result<String, Error> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wrong_type("text in quotes"))
    }

    /// A text that parses as a `T`.
    pub(crate) fn parse<T: FromStr<Err: std::fmt::Display>>(&self) -> Result<T, Error> {
        self.string()?.parse().map_err(|problem: T::Err| self.invalid(problem.to_string()))
    }

    pub(crate) fn boolean(&self) -> Result<bool, Error> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    pub(crate) fn integer(&self) -> Result<i64, Error> {
        let integer = self.value.as_integer().ok_or_else(|| self.wrong_type("a whole number"))?;
        i64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| self.invalid("the number is too large"))
    }

    /// A number of bytes, or text such as `"256MiB"`; more than nothing.
    pub(crate) fn byte_size(&self) -> Result<ByteSize, Error> {
        let size = if self.value.is_integer() {
            let bytes = u64::try_from(self.integer()?).map_err(|_| self.invalid("must not be negative"))?;
            ByteSize(bytes)
        } else if self.is_string() {
            self.parse()?
        } else {
            return Err(self.wrong_type("a number of bytes, or text such as \"256MiB\""));
        };
        if size.0 == 0 {
            return Err(self.invalid("must be more than nothing; leave it out for no limit"));
        }
        Ok(size)
    }

    pub(crate) fn table(&self) -> Result<Table<'d>, Error> {
        match self.value.as_table() {
            Some(entries) => {
                Ok(Table { document: self.document, key: self.key.clone(), span: self.span.clone(), entries })
            }
            None => Err(self.wrong_type("a table")),
        }
    }

    pub(crate) fn array(&self) -> Result<Vec<Value<'d>>, Error> {
        let items = self.value.as_array().ok_or_else(|| self.wrong_type("a list"))?;
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, item)| Value {
                document: self.document,
                key: format!("{}[{index}]", self.key),
                span: item.span(),
                value: item.get_ref(),
            })
            .collect())
    }

    pub(crate) fn is_string(&self) -> bool {
        self.value.is_str()
    }

    pub(crate) fn is_array(&self) -> bool {
        self.value.is_array()
    }

    fn is_empty(&self) -> bool {
        match self.value {
            DeValue::Array(items) => items.is_empty(),
            DeValue::Table(entries) => entries.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn invalid(&self, problem: impl Into<String>) -> Error {
        Error::Invalid { at: self.at(), key: self.key.clone(), problem: problem.into() }
    }

    pub(crate) fn unsupported(&self, advice: impl Into<String>) -> Error {
        Error::Unsupported { at: self.at(), key: self.key.clone(), advice: advice.into() }
    }

    /// The error for a key that is none of the `known` ones.
    pub(crate) fn unknown(&self, known: &[&str]) -> Error {
        let name = self.key.rsplit('.').next().unwrap_or(&self.key);
        let advice = suggest::advice(name, known.iter().copied(), "remove it");
        Error::UnknownKey { at: self.at(), key: self.key.clone(), advice }
    }

    fn wrong_type(&self, wanted: &str) -> Error {
        self.invalid(format!("must be {wanted}, but is {}", self.value.type_str()))
    }

    fn at(&self) -> Location {
        self.document.at(Some(&self.span))
    }
}

/// `key.name`, with quotes around a name that TOML would want them for.
fn join(key: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if key.is_empty() { name } else { format!("{key}.{name}") }
}
