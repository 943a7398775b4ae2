//! Figures that are to be reached.

use serde::Serialize;

/// A figure that is to be reached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// What it is, and whether it is to be reached at least or at most.
    pub what: String,
    /// What was measured.
    pub measured: f64,
    /// What is to be reached.
    pub wanted: f64,
    /// Whether it is.
    pub reached: bool,
}

impl Target {
    /// A figure that is to be so high.
    pub fn at_least(what: String, measured: f64, wanted: f64) -> Self {
        Self { what: what + ", at least", measured, wanted, reached: measured >= wanted }
    }

    /// A figure that is not to be higher.
    pub fn at_most(what: String, measured: f64, wanted: f64) -> Self {
        Self { what: what + ", at most", measured, wanted, reached: measured <= wanted }
    }

    /// A figure that is to be lower.
    pub fn below(what: String, measured: f64, wanted: f64) -> Self {
        Self { what: what + ", below", measured, wanted, reached: measured < wanted }
    }
}

/// Prints which are reached and which are not.
pub fn print(targets: &[Target]) {
    println!();
    for target in targets {
        let verdict = if target.reached { "reached" } else { "NOT REACHED" };
        println!("{}: {:.2} (wanted {}): {verdict}", target.what, target.measured, target.wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_reaches_nothing() {
        let reached = |measured| {
            let what = String::new;
            [
                Target::at_least(what(), measured, 2.0).reached,
                Target::at_most(what(), measured, 2.0).reached,
                Target::below(what(), measured, 2.0).reached,
            ]
        };
        assert_eq!(reached(1.0), [false, true, true]);
        assert_eq!(reached(2.0), [true, true, false]);
        assert_eq!(reached(3.0), [true, false, false]);
        assert_eq!(reached(f64::NAN), [false, false, false]);
    }
}
