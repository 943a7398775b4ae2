//! Values as they are saved, a part at a time: one JSON object of lists, by kind.
//!
//! Fractions are written by their bits, so that what is read back is the same number whatever reads it.

use std::borrow::Cow;
use std::cell::Cell as Once;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::texts::Place;
use super::{Cell, DistinctValues};

/// How much of a set has been saved.
#[derive(Debug, Clone, Default)]
pub(super) struct Saved {
    texts: Place,
    integers: usize,
    fractions: usize,
    has_true: bool,
    has_false: bool,
}

/// The values that were added to a set since it was last saved.
#[derive(Debug, Clone, Copy)]
pub struct NewValues<'a>(&'a DistinctValues);

impl DistinctValues {
    /// The values that were added since [`DistinctValues::mark_saved`], to be saved.
    pub fn new_values(&self) -> NewValues<'_> {
        NewValues(self)
    }

    /// About how many bytes the new values take when they are saved; 0 if there are none.
    pub fn new_bytes(&self) -> usize {
        let saved = &self.saved;
        let numbers = self.integers.len() - saved.integers + self.fractions.len() - saved.fractions;
        let truths =
            usize::from(self.has_true != saved.has_true) + usize::from(self.has_false != saved.has_false);
        self.texts.bytes_since(saved.texts) + 16 * numbers + truths
    }

    /// From now on, all values that are there are old ones.
    pub fn mark_saved(&mut self) {
        self.saved = Saved {
            texts: self.texts.end(),
            integers: self.integers.len(),
            fractions: self.fractions.len(),
            has_true: self.has_true,
            has_false: self.has_false,
        };
    }

    /// Adds values that were saved. They count as saved if all others do.
    ///
    /// # Errors
    ///
    /// When the JSON is not what [`DistinctValues::new_values`] gives.
    pub fn restore(&mut self, json: &str) -> Result<(), serde_json::Error> {
        let all_saved = self.new_bytes() == 0;
        let mut reader = serde_json::Deserializer::from_str(json);
        Segment(self).deserialize(&mut reader)?;
        reader.end()?;
        if all_saved {
            self.mark_saved();
        }
        Ok(())
    }
}

impl Serialize for NewValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(values) = self;
        let saved = &values.saved;
        let mut map = serializer.serialize_map(None)?;
        if values.texts.bytes_since(saved.texts) > 0 {
            map.serialize_entry("texts", &List::of(values.texts.since(saved.texts)))?;
        }
        if values.integers.len() > saved.integers {
            map.serialize_entry("integers", &List::of(values.integers.iter().skip(saved.integers)))?;
        }
        if values.fractions.len() > saved.fractions {
            map.serialize_entry("fractions", &List::of(values.fractions.iter().skip(saved.fractions)))?;
        }
        let truths = [(false, values.has_false, saved.has_false), (true, values.has_true, saved.has_true)];
        if truths.iter().any(|(_, has, had)| has != had) {
            let new = truths.iter().filter(|(_, has, had)| has != had);
            map.serialize_entry("truths", &List::of(new.map(|(truth, ..)| truth)))?;
        }
        map.end()
    }
}

/// What an iterator gives, as a list; once.
struct List<I>(Once<Option<I>>);

impl<I> List<I> {
    fn of(items: I) -> Self {
        Self(Once::new(Some(items)))
    }
}

impl<I: Iterator<Item: Serialize>> Serialize for List<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

/// Reads a segment straight into a set.
struct Segment<'s>(&'s mut DistinctValues);

impl<'de> DeserializeSeed<'de> for Segment<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Segment<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists of values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(kind) = map.next_key::<Cow<'de, str>>()? {
            let kind = match kind.as_ref() {
                "texts" => Kind::Texts,
                "integers" => Kind::Integers,
                "fractions" => Kind::Fractions,
                "truths" => Kind::Truths,
                other => {
                    return Err(A::Error::unknown_field(
                        other,
                        &["texts", "integers", "fractions", "truths"],
                    ));
                }
            };
            map.next_value_seed(Values { values: self.0, kind })?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Texts,
    Integers,
    Fractions,
    Truths,
}

/// Reads a list of values of one kind.
struct Values<'s> {
    values: &'s mut DistinctValues,
    kind: Kind,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values of one kind")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element_seed(super::AnyCell)? {
            self.values.insert(match (self.kind, value) {
                (Kind::Texts, text @ Cell::Text(_)) => text,
                (Kind::Integers, number @ Cell::Integer(_)) => number,
                (Kind::Fractions, Cell::Integer(bits)) => u64::try_from(bits)
                    .map(f64::from_bits)
                    .ok()
                    .filter(|number| number.is_finite())
                    .map(Cell::Fraction)
                    .ok_or_else(|| A::Error::custom("not the bits of a number"))?,
                (Kind::Truths, truth @ Cell::Bool(_)) => truth,
                _ => return Err(A::Error::custom("a value of another kind")),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::page::Page;

    fn page(rows: &[serde_json::Value]) -> Page {
        let rows: Vec<_> = rows.iter().map(|value| serde_json::json!({"c": value})).collect();
        let body = serde_json::json!({ "value": rows }).to_string();
        Page::new(Bytes::from(body), None).expect("a page")
    }

    fn scalar() -> impl Strategy<Value = serde_json::Value> {
        prop_oneof![
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            (-3..3_i64).prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,3}".prop_map(Into::into),
            "[ab\"]{0,2}".prop_map(Into::into),
        ]
    }

    proptest! {
        #[test]
        fn what_was_saved_in_parts_is_read_back_as_the_same_set(
            pages in proptest::collection::vec(proptest::collection::vec(scalar(), 0..20), 0..6),
        ) {
            let (mut values, mut segments) = (DistinctValues::default(), Vec::new());
            for rows in &pages {
                values.add(&page(rows), "c").expect("scalars");
                let segment = serde_json::to_string(&values.new_values()).expect("JSON");
                prop_assert_eq!(values.new_bytes() == 0, segment == "{}");
                segments.push(segment);
                values.mark_saved();
                prop_assert_eq!(values.new_bytes(), 0);
            }
            let mut restored = DistinctValues::default();
            for segment in &segments {
                restored.restore(segment).expect("a segment");
            }
            prop_assert_eq!((restored.len(), restored.new_bytes()), (values.len(), 0));
            // Nothing of it is new to the set that was read back.
            for rows in &pages {
                restored.add(&page(rows), "c").expect("scalars");
            }
            prop_assert_eq!(restored.len(), values.len());
        }
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        for json in [
            "",
            "[]",
            "{",
            "{}{}",
            r#"{"texts":1}"#,
            r#"{"texts":[1]}"#,
            r#"{"texts":[null]}"#,
            r#"{"more":[]}"#,
            r#"{"integers":["1"]}"#,
            r#"{"integers":[1.5]}"#,
            r#"{"fractions":[-1]}"#,
            r#"{"truths":[0]}"#,
            r#"{"fractions":[9218868437227405312]}"#,
        ] {
            assert!(DistinctValues::default().restore(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_text_of_ten_characters_is_saved_in_13_bytes() {
        let mut values = DistinctValues::default();
        let ids: Vec<_> = (0..1000).map(|id| (1_000_000_000_u64 + id).to_string().into()).collect();
        values.add(&page(&ids), "c").expect("texts");
        let saved = serde_json::to_string(&values.new_values()).expect("JSON");
        assert_eq!(saved.len(), 13 * 1000 + r#"{"texts":[]}"#.len() - 1);
    }
}
