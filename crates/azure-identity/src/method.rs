//! The ways to prove who asks, each with all that it needs.

use azure_core::{Endpoint, Secret};
use http::HeaderValue;

use crate::choice::Choice;
use crate::options::{IdentityOptions, InvalidOptions};

const IMDS: &str = "http://169.254.169.254";

/// A way to prove who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Method {
    /// Entra ID, with a secret or an assertion.
    Authority { endpoint: Endpoint, tenant: String, client: String, proof: Proof },
    /// The endpoint of an App Service, with what it wants to see.
    AppService { endpoint: Endpoint, header: HeaderValue, secret: Secret, client: Option<String> },
    /// The metadata service of a virtual machine.
    Imds { endpoint: Endpoint, client: Option<String> },
}

/// What a client shows to the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    Secret(Secret),
    Assertion(Secret),
}

impl Method {
    /// What it is called in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Authority { proof: Proof::Secret(_), .. } => "client secret",
            Self::Authority { proof: Proof::Assertion(_), .. } => "workload identity",
            Self::AppService { .. } => "App Service managed identity",
            Self::Imds { .. } => "managed identity (IMDS)",
        }
    }

    /// Those that are wanted and configured, in the order in which they are tried.
    ///
    /// By default IMDS is tried if its address is configured, or nothing else is: elsewhere than on a machine of Azure
    /// it does not answer, and that takes long to find out.
    pub(crate) fn chosen(choice: Choice, options: &IdentityOptions) -> Result<Vec<Self>, InvalidOptions> {
        let one = |method: Result<Self, InvalidOptions>| method.map(|method| vec![method]);
        match choice {
            Choice::ClientSecret => one(Self::client_secret(options)),
            Choice::WorkloadIdentity => one(Self::workload_identity(options)),
            Choice::AppService => one(Self::app_service(options)),
            Choice::Imds => one(Self::imds(options)),
            Choice::Default => {
                let mut methods = Vec::new();
                if !options.client_secret.is_blank() {
                    methods.push(Self::client_secret(options)?);
                }
                if !options.federated_token.is_blank() {
                    methods.push(Self::workload_identity(options)?);
                }
                if given(&options.identity_endpoint).is_some() {
                    methods.push(Self::app_service(options)?);
                }
                if given(&options.imds_endpoint).is_some() || methods.is_empty() {
                    methods.push(Self::imds(options)?);
                }
                Ok(methods)
            }
        }
    }

    fn client_secret(options: &IdentityOptions) -> Result<Self, InvalidOptions> {
        let secret = options.client_secret.clone();
        Self::authority(options, "client_secret", Proof::Secret(secret))
    }

    fn workload_identity(options: &IdentityOptions) -> Result<Self, InvalidOptions> {
        // A token that was read from a file has the file's last line break.
        let token = Secret::new(options.federated_token.expose().trim());
        Self::authority(options, "federated_token", Proof::Assertion(token))
    }

    fn authority(
        options: &IdentityOptions,
        proof_name: &'static str,
        proof: Proof,
    ) -> Result<Self, InvalidOptions> {
        let (identity, blank) = match &proof {
            Proof::Secret(secret) => ("client_secret", secret.is_blank()),
            Proof::Assertion(token) => ("workload_identity", token.is_blank()),
        };
        let (tenant, client) = (given(&options.tenant_id), given(&options.client_id));
        let needed = [("tenant_id", tenant.is_none()), ("client_id", client.is_none()), (proof_name, blank)];
        let missing: Vec<_> =
            needed.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
        let (Some(tenant), Some(client), true) = (tenant, client, missing.is_empty()) else {
            return Err(InvalidOptions::Missing { identity, missing: missing.join(", ") });
        };
        // It becomes a segment of a path.
        if !tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
            let must_be = "the tenant's id or one of its domains";
            return Err(InvalidOptions::Invalid { option: "tenant_id", must_be });
        }
        let endpoint = endpoint("authority_host", &options.authority_host)?;
        if !endpoint.is_https() && !options.allow_http {
            return Err(InvalidOptions::Invalid { option: "authority_host", must_be: "an https URL" });
        }
        Ok(Self::Authority { endpoint, tenant: tenant.to_owned(), client: client.to_owned(), proof })
    }

    fn app_service(options: &IdentityOptions) -> Result<Self, InvalidOptions> {
        let missing = [
            ("identity_endpoint", given(&options.identity_endpoint).is_none()),
            ("identity_header", options.identity_header.is_blank()),
        ];
        let missing: Vec<_> =
            missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
        if !missing.is_empty() {
            return Err(InvalidOptions::Missing { identity: "app_service", missing: missing.join(", ") });
        }
        let mut header = HeaderValue::try_from(options.identity_header.expose().trim()).map_err(|_| {
            InvalidOptions::Invalid { option: "identity_header", must_be: "the value of IDENTITY_HEADER" }
        })?;
        header.set_sensitive(true);
        let endpoint = endpoint("identity_endpoint", &options.identity_endpoint)?;
        let secret = options.identity_header.clone();
        Ok(Self::AppService {
            endpoint,
            header,
            secret,
            client: given(&options.client_id).map(str::to_owned),
        })
    }

    fn imds(options: &IdentityOptions) -> Result<Self, InvalidOptions> {
        let endpoint = endpoint("imds_endpoint", given(&options.imds_endpoint).unwrap_or(IMDS))?;
        Ok(Self::Imds { endpoint, client: given(&options.client_id).map(str::to_owned) })
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn endpoint(option: &'static str, text: &str) -> Result<Endpoint, InvalidOptions> {
    let must_be = "an http or https URL without user, query and fragment";
    Endpoint::parse(text.trim()).ok_or(InvalidOptions::Invalid { option, must_be })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(choice: Choice, options: &IdentityOptions) -> Result<Vec<&'static str>, String> {
        let methods = Method::chosen(choice, options).map_err(|error| error.to_string())?;
        Ok(methods.iter().map(Method::name).collect())
    }

    fn all() -> IdentityOptions {
        IdentityOptions {
            tenant_id: "contoso.example".into(),
            client_id: "app".into(),
            client_secret: Secret::new("secret"),
            federated_token: Secret::new("token\n"),
            identity_endpoint: "http://127.0.0.1:8081/msi/token".into(),
            identity_header: Secret::new("header"),
            imds_endpoint: "http://169.254.169.254".into(),
            ..IdentityOptions::default()
        }
    }

    #[test]
    fn by_default_those_that_are_configured_are_tried_in_order() {
        let all = all();
        let four =
            ["client secret", "workload identity", "App Service managed identity", "managed identity (IMDS)"];
        assert_eq!(names(Choice::Default, &all), Ok(four.to_vec()));
        let some =
            IdentityOptions { client_secret: Secret::default(), imds_endpoint: String::new(), ..all.clone() };
        assert_eq!(names(Choice::Default, &some), Ok(four[1..3].to_vec()));
        assert_eq!(names(Choice::Default, &IdentityOptions::default()), Ok(four[3..].to_vec()));
        let named = [Choice::ClientSecret, Choice::WorkloadIdentity, Choice::AppService, Choice::Imds];
        for (choice, name) in named.into_iter().zip(four) {
            assert_eq!(names(choice, &all), Ok(vec![name]));
        }
    }

    #[test]
    fn what_is_missing_or_malformed_is_named_and_not_quoted() {
        let none = IdentityOptions::default();
        for (choice, says) in [
            (Choice::ClientSecret, "client_secret needs tenant_id, client_id, client_secret"),
            (Choice::WorkloadIdentity, "workload_identity needs tenant_id, client_id, federated_token"),
            (Choice::AppService, "app_service needs identity_endpoint, identity_header"),
        ] {
            assert_eq!(names(choice, &none), Err(says.to_owned()));
        }
        let url = "it must be an http or https URL without user, query and fragment";
        type Change = fn(&mut IdentityOptions);
        let cases: [(Change, &str); 6] = [
            (
                |o| o.tenant_id = "a/b?c".into(),
                "tenant_id is not valid: it must be the tenant's id or one of its domains",
            ),
            (
                |o| o.authority_host = "http://login.example.org".into(),
                "authority_host is not valid: it must be an https URL",
            ),
            (|o| o.authority_host = "ftp://x".into(), &format!("authority_host is not valid: {url}")),
            (
                |o| o.identity_endpoint = "http://user@x".into(),
                &format!("identity_endpoint is not valid: {url}"),
            ),
            (
                |o| o.identity_header = Secret::new("a\nb"),
                "identity_header is not valid: it must be the value of IDENTITY_HEADER",
            ),
            (|o| o.imds_endpoint = "169.254.169.254 x".into(), &format!("imds_endpoint is not valid: {url}")),
        ];
        for (change, says) in cases {
            let mut options = all();
            change(&mut options);
            assert_eq!(names(Choice::Default, &options), Err(says.to_owned()));
        }
    }
}
