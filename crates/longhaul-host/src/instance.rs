//! What belongs to one component, and what to one instance of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use longhaul_kv::Stores;
use longhaul_manifest::{AllowedHosts, ComponentId, ToolSettings, Value, VariableName};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::chain::Application;
use crate::logs::ComponentLogs;
use crate::outbound::{Hooks, Outbound};

/// What all instances of a component share: who it is, and what it may see and reach.
pub(crate) struct ComponentContext {
    pub(crate) id: ComponentId,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) variables: BTreeMap<VariableName, Value>,
    pub(crate) stores: Stores,
    pub(crate) allowed_hosts: AllowedHosts,
    pub(crate) settings: ToolSettings,
    /// The most linear memory that an instance may have, in bytes.
    pub(crate) memory_limit: Option<usize>,
    pub(crate) logs: ComponentLogs,
    pub(crate) outbound: Arc<Outbound>,
    /// The application that the component is part of, for service chaining. It owns this, hence the weak reference.
    pub(crate) application: Weak<Application>,
}

/// The data of one component instance (`Store<InstanceState>`).
pub(crate) struct InstanceState {
    pub(crate) component: Arc<ComponentContext>,
    pub(crate) table: ResourceTable,
    pub(crate) limits: StoreLimits,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    /// Given back when the instance is gone.
    _slot: OwnedSemaphorePermit,
}

impl InstanceState {
    pub(crate) fn new(component: Arc<ComponentContext>, slot: OwnedSemaphorePermit) -> Self {
        let mut wasi = WasiCtx::builder();
        // No network and no directories: the builder gives none by default. Standard input is empty.
        wasi.stdout(component.logs.stdout()).stderr(component.logs.stderr());
        for (name, value) in &component.environment {
            wasi.env(name, value);
        }
        let mut limits = StoreLimitsBuilder::new();
        if let Some(bytes) = component.memory_limit {
            limits = limits.memory_size(bytes);
        }
        Self {
            table: ResourceTable::new(),
            limits: limits.build(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(Arc::clone(&component)),
            component,
            _slot: slot,
        }
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Stands for this host's own interfaces where the bindings ask what data they work on.
pub(crate) struct Offered;

impl HasData for Offered {
    type Data<'a> = &'a mut InstanceState;
}
