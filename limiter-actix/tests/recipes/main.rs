//! The recipes of docs/recipes.md and docs/abuse.md work.
//!
//! Each is a file: first the code, as it stands in the text, then the test that it does.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use limiter_actix::Limiter;
use limiter_test_support::app::{ask, request};

mod abuse_logins;
mod abuse_scanners;
mod abuse_scrapers;
mod api_key;
mod ban;
mod by_country;
mod by_path;
mod by_user;
mod cors;
mod failed_logins;
mod files;
mod graphql;
mod health;
mod internal;
mod messages;
mod own_headers;
mod per_process;
mod scanners;
mod shadow;
mod tenants;
mod two_limiters;
mod uploads;
mod windows;

/// An app with a page at `/` under this limiter.
async fn app_with(
    limiter: Limiter,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error> {
    init_service(App::new().wrap(limiter).route("/", web::get().to(HttpResponse::Ok))).await
}

/// A request from this address.
fn from(address: &str, method: &str, target: &str) -> TestRequest {
    let address: IpAddr = address.parse().expect("an address");
    request(method, target).peer_addr((address, 40_000).into())
}

/// Counts the GETs of so many from this address that are not refused.
async fn passing_from<S, B>(app: &S, address: &str, target: &str, times: usize) -> usize
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut passing = 0;
    for _ in 0..times {
        passing += usize::from(ask(app, from(address, "GET", target)).await.status != 429);
    }
    passing
}

/// The code of a recipe: what stands between its heading and its test.
fn code(recipe: &Path) -> String {
    let text = fs::read_to_string(recipe).expect("a recipe");
    let (_, code) = text.split_once("\n\n").expect("a heading");
    code.split_once("\nmod test {").expect("a test").0.to_owned()
}

#[test]
fn the_text_shows_the_code_that_is_tested() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let page = |name: &str| fs::read_to_string(here.join("../docs").join(name)).expect("the text");
    let text = page("recipes.md") + &page("abuse.md");
    let shown: Vec<_> = text.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();

    let recipes = fs::read_dir(here.join("tests/recipes")).expect("the folder of recipes");
    let files = recipes.map(|entry| entry.expect("a recipe").path());
    let tested: Vec<_> = files.filter(|file| !file.ends_with("main.rs")).collect();
    for recipe in &tested {
        assert!(shown.contains(&code(recipe).as_str()), "{} is not in the text as it is", recipe.display());
    }
    assert_eq!(shown.len(), tested.len(), "there is code in the text that is not tested");
}
