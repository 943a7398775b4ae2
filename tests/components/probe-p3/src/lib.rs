//! A WASI 0.3 component that does what the path of its request says.
//!
//! Answers are plain text. What fails is answered with 200 and `error: …`, since the tests ask what the component saw.

mod cas;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, Request, Response, Result};
use spin_sdk::key_value::Store;

/// Requests that this instance has seen.
static SEEN: AtomicU64 = AtomicU64::new(0);

#[spin_sdk::http_service]
async fn handle(request: Request) -> Result<Response<FullBody<Bytes>>> {
    SEEN.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path().to_owned();
    let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let answer = match steps.as_slice() {
        ["echo", ..] => Ok(echo(request).await?),
        ["seen"] => Ok(SEEN.load(Ordering::Relaxed).to_string()),
        ["kv", rest @ ..] => key_value(rest).await.map_err(|error| format!("{error:?}")),
        ["open", label] => {
            Store::open(label).await.map(|_| "opened".to_owned()).map_err(|e| format!("{e:?}"))
        }
        ["cas", case] => Ok(cas::run(case)),
        ["variable", name] => spin_sdk::variables::get(name).await.map_err(|error| format!("{error:?}")),
        ["environment", name] => std::env::var(name).map_err(|error| error.to_string()),
        ["call"] => call(request.uri().query().unwrap_or_default()).await,
        ["set-and-call", key, value] => {
            key_value(&["set", key, value]).await.map_err(|error| format!("{error:?}"))?;
            call(request.uri().query().unwrap_or_default()).await
        }
        ["background", key, milliseconds] => {
            let (key, pause) = ((*key).to_owned(), pause(milliseconds));
            spin_sdk::wasip3::spawn(async move {
                spin_sdk::time::sleep(pause).await;
                let store = Store::open_default().await.expect("the probe has the default store");
                store.set(&key, b"done").await.expect("the store works");
            });
            Ok("later".to_owned())
        }
        ["sleep", milliseconds] => {
            spin_sdk::time::sleep(pause(milliseconds)).await;
            Ok("slept".to_owned())
        }
        ["slowly", key, milliseconds] => slowly(key, pause(milliseconds)).await.map_err(|e| format!("{e:?}")),
        ["busy", milliseconds] => Ok(busy(pause(milliseconds))),
        ["grow", mebibytes] => {
            let size = mebibytes.parse::<usize>().unwrap_or(0) << 20;
            Ok(vec![1u8; size].iter().map(|byte| usize::from(*byte)).sum::<usize>().to_string())
        }
        ["print"] => {
            println!("printed\nand once more");
            eprintln!("complained");
            Ok("printed".to_owned())
        }
        ["trap"] => panic!("trapped on demand"),
        ["fail"] => return Err("failed on demand".into()),
        _ => Ok(format!("nothing is done for {path}")),
    };
    let text = answer.unwrap_or_else(|error| format!("error: {error}"));
    let mut response = Response::new(FullBody::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

fn pause(milliseconds: &str) -> Duration {
    Duration::from_millis(milliseconds.parse().unwrap_or(0))
}

/// The request line, the headers, and the length of the body.
async fn echo(request: Request) -> Result<String> {
    let (parts, body) = request.into_parts();
    let mut text = format!("{} {}\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        text += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    Ok(text + &format!("body: {}\n", body.bytes().await?.len()))
}

async fn key_value(steps: &[&str]) -> Result<String, spin_sdk::key_value::Error> {
    let store = Store::open_default().await?;
    Ok(match steps {
        ["get", key] => match store.get(key).await? {
            Some(value) => String::from_utf8_lossy(&value).into_owned(),
            None => "nothing".to_owned(),
        },
        ["set", key, value] => {
            store.set(key, value).await?;
            "set".to_owned()
        }
        ["delete", key] => {
            store.delete(key).await?;
            "deleted".to_owned()
        }
        ["set-times", key, times] => {
            for number in 0..times.parse().unwrap_or(0_u64) {
                store.set(key, number.to_string()).await?;
            }
            "set".to_owned()
        }
        ["exists", key] => store.exists(key).await?.to_string(),
        ["keys"] => {
            let mut keys = store.get_keys().await.collect().await?;
            keys.sort();
            keys.join(",")
        }
        _ => "no such operation".to_owned(),
    })
}

/// Sets the key, so that others see that this has begun, and then takes its time.
async fn slowly(key: &str, time: Duration) -> Result<String, spin_sdk::key_value::Error> {
    Store::open_default().await?.set(key, b"begun").await?;
    spin_sdk::time::sleep(time).await;
    Ok("done".to_owned())
}

/// Calls the URL; answers the status and the body.
async fn call(url: &str) -> Result<String, String> {
    let response = spin_sdk::http::get(url).await.map_err(|error| format!("{error:?}"))?;
    let status = response.status();
    let body = response.into_body().bytes().await.map_err(|error| format!("{error:?}"))?;
    Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
}

/// Computes, without a moment's rest, for so long.
fn busy(time: Duration) -> String {
    let start = Instant::now();
    let mut rounds = 0u64;
    while start.elapsed() < time {
        rounds += 1;
    }
    format!("busy for {} rounds", rounds.min(1))
}
