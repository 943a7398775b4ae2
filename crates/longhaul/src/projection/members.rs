//! The members of one shown event, in order.

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Options;
use crate::failure::Failure;
use crate::json::Json;

/// How many nanoseconds the seventh digit of a time stands for. It is the last that .NET writes.
const TICK: i32 = 100;

/// See the module. Members whose option is not set are left out.
pub(super) struct Members {
    options: Options,
    members: Vec<(String, Json)>,
}

impl Members {
    pub(super) fn new(options: Options) -> Self {
        Self { options, members: Vec::new() }
    }

    pub(super) fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.members
            .push((name.to_owned(), Json::of(value).expect("names, numbers and JSON have a JSON form")));
    }

    pub(super) fn null(&mut self, name: &str) {
        self.members.push((name.to_owned(), Json::null()));
    }

    /// One that only a replay needs; None is left out.
    pub(super) fn add_id(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value.filter(|_| self.options.show_event_ids) {
            self.add(name, &value);
        }
    }

    pub(super) fn input(&mut self, value: impl FnOnce() -> Json) {
        if self.options.show_input {
            self.members.push(("Input".to_owned(), value()));
        }
    }

    pub(super) fn result(&mut self, value: impl FnOnce() -> Json) {
        if self.options.show_history_output {
            self.members.push(("Result".to_owned(), value()));
        }
    }

    pub(super) fn failure(&mut self, failure: Option<&Failure>) {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct FailureDetails<'a> {
            error_type: &'a str,
            error_message: &'a str,
            stack_trace: Option<()>,
            inner_failure: Option<()>,
            is_non_retriable: bool,
            properties: Option<()>,
        }
        let shown = failure.map(|failure| FailureDetails {
            error_type: &failure.kind,
            error_message: &failure.message,
            stack_trace: None,
            inner_failure: None,
            is_non_retriable: !failure.retriable,
            properties: None,
        });
        self.add("FailureDetails", &shown);
    }

    pub(super) fn time(&mut self, name: &str, at: Timestamp) {
        self.add(name, &format!("{at:.7}"));
        let left_out = at.subsec_nanosecond().rem_euclid(TICK);
        self.add_id(&format!("{name}Nanoseconds"), Some(left_out).filter(|left_out| *left_out != 0));
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
