//! What the configuration says of any account, whatever its type.

use std::time::Duration;

use crate::provider::Presentation;

/// How an account wants to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The life that a served token should have left when its caller demands nothing.
    pub min_valid: Duration,
    /// When to refresh unasked.
    pub refresh: Refresh,
    /// The lifetime of tokens whose service does not tell.
    pub assume_lifetime: Option<Duration>,
    /// How a request carries the token.
    pub presentation: Presentation,
    /// Scopes that a caller may ask for beyond the account's own.
    pub request_scopes: Vec<String>,
    /// Whether `tok lock` covers it.
    pub lock: bool,
    /// Whether a new token kills the old one: refreshed as late as the wish allows, and for no caller's convenience.
    pub exclusive: bool,
}

/// When an account is refreshed without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refresh {
    /// Always: there is a token before anyone asks.
    #[default]
    Eager,
    /// Once somebody asked, until three lifetimes pass unused.
    Auto,
    /// Never.
    OnDemand,
}
