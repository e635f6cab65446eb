//! A limiter that has only its storage, and no app. Its own inspector answers, in this process.

use std::time::{Duration, Instant};

use actix_http::Request;
use actix_service::Service;
use actix_web::{
    App, HttpRequest,
    http::StatusCode,
    rt::{System, SystemRunner, time::sleep},
    test::{TestRequest, init_service, read_body},
    web::Bytes,
};
use futures_util::future::LocalBoxFuture;
use limiter_actix::{Access, Limiter};
use limiter_core::storage::StorageError;
use serde_json::Value;

use super::answer::error_of;
use crate::{args::StorageArguments, outcome::Failure};

/// The limiter of a storage.
pub(super) struct StoredLimiter {
    limiter: Limiter,
    call: Box<dyn Fn(Request) -> LocalBoxFuture<'static, (StatusCode, Bytes)>>,
    system: SystemRunner,
}

/// The time that a call of the storage may take. The first one connects, over any way.
const DEADLINE: Duration = Duration::from_secs(5);

/// The time after which an unreachable storage is not tried again.
const PATIENCE: Duration = Duration::from_secs(4);
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

impl StoredLimiter {
    /// Connects to the storage. `uri` is that of the environment.
    pub(super) fn new(stored: &StorageArguments, uri: Option<String>) -> Result<Self, Failure> {
        let system = System::new();
        let limiter = limiter(stored, uri)?;
        let call = system.block_on(inspector(limiter.clone()));
        let connected = Self { limiter, call, system };
        if connected.get("overview", &[])?["storage"]["kind"] == "memory" {
            let expected = "expected a storage on a server, such as redis://127.0.0.1:6379: counts in memory are in the \
                            process of the app";
            return Err(Failure::Usage(expected.to_owned()));
        }
        connected.system.block_on(reach(&connected.limiter)).map_err(|error| failed(&error))?;
        Ok(connected)
    }

    pub(super) fn get(&self, name: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.answer(TestRequest::get().uri(&format!("{PATH}/api/v1/{name}?{query}")))
    }

    /// Gets what is known about a client, and where it has counts.
    pub(super) fn client(&self, client: &str) -> Result<Value, Failure> {
        // A failure to read them is an error here, and not one of a lookup.
        self.get("bans", &[])?;
        self.get("client", &[("client", client), ("stored", "true")])
    }

    pub(super) fn change(&self, change: &Value) -> Result<Value, Failure> {
        self.answer(TestRequest::post().uri(&format!("{PATH}/api/v1/changes")).set_json(change))
    }

    fn answer(&self, request: TestRequest) -> Result<Value, Failure> {
        let request = request.insert_header(("host", "localhost")).to_request();
        let (status, body) = self.system.block_on((self.call)(request));
        let body: Option<Value> = serde_json::from_slice(&body).ok();
        let error = error_of(body.as_ref()).unwrap_or_default();
        match status.as_u16() {
            200 => body.ok_or_else(|| Failure::Storage("the answer is no JSON".to_owned())),
            // An invalid client, as in arguments of other commands.
            400 => Err(Failure::Usage(error)),
            _ => Err(self.reason().unwrap_or(Failure::Storage(error))),
        }
    }

    /// Returns the reason why the storage does not answer, if it still does not.
    fn reason(&self) -> Option<Failure> {
        self.system.block_on(self.limiter.ready()).err().map(|error| failed(&error))
    }
}

const PATH: &str = "/limiter";

fn limiter(stored: &StorageArguments, uri: Option<String>) -> Result<Limiter, Failure> {
    // An operator waits longer than a request.
    let mut builder = Limiter::builder().storage_deadline(DEADLINE);
    if let Some(file) = &stored.settings {
        builder = builder.from_file(file);
    }
    let uri = stored.storage.clone().or(uri);
    if stored.settings.is_none() && uri.is_none() {
        return Err(Failure::Usage("expected --storage or --settings with --prefix".to_owned()));
    }
    if let Some(uri) = &uri {
        builder = builder.storage_uri(uri);
    }
    if let Some(prefix) = &stored.prefix {
        builder = builder.key_prefix(prefix.as_str());
    }
    builder.build().map_err(|error| match stored.settings {
        Some(_) => Failure::Settings(error),
        None => Failure::Usage(format!("--storage: {error}")),
    })
}

/// Returns the function that calls the inspector. Whoever has the address of the storage may change it.
async fn inspector(limiter: Limiter) -> Box<dyn Fn(Request) -> LocalBoxFuture<'static, (StatusCode, Bytes)>> {
    let operator = |_: &HttpRequest| Access::change("command line");
    let app = App::new().service(limiter.inspector(PATH).authorize(operator));
    let app = init_service(app).await;
    Box::new(move |request| {
        let response = app.call(request);
        Box::pin(async move {
            match response.await {
                Ok(response) => (response.status(), read_body(response).await),
                Err(error) => (error.as_response_error().status_code(), Bytes::new()),
            }
        })
    })
}

/// Waits until the storage answers.
async fn reach(limiter: &Limiter) -> Result<(), StorageError> {
    let begun = Instant::now();
    loop {
        match limiter.ready().await {
            Err(_) if begun.elapsed() < PATIENCE => sleep(PAUSE).await,
            reached => return reached,
        }
    }
}

fn failed(error: &StorageError) -> Failure {
    Failure::Storage(error.with_causes().to_string())
}
