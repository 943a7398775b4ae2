//! Which identity is wanted.

use std::fmt;
use std::str::FromStr;

/// Which identity is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Those that are configured, in the order of the others.
    #[default]
    Default,
    /// A client secret.
    ClientSecret,
    /// A token of another issuer that Entra ID trusts for this client.
    WorkloadIdentity,
    /// The identity of an App Service, a Function App or a Container App.
    AppService,
    /// The identity of a virtual machine, or of what runs on one.
    Imds,
}

impl Choice {
    /// All of them, in the order in which they are tried.
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Default, "default"),
        (Self::ClientSecret, "client_secret"),
        (Self::WorkloadIdentity, "workload_identity"),
        (Self::AppService, "app_service"),
        (Self::Imds, "imds"),
    ];
}

impl FromStr for Choice {
    type Err = UnknownChoice;

    /// Reads a name as [`Choice`]'s `Display` writes it, in any case; nothing is `default`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = match text.trim() {
            "" => "default",
            text => text,
        };
        let mut all = Self::ALL.into_iter();
        all.find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(choice, _)| choice).ok_or(UnknownChoice)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = Self::ALL.into_iter().find(|(choice, _)| choice == self).expect("all are there");
        f.write_str(name)
    }
}

/// The text names no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be default, client_secret, workload_identity, app_service or imds")]
pub struct UnknownChoice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        for (choice, name) in Choice::ALL {
            assert_eq!(choice.to_string(), name);
            assert_eq!(format!(" {} ", name.to_uppercase()).parse(), Ok(choice));
        }
        assert_eq!("".parse(), Ok(Choice::Default));
        assert_eq!("password".parse::<Choice>(), Err(UnknownChoice));
    }
}
