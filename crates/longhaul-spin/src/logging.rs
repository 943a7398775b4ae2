//! Logs go to the component's standard error, which hosts keep by component.

use std::sync::Once;

use tracing::level_filters::LevelFilter;

/// Sends this component's log there, from level `info` on. Further calls do nothing.
pub fn log_to_stderr() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_max_level(LevelFilter::INFO)
            .with_target(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else sets it");
    });
}
