//! The entity functions that programs use.

use longhaul::{EntityContext, EntityFunctions, Failure, Operations};
use serde_json::Value;

/// What a withdrawal fails with that would leave less than nothing.
pub(crate) const INSUFFICIENT_FUNDS: &str = "insufficient funds";

/// The entity functions `counter` (`add`, `get`, `reset`) and `account` (`deposit`, `withdraw`, `balance`). The state of
/// each is an integer, at first 0, which all of these give but `reset`.
pub fn entities() -> EntityFunctions {
    let counter = Operations::new().with("add", add).with("get", read).with("reset", reset);
    let account = Operations::new().with("deposit", add).with("withdraw", withdraw).with("balance", read);
    EntityFunctions::new().with("counter", counter).with("account", account)
}

async fn add(state: &mut i64, _: &EntityContext, amount: i64) -> Result<i64, Failure> {
    *state = state.saturating_add(amount);
    Ok(*state)
}

async fn read(state: &mut i64, _: &EntityContext, _: Value) -> Result<i64, Failure> {
    Ok(*state)
}

async fn reset(state: &mut i64, _: &EntityContext, _: Value) -> Result<(), Failure> {
    *state = 0;
    Ok(())
}

async fn withdraw(state: &mut i64, _: &EntityContext, amount: i64) -> Result<i64, Failure> {
    *state = state.saturating_sub(amount);
    match *state < 0 {
        true => Err(Failure::new("Withdraw", INSUFFICIENT_FUNDS)),
        false => Ok(*state),
    }
}
