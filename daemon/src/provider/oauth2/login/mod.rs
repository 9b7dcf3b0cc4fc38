//! Grants that begin with a person's login: the device flow (RFC 8628) and the authorization code (RFC 6749 4.1).
//! What a login brings is spent as any refresh token is.

use crate::document::Table;

/// How a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Login {
    /// The name of the grant in the configuration.
    pub(super) grant: &'static str,
}

impl Login {
    /// Reads the keys of the grant of this name but for the endpoints. What is wrong has been reported where there is
    /// none.
    pub(super) fn read(table: &mut Table<'_>, grant: &'static str) -> Option<Self> {
        for key in ["redirect_port", "redirect_uris"] {
            table.allow(key);
        }
        if let Some(span) = table.value_span("grant") {
            let hint = "so far there are client_credentials, refresh_token and password";
            table.report_shown(&span, format!("the grant {grant} is not built yet"), hint);
        }
        None
    }
}
