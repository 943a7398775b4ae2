//! The list syntax that `Prefer` (RFC 7240, section 2) and `Forwarded` (RFC 7239, section 4) share.
//!
//! ```text
//! list    = element *( "," element )        several header lines are one list
//! element = pair *( ";" pair )
//! pair    = name [ "=" ( token / quoted-string ) ]
//! ```

use http::header::{AsHeaderName, HeaderMap};

/// One element: its pairs in order, names in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element(Vec<(String, String)>);

impl Element {
    /// The element's first pair.
    pub fn first(&self) -> Option<(&str, &str)> {
        self.0.first().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of the pair called `name` (in lower case).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The elements of all header lines called `name`, without empty ones. Lines that are not ASCII are left out.
pub fn elements(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<Element> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| split_outside_quotes(line, ',')).map(element).filter(|e| !e.0.is_empty()).collect()
}

fn element(text: &str) -> Element {
    let pairs = split_outside_quotes(text, ';').into_iter().map(str::trim).filter(|pair| !pair.is_empty());
    Element(
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.trim().to_ascii_lowercase(), unquote(value.trim()))
            })
            .collect(),
    )
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c| {
        let splits = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        splits
    })
    .collect()
}

/// The meaning of a token or quoted-string.
fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{FORWARDED, HeaderValue};

    #[test]
    fn lines_split_into_elements_and_pairs_outside_of_quotes() {
        let table: &[(&[&str], &str)] = &[
            (&["a"], "[a=]"),
            (&["A=B"], "[a=B]"),
            (&["a=1, b=2"], "[a=1][b=2]"),
            (&["a=1", "b=2"], "[a=1][b=2]"),
            (&["a=1;b=2 ; c"], "[a=1 b=2 c=]"),
            (&[" a = 1 ,, ; ,"], "[a=1]"),
            (&[r#"a="x,y;z=\"q\" \\", b"#], r#"[a=x,y;z="q" \][b=]"#),
            (&[r#"a="x\",y", b"#], r#"[a=x",y][b=]"#),
            (&[r#"a="open, b"#], r#"[a="open, b]"#),
            (&[r#"a=""#], r#"[a="]"#),
            (&[r#"a="""#], "[a=]"),
            (&[""], ""),
            (&[], ""),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(FORWARDED, HeaderValue::from_str(line).unwrap());
            }
            let shown: String = elements(&headers, FORWARDED)
                .iter()
                .map(|element| {
                    let pairs: Vec<_> =
                        element.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    format!("[{}]", pairs.join(" "))
                })
                .collect();
            assert_eq!(shown, *expected, "{lines:?}");
        }
    }
}
