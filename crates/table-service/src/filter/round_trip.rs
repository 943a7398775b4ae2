//! What the client's filter builder writes, this parser reads as it was meant: whatever is in the values.

use azure_tables::{Comparison as Compare, Filter as Written, Property, Value};
use proptest::prelude::*;

use super::*;

fn operator() -> impl Strategy<Value = (Compare, Operator)> {
    prop_oneof![
        Just((Compare::Eq, Operator::Eq)),
        Just((Compare::Ne, Operator::Ne)),
        Just((Compare::Gt, Operator::Gt)),
        Just((Compare::Ge, Operator::Ge)),
        Just((Compare::Lt, Operator::Lt)),
        Just((Compare::Le, Operator::Le)),
    ]
}

fn value() -> impl Strategy<Value = (Value, Literal)> {
    // Texts that could be taken for something else, and any.
    let text = prop_oneof!["['() a-c=@]{0,8}|x' or y eq '|' or true|\\)\\) and \\(", any::<String>()];
    prop_oneof![
        text.prop_map(|text| (Value::Text(text.clone()), Literal::String(text))),
        any::<bool>().prop_map(|value| (Value::Bool(value), Literal::Bool(value))),
        any::<i32>().prop_map(|number| (Value::Int32(number), Literal::Int(number.into()))),
        any::<i64>().prop_map(|number| (Value::Int64(number), Literal::Int(number))),
        proptest::num::f64::NORMAL.prop_map(|number| (Value::Double(number), Literal::Double(number))),
    ]
}

fn comparison() -> impl Strategy<Value = (Written, Filter)> {
    ("[a-zA-Zñ_][a-z0-9_]{0,5}", operator(), value()).prop_filter_map(
        "no word of the language",
        |(name, op, value)| {
            let written = Property::new(&name).ok()?.is(op.0, value.0).ok()?;
            Some((written, Filter::Compare(Comparison { property: name, operator: op.1, literal: value.1 })))
        },
    )
}

fn filter() -> impl Strategy<Value = (Written, Filter)> {
    comparison().prop_recursive(4, 16, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|((a, x), (b, y))| (a.and(&b), Filter::And(Box::new(x), Box::new(y)))),
            two.prop_map(|((a, x), (b, y))| (a.or(&b), Filter::Or(Box::new(x), Box::new(y)))),
            inner.prop_map(|(a, x)| (a.negated(), Filter::Not(Box::new(x)))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_was_built_is_read_as_it_was_meant((written, meant) in filter()) {
        prop_assert_eq!(Filter::parse(written.as_str()), Ok(meant), "{}", written);
    }
}
