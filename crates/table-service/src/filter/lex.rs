//! The words of a filter.

use super::{InvalidFilter, Literal, Operator};

/// A word and the place, in bytes, where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub at: usize,
    pub word: Word,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Open,
    Close,
    And,
    Or,
    Not,
    Operator(Operator),
    Property(String),
    Literal(Literal),
}

/// Splits a filter into words.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, InvalidFilter> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let (word, length) = match first {
            '(' => (Word::Open, 1),
            ')' => (Word::Close, 1),
            '\'' => string(rest).ok_or(InvalidFilter::UnclosedString { at })?,
            '-' | '0'..='9' => number(rest).ok_or(InvalidFilter::BadNumber { at })?,
            c if is_name_start(c) => name(rest),
            _ => return Err(InvalidFilter::UnexpectedCharacter { at, character: first }),
        };
        tokens.push(Token { at, word });
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A string in single quotes, which are doubled inside it.
fn string(text: &str) -> Option<(Word, usize)> {
    let mut value = String::new();
    let mut end = 1;
    loop {
        let part = &text[end..];
        let quote = part.find('\'')?;
        value.push_str(&part[..quote]);
        end += quote + 1;
        if !text[end..].starts_with('\'') {
            return Some((Word::Literal(Literal::String(value)), end));
        }
        value.push('\'');
        end += 1;
    }
}

/// An integer, a 64-bit integer with the suffix `L`, or a floating-point number.
fn number(text: &str) -> Option<(Word, usize)> {
    let in_number = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
    let length = text.find(|c| !in_number(c)).unwrap_or(text.len());
    let number = &text[..length];
    let integer = number.strip_suffix('L').unwrap_or(number);
    let literal = match integer.parse::<i64>() {
        Ok(integer) => Literal::Int(integer),
        // Rust's "-inf" and the like are no numbers here.
        Err(_) if number.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) => {
            return None;
        }
        Err(_) => Literal::Double(number.parse().ok()?),
    };
    Some((Word::Literal(literal), length))
}

fn name(text: &str) -> (Word, usize) {
    let length = text.find(|c| !is_name_start(c) && !c.is_numeric()).unwrap_or(text.len());
    let word = match &text[..length] {
        "and" => Word::And,
        "or" => Word::Or,
        "not" => Word::Not,
        "eq" => Word::Operator(Operator::Eq),
        "ne" => Word::Operator(Operator::Ne),
        "gt" => Word::Operator(Operator::Gt),
        "ge" => Word::Operator(Operator::Ge),
        "lt" => Word::Operator(Operator::Lt),
        "le" => Word::Operator(Operator::Le),
        "true" => Word::Literal(Literal::Bool(true)),
        "false" => Word::Literal(Literal::Bool(false)),
        property => Word::Property(property.to_owned()),
    };
    (word, length)
}

/// Properties are named like C# identifiers.
fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}
