//! Reads the whole of `spin.toml`.

use std::collections::BTreeMap;

use super::{Component, HttpTrigger, Manifest, VariableDecl, component::Reader};
use crate::{
    ComponentId, Error, Route, Router, StartCall, ToolSettings, VariableName, suggest,
    toml_reader::{Document, Table, Value},
};

const ONLY_HTTP: &str = "only HTTP triggers are; remove it, or run this application with Spin";

pub(super) fn manifest(document: &Document<'_>) -> Result<Manifest, Error> {
    let parsed = document.parse()?;
    let root = document.root(&parsed);
    check_version(&root)?;
    root.allow_only(&["spin_manifest_version", "application", "variables", "trigger", "component"], &[])?;

    let application = root.require("application", "add [application] with a name")?.table()?;
    let settings = application_settings(&application)?;
    let name = name(&application)?;
    let variables = variables(&root)?;
    let reader = Reader {
        directory: document.file.parent().unwrap_or("".as_ref()),
        variables: &variables,
        settings: &settings,
    };

    let mut components = BTreeMap::new();
    if let Some(table) = root.table("component")? {
        for (id, value) in table.iter() {
            let id: ComponentId = id.parse().map_err(|error| invalid(&value, error))?;
            components.insert(id, reader.component(&value.table()?)?);
        }
    }
    let http_triggers = http_triggers(&root, &reader, &mut components)?;
    let start = start_call(&application, &components)?;

    Ok(Manifest {
        name,
        version: application.string_or_empty("version")?,
        description: application.string_or_empty("description")?,
        variables,
        http_triggers,
        components,
        start,
    })
}

fn invalid(value: &Value<'_>, error: impl std::fmt::Display) -> Error {
    value.invalid(error.to_string())
}

/// Comes first, so that a manifest of version 1 gets this message and not one about its keys.
fn check_version(root: &Table<'_>) -> Result<(), Error> {
    const WRITE: &str = "write spin_manifest_version = 2";
    let value = match root.get("spin_version") {
        Some(old) => old,
        None => root.require("spin_manifest_version", WRITE)?,
    };
    match value.integer() {
        Ok(2) if value.key == "spin_manifest_version" => Ok(()),
        Ok(1) => {
            Err(value.unsupported("version 1 of the manifest; convert it to version 2 with `spin doctor`"))
        }
        // Version 1 was also written as text.
        Err(_) if value.is_string() => Err(value.unsupported(
            "only version 2 of the manifest is, written as a number; `spin doctor` converts version 1",
        )),
        _ => Err(value.unsupported(format!("only version 2 of the manifest is; {WRITE}"))),
    }
}

fn name(application: &Table<'_>) -> Result<String, Error> {
    let value = application.require("name", "write name = \"…\"")?;
    let name = value.string()?;
    if name.trim().is_empty() {
        return Err(value.invalid("must not be empty"));
    }
    Ok(name)
}

/// Checks `[application]` and answers the settings that components begin with.
fn application_settings(application: &Table<'_>) -> Result<ToolSettings, Error> {
    // `authors` and `targets` say nothing to a host, in Spin neither.
    application
        .allow_only(&["name", "version", "description", "authors", "targets", "trigger", "tool"], &[])?;
    application.strings("authors")?;
    if let Some(triggers) = application.table("trigger")? {
        triggers.allow_only(
            &[],
            &[
                ("http", "there are no application-wide settings for HTTP triggers; a base path belongs into each route"),
                ("redis", ONLY_HTTP),
            ],
        )?;
    }
    tool_settings(application, &ToolSettings::default(), &["start"])
}

/// The settings in the table's `tool.longhaul`, which may have `more` keys.
pub(super) fn tool_settings(
    table: &Table<'_>,
    otherwise: &ToolSettings,
    more: &[&str],
) -> Result<ToolSettings, Error> {
    match own_section(table)? {
        Some(ours) => {
            ours.allow_only(&[&ToolSettings::KEYS, more].concat(), &[])?;
            otherwise.overlaid(&ours)
        }
        None => Ok(otherwise.clone()),
    }
}

/// The table's `tool.longhaul`; the sections of other tools are none of our business.
fn own_section<'d>(table: &Table<'d>) -> Result<Option<Table<'d>>, Error> {
    Ok(table.table("tool")?.map(|tools| tools.table("longhaul")).transpose()?.flatten())
}

/// `[application.tool.longhaul] start`.
fn start_call(
    application: &Table<'_>,
    components: &BTreeMap<ComponentId, Component>,
) -> Result<Option<StartCall>, Error> {
    let Some(table) = own_section(application)?.map(|ours| ours.table("start")).transpose()?.flatten() else {
        return Ok(None);
    };
    table.allow_only(&["component", "path"], &[])?;
    let component = table.require("component", "write component = \"…\", the id of a [component.<id>]")?;
    let component = known_component(&component, components)?;
    let path = table.require("path", "write path = \"/…\"")?;
    let text = path.string()?;
    match text.parse() {
        Ok(parsed) if text.starts_with('/') => Ok(Some(StartCall { component, path: parsed })),
        _ => Err(path.invalid("must be the path of a URL, such as \"/run\"")),
    }
}

/// The component whose id the value is.
fn known_component(
    value: &Value<'_>,
    components: &BTreeMap<ComponentId, Component>,
) -> Result<ComponentId, Error> {
    let id = value.string()?;
    let found = components.keys().find(|known| known.as_str() == id).cloned();
    found.ok_or_else(|| {
        let known = components.keys().map(ComponentId::as_str);
        let advice = suggest::advice(&id, known, &format!("add [component.{id}]"));
        value.invalid(format!("there is no component {id:?}; {advice}"))
    })
}

fn variables(root: &Table<'_>) -> Result<BTreeMap<VariableName, VariableDecl>, Error> {
    let mut variables = BTreeMap::new();
    let Some(table) = root.table("variables")? else { return Ok(variables) };
    for (name, value) in table.iter() {
        let name: VariableName = name.parse().map_err(|error| invalid(&value, error))?;
        let table = value.table()?;
        table.allow_only(&["default", "required", "secret", "description"], &[])?;
        let flag = |key| table.get(key).map_or(Ok(false), |value| value.boolean());
        let default = table.get("default").map(|value| value.string()).transpose()?;
        if flag("required")? == default.is_some() {
            return Err(value.invalid("must have either required = true or a default; write one of them"));
        }
        let description = table.get("description").map(|value| value.string()).transpose()?;
        variables.insert(name, VariableDecl { default, secret: flag("secret")?, description });
    }
    Ok(variables)
}

fn http_triggers(
    root: &Table<'_>,
    reader: &Reader<'_>,
    components: &mut BTreeMap<ComponentId, Component>,
) -> Result<Vec<HttpTrigger>, Error> {
    const ADD: &str = "add [[trigger.http]] with a route and a component";
    let table = root.require("trigger", ADD)?.table()?;
    for (kind, value) in table.iter() {
        if kind != "http" {
            return Err(value.unsupported(ONLY_HTTP));
        }
    }
    let value = table.require("http", ADD)?;
    let values = if value.is_array() {
        value.array()?
    } else {
        return Err(value.invalid("must be a list; write [[trigger.http]]"));
    };
    if values.is_empty() {
        return Err(value.invalid(format!("is empty; {ADD}")));
    }
    let mut triggers: Vec<HttpTrigger> = Vec::new();
    for value in values {
        let (trigger, route) = http_trigger(&value.table()?, reader, components)?;
        triggers.push(trigger);
        // After each trigger, so that the error can point to the one that repeats a route.
        Router::new(&triggers).map_err(|error| invalid(&route, error))?;
    }
    Ok(triggers)
}

fn http_trigger<'d>(
    table: &Table<'d>,
    reader: &Reader<'_>,
    components: &mut BTreeMap<ComponentId, Component>,
) -> Result<(HttpTrigger, Value<'d>), Error> {
    table.allow_only(
        &["id", "route", "component", "executor"],
        &[
            ("static_response", "let a component answer, or put a proxy before the host"),
            ("components", "HTTP triggers have one component here; name it in `component`"),
            ("dependencies", "compose the components when building them, with `wac plug`"),
        ],
    )?;
    let id = table.string_or_empty("id")?;
    if let Some(executor) = table.get("executor") {
        check_executor(&executor.table()?)?;
    }
    let route =
        table.require("route", "write route = \"/…\", or { private = true } for other components only")?;
    let component = table.require("component", "write component = \"…\", the id of a [component.<id>]")?;
    let component = if component.is_string() {
        known_component(&component, components)?
    } else {
        let declared = reader.component(&component.table()?)?;
        let id = inline_id(&id, components);
        components.insert(id.clone(), declared);
        id
    };
    Ok((HttpTrigger { component, route: self::route(&route)? }, route))
}

/// The id of a component that a trigger declares inline: after the trigger's own, else `inline-component<n>`.
fn inline_id(trigger: &str, components: &BTreeMap<ComponentId, Component>) -> ComponentId {
    let natural = (!trigger.is_empty()).then(|| format!("{trigger}-component"));
    let counted = (1..).map(|number| format!("inline-component{number}"));
    let mut ids = natural.into_iter().chain(counted).filter_map(|id| id.parse().ok());
    ids.find(|id| !components.contains_key(id)).expect("there are more numbers than components")
}

fn route(value: &Value<'_>) -> Result<Route, Error> {
    if value.is_string() {
        return Ok(Route::Path(value.parse()?));
    }
    let table =
        value.table().map_err(|_| value.invalid("must be text such as \"/…\", or { private = true }"))?;
    table.allow_only(&["private"], &[])?;
    match table.require("private", "write { private = true }")?.boolean()? {
        true => Ok(Route::Private),
        false => Err(value.invalid("{ private = false } is no route; write a path such as \"/…\"")),
    }
}

fn check_executor(table: &Table<'_>) -> Result<(), Error> {
    let kind = table.require("type", "write { type = \"http\" }, or leave the executor out")?;
    match kind.string()?.as_str() {
        // "spin" is the old name of "http".
        "http" | "spin" => table.allow_only(&["type"], &[]),
        "wagi" => {
            Err(kind.unsupported("the Wagi executor; build the component with an HTTP handler instead"))
        }
        other => Err(kind
            .invalid(format!("there is no executor {other:?}; write \"http\", or leave the executor out"))),
    }
}
