//! Drives parsers with mutations of committed seeds, in the ordinary tests.
//!
//! A crate that parses bytes from outside has a test `tests/fuzz/main.rs`, with the seeds of each target in
//! `tests/fuzz/corpus/<target>/`, a file each. A target gets every seed as it is, then mutations of them for a second;
//! it fails by panicking, and the input is then printed. `FUZZ_SECONDS` makes it longer, `FUZZ_SEED` another run.
//! An input that failed is best committed as a seed.
//!
//! ```no_run
//! seed_fuzz::run(env!("CARGO_MANIFEST_DIR"), "connection_string", |bytes| {
//!     let _ = String::from_utf8_lossy(bytes).parse::<u32>();
//! });
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Bytes that mean something in what is parsed here: settings, JSON, XML, URLs, HTTP.
const SIGNIFICANT: &[u8] = b"=;:,\"'\\{}[]()<>/%?&@#\r\n\0\xff 09eE-+";

/// No input is longer.
const LONGEST: usize = 64 * 1024;

/// Runs `target` with the seeds in `{crate_directory}/tests/fuzz/corpus/{name}/` and mutations of them.
///
/// # Panics
///
/// When the target does, and when there are no seeds.
pub fn run(crate_directory: &str, name: &str, target: impl Fn(&[u8])) {
    let directory = Path::new(crate_directory).join("tests/fuzz/corpus").join(name);
    let seeds = seeds(&directory);
    assert!(!seeds.is_empty(), "there are no seeds in {}", directory.display());
    for seed in &seeds {
        check(seed, &target);
    }
    let number = |name: &str, default| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => default,
    };
    let mut random = StdRng::seed_from_u64(number("FUZZ_SEED", 0));
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 1));
    while Instant::now() < end {
        check(&mutation(&seeds, &mut random), &target);
    }
}

fn seeds(directory: &Path) -> Vec<Vec<u8>> {
    let Ok(files) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    // The order of a directory is chance, and a run must be repeatable.
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a seed can be read")).collect()
}

fn check(input: &[u8], target: &impl Fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("the input that failed: {:?}", String::from_utf8_lossy(input));
        eprintln!("as bytes: {input:02x?}");
        resume_unwind(panic);
    }
}

/// One to eight changes of a seed.
fn mutation(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..=8) {
        let at = random.random_range(0..=bytes.len());
        let rest = bytes.len() - at;
        let end = at + random.random_range(0..=rest.min(16));
        match random.random_range(0..7) {
            0 if rest > 0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 if rest > 0 => bytes[at] = random.random(),
            2 => bytes.insert(at, SIGNIFICANT[random.random_range(0..SIGNIFICANT.len())]),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = random.random_range(0..=bytes.len());
                bytes.splice(to..to, copy);
            }
            5 => bytes.truncate(at),
            6 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                bytes.truncate(at);
                bytes.extend(&other[random.random_range(0..=other.len())..]);
            }
            _ => {}
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_fault_that_no_seed_has_is_found() {
        let found = catch_unwind(|| {
            run(env!("CARGO_MANIFEST_DIR"), "self", |bytes| {
                let text = String::from_utf8_lossy(bytes);
                assert!(!text.contains("a=1;a=1"), "a setting is given twice");
            });
        });
        assert!(found.is_err());
    }

    #[test]
    fn mutations_differ_and_are_the_same_in_each_run() {
        let seeds = vec![b"a=1;b=2".to_vec()];
        let some = |_| {
            let mut random = StdRng::seed_from_u64(1);
            (0..1000).map(|_| mutation(&seeds, &mut random)).collect::<BTreeSet<_>>()
        };
        let (first, second) = (some(0), some(1));
        assert_eq!(first, second);
        assert!(first.len() > 500, "{}", first.len());
        let none = RefCell::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            run(env!("CARGO_MANIFEST_DIR"), "nothing", |_| *none.borrow_mut() += 1);
        }));
        assert!(panicked.is_err() && *none.borrow() == 0);
    }
}
