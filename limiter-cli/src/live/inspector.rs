//! Calls of an inspector.

use std::{
    env,
    io::{BufReader, Read},
    time::Duration,
};

use serde_json::Value;
use ureq::{Agent, Body, http::Response};

use super::answer::error_of;
use crate::{args::InspectorArguments, outcome::Failure, output::harmless};

/// An inspector, with the token of the environment.
pub(super) struct Inspector {
    agent: Agent,
    /// Without a slash at the end.
    address: String,
    token: Option<String>,
}

/// The environment variable with the token. An argument would be in the list of processes.
const TOKEN: &str = "LIMITER_TOKEN";
const ADDRESS: &str = "LIMITER_INSPECTOR";
/// The longest time that an answer may take, once it has begun.
const BODY: Duration = Duration::from_secs(60);
/// The same for a stream of events, which the inspector ends after five minutes.
const STREAM: Duration = Duration::from_secs(600);
/// The longest answer. One of a thousand routes takes a few megabytes.
const MAX_LEN: u64 = 64 << 20;

impl Inspector {
    /// Returns whether the environment names one.
    pub(super) fn is_in_environment() -> bool {
        env::var_os(ADDRESS).is_some_and(|address| !address.is_empty())
    }

    pub(super) fn new(running: &InspectorArguments) -> Result<Self, Failure> {
        let address = running.inspector.clone().or_else(|| env::var(ADDRESS).ok());
        let address = address.filter(|address| !address.is_empty()).ok_or_else(|| {
            Failure::Usage(format!(
                "expected the address of an inspector, by --inspector or {ADDRESS}; or that of a storage, by --storage \
                 or LIMITER_STORAGE, for the commands that take one"
            ))
        })?;
        if !address.starts_with("http://") {
            let expected = "expected an address that begins with http://; for a remote inspector, forward its port by SSH";
            return Err(Failure::Usage(format!("{expected}: `{}`", harmless(&address))));
        }
        let config = Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_send_body(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(30)))
            .timeout_recv_body(Some(BODY))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        let token = env::var(TOKEN).ok().filter(|token| !token.is_empty());
        Ok(Self { agent: config.into(), address: address.trim_end_matches('/').to_owned(), token })
    }

    /// Gets a part of the interface.
    pub(super) fn get(&self, name: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let request = self.agent.get(self.url(name)).header("authorization", self.authorization());
        self.answer(request.query_pairs(query.iter().copied()).call())
    }

    /// Makes a change.
    pub(super) fn change(&self, change: &Value) -> Result<Value, Failure> {
        let request = self.agent.post(self.url("changes")).header("authorization", self.authorization());
        self.answer(request.header("content-type", "application/json").send(change.to_string()))
    }

    /// Opens the stream of events.
    pub(super) fn events(&self) -> Result<BufReader<impl Read>, Failure> {
        let request = self.agent.get(self.url("events")).header("authorization", self.authorization());
        let request = request.config().timeout_recv_body(Some(STREAM)).build();
        let response = request.call().map_err(|error| self.failed(error.to_string()))?;
        match response.status().as_u16() {
            200 => Ok(BufReader::new(response.into_body().into_with_config().limit(MAX_LEN).reader())),
            _ => self.answer(Ok(response)).and(Err(self.failed("expected a stream of events"))),
        }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/api/v1/{name}", self.address)
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token.as_deref().unwrap_or("none"))
    }

    fn answer(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Value, Failure> {
        let mut response = response.map_err(|error| self.failed(error.to_string()))?;
        let text = response.body_mut().with_config().limit(MAX_LEN).read_to_string();
        let text = text.map_err(|error| self.failed(error.to_string()))?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        let error = error_of(body.as_ref());
        match response.status().as_u16() {
            200 => body.ok_or_else(|| self.failed("expected JSON; is this the address of an inspector?")),
            401 | 403 if self.token.is_none() => Err(self.failed(format!("not authorized; set {TOKEN}"))),
            // An invalid client, as in arguments of other commands.
            400 => Err(Failure::Usage(error.unwrap_or_default())),
            status => Err(self.failed(error.unwrap_or_else(|| format!("it answered {status}")))),
        }
    }

    pub(super) fn failed(&self, error: impl Into<String>) -> Failure {
        Failure::Inspector { address: harmless(&self.address), error: error.into() }
    }
}
