//! Cuts text into digits, words, marks and spaces, and walks over them.

/// The longest text in bytes, without white space around it, that is looked at.
pub const MAX_LENGTH: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A whole run of ASCII digits.
    Digits(&'a str),
    /// A whole run of ASCII letters.
    Word(&'a str),
    /// One of `/ . - , : + '`.
    Mark(char),
    /// A whole run of white space.
    Space,
}

/// The tokens of `text`, or `None` if it is too long or holds a character that no date has.
pub(super) fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut rest = text.trim();
    if rest.len() > MAX_LENGTH {
        return None;
    }
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '0'..='9' => {
                let length = run(rest, |c| c.is_ascii_digit());
                (Token::Digits(&rest[..length]), length)
            }
            'a'..='z' | 'A'..='Z' => {
                let length = run(rest, |c| c.is_ascii_alphabetic());
                (Token::Word(&rest[..length]), length)
            }
            '/' | '.' | '-' | ',' | ':' | '+' | '\'' => (Token::Mark(first), 1),
            c if c.is_whitespace() => (Token::Space, run(rest, char::is_whitespace)),
            _ => return None,
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Some(tokens)
}

/// The length in bytes of the run of characters of one kind that `text` begins with.
fn run(text: &str, kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !kind(c)).unwrap_or(text.len())
}

/// A place in the tokens. Each method steps over what it names, or stays and says that it is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [Token<'a>],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tokens: &'a [Token<'a>]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn space(&mut self) -> bool {
        self.step(|token| (token == Token::Space).then_some(())).is_some()
    }

    /// Any one of the characters in `marks`.
    pub(super) fn mark(&mut self, marks: &str) -> Option<char> {
        self.step(|token| match token {
            Token::Mark(mark) if marks.contains(mark) => Some(mark),
            _ => None,
        })
    }

    /// Any one of `words`, in any case.
    pub(super) fn word(&mut self, words: &[&str]) -> bool {
        self.map_word(|word| words.iter().any(|w| w.eq_ignore_ascii_case(word)).then_some(())).is_some()
    }

    /// A word that `meaning` knows.
    pub(super) fn map_word<T>(&mut self, meaning: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.step(|token| match token {
            Token::Word(word) => meaning(word),
            _ => None,
        })
    }

    pub(super) fn digits(&mut self) -> Option<&'a str> {
        self.step(|token| match token {
            Token::Digits(digits) => Some(digits),
            _ => None,
        })
    }

    /// A number of exactly two digits.
    pub(super) fn two_digits(&mut self) -> Option<i8> {
        self.step(|token| match token {
            Token::Digits(digits) if digits.len() == 2 => digits.parse().ok(),
            _ => None,
        })
    }

    fn step<T>(&mut self, reading: impl FnOnce(Token<'a>) -> Option<T>) -> Option<T> {
        let (&token, rest) = self.rest.split_first()?;
        let read = reading(token)?;
        self.rest = rest;
        Some(read)
    }
}
