//! Saga with compensation: several things that are done as a whole or not at all, where no transaction spans them.
//!
//! What was done is remembered in an ordinary `Vec`. When something fails, all of it is undone, the last first. The
//! compensations are retried for longer than anything else, since giving up leaves a half-booked trip. If one fails for
//! good, so does the instance, with that failure: a person mends what is wrong and rewinds the instance, which goes on
//! with that very compensation.
//!
//! A step that failed is not undone here: to fail means that nothing was booked. Where that is not certain (the answer
//! was lost), undo it too, and let the compensation of something that was not done be none.

use std::time::Duration;

use longhaul::{Failure, OrchestrationContext, RetryPolicy};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "saga";

/// A trip: `{"to": "Ulm", "soldOut": "car"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trip {
    /// Where to.
    pub to: String,
    /// The part that cannot be booked, if any.
    #[serde(default)]
    pub sold_out: Option<Part>,
}

/// A part of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Part {
    Flight,
    Hotel,
    Car,
}

/// A part of a trip that is to be booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// The part.
    pub part: Part,
    /// The trip.
    pub trip: Trip,
}

/// What became of a trip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// All of it is booked: the reservations.
    Booked(Vec<String>),
    /// Nothing is.
    #[serde(rename_all = "camelCase")]
    CalledOff {
        /// Why.
        because: String,
        /// The reservations that there were, in the order in which they were cancelled.
        cancelled: Vec<String>,
    },
}

/// Books a trip, or cancels what was booked of it.
pub async fn book_trip(ctx: OrchestrationContext, trip: Trip) -> Result<Outcome, Failure> {
    let mut reservations = Vec::new();
    for part in [Part::Flight, Part::Hotel, Part::Car] {
        let booking = Booking { part, trip: trip.clone() };
        match ctx.call_activity("book", booking).await {
            Ok(reservation) => reservations.push(reservation),
            Err(failure) => return call_off(&ctx, reservations, failure).await,
        }
    }
    Ok(Outcome::Booked(reservations))
}

async fn call_off(
    ctx: &OrchestrationContext,
    reservations: Vec<String>,
    failure: Failure,
) -> Result<Outcome, Failure> {
    let policy = RetryPolicy::new(Duration::from_secs(1), 10)
        .backoff_coefficient(2.0)
        .max_interval(Duration::from_secs(60));
    let mut cancelled = Vec::new();
    for reservation in reservations.into_iter().rev() {
        ctx.call_activity::<_, ()>("cancel", &reservation).with_retry(policy.clone()).await?;
        cancelled.push(reservation);
    }
    Ok(Outcome::CalledOff { because: failure.message, cancelled })
}

/// The activity that books a part of a trip, and gives the reservation.
///
/// An activity may be called again when its answer was lost. What it does has to bear that: the same booking gives the
/// same reservation.
pub fn book(Booking { part, trip }: Booking) -> Result<String, Failure> {
    let what = match part {
        Part::Flight => format!("flight to {}", trip.to),
        Part::Hotel => format!("hotel in {}", trip.to),
        Part::Car => format!("car in {}", trip.to),
    };
    match trip.sold_out == Some(part) {
        true => Err(Failure::permanent("SoldOut", format!("there is no {what}"))),
        false => Ok(what),
    }
}

/// The activity that cancels a reservation. One that is cancelled already stays so.
pub fn cancel(_reservation: String) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use longhaul::testing::{TestCall, TestHub};

    use super::*;

    fn trip(sold_out: Option<Part>) -> Trip {
        Trip { to: "Ulm".into(), sold_out }
    }

    fn hub() -> TestHub<'static> {
        TestHub::new(crate::orchestrators()).activity("book", book).activity("cancel", cancel)
    }

    #[test]
    fn a_trip_is_booked_as_a_whole() {
        let run = hub().run(NAME, trip(None));
        let booked = ["flight to Ulm", "hotel in Ulm", "car in Ulm"].map(str::to_owned).into();
        assert_eq!(run.output(), Ok(Outcome::Booked(booked)));
        assert!(run.calls::<String>("cancel").is_empty());
    }

    #[test]
    fn when_a_part_fails_those_before_are_cancelled_the_last_first() {
        for (sold_out, why, expected) in [
            (Part::Flight, "there is no flight to Ulm", &[][..]),
            (Part::Hotel, "there is no hotel in Ulm", &["flight to Ulm"]),
            (Part::Car, "there is no car in Ulm", &["hotel in Ulm", "flight to Ulm"]),
        ] {
            let run = hub().run(NAME, trip(Some(sold_out)));
            let cancelled = expected.iter().map(|reservation| (*reservation).to_owned()).collect();
            assert_eq!(run.output(), Ok(Outcome::CalledOff { because: why.into(), cancelled }));
            assert_eq!(run.calls::<String>("cancel"), expected);
        }
    }

    #[test]
    fn a_compensation_is_tried_again_and_fails_the_instance_if_nothing_helps() {
        let busy = |until: u32| {
            hub().activity_with("cancel", move |call: TestCall<String>| match call.retry < until {
                true => Err(Failure::new("Busy", "the line is busy")),
                false => Ok(()),
            })
        };
        let run = busy(2).run(NAME, trip(Some(Part::Hotel)));
        assert!(matches!(run.output(), Ok(Outcome::CalledOff { .. })));
        assert_eq!(run.elapsed(), Duration::from_secs(1 + 2));
        let run = busy(u32::MAX).run(NAME, trip(Some(Part::Car)));
        assert_eq!(run.output::<Outcome>().unwrap_err().kind, "Busy");
        assert_eq!(run.calls::<String>("cancel").len(), 10, "the flight is still booked");
    }
}
