//! The attributes `#[limit]` and `#[exempt]` of [limiter-actix]; use that crate, which exports them.
//!
//! [limiter-actix]: https://docs.rs/limiter-actix

mod carrier;
mod exempt;
mod expand;
mod handler;
mod item;
mod limit;
mod module;
mod nearest;
mod options;
mod route;
mod scope;
mod setting;

use proc_macro::TokenStream;

use self::carrier::Kind;

/// Limits how often a handler is called.
///
/// Stands above the route attribute of actix-web: `#[get]`, `#[post]`, ..., `#[route]` or `#[routes]`; or
/// above the `#[scope]` of a [module](#modules).
///
/// ```ignore
/// use actix_web::{HttpResponse, Responder, get, post};
/// use limiter_actix::limit;
///
/// #[limit("100/day; 10/hour")]
/// #[get("/report")]
/// async fn report() -> impl Responder {
///     HttpResponse::Ok()
/// }
///
/// #[limit("5/minute", key = user, error_message = "too many logins")]
/// #[limit("1000/hour", scope = "logins")]
/// #[post("/login")]
/// async fn login() -> impl Responder {
///     HttpResponse::Ok()
/// }
/// ```
///
/// First comes the quota, `count/unit` or `count per n units`; several are joined by `;` and share the
/// options. It is parsed at compile time. In its place may stand the path of a function that is called for
/// each request: `#[limit(by_tier)]`.
///
/// The attribute may be repeated, imported under another name, and mixed with other attributes. All limits of
/// a handler are decided together.
///
/// # Modules
///
/// Above a module with actix-web's `#[scope]` it limits each route in the module by itself, as the limits of
/// a scope do: a limit on a handler replaces them, or adds to them with `override_defaults = false`.
///
/// ```ignore
/// use actix_web::scope;
/// use limiter_actix::limit;
///
/// #[limit("60/minute", key = user)]
/// #[scope("/v1")]
/// mod v1 {
///     use actix_web::{HttpResponse, Responder, get};
///     use limiter_actix::limit;
///
///     #[get("/items")]
///     pub async fn items() -> impl Responder {
///         HttpResponse::Ok()
///     }
///
///     #[limit("5/minute")]
///     #[get("/search")]
///     pub async fn search() -> impl Responder {
///         HttpResponse::Ok()
///     }
/// }
/// ```
///
/// What the attribute names (`user` here) is looked up outside the module. It reaches the functions with a
/// route attribute directly in the module, as `#[scope]` does, and those in `#[scope]` modules within; other
/// modules within it are left alone.
///
/// # Options
///
/// All are optional, in any order, each at most once. An expression is the path of a function (`self::` and
/// `super::` work), a closure, or whatever else has the type.
///
/// | option | takes | meaning |
/// |---|---|---|
/// | `key = my_key` | expression | who is counted, a function of the request |
/// | `cost = 2` | integer or expression | how much one request takes; 1 when left out |
/// | `burst = 10` | integer | what a token bucket holds (`strategy = "token-bucket"`) |
/// | `exempt_when = is_admin` | expression | a function of the request: when true, the limit is off |
/// | `deduct_when = is_failure` | expression | a function of the response: when false, the cost comes back |
/// | `refund_on_drop` | flag | the cost comes back when the request is dropped before its answer |
/// | `methods = ["POST", "PUT"]` | text or array | the limit holds for these methods only |
/// | `per_method` | flag | each method is counted apart |
/// | `override_defaults = false` | flag | adds to the default limits instead of replacing them |
/// | `error_message = "slow down"` | text or expression | what a refusal says |
/// | `strategy = "moving-window"` | text or expression | how it is counted, if not as the limiter says |
/// | `name = "login"` | text | the name in the `RateLimit` fields, printable ASCII |
/// | `on_breach = my_response` | expression | makes the response of a refusal |
/// | `scope = "login"` | text or expression | shares the count with all limits that name the same scope |
/// | `meta = "3/hour"` | text | how often a client may breach this limit |
/// | `shadow` | flag | counts and reports, but never refuses |
/// | `on_storage_failure = "deny"` | text or expression | what happens when the storage fails: `fallback`, `allow` or `deny`, if not as the limiter says |
///
/// A flag may be given as `shadow = true` and `shadow = false` too.
#[proc_macro_attribute]
pub fn limit(arguments: TokenStream, item: TokenStream) -> TokenStream {
    carrier::attach(Kind::Limit, arguments.into(), &item.into()).into()
}

/// Exempts a handler from limits that are declared further out.
///
/// Stands above the route attribute of actix-web, as [`#[limit]`](macro@limit) does. Limits on the handler
/// itself still hold.
///
/// ```ignore
/// use actix_web::{HttpResponse, Responder, get};
/// use limiter_actix::{exempt, limit};
///
/// #[exempt]
/// #[get("/health")]
/// async fn health() -> impl Responder {
///     HttpResponse::Ok()
/// }
///
/// #[exempt(default, scopes)]
/// #[limit("1000/minute")]
/// #[get("/status")]
/// async fn status() -> impl Responder {
///     HttpResponse::Ok()
/// }
/// ```
///
/// Above a module with actix-web's `#[scope]` it exempts each route in it; limits on the module itself or
/// within it still hold.
///
/// `default` lifts the default limits, `application` those of the application, `meta` the limits on breaches,
/// and `scopes` those of the scopes around the handler. Without names all four are lifted.
#[proc_macro_attribute]
pub fn exempt(arguments: TokenStream, item: TokenStream) -> TokenStream {
    carrier::attach(Kind::Exempt, arguments.into(), &item.into()).into()
}

/// Where `#[limit]` and `#[exempt]` put themselves; not for use by hand.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn carrier(arguments: TokenStream, item: TokenStream) -> TokenStream {
    carrier::unload(arguments.into(), &item.into()).into()
}
