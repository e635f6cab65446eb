//! One limiter for everybody, and one behind authentication.

use std::{io, net::TcpListener};

use actix_web::{
    App, Error, HttpMessage, HttpServer, Responder,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    error::ErrorUnauthorized,
    get,
    middleware::{Next, from_fn},
    web,
};
use limiter_actix::{BuildError, Key, Limiter, key};

struct User(String);

/// Expensive, so strangers are to be refused before it is asked.
async fn authenticate(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let user = req.headers().get("user").and_then(|name| name.to_str().ok()).map(str::to_owned);
    let user = user.ok_or_else(|| ErrorUnauthorized("who are you?"))?;
    req.extensions_mut().insert(User(user));
    next.call(req).await
}

fn limiters() -> Result<(Limiter, Limiter), BuildError> {
    let by_address = Limiter::builder().application_limits("8/hour").build()?;
    let by_user = Limiter::builder()
        .key_prefix("account") // so that they share no count where they share a storage
        .key(key::extension(|User(name): &User| Key::text("user", name.as_str())))
        .default_limits("2/hour")
        .build()?;
    Ok((by_address, by_user))
}

#[get("/me")]
async fn me() -> impl Responder {
    "it is you"
}

fn server(listener: TcpListener) -> io::Result<Server> {
    let (by_address, by_user) = limiters().map_err(io::Error::other)?;
    let app = move || {
        let account = web::scope("/account").service(me);
        let account = account.wrap(by_user.clone()).wrap(from_fn(authenticate));
        App::new().service(account).wrap(by_address.clone())
    };
    Ok(HttpServer::new(app).listen(listener)?.run())
}

mod test {
    use limiter_test_support::{client::Client, server::serve};

    #[test]
    fn each_limiter_decides_for_itself() {
        let server = serve(super::server);
        let ask = |from: u8, user: &[(&str, &str)]| {
            let mut client = Client::connect_from([127, 0, 0, from].into(), server.address);
            client.ask("GET", "/account/me", user).status
        };
        let (alice, bob) = ([("user", "alice")], [("user", "bob")]);
        assert_eq!([(); 3].map(|()| ask(1, &alice)), [200, 200, 429], "by user");
        assert_eq!(ask(2, &alice), 429, "wherever she is");
        assert_eq!([(); 2].map(|()| ask(1, &bob)), [200, 200]);
        // Three of alice, two of bob, three of nobody; what the inner one refused has passed the outer.
        assert_eq!([(); 4].map(|()| ask(1, &[])), [401, 401, 401, 429], "by address");
        assert_eq!(ask(2, &[]), 401);
    }
}
