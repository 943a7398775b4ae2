//! "Did you mean" for names that are not there.

/// The candidate that `wrong` is most likely a slip of: fewest letters changed, and at most one in three.
fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(wrong, candidate), candidate))
        .filter(|(changes, candidate)| changes * 3 <= candidate.chars().count())
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, candidate)| candidate)
}

/// Advice for a name that is none of the candidates: the nearest, else all of them, else `none`.
pub(crate) fn advice<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    none: &str,
) -> String {
    if let Some(candidate) = nearest(wrong, candidates.clone()) {
        return format!("did you mean {candidate:?}?");
    }
    let all: Vec<_> = candidates.into_iter().collect();
    if all.is_empty() { none.to_owned() } else { format!("known here: {}", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_names_are_not() {
        let known = ["files", "key_value_stores", "build"];
        for (wrong, expected) in [
            ("key_value_store", "did you mean \"key_value_stores\"?"),
            ("flies", "did you mean \"files\"?"),
            ("biuld", "did you mean \"build\"?"),
            ("tool", "known here: files, key_value_stores, build"),
            ("", "known here: files, key_value_stores, build"),
        ] {
            assert_eq!(advice(wrong, known, "nothing"), expected, "{wrong}");
        }
        assert_eq!(advice("tool", [], "nothing"), "nothing");
    }
}
