//! `spin:variables`, now and earlier: the component's own variables, resolved when the host started.

use longhaul_manifest::VariableName;
use wasmtime::component::Accessor;

use crate::bindings::fermyon::spin::variables as v2;
use crate::bindings::spin::variables::variables as v3;
use crate::instance::{InstanceState, Offered};

enum Lookup {
    Found(String),
    InvalidName(String),
    Undefined(String),
}

impl InstanceState {
    fn variable(&self, name: &str) -> Lookup {
        let name: VariableName = match name.parse() {
            Ok(name) => name,
            Err(error) => return Lookup::InvalidName(format!("{error}")),
        };
        match self.component.variables.get(&name) {
            Some(value) => Lookup::Found(value.expose().to_owned()),
            None => Lookup::Undefined(format!(
                "component {} has no variable {name}; add it to [component.{}.variables]",
                self.component.id, self.component.id
            )),
        }
    }
}

impl<T: Send + 'static> v3::HostWithStore<T> for Offered {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, v3::Error>> {
        Ok(match accessor.with(|mut access| access.get().variable(&name)) {
            Lookup::Found(value) => Ok(value),
            Lookup::InvalidName(problem) => Err(v3::Error::InvalidName(problem)),
            Lookup::Undefined(problem) => Err(v3::Error::Undefined(problem)),
        })
    }
}

impl v3::Host for InstanceState {}

impl v2::Host for InstanceState {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, v2::Error>> {
        Ok(match self.variable(&name) {
            Lookup::Found(value) => Ok(value),
            Lookup::InvalidName(problem) => Err(v2::Error::InvalidName(problem)),
            Lookup::Undefined(problem) => Err(v2::Error::Undefined(problem)),
        })
    }
}
