//! Any other service that trades credentials for a token over HTTP: the type `http`, described in the configuration.

mod request;
mod response;
mod template;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use self::request::Request;
use self::response::Response;
use self::template::Secrets;
use super::http::{Http, address, refuse_key};
use super::verdict::{self, Row, judge};
use super::words::{Held, Members, Words};
use super::{Class, Defaults, Door, Failure, Identity, MintRequest, Minted, Pending, Provider};
use crate::document::Table;
use crate::secret::Source;

/// What is a no where `refused` does not say otherwise.
const REFUSED: [u16; 2] = [401, 403];

/// The usual names, for the services whose own are not known.
const WORDS: Members = Members {
    code: &["error", "code", "errorCode", "error_code"],
    description: &["error_description", "message", "detail", "title"],
};

const CREDENTIALS: &str = "the secrets and the request";

#[derive(Debug)]
struct HttpExchange {
    http: Http,
    request: Request,
    /// Of the request as it is written, for it says who asks.
    fingerprint: String,
    response: Response,
    secrets: Vec<(String, Source)>,
    /// The type's own table: one row for each status in `refused`.
    rows: Vec<Row>,
    secret_timeout: Duration,
}

/// Reads `request`, `response`, `secrets`, `refused`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    refuse_key(table, "url", "write it in `request`");
    let http = Http::read(table, defaults);
    let mut names = Vec::new();
    let mut secrets = Vec::new();
    if let Some(mut sources) = table.table("secrets") {
        for name in sources.remaining_keys() {
            if let Some(source) = Source::required(&mut sources, &name.value, &defaults.reach) {
                secrets.push((name.value.clone(), source));
            }
            names.push(name);
        }
    }
    let rows = read_refused(table);
    table.require("request");
    let mut fingerprint = String::new();
    let request = table.table("request").map(|mut inner| {
        fingerprint = fingerprint_of(&inner.definition(&[]));
        let request = Request::read(&mut inner, &names);
        inner.finish();
        request
    });
    table.require("response");
    let response = table.table("response").map(|mut inner| {
        let response = Response::read(&mut inner);
        inner.finish();
        response
    });
    Some(Box::new(HttpExchange {
        http,
        request: request??,
        fingerprint,
        response: response??,
        secrets,
        rows,
        secret_timeout: defaults.command_timeout,
    }))
}

fn read_refused(table: &mut Table<'_>) -> Vec<Row> {
    let row = |status: &u16| Row::status(*status, Class::No);
    let Some(list) = table.json("refused") else {
        return REFUSED.iter().map(row).collect();
    };
    let statuses = list.value.as_array().and_then(|list| {
        let status = |value: &serde_json::Value| u16::try_from(value.as_u64()?).ok();
        list.iter()
            .map(|value| status(value).filter(|status| verdict::may_refuse(*status)))
            .collect::<Option<Vec<_>>>()
    });
    if statuses.is_none() {
        let hint = "a list of 4xx statuses, such as [401, 403]; 408, 425 and 429 always mean: later";
        table.report(&list.span, "`refused` has something that is no refusal", hint);
    }
    statuses.unwrap_or_default().iter().map(row).collect()
}

fn fingerprint_of(definition: &serde_json::Value) -> String {
    let digest = Sha256::digest(definition.to_string());
    let head = digest.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    format!("{head:016x}")
}

impl HttpExchange {
    async fn exchange(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let mut secrets = Secrets::new();
        let mut held = Held::default();
        for (name, source) in &self.secrets {
            let secret = source.fetch(&asked.errand, self.secret_timeout).await?;
            held.add(&secret.expose());
            secrets.insert(name.clone(), secret);
        }
        let reply = self.http.send(self.request.fill(&secrets)?, asked.now).await?;
        drop(secrets);
        if !reply.is_success() || reply.is_page() {
            let words = Words::read(reply.json().as_ref(), WORDS, &held);
            return Err(judge(&reply, &self.rows, &words, CREDENTIALS));
        }
        self.response.mint(&reply, asked)
    }
}

impl Provider for HttpExchange {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.exchange(request))
    }

    fn sources(&self) -> Vec<&Source> {
        self.secrets.iter().map(|(_, source)| source).collect()
    }

    fn door(&self) -> Option<Door<'_>> {
        Some(Door::new(&self.http, &self.request.url))
    }

    fn identity(&self) -> Identity {
        let origin = address::origin(&self.request.url);
        Identity { origin, client: self.fingerprint.clone(), user: String::new() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("request", self.request.url.to_string())];
        for (name, source) in &self.secrets {
            lines.push(("secret", format!("{name}: {}", source.describe())));
        }
        self.http.describe(&mut lines);
        lines
    }
}

#[cfg(test)]
mod tests;
