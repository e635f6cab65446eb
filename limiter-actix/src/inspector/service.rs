//! Requests to the inspector.

use std::{rc::Rc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::{AppService, HttpServiceFactory},
    http::{
        Method, StatusCode,
        header::{ALLOW, WWW_AUTHENTICATE},
    },
    web::{self, BytesMut, Payload},
};
use futures_util::StreamExt;
use limiter_core::log::{Throttle, event, shown};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    Inspector,
    access::Access,
    changes::Change,
    client_view, events, page,
    respond::{ApiError, begin, json},
    same_origin::{is_json, is_known_host, is_same_origin},
    views,
};
use crate::{Exempt, ScopeExt};

/// The longest body of a change.
const MAX_BODY: usize = 8 * 1024;
/// The longest time that it may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

impl HttpServiceFactory for Inspector {
    fn register(self, config: &mut AppService) {
        let path = self.path.trim_end_matches('/').to_owned();
        let inspector = Rc::new(self);
        let handler = move |req: HttpRequest, payload: Payload| {
            let inspector = Rc::clone(&inspector);
            async move { inspector.respond(&req, payload).await.unwrap_or_else(|problem| problem.respond()) }
        };
        web::scope(&path).default_service(web::to(handler)).exempt(Exempt::ALL).register(config);
    }
}

impl Inspector {
    /// Checks the host and the permission, before anything else is looked at.
    async fn respond(&self, req: &HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
        if !is_known_host(req, &self.hosts) {
            let error = "unknown host: expected an IP address, or a name that `Inspector::hosts` sets";
            return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, error));
        }
        let access = self.authorization.access(req);
        let Some(operator) = access.operator() else { return Ok(self.deny(req)) };
        let name = req.match_info().unprocessed();
        let name = name.strip_prefix('/').unwrap_or(name);
        if name == "api/v1/changes" {
            let change = self.permitted_change(req, payload, &access, operator).await?;
            return Ok(json(&change.apply(&self.limiter, operator).await?));
        }
        if req.method() != Method::GET && req.method() != Method::HEAD {
            return Ok(not_allowed("GET, HEAD"));
        }
        self.show(name, req, &access).await
    }

    async fn show(&self, name: &str, req: &HttpRequest, access: &Access) -> Result<HttpResponse, ApiError> {
        let limiter = &self.limiter;
        Ok(match name {
            "api/v1/overview" => json(&views::overview(limiter, access)),
            "api/v1/limits" => json(&views::limits(limiter)),
            "api/v1/settings" => json(&views::settings(limiter)),
            "api/v1/top" => json(&views::top(limiter)),
            "api/v1/bans" => json(&views::bans(limiter).await?),
            "api/v1/client" => {
                let ClientQuery { client, stored } = ClientQuery::of(req)?;
                json(&client_view::view(limiter, &client, stored).await?)
            }
            "api/v1/events" => events::stream(limiter, access),
            _ => match page::file(name, req) {
                Some(file) => file,
                None => return Err(ApiError::new(StatusCode::NOT_FOUND, "no such address")),
            },
        })
    }

    /// Returns the change of a request that may make one.
    async fn permitted_change(
        &self,
        req: &HttpRequest,
        payload: Payload,
        access: &Access,
        operator: &str,
    ) -> Result<Change, ApiError> {
        let refuse = |status, reason: &'static str| {
            log_refused(operator, reason);
            Err(ApiError::new(status, reason))
        };
        if req.method() != Method::POST {
            return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "expected POST"));
        }
        if !access.may_change() {
            return refuse(StatusCode::FORBIDDEN, "no permission to change");
        }
        if !is_same_origin(req, &self.hosts) {
            return refuse(StatusCode::FORBIDDEN, "the request comes from a page of another origin");
        }
        if !is_json(req) {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected `Content-Type: application/json`");
        }
        let body = timeout(BODY_TIMEOUT, body(payload)).await;
        let body =
            body.map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long"))??;
        serde_json::from_slice(&body).map_err(|error| ApiError::invalid(format!("invalid change: {error}")))
    }

    fn deny(&self, req: &HttpRequest) -> HttpResponse {
        if req.method() == Method::POST {
            log_refused("", "not authorized");
        }
        let Some(challenge) = self.authorization.challenge() else {
            return ApiError::new(StatusCode::FORBIDDEN, "not authorized").respond();
        };
        let mut response = begin(StatusCode::UNAUTHORIZED);
        response.insert_header((WWW_AUTHENTICATE, challenge)).json(Denial { error: "not authorized" })
    }
}

#[derive(Serialize)]
struct Denial {
    error: &'static str,
}

fn not_allowed(methods: &'static str) -> HttpResponse {
    let mut response = begin(StatusCode::METHOD_NOT_ALLOWED);
    response.insert_header((ALLOW, methods)).json(Denial { error: "this method is not allowed" })
}

/// The query about a client.
#[derive(Deserialize)]
struct ClientQuery {
    client: String,
    #[serde(default)]
    stored: bool,
}

impl ClientQuery {
    fn of(req: &HttpRequest) -> Result<Self, ApiError> {
        let expected = "expected `?client=`, and `&stored=true` or nothing else";
        let query = web::Query::<Self>::from_query(req.query_string());
        query.map(web::Query::into_inner).map_err(|_| ApiError::invalid(expected))
    }
}

async fn body(mut payload: Payload) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::invalid("the body ends early"))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "expected at most 8 kB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Logs an attempt to change that is refused.
fn log_refused(operator: &str, reason: &'static str) {
    static REFUSED: Throttle = Throttle::new(Some("L051"), 10, Duration::from_secs(1));
    event!(
        REFUSED.permit_now(),
        WARN,
        operator = shown(operator),
        reason = reason,
        "change by the inspector refused"
    );
}
