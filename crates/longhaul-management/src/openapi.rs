//! The OpenAPI document, made of the [table of operations](crate::OPERATIONS).

use http::Method;
use longhaul::{MAX_ENTITY_KEY, MAX_ENTITY_NAME};
use serde_json::{Map, Value, json};

use crate::operations::{OPERATIONS, Row};
use crate::route::{RPC, WEBHOOKS};
use crate::schema::{Answer, Content, Header, Kind, Parameter, Request};

/// Control characters, which no id or name has, and what neither has besides.
const NAME: &str = r"^[^@/\\#?\x00-\x1f\x7f-\x9f][^/\\#?\x00-\x1f\x7f-\x9f]*$";

/// The same without the character that divides the id of an entity.
const ENTITY_NAME: &str = r"^[^@/\\#?\x00-\x1f\x7f-\x9f]+$";

/// The OpenAPI 3.1 document of the API. It is the same for all applications.
///
/// ```
/// let document = longhaul_management::document();
/// assert_eq!(document["openapi"], "3.1.0");
/// assert_eq!(document["paths"]["/instances/{instanceId}"]["get"]["operationId"], "status");
/// ```
pub fn document() -> Value {
    let mut paths = Map::new();
    for row in OPERATIONS {
        for (number, path) in row.paths.iter().enumerate() {
            let item = paths.entry(format!("/{path}")).or_insert_with(|| json!({}));
            for method in row.methods {
                item[method.as_str().to_ascii_lowercase()] = operation(row, path, method, number);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Longhaul management API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The HTTP API of Azure Durable Functions, for the instances of one application.",
        },
        "servers": [
            {"url": WEBHOOKS},
            {"url": RPC, "description": "For the client libraries of Azure's SDKs: JSON that is wrapped in a JSON \
                string is unwrapped, and a list without `top` is whole."},
        ],
        "security": [{"code": []}, {"functionsKey": []}, {"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "code": {"type": "apiKey", "in": "query", "name": "code",
                    "description": "The key, or the code of a link, which opens one operation on one instance."},
                "functionsKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "The key is the password."},
            },
            "schemas": schemas(),
        },
    })
}

fn operation(row: &Row, path: &str, method: &Method, number: usize) -> Value {
    let mut id = row.id.to_owned();
    if row.methods.len() > 1 {
        id = format!("{id}{method}");
    }
    if number > 0 {
        id = format!("{id}{}", number + 1);
    }
    let in_path = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<_> = in_path.map(segment).chain(row.parameters.iter().map(parameter)).collect();
    let mut responses: Map<_, _> =
        row.answers.iter().map(|answer| (answer.status.to_string(), response(answer))).collect();
    responses.insert("401".into(), json!({"description": "Neither a key nor a link that is good for this."}));
    let mut operation = json!({
        "operationId": id,
        "summary": row.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(request) = &row.request {
        operation["requestBody"] = body(request);
    }
    operation
}

fn segment(name: &str) -> Value {
    let schema = match name {
        "entityName" => entity_part(MAX_ENTITY_NAME),
        "entityKey" => entity_part(MAX_ENTITY_KEY),
        _ => schema(Kind::Id),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn entity_part(longest: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": ENTITY_NAME})
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": if parameter.is_header { "header" } else { "query" },
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": schema(parameter.kind),
    })
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Lenient | Kind::Token => json!({"type": "string"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Id => json!({"type": "string", "minLength": 1, "maxLength": 256, "pattern": NAME}),
    }
}

fn body(request: &Request) -> Value {
    let schema = match request.members {
        None => json!({}),
        Some(members) => {
            let members = members.iter().map(|name| ((*name).to_owned(), json!({"type": "string"})));
            json!({"type": "object", "properties": members.collect::<Map<_, _>>()})
        }
    };
    json!({
        "description": request.description,
        "required": false,
        "content": {"application/json": {"schema": schema}},
    })
}

fn response(answer: &Answer) -> Value {
    let mut response = json!({"description": answer.description});
    if let Some(schema) = content(answer.content) {
        response["content"] = json!({"application/json": {"schema": schema}});
    }
    if !answer.headers.is_empty() {
        response["headers"] = answer
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), stated(header)))
            .collect::<Map<_, _>>()
            .into();
    }
    response
}

fn stated(header: &Header) -> Value {
    json!({
        "description": header.description,
        "required": header.is_certain,
        "schema": {"type": "string"},
    })
}

fn content(content: Content) -> Option<Value> {
    let named = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let list = |name| json!({"type": "array", "items": named(name)});
    match content {
        Content::Nothing => None,
        Content::Any => Some(json!({})),
        Content::CheckStatus => Some(named("CheckStatus")),
        Content::Status => Some(named("Status")),
        Content::Statuses => Some(list("Status")),
        Content::Purged => Some(named("Purged")),
        Content::Count => Some(named("Count")),
        Content::Entities => Some(list("Entity")),
        Content::Cleaned => Some(named("Cleaned")),
        Content::Error => Some(named("Error")),
    }
}

fn schemas() -> Value {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer", "minimum": 0});
    let links = [
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "rewindPostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    ];
    let mut check_status: Map<_, _> = links.into_iter().map(|link| (link.to_owned(), text())).collect();
    check_status.insert("id".into(), text());
    json!({
        "CheckStatus": {"type": "object", "properties": check_status, "required": ["id", "statusQueryGetUri"]},
        "Status": {
            "type": "object",
            "properties": {
                "name": text(),
                "instanceId": text(),
                "runtimeStatus": {"enum": [
                    "Pending", "Running", "Completed", "ContinuedAsNew", "Failed", "Terminated", "Suspended", "Canceled",
                ]},
                "input": {},
                "customStatus": {},
                "output": {},
                "createdTime": {"type": "string", "format": "date-time"},
                "lastUpdatedTime": {"type": "string", "format": "date-time"},
                "historyEvents": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"EventType": text(), "Timestamp": {"type": "string", "format": "date-time"}},
                        "required": ["EventType", "Timestamp"],
                    },
                },
            },
            "required": [
                "name", "instanceId", "runtimeStatus", "input", "customStatus", "output", "createdTime",
                "lastUpdatedTime",
            ],
        },
        "Purged": {
            "type": "object",
            "properties": {"instancesDeleted": number()},
            "required": ["instancesDeleted"],
        },
        "Entity": {
            "type": "object",
            "properties": {
                "entityId": {
                    "type": "object",
                    "properties": {"name": text(), "key": text()},
                    "required": ["name", "key"],
                },
                "lastOperationTime": {"type": "string", "format": "date-time"},
                "state": {},
            },
            "required": ["entityId", "lastOperationTime"],
        },
        "Cleaned": {
            "type": "object",
            "properties": {"emptyEntitiesRemoved": number(), "orphanedLocksReleased": number()},
            "required": ["emptyEntitiesRemoved", "orphanedLocksReleased"],
        },
        "Count": {"type": "object", "properties": {"count": number()}, "required": ["count"]},
        "Error": {
            "type": "object",
            "properties": {
                "Message": text(), "ExceptionMessage": text(), "ExceptionType": text(), "StackTrace": text(),
            },
            "required": ["Message"],
        },
    })
}
