//! The component's variables.

use spin_sdk::variables::{Error, get};

/// The host did not tell the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable {name} could not be read: {problem}")]
pub struct UnreadableVariable {
    /// Its name.
    pub name: String,
    /// What the host says.
    pub problem: String,
}

/// The value of the variable `name`; empty if the component has none.
///
/// # Errors
/// When the host fails to tell.
pub async fn read(name: &str) -> Result<String, UnreadableVariable> {
    match get(name).await {
        Ok(value) => Ok(value),
        Err(Error::Undefined(_)) => Ok(String::new()),
        Err(error) => Err(UnreadableVariable { name: name.to_owned(), problem: error.to_string() }),
    }
}

/// The value of the variable `name`; empty if the component has none, or the host fails to tell (which is logged).
pub async fn text(name: &str) -> String {
    read(name).await.unwrap_or_else(|error| {
        tracing::error!("{error}");
        String::new()
    })
}
