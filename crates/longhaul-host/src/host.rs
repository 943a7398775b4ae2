//! Loading an application, and calling it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use longhaul_kv::{Statistics, Stores};
use longhaul_manifest::{AllowedHosts, ComponentId, Resolver, Router};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyPre;

use crate::chain::Application;
use crate::component::{self, Component};
use crate::config::{App, Config};
use crate::error::LoadError;
use crate::instance::{ComponentContext, InstanceState};
use crate::logs::ComponentLogs;
use crate::outbound::{self, Outbound};
use crate::outgoing::Outgoing;
use crate::state_dir::StateDir;
use crate::threads::Threads;
use crate::{engine, stores};

/// A loaded application. Instances are made as requests come.
pub struct Host {
    application: Arc<Application>,
    pub(crate) threads: Threads,
    stores: Stores,
    outgoing: Outgoing,
    state_dir: StateDir,
}

/// Why [`Host::call`] got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The application has no such component.
    #[error("the application has no component {0}")]
    NoSuchComponent(ComponentId),
    /// The response broke off.
    #[error("the response broke off: {0}")]
    Body(wasmtime_wasi_http::Error),
}

/// All of a component that must be right before any of them runs.
struct Prepared {
    pre: ProxyPre<InstanceState>,
    allowed_hosts: AllowedHosts,
    logs: ComponentLogs,
}

impl Host {
    /// Loads an application: takes the state directory, opens the stores, compiles the components that were not
    /// compiled before, and checks that each of them has all it needs.
    pub async fn load(app: App, config: Config) -> Result<Self, LoadError> {
        tokio::task::spawn_blocking(move || Self::load_blocking(&app, &config))
            .await
            .map_err(|error| LoadError::Engine(format!("it failed while loading: {error}")))?
    }

    fn load_blocking(app: &App, config: &Config) -> Result<Self, LoadError> {
        let App { manifest, runtime_config, variables } = app;
        let resolver = Resolver::new(manifest, variables)?;
        let router = Router::new(&manifest.http_triggers)?;
        let state_dir = StateDir::take(&config.state_dir)?;
        let tls = outbound::trusting(&config.ca_certificates)?;
        let stores = stores::open(manifest, runtime_config, state_dir.path())?;

        let instances = manifest.components.values().map(|component| component.tool.max_instances);
        let instances = instances.fold(0, usize::saturating_add).min(MOST_POOLED_INSTANCES);
        let engine_error = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
        let instances = u32::try_from(instances).expect("it is below a limit that fits");
        let engine = engine::engine(instances, config.cache_dir.as_deref()).map_err(engine_error)?;
        let linker = engine::linker(&engine).map_err(engine_error)?;

        let log_dir = config.log_dir.clone().or_else(|| runtime_config.log_dir.clone());
        let log_dir = log_dir.unwrap_or_else(|| state_dir.path().join("logs"));
        let prepare_one = |id: &ComponentId, component: &longhaul_manifest::Component| {
            let allowed_hosts = resolver
                .allowed_hosts(manifest, component)
                .map_err(|source| LoadError::AllowedHosts { component: id.clone(), source })?;
            let logs = open_logs(&log_dir, id, config.show_output)?;
            let pre = component::prepare(&engine, &linker, id, &component.source)?;
            Ok(Prepared { pre, allowed_hosts, logs })
        };
        // Each on a thread of its own: compiling is what takes time, and the compiler shares the cores by itself.
        let prepared = std::thread::scope(|scope| {
            let threads: Vec<_> = manifest
                .components
                .iter()
                .map(|(id, component)| (id, scope.spawn(move || prepare_one(id, component))))
                .collect();
            let join =
                |(id, thread): (&ComponentId, std::thread::ScopedJoinHandle<'_, Result<_, LoadError>>)| {
                    Ok((id.clone(), thread.join().expect("loading a component does not panic")?))
                };
            threads.into_iter().map(join).collect::<Result<BTreeMap<_, _>, LoadError>>()
        })?;

        let threads = Threads::start()?;
        let outgoing = Outgoing::of(&stores);
        let outbound = Arc::new(Outbound::new(tls, outgoing.clone()));
        let application = Arc::new_cyclic(|application| {
            let components = prepared.into_iter().map(|(id, prepared)| {
                let declared = &manifest.components[&id];
                let mut environment = declared.environment.clone();
                environment.extend(config.environment.clone());
                let memory_limit = declared.tool.memory_limit.or(runtime_config.max_instance_memory);
                let context = ComponentContext {
                    id: id.clone(),
                    environment,
                    variables: resolver.component_variables(declared),
                    stores: stores::of_component(&stores, &declared.key_value_stores),
                    allowed_hosts: prepared.allowed_hosts,
                    settings: declared.tool.clone(),
                    memory_limit: memory_limit.and_then(|limit| usize::try_from(limit.0).ok()),
                    logs: prepared.logs,
                    outbound: Arc::clone(&outbound),
                    application: application.clone(),
                };
                let place = match router.leads_to(&id) {
                    true => threads.public(),
                    false => threads.private(),
                };
                let component = Component::new(
                    engine.clone(),
                    prepared.pre,
                    Arc::new(context),
                    place,
                    config.admission_timeout,
                );
                (id, Arc::new(component))
            });
            Application { components: components.collect(), router }
        });
        Ok(Self { application, threads, stores, outgoing, state_dir })
    }

    /// Calls a component as another one would: in process, by any route, private or not. Only path and query of the
    /// request's URI count.
    pub async fn call(
        &self,
        component: &ComponentId,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, CallError> {
        if !self.application.components.contains_key(component) {
            return Err(CallError::NoSuchComponent(component.clone()));
        }
        let mut request = request.map(|body| Full::from(body).map_err(|never| match never {}).boxed_unsync());
        if let Some(path) = request.uri().path_and_query() {
            *request.uri_mut() = Uri::from(path.clone());
        }
        let answer = self.application.answer_component(component, request).await;
        let (parts, body) = self.outgoing.answer(answer).await.into_parts();
        let body = body.collect().await.map_err(CallError::Body)?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }

    /// Answers a client's request by the public routes.
    pub(crate) async fn answer(&self, request: Request<WasiBody>, client: SocketAddr) -> Response<WasiBody> {
        self.outgoing.answer(self.application.answer_client(request, client).await).await
    }

    /// The directory that this host has taken.
    pub fn state_dir(&self) -> &std::path::Path {
        self.state_dir.path()
    }

    /// What was asked of each database since it was opened, with the labels of the stores that are in it.
    pub fn statistics(&self) -> Vec<(Vec<&str>, Statistics)> {
        self.stores.statistics()
    }

    /// Closes the stores: what was acknowledged is on disk in any case, but after this it is in one file. Components
    /// that still run get errors from their stores.
    pub async fn close(&self) -> Result<(), longhaul_kv::Error> {
        self.stores.close().await
    }
}

/// More are allowed, but not from the pool's memory: so many reserve 40 TB of address space.
const MOST_POOLED_INSTANCES: usize = 10_000;

fn open_logs(directory: &PathBuf, component: &ComponentId, show: bool) -> Result<ComponentLogs, LoadError> {
    std::fs::create_dir_all(directory).and_then(|()| ComponentLogs::open(directory, component, show)).map_err(
        |source| LoadError::Logs { component: component.clone(), directory: directory.clone(), source },
    )
}
