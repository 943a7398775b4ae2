//! Text with `{{ variable }}` in it.

use std::{fmt, str::FromStr};

use crate::VariableName;

/// Text in which `{{ name }}` stands for the value of an application variable.
///
/// As in Spin, there is no way to escape `{{`; a `}}` without a `{{` before it is ordinary text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    Variable(VariableName),
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A `{{` has no `}}`.
    #[error("\"{{{{\" without a closing \"}}}}\"; write {{{{ name }}}} to insert a variable")]
    Unclosed,
    /// What stands between `{{` and `}}` cannot be a variable.
    #[error(transparent)]
    Name(#[from] crate::InvalidName),
}

impl Template {
    /// The variables that it refers to, in order; one may come twice.
    pub fn variables(&self) -> impl Iterator<Item = &VariableName> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name),
            Part::Literal(_) => None,
        })
    }

    /// Whether it refers to no variable, so that its text is its value.
    pub fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(InvalidTemplate::Unclosed)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Variable(name.trim().parse()?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { source: source.to_owned(), parts })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_literals_and_variables() {
        for (source, expected) in [
            ("", ""),
            ("plain", "'plain'"),
            ("{{a}}", "a"),
            ("{{ a }}{{  b_c }}", "a b_c"),
            ("https://{{ host }}:{{ port }}/x", "'https://' host ':' port '/x'"),
            ("}} { {{ a }} }}", "'}} { ' a ' }}'"),
            ("{ { a } }", "'{ { a } }'"),
        ] {
            let template: Template = source.parse().unwrap();
            let parts: Vec<_> = template
                .parts()
                .iter()
                .map(|part| match part {
                    Part::Literal(text) => format!("'{text}'"),
                    Part::Variable(name) => name.to_string(),
                })
                .collect();
            assert_eq!(parts.join(" "), expected, "{source}");
            assert_eq!(template.to_string(), source);
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (source, expected) in [
            ("a {{ b", "without a closing"),
            ("{{}}", "\"\" is not a variable name"),
            ("{{ a b }}", "\"a b\" is not a variable name"),
            ("{{{{ a }}}}", "\"{{ a\" is not a variable name"),
        ] {
            let error = source.parse::<Template>().unwrap_err().to_string();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }
}
