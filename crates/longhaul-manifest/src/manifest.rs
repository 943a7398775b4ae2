//! The application manifest, `spin.toml`, as types.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    ComponentId, Error, Route, StartCall, Template, ToolSettings, VariableName, toml_reader::Document,
};

mod component;
mod read;

/// A Spin application: everything that `spin.toml` says and a host acts on.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// `application.name`, never empty.
    pub name: String,
    /// `application.version`; empty if the manifest has none.
    pub version: String,
    /// `application.description`; empty if the manifest has none.
    pub description: String,
    /// The application's variables. Components see only their own [`Component::variables`], which may refer to these.
    pub variables: BTreeMap<VariableName, VariableDecl>,
    /// The HTTP triggers in the order of the manifest, at least one. Every component they name exists, and no two of
    /// them have the same public route.
    pub http_triggers: Vec<HttpTrigger>,
    /// The components, including those that a trigger declares inline.
    pub components: BTreeMap<ComponentId, Component>,
    /// What the host calls when it has started, if anything.
    pub start: Option<StartCall>,
}

/// A variable that a deployment may, or must, set.
///
/// Spin demands one of `required = true` and a default, not both, and so does this.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableDecl {
    /// The value when nothing sets one; `None` means that the variable is required.
    pub default: Option<String>,
    /// Whether the value must stay out of logs and messages.
    pub secret: bool,
    /// What the variable is for.
    pub description: Option<String>,
}

impl VariableDecl {
    /// Whether start-up fails when nothing sets the variable.
    pub fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

impl fmt::Debug for VariableDecl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default.as_deref().map(|value| if self.secret { "<secret>" } else { value });
        f.debug_struct("VariableDecl")
            .field("default", &default)
            .field("secret", &self.secret)
            .field("description", &self.description)
            .finish()
    }
}

/// `[[trigger.http]]`: requests on a route go to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTrigger {
    /// The component that handles the requests; a key of [`Manifest::components`].
    pub component: ComponentId,
    /// The requests it handles.
    pub route: Route,
}

/// `[component.<id>]`: a WebAssembly component and what it may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// The component's `.wasm` file, joined to the directory of the manifest.
    pub source: PathBuf,
    /// `description`; empty if the manifest has none.
    pub description: String,
    /// How to build [`source`](Self::source), if the manifest says so.
    pub build: Option<Build>,
    /// The environment of the component's process (`wasi:cli/environment`), as it stands: Spin resolves no templates
    /// here.
    pub environment: BTreeMap<String, String>,
    /// What the component reads through `spin:variables`; every `{{ name }}` in them is in [`Manifest::variables`].
    /// [`Resolver::component_variables`](crate::Resolver::component_variables) gives the values.
    pub variables: BTreeMap<VariableName, Template>,
    /// The labels of the key-value stores that the component may open.
    pub key_value_stores: Vec<String>,
    /// Where the component may connect to; every `{{ name }}` in them is in [`Manifest::variables`], and those without
    /// one are valid entries. [`Resolver::allowed_hosts`](crate::Resolver::allowed_hosts) gives the check.
    pub allowed_outbound_hosts: Vec<Template>,
    /// `[component.<id>.tool.longhaul]`, over `[application.tool.longhaul]`, over the defaults.
    pub tool: ToolSettings,
}

/// `[component.<id>.build]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The command lines to run in order, at least one; `command` may be a string or a list of strings.
    pub commands: Vec<String>,
    /// Where to run them, joined to the directory of the manifest.
    pub workdir: PathBuf,
    /// Glob patterns of the files whose change calls for a new build, as they stand.
    pub watch: Vec<String>,
}

/// Reads the manifest at `path`, which names the file, or the directory that has a `spin.toml`.
pub fn load(path: &Path) -> Result<Manifest, Error> {
    let file = if path.is_dir() { path.join("spin.toml") } else { path.to_owned() };
    let text = std::fs::read_to_string(&file).map_err(|source| Error::Read { file: file.clone(), source })?;
    Manifest::parse(&file, &text)
}

impl Manifest {
    /// Reads the text of a manifest. `file` is only named: in errors, and as what the paths inside are relative to.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Error> {
        read::manifest(&Document { file, text })
    }
}

#[cfg(test)]
mod tests;
