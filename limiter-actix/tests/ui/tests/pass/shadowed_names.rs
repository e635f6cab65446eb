//! The user's module may have other things under the names of the standard library, and of everything else.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, unused_macros)]

use actix_web::get;

struct Result;
struct Option;
struct Some;
struct None;
struct Ok;
struct Err;
struct Vec;
struct String;
struct Box;
struct Default;
trait Into {}
trait From {}
trait Iterator {}
mod std {}
mod core {}
mod limiter_actix {}
struct Limit;
struct Rule;
struct Quota;
struct Exempt;
struct Place;
struct u64;
struct str;
fn register() {}
fn witness() {}
macro_rules! vec {
    () => {};
}
macro_rules! compile_error {
    () => {};
}

#[::limiter_actix::limit("5/minute", methods = ["GET"], error_message = "no", name = "n", shared = "s", meta = "3/h")]
#[::limiter_actix::limit("10/hour", strategy = "moving-window", cost = 2, shadow)]
#[::limiter_actix::exempt]
#[get("/")]
async fn index() -> &'static ::core::primitive::str {
    "index"
}

#[test]
fn passes() {
    let _ = ::actix_web::App::new().service(index);
}
