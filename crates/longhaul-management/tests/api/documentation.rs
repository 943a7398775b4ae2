//! The table in `docs/management-api.md`: each operation with each of its answers, and tests that there are.

use std::collections::BTreeSet;

use longhaul_management::OPERATIONS;

const PAGE: &str = include_str!("../../../../docs/management-api.md");
const TESTS: [&str; 5] = [
    include_str!("looking.rs"),
    include_str!("many.rs"),
    include_str!("starting.rs"),
    include_str!("telling.rs"),
    include_str!("who.rs"),
];

/// The rows of the table: the operation, the status, and the names of tests.
fn rows() -> Vec<(String, u16, Vec<String>)> {
    let begin = PAGE.find("| operation | status |").expect("there is the table");
    let table = PAGE[begin..].lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut operation = String::new();
    let rows = table.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        // The operation is said once, before its answers.
        if !cells[0].is_empty() {
            operation = cells[0].split('`').nth(1).expect("an operation's name").to_owned();
        }
        let status = cells[1].split(' ').next().and_then(|status| status.parse().ok()).expect("a status");
        let tests = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (operation.clone(), status, tests)
    });
    rows.collect()
}

#[test]
fn the_table_has_each_answer_of_each_operation_and_no_other() {
    let written: Vec<_> = rows().into_iter().map(|(operation, status, _)| (operation, status)).collect();
    let unique: BTreeSet<_> = written.iter().cloned().collect();
    assert_eq!(unique.len(), written.len(), "an answer stands twice in the table");
    let there_are: BTreeSet<_> = OPERATIONS
        .iter()
        .flat_map(|row| row.answers.iter().map(|answer| (row.id.to_owned(), answer.status)))
        .chain([401, 404, 405].map(|status| ("all".to_owned(), status)))
        .collect();
    let missing: Vec<_> = there_are.difference(&unique).collect();
    let made_up: Vec<_> = unique.difference(&there_are).collect();
    assert!(missing.is_empty() && made_up.is_empty(), "missing: {missing:?}, made up: {made_up:?}");
}

#[test]
fn the_tests_that_the_table_names_are_there() {
    for (operation, status, tests) in rows() {
        assert!(!tests.is_empty(), "{operation} {status} has no test");
        for test in tests {
            let is_there = TESTS.iter().any(|file| file.contains(&format!("#[test]\nfn {test}()")));
            assert!(is_there, "{operation} {status}: there is no test {test}");
        }
    }
}

#[test]
fn every_path_is_described() {
    for row in OPERATIONS {
        for path in row.paths {
            for method in row.methods {
                let heading = format!("`{method} {path}`");
                assert!(PAGE.contains(&heading), "{heading} is not described");
            }
        }
    }
}
