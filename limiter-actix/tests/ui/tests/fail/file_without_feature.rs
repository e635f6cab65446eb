//! The compiler names the feature that `from_file` takes.

#![deny(deprecated)]

use limiter_actix::Limiter;

fn main() {
    let _limiter = Limiter::builder().from_file("limits.toml").build();
}
