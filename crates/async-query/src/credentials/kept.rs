//! Credentials that outlive one run of the activity.

use std::cell::RefCell;
use std::rc::Rc;

use azure_core::{Clock, HttpClient};

use super::connect::Credentials;
use super::error::CredentialError;
use super::settings::CredentialSettings;

/// Keeps the credentials, with all that they keep, for as long as the variables stay the same. A component has one for
/// all its requests.
#[derive(Debug)]
pub struct Kept<H, C>(RefCell<Option<Last<H, C>>>);

#[derive(Debug)]
struct Last<H, C> {
    settings: CredentialSettings,
    credentials: Rc<Credentials<H, C>>,
}

impl<H, C> Kept<H, C> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }
}

impl<H, C> Default for Kept<H, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H, C> Kept<H, C>
where
    H: HttpClient + Clone + 'static,
    C: Clock + Clone + 'static,
{
    /// The credentials that the variables choose: those of the last call, if they have not changed.
    ///
    /// # Errors
    ///
    /// Those of [`Credentials::new`].
    pub fn of(
        &self,
        settings: &CredentialSettings,
        http: H,
        clock: C,
    ) -> Result<Rc<Credentials<H, C>>, CredentialError> {
        let mut kept = self.0.borrow_mut();
        if let Some(last) = kept.as_ref().filter(|last| last.settings == *settings) {
            return Ok(Rc::clone(&last.credentials));
        }
        let credentials = Rc::new(Credentials::new(settings, http, clock)?);
        *kept = Some(Last { settings: settings.clone(), credentials: Rc::clone(&credentials) });
        Ok(credentials)
    }
}
