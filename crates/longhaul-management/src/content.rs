//! The JSON in the body of a request.

use longhaul::Json;
use serde_json::Number;

use crate::refusal::Refusal;
use crate::route::Base;

/// The JSON of a body; empty: null. Below the base for client libraries one level of wrapping is taken off.
pub(crate) fn json(body: &[u8], base: Base) -> Result<Json, Refusal> {
    let text = str::from_utf8(body).map_err(|error| Refusal::NoJson(error.to_string()))?;
    if text.trim().is_empty() {
        return Ok(Json::null());
    }
    let json = Json::parse(text).map_err(|error| Refusal::NoJson(error.to_string()))?;
    Ok(match base {
        Base::Webhooks => json,
        Base::Rpc => unwrapped(&json).unwrap_or(json),
    })
}

/// The JSON that a JSON string holds: the Python client library posts all of its JSON so.
///
/// A number is taken out only if it is written as that library writes numbers, so that a text of digits that somebody
/// meant (`"007"`, `"1e3"`) stays one.
fn unwrapped(json: &Json) -> Option<Json> {
    let text: String = json.text().starts_with('"').then(|| json.to().ok()).flatten()?;
    let inner = Json::parse(&text).ok()?;
    match inner.text().as_bytes().first()? {
        b'{' | b'[' | b'"' | b't' | b'f' | b'n' => Some(inner),
        _ => is_canonical_number(&text).then_some(inner),
    }
}

fn is_canonical_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // JSON has seen to it that there is no zero before others.
        return text != "-0";
    }
    let Some(float) = text.parse::<f64>().ok().filter(|float| float.is_finite()) else { return false };
    let as_rust = Number::from_f64(float).is_some_and(|number| number.to_string() == text);
    as_rust || python_repr(float) == text
}

/// A float as Python's `repr` writes it: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
fn python_repr(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => {
            let plain = float.to_string();
            if plain.contains('.') { plain } else { format!("{plain}.0") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_base_for_client_libraries_one_level_is_taken_off() {
        for (body, expected) in [
            ("", "null"),
            ("  ", "null"),
            ("null", "null"),
            (r#"{"a":"[1]"}"#, r#"{"a":"[1]"}"#),
            (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
            (r#""[1, \"2\"]""#, r#"[1, "2"]"#),
            (r#""\"hello\"""#, r#""hello""#),
            (r#""\"{}\"""#, r#""{}""#),
            (r#""null""#, "null"),
            (r#""true""#, "true"),
            (r#""false""#, "false"),
            (r#""7""#, "7"),
            (r#""-7""#, "-7"),
            (r#""18446744073709551617""#, "18446744073709551617"),
            (r#""1.5""#, "1.5"),
            (r#""1.0""#, "1.0"),
            (r#""1e+16""#, "1e+16"),
            (r#""1.5e-07""#, "1.5e-07"),
            (r#""0.0001""#, "0.0001"),
            // These are texts.
            (r#""1e3""#, r#""1e3""#),
            (r#""1.50""#, r#""1.50""#),
            (r#""-0""#, r#""-0""#),
            (r#"" 7""#, r#"" 7""#),
            (r#""007""#, r#""007""#),
            (r#""hello""#, r#""hello""#),
            (r#""""#, r#""""#),
            (r#""{""#, r#""{""#),
            (r#""NaN""#, r#""NaN""#),
        ] {
            assert_eq!(json(body.as_bytes(), Base::Rpc).unwrap().text(), expected, "{body}");
        }
        for body in [r#""{\"a\": 1}""#, r#""null""#, "7"] {
            assert_eq!(json(body.as_bytes(), Base::Webhooks).unwrap().text(), body);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for body in [&b"{"[..], b"{}{}", b"hello", b"\xff", b"'a'"] {
            assert!(matches!(json(body, Base::Webhooks), Err(Refusal::NoJson(_))), "{body:?}");
        }
    }
}
