//! A builder is no limiter, and a number is no limit.

use actix_web::App;
use limiter_actix::{Limit, Limiter, Rule};

fn main() {
    let _app = App::new().wrap(Limiter::builder().default_limits("5/minute"));
    let _number = Limiter::builder().default_limits(5);
    let _limit = Limit::new(5);
    let _rule = Rule::new().limit(5);
}
