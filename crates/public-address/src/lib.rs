//! Under which scheme and host clients know an application: for the URIs in its answers.
//!
//! [`of_request`] reads it from the settings of a deployment ([`Settings`]), from the headers of a proxy if those are to
//! be trusted, or from the request. [`header_list`] is the syntax of such headers.
//!
//! It promises that nothing which a request says gets into a URI unchecked, and does no I/O.

mod base_uri;
pub mod header_list;

pub use base_uri::{BaseUri, InvalidSettings, NoBaseUri, Settings, of_request};
