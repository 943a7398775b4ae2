//! Reads one component of `spin.toml`.

use std::{collections::BTreeMap, path::Path};

use super::{Build, Component, VariableDecl, read::tool_settings};
use crate::{
    AllowedHosts, Error, Template, ToolSettings, VariableName, suggest,
    toml_reader::{Table, Value},
};

/// What a component's table is read against.
pub(super) struct Reader<'r> {
    /// Where the manifest is, which its paths are relative to.
    pub(super) directory: &'r Path,
    /// The variables of the application.
    pub(super) variables: &'r BTreeMap<VariableName, VariableDecl>,
    /// The settings of `[application.tool.longhaul]`.
    pub(super) settings: &'r ToolSettings,
}

impl Reader<'_> {
    pub(super) fn component(&self, table: &Table<'_>) -> Result<Component, Error> {
        // `targets` says only what `spin build` should check against.
        table.allow_only(
            &[
                "source",
                "description",
                "variables",
                "environment",
                "allowed_outbound_hosts",
                "key_value_stores",
                "build",
                "targets",
                "tool",
            ],
            &[
                ("files", "embed the files in the component, or serve them from elsewhere"),
                ("exclude_files", "there are no files to exclude from; remove it"),
                ("sqlite_databases", "keep the data in a key-value store"),
                ("ai_models", "call a model over HTTP"),
                ("dependencies", "compose the components when building them, with `wac plug`"),
                ("dependencies_inherit_configuration", "there are no dependencies; remove it"),
                ("profile", "keep a manifest for each profile"),
                ("allowed_http_hosts", "write allowed_outbound_hosts = [\"https://…\"]"),
            ],
        )?;
        Ok(Component {
            source: self.directory.join(source(&table.require("source", "write source = \"….wasm\"")?)?),
            description: table.string_or_empty("description")?,
            build: table.table("build")?.map(|build| self.build(&build)).transpose()?,
            environment: environment(table)?,
            variables: self.component_variables(table)?,
            key_value_stores: key_value_stores(table)?,
            allowed_outbound_hosts: self.allowed_outbound_hosts(table)?,
            tool: tool_settings(table, self.settings, &[])?,
        })
    }

    fn build(&self, table: &Table<'_>) -> Result<Build, Error> {
        table.allow_only(&["command", "workdir", "watch"], &[])?;
        let command = table.require("command", "write command = \"…\"")?;
        let commands = if command.is_string() {
            vec![command.string()?]
        } else {
            table.strings("command")?.into_iter().map(|(command, _)| command).collect()
        };
        if commands.is_empty() || commands.iter().any(|command| command.trim().is_empty()) {
            return Err(command.invalid("must not be empty"));
        }
        Ok(Build {
            commands,
            workdir: self.directory.join(table.string_or_empty("workdir")?),
            watch: table.strings("watch")?.into_iter().map(|(pattern, _)| pattern).collect(),
        })
    }

    fn component_variables(&self, table: &Table<'_>) -> Result<BTreeMap<VariableName, Template>, Error> {
        let mut variables = BTreeMap::new();
        let Some(table) = table.table("variables")? else { return Ok(variables) };
        for (name, value) in table.iter() {
            let name = name.parse().map_err(|error: crate::InvalidName| value.invalid(error.to_string()))?;
            variables.insert(name, self.template(&value)?);
        }
        Ok(variables)
    }

    fn allowed_outbound_hosts(&self, table: &Table<'_>) -> Result<Vec<Template>, Error> {
        let mut hosts = Vec::new();
        for (_, value) in table.strings("allowed_outbound_hosts")? {
            let template = self.template(&value)?;
            if template.is_literal() {
                AllowedHosts::parse([template.as_str()], [])
                    .map_err(|error| value.invalid(error.to_string()))?;
            }
            hosts.push(template);
        }
        Ok(hosts)
    }

    /// A template whose variables the application has.
    fn template(&self, value: &Value<'_>) -> Result<Template, Error> {
        let template: Template = value.parse()?;
        if let Some(name) = template.variables().find(|name| !self.variables.contains_key(*name)) {
            let known = self.variables.keys().map(VariableName::as_str);
            let advice = suggest::advice(
                name.as_str(),
                known,
                &format!("add it to [variables], e.g. {name} = {{ required = true }}"),
            );
            return Err(
                value.invalid(format!("the application has no variable {:?}; {advice}", name.as_str()))
            );
        }
        Ok(template)
    }
}

fn source(value: &Value<'_>) -> Result<String, Error> {
    if value.is_string() {
        let source = value.string()?;
        return if source.is_empty() {
            Err(value.invalid("must not be empty; name the .wasm file"))
        } else {
            Ok(source)
        };
    }
    let table = value.table().map_err(|_| value.invalid("must be text: the path of the .wasm file"))?;
    let origin =
        if table.get("url").is_some() { "a component from a URL" } else { "a component from a registry" };
    Err(value
        .unsupported(format!("{origin}; build or download it first, and write source = \"path/to/it.wasm\"")))
}

fn environment(table: &Table<'_>) -> Result<BTreeMap<String, String>, Error> {
    let Some(table) = table.table("environment")? else { return Ok(BTreeMap::new()) };
    let entry = |(name, value): (&str, Value<'_>)| {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(
                value.invalid("the name of an environment variable must not be empty nor contain '='")
            );
        }
        Ok((name.to_owned(), value.string()?))
    };
    table.iter().map(entry).collect()
}

fn key_value_stores(table: &Table<'_>) -> Result<Vec<String>, Error> {
    let mut labels = Vec::new();
    for (label, value) in table.strings("key_value_stores")? {
        // Spin demands kebab or snake case; what matters to a host is that a label can be a TOML key and a store's name.
        if label.is_empty() || !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(
                value.invalid(format!("{label:?} is no label for a store; use letters, digits, '-' and '_'"))
            );
        }
        if labels.contains(&label) {
            return Err(value.invalid(format!("{label:?} comes twice; remove one")));
        }
        labels.push(label);
    }
    Ok(labels)
}
