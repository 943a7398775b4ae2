//! Text from a server, made fit for a terminal.

use std::borrow::Cow;

/// The text without control characters, which could do anything to a terminal: they are shown escaped.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|character| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    });
    Cow::Owned(escaped.collect())
}

/// The text, cut to this many characters if it is longer.
pub fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// JSON on lines of its own, indented by two blanks a level. The text of its values stays as it is, and so does the order
/// of its members; `json` is one JSON value.
pub fn indented(json: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let mut rest = json.trim().chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(character) = rest.next() {
        if in_string {
            out.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                out.push(character);
            }
            '{' | '[' => {
                out.push(character);
                while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match rest.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = usize::saturating_sub(depth, 1);
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(character);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            blank if blank.is_ascii_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_texts_cut() {
        assert_eq!(plain("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
        assert!(matches!(plain("größer"), Cow::Borrowed("größer")));
        assert_eq!((cut("äöü", 2), cut("äöü", 3)), ("äö…".to_owned(), "äöü".to_owned()));
    }

    #[test]
    fn json_is_indented_and_otherwise_left_as_it_is() {
        for (json, expected) in [
            ("1e400", "1e400"),
            (r#""a{\"[,:\\""#, r#""a{\"[,:\\""#),
            ("[ ]", "[]"),
            (
                r#" {"z":{ },"a":[1, "x: y",[2]]}"#,
                "{\n  \"z\": {},\n  \"a\": [\n    1,\n    \"x: y\",\n    [\n      2\n    ]\n  ]\n}",
            ),
        ] {
            assert_eq!(indented(json), expected);
            let (before, after): (serde_json::Value, serde_json::Value) =
                match (serde_json::from_str(json), serde_json::from_str(expected)) {
                    (Ok(before), Ok(after)) => (before, after),
                    _ => continue,
                };
            assert_eq!(before, after);
        }
    }
}
