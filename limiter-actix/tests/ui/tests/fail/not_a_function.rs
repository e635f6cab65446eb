//! Only functions are handlers, and only modules with `#[scope]` are scopes.

use limiter_actix::{exempt, limit};

#[limit("5/minute")]
struct Index;

#[exempt(default)]
mod handlers {}

#[limit("5/minute")]
impl Index {}

fn main() {
    let _ = Index;
}
