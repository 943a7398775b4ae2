//! The grammar of a filter: `or` binds least, then `and`, then `not`.

use super::lex::{Token, Word, lex};
use super::{Comparison, Filter};

/// The Table service takes no more comparisons than this in a filter.
const MAX_COMPARISONS: usize = 15;
/// Deeper parentheses than anybody writes, and far fewer than the stack holds.
const MAX_DEPTH: usize = 100;

/// Why a text is not a filter. Places are counted in bytes from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidFilter {
    #[error("the string that begins at {at} has no closing quote")]
    UnclosedString { at: usize },
    #[error("the number at {at} is not one")]
    BadNumber { at: usize },
    #[error("the character {character:?} at {at} has no meaning here")]
    UnexpectedCharacter { at: usize, character: char },
    #[error("{expected} is missing at {at}")]
    Expected { expected: &'static str, at: usize },
    #[error("a filter takes at most {MAX_COMPARISONS} comparisons")]
    TooManyComparisons,
    #[error("a filter takes at most {MAX_DEPTH} levels of parentheses and nots")]
    TooDeep,
}

pub(super) fn parse(text: &str) -> Result<Filter, InvalidFilter> {
    let mut parser = Parser { tokens: lex(text)?.into_iter().peekable(), end: text.len(), comparisons: 0 };
    let filter = parser.any_of(0)?;
    match parser.tokens.next() {
        None => Ok(filter),
        Some(token) => Err(InvalidFilter::Expected { expected: "'and' or 'or'", at: token.at }),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// The length of the text, the place of what is missing at its end.
    end: usize,
    comparisons: usize,
}

impl Parser {
    fn any_of(&mut self, depth: usize) -> Result<Filter, InvalidFilter> {
        let mut filter = self.all_of(depth)?;
        while self.skip(&Word::Or) {
            filter = Filter::Or(Box::new(filter), Box::new(self.all_of(depth)?));
        }
        Ok(filter)
    }

    fn all_of(&mut self, depth: usize) -> Result<Filter, InvalidFilter> {
        let mut filter = self.term(depth)?;
        while self.skip(&Word::And) {
            filter = Filter::And(Box::new(filter), Box::new(self.term(depth)?));
        }
        Ok(filter)
    }

    fn term(&mut self, depth: usize) -> Result<Filter, InvalidFilter> {
        if depth >= MAX_DEPTH {
            return Err(InvalidFilter::TooDeep);
        }
        let (at, word) = self.next();
        match word {
            Some(Word::Not) => Ok(Filter::Not(Box::new(self.term(depth + 1)?))),
            Some(Word::Open) => {
                let inner = self.any_of(depth + 1)?;
                match self.next() {
                    (_, Some(Word::Close)) => Ok(inner),
                    (at, _) => Err(InvalidFilter::Expected { expected: "a closing parenthesis", at }),
                }
            }
            Some(Word::Property(property)) => self.comparison(property),
            _ => Err(InvalidFilter::Expected { expected: "a property's name", at }),
        }
    }

    fn comparison(&mut self, property: String) -> Result<Filter, InvalidFilter> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return Err(InvalidFilter::TooManyComparisons);
        }
        let operator = match self.next() {
            (_, Some(Word::Operator(operator))) => operator,
            (at, _) => return Err(InvalidFilter::Expected { expected: "a comparison operator", at }),
        };
        match self.next() {
            (_, Some(Word::Literal(literal))) => {
                Ok(Filter::Compare(Comparison { property, operator, literal }))
            }
            (at, _) => Err(InvalidFilter::Expected { expected: "a constant", at }),
        }
    }

    fn next(&mut self) -> (usize, Option<Word>) {
        match self.tokens.next() {
            Some(Token { at, word }) => (at, Some(word)),
            None => (self.end, None),
        }
    }

    fn skip(&mut self, word: &Word) -> bool {
        self.tokens.next_if(|token| token.word == *word).is_some()
    }
}
