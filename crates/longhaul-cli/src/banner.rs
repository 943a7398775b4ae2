//! What `longhaul up` says when it serves.

use longhaul_host::{Host, Server};
use longhaul_manifest::{Manifest, Route};

/// Prints the routes, where the state is, and last, as scripts rely on, `Serving http://<address>`.
pub fn print(manifest: &Manifest, server: &Server, host: &Host) {
    let base = format!("http://{}", server.address());
    let routes: Vec<_> = manifest
        .http_triggers
        .iter()
        .map(|trigger| {
            let url = match &trigger.route {
                Route::Path(pattern) => format!("{base}{pattern}"),
                Route::Private => format!("http://{} (private)", trigger.component.chaining_host()),
            };
            (trigger.component.as_str(), url)
        })
        .collect();
    let width = routes.iter().map(|(component, _)| component.len()).max().unwrap_or_default();
    println!("{}", manifest.name);
    for (component, url) in routes {
        println!("  {component:width$}  {url}");
    }
    println!("State and logs: {}", host.state_dir().display());
    println!("Serving {base}");
}
