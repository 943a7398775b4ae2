//! The values of an application's variables.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    AllowedHosts, AllowedHostsError, Component, Manifest, RuntimeConfig, Template, VariableName, suggest,
    template::Part,
};

mod argument;

pub use argument::{InvalidArgument, VariableArgument};

/// Where values come from besides the defaults, the strongest first.
#[derive(Clone, Default)]
pub struct VariableSources {
    /// The names and values of `--variable` ([`VariableArgument::read`]); of two with the same name the later one wins.
    pub command_line: Vec<(String, String)>,
    /// [`RuntimeConfig::static_variables`]; the first that has a value wins.
    pub providers: Vec<BTreeMap<String, String>>,
    /// The environment, in which `SPIN_VARIABLE_<NAME>` is looked up.
    pub environment: BTreeMap<String, String>,
}

/// Knows the value of every variable of an application.
#[derive(Clone, Debug)]
pub struct Resolver {
    values: Arc<BTreeMap<VariableName, Value>>,
}

/// A value, which shows itself only if no secret is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: String,
    secret: bool,
}

/// A required variable that nothing sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingVariable {
    /// Its name.
    pub name: VariableName,
    /// What the manifest says that it is for.
    pub description: Option<String>,
}

/// Why an application cannot start with the variables that it was given. No message holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// Required variables have no value.
    #[error("{}", describe_missing(.0))]
    Missing(Vec<MissingVariable>),
    /// `--variable` names a variable that the application does not have.
    #[error("--variable {name}: the application has no such variable; {advice}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// What was probably meant.
        advice: String,
    },
}

impl VariableSources {
    /// The sources of a deployment: the names and values of the command line, the providers of the runtime
    /// configuration, and the environment of this process. Variables that are not UTF-8 are left out.
    pub fn of_process(command_line: Vec<(String, String)>, runtime_config: &RuntimeConfig) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("SPIN_VARIABLE_"))
            .collect();
        Self { command_line, providers: runtime_config.static_variables.clone(), environment }
    }

    fn value_of(&self, name: &VariableName) -> Option<&str> {
        let given =
            self.command_line.iter().rev().find(|(given, _)| given == name.as_str()).map(|(_, value)| value);
        given
            .or_else(|| self.providers.iter().find_map(|values| values.get(name.as_str())))
            .or_else(|| self.environment.get(&name.environment_name()))
            .map(String::as_str)
    }
}

/// The values may be secrets.
impl fmt::Debug for VariableSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |values: &BTreeMap<String, String>| values.keys().cloned().collect::<Vec<_>>();
        f.debug_struct("VariableSources")
            .field("command_line", &self.command_line.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("providers", &self.providers.iter().map(names).collect::<Vec<_>>())
            .field("environment", &names(&self.environment))
            .finish()
    }
}

impl Resolver {
    /// Finds the value of every variable: on the command line, else in the providers, else in the environment, else its
    /// default.
    ///
    /// # Errors
    /// If required variables are left without a value (all of them are named), or the command line sets a variable that
    /// does not exist.
    pub fn new(manifest: &Manifest, sources: &VariableSources) -> Result<Self, VariableError> {
        for (name, _) in &sources.command_line {
            if !manifest.variables.contains_key(name.as_str()) {
                let known = manifest.variables.keys().map(VariableName::as_str);
                let advice = suggest::advice(name, known, "it has no variables at all");
                return Err(VariableError::Unknown { name: name.clone(), advice });
            }
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, declared) in &manifest.variables {
            match sources.value_of(name).or(declared.default.as_deref()) {
                Some(text) => {
                    values.insert(name.clone(), Value { text: text.to_owned(), secret: declared.secret });
                }
                None => missing
                    .push(MissingVariable { name: name.clone(), description: declared.description.clone() }),
            }
        }
        if missing.is_empty() {
            Ok(Self { values: Arc::new(values) })
        } else {
            Err(VariableError::Missing(missing))
        }
    }

    /// What a component of the same manifest sees through `spin:variables`.
    pub fn component_variables(&self, component: &Component) -> BTreeMap<VariableName, Value> {
        component.variables.iter().map(|(name, template)| (name.clone(), self.resolve(template))).collect()
    }

    /// Where a component of the manifest may connect to. An entry with variables that comes to nothing, or to
    /// `http://` or `https://` alone, is an optional endpoint that is not set: it allows nothing.
    ///
    /// # Errors
    /// If the values of variables make an entry that is none. Where a secret is in it, the error shows its template.
    pub fn allowed_hosts(
        &self,
        manifest: &Manifest,
        component: &Component,
    ) -> Result<AllowedHosts, AllowedHostsError> {
        let mut hosts = AllowedHosts::default();
        for template in &component.allowed_outbound_hosts {
            let value = self.resolve(template);
            let unset = matches!(value.expose().trim(), "" | "http://" | "https://");
            if unset && !template.is_literal() {
                continue;
            }
            hosts.extend(AllowedHosts::parse([value.expose()], manifest.components.keys()).map_err(
                |error| {
                    if value.secret {
                        AllowedHostsError {
                            entry: template.to_string(),
                            problem:
                                "with the secret values of its variables it is no <scheme>://<host>[:<port>]"
                                    .to_owned(),
                        }
                    } else {
                        error
                    }
                },
            )?);
        }
        Ok(hosts)
    }

    /// The template with its variables replaced; secret if one of them is.
    ///
    /// # Panics
    /// If the template is not one of the manifest's: reading a manifest checks that its templates' variables exist.
    pub fn resolve(&self, template: &Template) -> Value {
        let mut resolved = Value { text: String::new(), secret: false };
        for part in template.parts() {
            match part {
                Part::Literal(text) => resolved.text.push_str(text),
                Part::Variable(name) => {
                    let value =
                        self.values.get(name).expect("the manifest has the variables of its templates");
                    resolved.text.push_str(&value.text);
                    resolved.secret |= value.secret;
                }
            }
        }
        resolved
    }
}

impl Value {
    /// The value itself. Whoever asks keeps it out of logs and messages if it [is secret](Self::is_secret).
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether a variable marked `secret = true` is in it.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secret { "<secret>" } else { &self.text })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("<secret>") } else { fmt::Debug::fmt(&self.text, f) }
    }
}

fn describe_missing(missing: &[MissingVariable]) -> String {
    let mut message = "these variables are required and have no value:\n".to_owned();
    for MissingVariable { name, description } in missing {
        let description = description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
        message +=
            &format!("  {name}{description}: pass --variable {name}=… or set {}\n", name.environment_name());
    }
    message
        + "or give them in the runtime configuration: [[variables_provider]] type = \"static\", values = { … }"
}

#[cfg(test)]
mod tests;
