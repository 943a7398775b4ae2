//! The requests for a token.
//!
//! - Entra ID: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
//! - App Service: <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
//! - IMDS: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use azure_core::Endpoint;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method as HttpMethod, Request, Uri};
use url::form_urlencoded::Serializer;

use crate::method::{Method, Proof};

const JWT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Method {
    /// Asks for a token that is good for `scope`.
    pub(crate) fn request(&self, scope: &str) -> Request<Bytes> {
        // Managed identities are asked for the resource that a scope belongs to.
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let mut request = match self {
            Self::Authority { endpoint, tenant, client, proof } => {
                let mut form = Serializer::new(String::new());
                form.append_pair("client_id", client).append_pair("grant_type", "client_credentials");
                match proof {
                    Proof::Secret(secret) => form.append_pair("client_secret", secret.expose()),
                    Proof::Assertion(token) => form
                        .append_pair("client_assertion_type", JWT_ASSERTION)
                        .append_pair("client_assertion", token.expose()),
                };
                form.append_pair("scope", scope);
                let mut request = Request::new(Bytes::from(form.finish()));
                *request.method_mut() = HttpMethod::POST;
                *request.uri_mut() = uri(endpoint, &format!("/{tenant}/oauth2/v2.0/token"));
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                request.headers_mut().insert(CONTENT_TYPE, form);
                request
            }
            Self::AppService { endpoint, header, client, .. } => {
                let query = query("2019-08-01", resource, client.as_deref());
                let mut request = Request::new(Bytes::new());
                *request.uri_mut() = uri(endpoint, &format!("?{query}"));
                request.headers_mut().insert("x-identity-header", header.clone());
                request
            }
            Self::Imds { endpoint, client } => {
                let query = query("2018-02-01", resource, client.as_deref());
                let mut request = Request::new(Bytes::new());
                *request.uri_mut() = uri(endpoint, &format!("/metadata/identity/oauth2/token?{query}"));
                request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
                request
            }
        };
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }
}

fn query(version: &str, resource: &str, client: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("api-version", version).append_pair("resource", resource);
    if let Some(client) = client {
        query.append_pair("client_id", client);
    }
    query.finish()
}

fn uri(endpoint: &Endpoint, rest: &str) -> Uri {
    // An endpoint is known to be one, and the rest has only what forms and paths may contain.
    Uri::try_from(format!("{endpoint}{rest}")).unwrap_or_else(|_| Uri::from_static("http://invalid.invalid"))
}
