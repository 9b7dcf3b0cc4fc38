//! The request of an `http` account, as the configuration describes it: parsed JSON, a form, headers, a query.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::Value;
use url::Url;

use super::template::{Secrets, Template};
use crate::document::{Located, Span, Table};
use crate::provider::http::address::{self, Query};
use crate::provider::http::{self, Buffer, headers};
use crate::provider::{Failure, token};

const METHODS: &[&str] = &["POST", "GET", "PUT", "PATCH"];

/// A request with places for secrets in it.
#[derive(Debug)]
pub(super) struct Request {
    method: Method,
    pub(super) url: Url,
    headers: Vec<(HeaderName, Template)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    None,
    Json(Node),
    Form(Vec<(String, Template)>),
}

/// Parsed JSON whose strings are templates.
#[derive(Debug)]
enum Node {
    Text(Template),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    Plain(Value),
}

/// Reads the templates of a request and notes which secrets they name.
struct Reader {
    used: BTreeSet<String>,
    known: BTreeSet<String>,
}

impl Request {
    /// Reads `method`, `url`, `query`, `headers`, and `json` or `form`. `known` are the names of the secrets; those that
    /// are not used are reported in `secrets`.
    pub(super) fn read(table: &mut Table<'_>, known: &[Located<String>]) -> Option<Self> {
        let mut reader =
            Reader { used: BTreeSet::new(), known: known.iter().map(|name| name.value.clone()).collect() };
        let method = table.one_of("method", METHODS);
        let url = read_url(table);
        let query = read_query(table);
        let headers = reader.headers(table);
        let body = reader.body(table);
        let method = match method {
            Some(method) => Method::from_bytes(method.value.as_bytes()).ok()?,
            None => Method::POST,
        };
        if method == Method::GET && !matches!(body, Some(Body::None)) {
            table.report(&table.span(), "a GET has no body", "write method = \"POST\"");
        }
        for name in known.iter().filter(|name| !reader.used.contains(&name.value)) {
            table.report(
                &name.span,
                "no placeholder names this secret",
                "write `${secret:NAME}` in `request`, or remove it",
            );
        }
        let mut url = url?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Some(Self { method, url, headers, body: body? })
    }

    /// The request with the secrets in it.
    pub(super) fn fill(&self, secrets: &Secrets) -> Result<http::Request, Failure> {
        let request = http::Request::new(self.method.clone(), self.url.clone());
        let mut request = match &self.body {
            Body::None => request,
            Body::Json(node) => {
                let mut text = Buffer::with_capacity(512);
                node.write(secrets, &mut text)?;
                request.json_text(text)
            }
            Body::Form(pairs) => {
                let mut form = Buffer::with_capacity(512);
                for (name, template) in pairs {
                    form.push_pair(name.as_bytes(), &template.fill(secrets));
                }
                request.form(form)
            }
        };
        // Last, for some services want a content type of their own.
        for (name, template) in &self.headers {
            let what = format!("the secret in the header {name}");
            request = request.header(name.clone(), headers::sensitive(&template.fill(secrets), &what)?);
        }
        Ok(request)
    }
}

fn read_url(table: &mut Table<'_>) -> Option<Url> {
    let text = table.required_string("url")?;
    if text.value.contains("${") {
        let why = "URLs end in logs, and a secret in a host's name would go to whoever serves that name; \
                   use `json`, `form` or `headers`";
        table.report(&text.span, "`url` has a placeholder", why);
        return None;
    }
    address::checked(table, "url", &text, Query::Allowed)
}

fn read_query(table: &mut Table<'_>) -> Vec<(String, String)> {
    let mut query = Vec::new();
    let Some(mut entries) = table.table("query") else {
        return query;
    };
    for key in entries.remaining_keys() {
        let Some(value) = entries.string(&key.value) else {
            continue;
        };
        if value.value.contains("${") {
            entries.report(
                &value.span,
                "`query` has a placeholder",
                "queries end in logs; use `json`, `form` or `headers`",
            );
        }
        query.push((key.value, value.value));
    }
    query
}

impl Reader {
    fn headers(&mut self, table: &mut Table<'_>) -> Vec<(HeaderName, Template)> {
        let mut headers = Vec::new();
        let Some(mut entries) = table.table("headers") else {
            return headers;
        };
        for key in entries.remaining_keys() {
            let name = headers::parse_name(&entries, &key);
            let Some(value) = entries.string(&key.value) else {
                continue;
            };
            let (Some(name), Some(template)) = (name, self.template(&entries, &value.value, &value.span))
            else {
                continue;
            };
            // A secret comes through a placeholder; then it may be an Authorization, too.
            let carries_secret = template.names().next().is_some();
            let is_allowed = match name.as_str() {
                "authorization" | "cookie" => carries_secret,
                "content-type" => true,
                _ => false,
            };
            if let Some(why) = headers::refusal(&name).filter(|_| !is_allowed) {
                entries.report(&key.span, format!("the header `{name}` cannot be set here"), why);
            }
            if value.value.contains(|c: char| c.is_control()) {
                entries.report(&value.span, format!("the value of `{name}` cannot be sent"), "one line");
            }
            headers.push((name, template));
        }
        headers
    }

    fn body(&mut self, table: &mut Table<'_>) -> Option<Body> {
        let json = table.json("json");
        let form = table.table("form");
        if let (Some(_), Some(form)) = (&json, &form) {
            table.report(&form.span(), "a request has one body", "write either `json` or `form`");
        }
        if let Some(json) = json {
            return self.node(table, json.value, &json.span).map(Body::Json);
        }
        if table.has("json") {
            return None;
        }
        let Some(mut form) = form else {
            return Some(Body::None);
        };
        let mut pairs = Vec::new();
        for key in form.remaining_keys() {
            let Some(value) = form.string(&key.value) else {
                continue;
            };
            plain_name(&form, &key.value, &key.span);
            if let Some(template) = self.template(&form, &value.value, &value.span) {
                pairs.push((key.value, template));
            }
        }
        Some(Body::Form(pairs))
    }

    fn node(&mut self, table: &Table<'_>, value: Value, span: &Span) -> Option<Node> {
        Some(match value {
            Value::String(text) => Node::Text(self.template(table, &text, span)?),
            Value::Array(list) => Node::List(
                list.into_iter().map(|value| self.node(table, value, span)).collect::<Option<_>>()?,
            ),
            Value::Object(object) => {
                let entries = object.into_iter().map(|(name, value)| {
                    plain_name(table, &name, span);
                    Some((name, self.node(table, value, span)?))
                });
                Node::Object(entries.collect::<Option<_>>()?)
            }
            plain => Node::Plain(plain),
        })
    }

    fn template(&mut self, table: &Table<'_>, text: &str, span: &Span) -> Option<Template> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(fault) => {
                table.report(span, format!("`request` {fault}"), "a `${` of its own is written `$${`");
                return None;
            }
        };
        for name in template.names() {
            if !self.known.contains(name) {
                let known = self.known.iter().map(String::as_str);
                let hint = match crate::document::nearest(name, known) {
                    Some(near) => format!("did you mean `${{secret:{near}}}`?"),
                    None => "name it in `secrets`, such as secrets = { key = { file = \"…\" } }".to_owned(),
                };
                table.report(span, "a placeholder names no secret of this account", hint);
            }
            self.used.insert(name.to_owned());
        }
        Some(template)
    }
}

fn plain_name(table: &Table<'_>, name: &str, span: &Span) {
    if name.contains("${") {
        table.report(span, "a name has a placeholder", "only values may have one");
    }
}

impl Node {
    fn write(&self, secrets: &Secrets, out: &mut Buffer) -> Result<(), Failure> {
        match self {
            Self::Text(template) => {
                let bytes = template.fill(secrets);
                let text = token::text_in(&bytes, "a secret of `request`")?;
                // Neither a Buffer nor a string can fail.
                let _ = serde_json::to_writer(out, text);
            }
            Self::List(list) => {
                out.push(b"[");
                for (index, node) in list.iter().enumerate() {
                    out.push(if index > 0 { b"," } else { b"" });
                    node.write(secrets, out)?;
                }
                out.push(b"]");
            }
            Self::Object(entries) => {
                out.push(b"{");
                for (index, (name, node)) in entries.iter().enumerate() {
                    out.push(if index > 0 { b"," } else { b"" });
                    let _ = serde_json::to_writer(&mut *out, name);
                    out.push(b":");
                    node.write(secrets, out)?;
                }
                out.push(b"}");
            }
            Self::Plain(value) => {
                let _ = serde_json::to_writer(out, value);
            }
        }
        Ok(())
    }
}
