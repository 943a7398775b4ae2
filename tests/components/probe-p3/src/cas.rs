//! Compare-and-swap, as a component meets it: each case answers what it saw, step by step.

mod bindings {
    #![allow(missing_docs, unused, reason = "generated code")]
    spin_sdk::wit_bindgen::generate!({
        path: "../../../wit",
        world: "component",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

use bindings::wasi::keyvalue::atomics::{Cas, CasError, increment, swap};
use bindings::wasi::keyvalue::batch;
use bindings::wasi::keyvalue::store::{self, Bucket};

/// Runs a case on its own key.
pub fn run(case: &str) -> String {
    match case_of(case) {
        Ok(seen) => seen.join(", "),
        Err(error) => format!("error: {error:?}"),
    }
}

fn case_of(case: &str) -> Result<Vec<String>, store::Error> {
    let bucket = store::open("default")?;
    let key = format!("cas-{case}");
    let mut seen = Vec::new();
    match case {
        "unchanged" => {
            bucket.set(&key, b"a")?;
            let cas = Cas::new(&bucket, &key)?;
            seen.push(show(cas.current()?));
            seen.push(attempt(cas, b"b").0);
        }
        "changed" => {
            bucket.set(&key, b"a")?;
            let cas = Cas::new(&bucket, &key)?;
            cas.current()?;
            bucket.set(&key, b"other")?;
            let (outcome, fresh) = attempt(cas, b"b");
            seen.push(outcome);
            seen.push(attempt(fresh.expect("a failed swap gives a handle"), b"c").0);
        }
        "created-meanwhile" => {
            let cas = Cas::new(&bucket, &key)?;
            seen.push(show(cas.current()?));
            bucket.set(&key, b"other")?;
            seen.push(attempt(cas, b"mine").0);
        }
        "create" => {
            let cas = Cas::new(&bucket, &key)?;
            cas.current()?;
            seen.push(attempt(cas, b"mine").0);
        }
        "blind" => {
            let cas = Cas::new(&bucket, &key)?;
            bucket.set(&key, b"other")?;
            seen.push(attempt(cas, b"mine").0);
        }
        "deleted" => {
            bucket.set(&key, b"a")?;
            let cas = Cas::new(&bucket, &key)?;
            cas.current()?;
            bucket.delete(&key)?;
            seen.push(attempt(cas, b"b").0);
        }
        "increment" => {
            seen.push(increment(&bucket, &key, 5)?.to_string());
            seen.push(increment(&bucket, &key, -2)?.to_string());
            seen.push(format!("{:?}", bucket.get(&key)?.unwrap_or_default()));
            return Ok(seen);
        }
        "batch" => {
            let pairs = [("batch-1".to_owned(), b"1".to_vec()), ("batch-2".to_owned(), b"2".to_vec())];
            batch::set_many(&bucket, &pairs)?;
            let keys = ["batch-2".to_owned(), "batch-none".to_owned(), "batch-1".to_owned()];
            for (key, value) in batch::get_many(&bucket, &keys)? {
                seen.push(format!("{key}={}", show(value)));
            }
            batch::delete_many(&bucket, &keys)?;
            seen.push(bucket.exists("batch-1")?.to_string());
            return Ok(seen);
        }
        _ => return Ok(vec!["no such case".to_owned()]),
    }
    seen.push(show(final_value(&bucket, &key)?));
    Ok(seen)
}

fn final_value(bucket: &Bucket, key: &str) -> Result<Option<Vec<u8>>, store::Error> {
    bucket.get(key)
}

fn attempt(cas: Cas, value: &[u8]) -> (String, Option<Cas>) {
    match swap(cas, value) {
        Ok(()) => ("swapped".to_owned(), None),
        Err(CasError::CasFailed(fresh)) => ("failed".to_owned(), Some(fresh)),
        Err(CasError::StoreError(error)) => (format!("{error:?}"), None),
    }
}

fn show(value: Option<Vec<u8>>) -> String {
    value.map_or("nothing".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
}
