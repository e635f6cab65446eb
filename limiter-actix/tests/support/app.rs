//! Requests to an app in this thread.

use actix_http::Request;
use actix_web::{
    Error,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    http::Method,
    test::TestRequest,
};

use crate::client::Answer;

/// A request without a body, from 127.0.0.1.
///
/// # Panics
///
/// When the method is none.
pub fn request(method: &str, target: &str) -> TestRequest {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    TestRequest::with_uri(target).method(method).peer_addr(([127, 0, 0, 1], 40_000).into())
}

/// Has an app answer a GET; returns the status.
pub async fn get<S, B>(app: &S, target: &str) -> u16
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    ask(app, request("GET", target)).await.status
}

/// Has an app answer a request. An error is turned into its response, as a server would.
///
/// # Panics
///
/// When the body fails.
pub async fn ask<S, B>(app: &S, request: TestRequest) -> Answer
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    match app.call(request.to_request()).await {
        Ok(response) => {
            let (head, body) = response.into_parts().1.into_parts();
            answer(&head, to_bytes(body).await.ok().as_deref())
        }
        Err(error) => {
            let (head, body) = error.error_response().into_parts();
            answer(&head, to_bytes(body).await.ok().as_deref())
        }
    }
}

fn answer(head: &actix_web::HttpResponse<()>, body: Option<&[u8]>) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = head.headers().iter();
    Answer {
        status: head.status().as_u16(),
        headers: headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
        body: text(body.expect("a body without a fault")),
    }
}
