//! The recipes of docs/recipes.md and docs/abuse.md work, and the apps of the pages for users of other crates.
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
mod calendar;
mod cors;
mod downloads;
mod failed_logins;
mod files;
mod graphql;
mod health;
mod internal;
mod language_models;
mod messages;
mod migrations;
mod own_headers;
mod per_process;
#[cfg(feature = "lookup")]
mod plans_in_a_database;
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

/// The blocks of code in a page.
fn shown(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page");
    text.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of recipes");
    entries.map(|entry| entry.expect("a recipe").path()).filter(|path| path.is_file()).collect()
}

#[test]
fn the_text_shows_the_code_that_is_tested() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let pages = ["recipes.md", "abuse.md"];
    let shown: Vec<_> = pages.iter().flat_map(|page| shown(&here.join("../docs").join(page))).collect();
    let is_recipe = |file: &PathBuf| !file.ends_with("main.rs") && !file.ends_with("migrations.rs");
    let tested: Vec<_> = files_in(&here.join("tests/recipes")).into_iter().filter(is_recipe).collect();
    for recipe in &tested {
        assert!(shown.contains(&code(recipe)), "{} is not in the text as it is", recipe.display());
    }
    assert_eq!(shown.len(), tested.len(), "there is code in the text that is not tested");
}

#[test]
fn pages_for_users_of_other_crates_show_the_code_that_is_tested() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let files = files_in(&here.join("tests/recipes/migrations"));
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().replace('_', "-");
        let page = here.join(format!("../docs/from-{name}.md"));
        assert_eq!(shown(&page), [code(&file)], "{}", page.display());
    }
}
