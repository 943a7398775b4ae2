//! What makes a component of a function that answers its requests.
//!
//! Spin's own `#[http_service]` hands requests over as values of the `http` crate: [`exchange`](crate::exchange) says why
//! the private components do without.

/// Makes the orchestrator component: its functions are what the expression gives, which is evaluated for each request
/// and may wait.
///
/// ```no_run
/// # async fn greet(_: longhaul::OrchestrationContext, city: String) -> Result<String, longhaul::Failure> { Ok(city) }
/// use longhaul::Orchestrators;
///
/// longhaul_spin::orchestrator!(Orchestrators::new().with("greet", greet));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! orchestrator {
    ($orchestrators:expr) => {
        $crate::__export!(request => $crate::orchestrator::serve(request, $orchestrators).await);
    };
}

/// Makes the activity component: its functions are what the expression gives, which is evaluated for each request and may
/// wait, for a variable of the component for example.
///
/// ```no_run
/// # async fn hello(_: longhaul::ActivityContext, name: String) -> Result<String, longhaul::Failure> { Ok(name) }
/// use longhaul::ActivityFunctions;
///
/// longhaul_spin::activity!(ActivityFunctions::new().with("hello", hello));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! activity {
    ($functions:expr) => {
        $crate::__export!(request => $crate::activity::serve(request, $functions).await);
    };
}

/// Makes the entities component: its functions are what the expression gives, which is evaluated for each request and may
/// wait.
#[macro_export]
macro_rules! entities {
    ($functions:expr) => {
        $crate::__export!(request => $crate::entities::serve(request, $functions).await);
    };
}

/// Makes the scheduler component.
#[macro_export]
macro_rules! scheduler {
    () => {
        $crate::__export!(request => $crate::scheduler::serve(request).await);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($request:ident => $answer:expr) => {
        const _: () = {
            struct Component;

            impl $crate::__spin_sdk::wasip3::exports::http::handler::Guest for Component {
                async fn handle($request: $crate::exchange::Request) -> $crate::exchange::Answer {
                    $answer
                }
            }

            $crate::__spin_sdk::wasip3::http::service::export!(Component);
        };
    };
}
