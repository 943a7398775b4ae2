//! The component's variables.

/// The value of the variable `name`; empty if the component has none, or the host fails to tell (which is logged).
pub async fn text(name: &str) -> String {
    match spin_sdk::variables::get(name).await {
        Ok(value) => value,
        Err(spin_sdk::variables::Error::Undefined(_)) => String::new(),
        Err(error) => {
            tracing::error!("the variable {name} could not be read: {error}");
            String::new()
        }
    }
}

/// The value of the variable `name`, or `default` if it is empty.
pub async fn text_or(name: &str, default: &str) -> String {
    let value = text(name).await;
    if value.is_empty() { default.to_owned() } else { value }
}
