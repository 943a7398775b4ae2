//! The patterns of durable functions, as one small application.
//!
//! | module | pattern | what it does here |
//! | --- | --- | --- |
//! | [`chaining`] | function chaining | checks, prices and invoices an order |
//! | [`fan_out`] | fan-out/fan-in | counts the words of many texts side by side |
//! | [`async_http`] | async HTTP API | counts primes for longer than a request may take |
//! | [`monitor`] | monitor | looks at a job every now and then until it is done |
//! | [`approval`] | human interaction | waits for a person, but not for ever |
//! | [`saga`] | saga with compensation | books a trip as a whole or not at all |
//! | [`aggregator`] | aggregator (stateful entities) | sums up what many stations measure |
//!
//! Each file is complete: the types, the orchestrator function, its activities, and the tests, which need no host. The
//! activities are simulations that need nothing outside: the same input gives the same result. [`api`] is what the
//! public component decides; the components themselves are glue.

pub mod aggregator;
pub mod api;
pub mod approval;
pub mod async_http;
pub mod chaining;
pub mod fan_out;
pub mod monitor;
pub mod saga;

use std::future::ready;

use longhaul::{ActivityFunctions, Orchestrators};

/// The names of the orchestrator functions, under which they are started.
pub const PATTERNS: [&str; 7] = [
    chaining::NAME,
    fan_out::NAME,
    async_http::NAME,
    monitor::NAME,
    approval::NAME,
    saga::NAME,
    aggregator::NAME,
];

/// The orchestrator functions.
pub fn orchestrators() -> Orchestrators {
    Orchestrators::new()
        .with(chaining::NAME, chaining::order)
        .with(fan_out::NAME, fan_out::count_words)
        .with(async_http::NAME, async_http::report)
        .with(monitor::NAME, monitor::watch)
        .with(approval::NAME, approval::decide)
        .with(saga::NAME, saga::book_trip)
        .with(aggregator::NAME, aggregator::report)
}

/// The activity functions. Most wait for nothing, so that they are plain functions, whose results are ready.
pub fn activities() -> ActivityFunctions<'static> {
    ActivityFunctions::new()
        .with("check-order", |_, order| ready(chaining::check(order)))
        .with("price-order", |_, order| ready(chaining::price(order)))
        .with("invoice-order", |_, order| ready(chaining::invoice(order)))
        .with("count-words", |_, text| ready(fan_out::count(text)))
        .with_resumable("count-primes", async_http::count_primes)
        .with("write-report", |_, counted| ready(async_http::write(counted)))
        .with("look-at-job", |_, look| ready(monitor::look(look)))
        .with("ask-approver", |_, what| ready(approval::ask(what)))
        .with("escalate", |_, what| ready(approval::escalate(what)))
        .with("book", |_, booking| ready(saga::book(booking)))
        .with("cancel", |_, reservation| ready(saga::cancel(reservation)))
}
