//! Filters: OData conditions on rows, into which values are put without being able to change their meaning.

use std::fmt;

use crate::value::Value;

/// An OData filter whose quotes and parentheses are balanced, so that it can be combined with another one and each
/// keeps its meaning. Whether the condition makes sense is for the service to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// A filter that is sent as it is.
    ///
    /// # Errors
    ///
    /// [`FilterError`] if it is blank, or a quote or a parenthesis has no partner.
    pub fn new(text: &str) -> Result<Self, FilterError> {
        scan(text, |name, whole| {
            whole.push('@');
            whole.push_str(name);
            Ok(())
        })
    }

    /// A filter in which each `@name` outside quotes stands for the parameter of that name.
    ///
    /// ```
    /// # use azure_tables::{Filter, Value};
    /// let filter = Filter::with_parameters("Name eq @name", &[("name", Value::from("O'Neill"))])?;
    /// assert_eq!(filter.as_str(), "Name eq 'O''Neill'");
    /// # Ok::<(), azure_tables::FilterError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FilterError`] as for [`Filter::new`], and if a name has no parameter or a parameter has no spelling.
    pub fn with_parameters(text: &str, parameters: &[(&str, Value)]) -> Result<Self, FilterError> {
        scan(text, |name, whole| {
            let (_, value) = parameters
                .iter()
                .find(|(known, _)| *known == name)
                .ok_or_else(|| FilterError::UnknownParameter { name: name.to_owned() })?;
            whole.push_str(&value.literal()?);
            Ok(())
        })
    }

    /// Both conditions.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(format!("({self}) and ({other})"))
    }

    /// One of the conditions, or both.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self(format!("({self}) or ({other})"))
    }

    /// The rows that do not meet the condition. A row that lacks a property meets no comparison with it, so that it is
    /// among these.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(format!("not ({self})"))
    }

    /// The filter as text, not encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A filter that this crate has put together from literals.
    pub(crate) fn trusted(text: String) -> Self {
        debug_assert_eq!(Self::new(&text).map(|filter| filter.0).as_ref(), Ok(&text));
        Self(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a filter that can be sent. Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Nothing was given.
    #[error("the filter is empty; leave it out to ask for every row")]
    Empty,
    /// A text in quotes does not end.
    #[error(
        "the quote at character {position} of the filter is never closed; a quote within a text is doubled"
    )]
    UnclosedQuote {
        /// Where it opens.
        position: usize,
    },
    /// A parenthesis has no partner.
    #[error("the parenthesis at character {position} of the filter has no partner")]
    UnpairedParenthesis {
        /// Where it is.
        position: usize,
    },
    /// A `@name` has no parameter.
    #[error("the filter uses @{name}, and no parameter of that name is given")]
    UnknownParameter {
        /// The name after the `@`; empty if none follows it.
        name: String,
    },
    /// A number that has no spelling in a filter.
    #[error("a filter cannot compare with an infinite number or NaN")]
    NotFinite,
    /// The request would be longer than HTTP libraries and the service take.
    #[error(
        "the filter and the selection make a request of {bytes} bytes, more than can be sent; shorten them"
    )]
    TooLong {
        /// The length of the encoded URI.
        bytes: usize,
    },
}

/// Copies a filter while checking its balance, and lets `parameter` write what each `@name` outside quotes becomes.
fn scan(
    text: &str,
    mut parameter: impl FnMut(&str, &mut String) -> Result<(), FilterError>,
) -> Result<Filter, FilterError> {
    if text.trim().is_empty() {
        return Err(FilterError::Empty);
    }
    let mut whole = String::with_capacity(text.len());
    let mut quote = None;
    let mut open = Vec::new();
    let mut position = 0;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        position += 1;
        match next {
            // A doubled quote closes and opens again, which comes to the same.
            '\'' => quote = if quote.is_some() { None } else { Some(position) },
            _ if quote.is_some() => {}
            '(' => open.push(position),
            ')' => {
                open.pop().ok_or(FilterError::UnpairedParenthesis { position })?;
            }
            '@' => {
                let name = leading_name(rest.as_str());
                parameter(name, &mut whole)?;
                position += name.len();
                rest = rest.as_str()[name.len()..].chars();
                continue;
            }
            _ => {}
        }
        whole.push(next);
    }
    match (quote, open.pop()) {
        (Some(position), _) => Err(FilterError::UnclosedQuote { position }),
        (None, Some(position)) => Err(FilterError::UnpairedParenthesis { position }),
        (None, None) => Ok(Filter(whole)),
    }
}

/// The ASCII letters, digits and underscores that a text begins with.
fn leading_name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_not_balanced_is_refused_with_the_place() {
        let quote = |position| Err(FilterError::UnclosedQuote { position });
        let parenthesis = |position| Err(FilterError::UnpairedParenthesis { position });
        let cases = [
            ("a eq 'b'", Ok(())),
            ("(a eq ')') and not (b eq '(')", Ok(())),
            ("a eq 'it''s'", Ok(())),
            ("", Err(FilterError::Empty)),
            ("  ", Err(FilterError::Empty)),
            ("a eq 'b", quote(6)),
            ("ñ eq 'it's'", quote(11)),
            ("a eq 1) or (b eq 2", parenthesis(7)),
            ("(a eq 1", parenthesis(1)),
            ("(a eq @p) and (b eq 1", parenthesis(15)),
        ];
        for (text, expected) in cases {
            assert_eq!(Filter::new(text).map(drop), expected, "{text}");
        }
    }

    #[test]
    fn a_parameter_is_found_wherever_an_operand_can_be() {
        let parameters = [("p", Value::Int32(1)), ("p_2", Value::from("@p"))];
        let cases = [
            ("(a eq @p)", Ok("(a eq 1)")),
            ("a eq @p_2 or b eq @p", Ok("a eq '@p' or b eq 1")),
            ("a eq 'x @p'", Ok("a eq 'x @p'")),
            ("a eq @q", Err(FilterError::UnknownParameter { name: "q".into() })),
            ("a eq @", Err(FilterError::UnknownParameter { name: String::new() })),
        ];
        for (text, expected) in cases {
            let filter = Filter::with_parameters(text, &parameters);
            assert_eq!(filter.as_ref().map(Filter::as_str), expected.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn conditions_joined_by_and_keep_their_own_meaning() {
        let either = Filter::new("a eq 1 or b eq 2").expect("balanced");
        let other = Filter::new("c eq 3").expect("balanced");
        assert_eq!(either.and(&other).as_str(), "(a eq 1 or b eq 2) and (c eq 3)");
    }
}
