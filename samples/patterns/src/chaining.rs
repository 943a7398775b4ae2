//! Function chaining: one activity after the other, each with what the one before has given.
//!
//! The orchestrator is an ordinary `async fn`: a chain is a `?` after an `await`. After each activity its result is
//! stored. When the host dies between two of them, the orchestrator is replayed up to the stored results, and goes on
//! with the next activity; those that have ended do not run again. A failure ends the chain where it happens.

use longhaul::{Failure, OrchestrationContext};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "chaining";

/// What somebody wants to buy: `{"item": "hat", "quantity": 2}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// A thing that the catalogue has.
    pub item: String,
    /// How many of it.
    pub quantity: u64,
}

/// An order, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PricedOrder {
    /// The order.
    pub order: Order,
    /// In cents.
    pub cents: u64,
}

/// Checks, prices and invoices an order. The output is the invoice's text.
pub async fn order(ctx: OrchestrationContext, order: Order) -> Result<String, Failure> {
    let checked: Order = ctx.call_activity("check-order", order).await?;
    let priced: PricedOrder = ctx.call_activity("price-order", checked).await?;
    ctx.call_activity("invoice-order", priced).await
}

/// The catalogue, with prices in cents.
const CATALOGUE: [(&str, u64); 3] = [("hat", 2500), ("scarf", 1200), ("umbrella", 1999)];

/// The activity that refuses what cannot be ordered. Its failures are permanent: trying again would not help.
pub fn check(order: Order) -> Result<Order, Failure> {
    if !(1..=100).contains(&order.quantity) {
        let message = format!("{} of one thing cannot be ordered: order 1 to 100", order.quantity);
        return Err(Failure::permanent("BadQuantity", message));
    }
    price_of(&order.item).map(|_| order)
}

/// The activity that prices an order.
pub fn price(order: Order) -> Result<PricedOrder, Failure> {
    let cents = price_of(&order.item)? * order.quantity;
    Ok(PricedOrder { order, cents })
}

/// The activity that writes the invoice.
pub fn invoice(PricedOrder { order, cents }: PricedOrder) -> Result<String, Failure> {
    Ok(format!("{} x {}: {}.{:02} EUR", order.quantity, order.item, cents / 100, cents % 100))
}

fn price_of(item: &str) -> Result<u64, Failure> {
    let found = CATALOGUE.iter().find(|(name, _)| *name == item);
    found.map(|(_, cents)| *cents).ok_or_else(|| {
        let names = CATALOGUE.map(|(name, _)| name).join(", ");
        Failure::permanent("UnknownItem", format!("the catalogue has no '{item}'; it has: {names}"))
    })
}

#[cfg(test)]
mod tests {
    use longhaul::testing::TestHub;

    use super::*;

    fn hub() -> TestHub<'static> {
        TestHub::new(crate::orchestrators())
            .activity("check-order", check)
            .activity("price-order", price)
            .activity("invoice-order", invoice)
    }

    #[test]
    fn each_activity_gets_what_the_one_before_has_given() {
        let order = Order { item: "umbrella".into(), quantity: 3 };
        let run = hub().run(NAME, &order);
        assert_eq!(run.output::<String>().unwrap(), "3 x umbrella: 59.97 EUR");
        assert_eq!(run.calls::<PricedOrder>("invoice-order"), [PricedOrder { order, cents: 5997 }]);
    }

    #[test]
    fn a_failure_ends_the_chain() {
        for (item, quantity, kind) in [("hat", 0, "BadQuantity"), ("crown", 1, "UnknownItem")] {
            let run = hub().run(NAME, Order { item: item.into(), quantity });
            assert_eq!(run.output::<String>().unwrap_err().kind, kind);
            assert!(run.calls::<Order>("price-order").is_empty());
        }
    }
}
