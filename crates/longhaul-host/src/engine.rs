//! The wasmtime engine: how instances are allocated, how compiled code is kept, and how a busy guest is made to yield.

use std::path::Path;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy,
};

use crate::bindings;
use crate::instance::{InstanceState, Offered};

/// How long a guest computes before others get their turn.
const YIELD_EVERY: Duration = Duration::from_millis(10);

/// Instances whose slot is given back a moment before their memory is.
const SPARE_INSTANCES: u32 = 64;

/// Makes the engine for at most `instances` instances at a time.
///
/// Memory for them is reserved, not used, in one large piece; where the system does not allow that (a limit on virtual
/// memory), instances are allocated one by one, which is a little slower.
pub(crate) fn engine(instances: u32, cache_dir: Option<&Path>) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .cache(cache(cache_dir));

    let instances = instances.saturating_add(SPARE_INSTANCES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // A component is a handful of core instances: the program, and adapters without memory of their own.
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .total_stacks(instances.saturating_mul(2))
        .max_core_instances_per_component(64)
        .max_tables_per_component(16)
        .max_memories_per_component(4)
        .table_elements(200_000);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::warn!("no pool for {instances} instances ({error:#}); they are allocated one by one");
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)?
        }
    };
    tick(&engine);
    Ok(engine)
}

/// Where compiled components are kept between runs: the given directory, else the user's. Without either, or where it
/// cannot be written, every start compiles anew.
fn cache(directory: Option<&Path>) -> Option<Cache> {
    let mut config = CacheConfig::new();
    if let Some(directory) = directory {
        // wasmtime wants an absolute path.
        config.with_directory(std::path::absolute(directory).ok()?);
    }
    Cache::new(config)
        .inspect_err(|error| tracing::warn!("compiled components are not kept between runs: {error:#}"))
        .ok()
}

/// Advances the epoch, at which running guests yield, for as long as the engine lives.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("longhaul-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(YIELD_EVERY);
            }
        })
        .expect("a thread can be started when the host starts");
}

/// A linker with everything that components may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::Host_::add_to_linker::<_, Offered>(&mut linker, |state| state)?;
    Ok(linker)
}
