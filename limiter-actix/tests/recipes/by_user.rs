//! By user.

use std::{io, net::TcpListener};

use actix_web::{
    App, Error, HttpMessage, HttpServer, Responder,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    get,
    middleware::{Next, from_fn},
};
use limiter_actix::{Key, Limiter, key};

struct User {
    id: u64,
}

/// Your authentication: a session, a signed token. What is not checked here, clients choose.
fn user_of(req: &ServiceRequest) -> Option<User> {
    let session = req.headers().get("session")?.to_str().ok()?;
    session.strip_prefix("signed-")?.parse().ok().map(|id| User { id })
}

async fn authenticate(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(user) = user_of(&req) {
        req.extensions_mut().insert(user);
    }
    next.call(req).await
}

#[get("/")]
async fn index() -> impl Responder {
    "hello"
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let limiter = Limiter::builder()
        .key(key::extension(|user: &User| Key::text("user", user.id)))
        .default_limits("3/hour")
        .build()
        .map_err(io::Error::other)?;
    // What is wrapped last comes first.
    let app = move || App::new().service(index).wrap(limiter.clone()).wrap(from_fn(authenticate));
    Ok(HttpServer::new(app).listen(listener)?.run())
}

mod test {
    use limiter_test_support::{client::Client, server::serve};

    #[test]
    fn users_have_counts_of_their_own_wherever_they_are() {
        let server = serve(super::server);
        let passing = |from: u8, session: &str| {
            let mut client = Client::connect_from([127, 0, 0, from].into(), server.address);
            (0..4).filter(|_| client.ask("GET", "/", &[("session", session)]).status == 200).count()
        };
        assert_eq!(passing(1, "signed-1"), 3);
        assert_eq!(passing(2, "signed-1"), 0);
        assert_eq!(passing(1, "signed-2"), 3);
        // Who is nobody is counted by address, whatever it makes up.
        assert_eq!(passing(1, "guess-3"), 3);
        assert_eq!(passing(1, "guess-4"), 0);
        assert_eq!(passing(2, ""), 3);
    }
}
