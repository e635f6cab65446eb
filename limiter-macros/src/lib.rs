//! The attributes `#[limit]` and `#[exempt]` of `limiter-actix`. Use that crate, which exports them.

#[macro_use]
mod limit;

mod actix;
mod attribute;
mod carrier;
mod crate_path;
mod exempt;
mod expand;
mod item;
mod page;
mod suggest;

use proc_macro::TokenStream;

use self::carrier::Kind;

/// Limits how often a handler is called.
///
/// Put it above the route attribute of actix-web (`#[get]`, `#[post]`, .., `#[route]` or `#[routes]`), or above
/// the `#[scope]` of a [module](#modules).
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
/// #[limit("1000/hour", shared = "logins")]
/// #[post("/login")]
/// async fn login() -> impl Responder {
///     HttpResponse::Ok()
/// }
/// ```
///
/// The first argument is a quota, `count/unit` or `count per n units`, parsed at compile time. Several quotas are
/// joined by `;` and share the options. A path instead of a quota names a function that returns quotas for each
/// request: `#[limit(by_tier)]`. Functions of the request are usually called before routing. They see
/// the `app_data` of the app, and not that of scopes and resources.
///
/// A path whose last segment is in upper case names a constant: `#[limit(LOGINS)]`. It is a text or a
/// `Quota`. An invalid text ends the program when the app is built, with a message that has the place.
///
/// The attribute may be repeated, imported under another name, and mixed with other attributes. The limiter
/// decides all limits of a handler together.
///
/// # Modules
///
/// Above a module with actix-web's `#[scope]` it limits each route of the module by itself. As for the limits of
/// a scope, a limit on a handler replaces them, or adds to them with `override_defaults = false`.
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
/// Names in the attribute (`user` here) are resolved outside the module. The attribute applies to functions with
/// a route attribute directly in the module, as `#[scope]` does, and to those of inner `#[scope]` modules. It
/// skips other inner modules.
///
/// # Options
///
/// All are optional, in any order, each at most once. An expression is the path of a function (`self::` and
/// `super::` work), a closure, or any other expression of the type.
///
#[doc = option_table!(option_rows)]
///
/// A flag may have a value: `shadow = true` or `shadow = false`. `cost`, `error_message` and `shared` also take a constant in
/// upper case.
///
/// `crate = path` is where `limiter_actix` is, if the dependency has another name: `#[limit("5/minute", crate = rate)]`.
#[proc_macro_attribute]
pub fn limit(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::collect(Kind::Limit, arguments.into(), &item.into()).into()
}

/// Exempts a handler from limits that are declared further out.
///
/// Put it above the route attribute of actix-web, as [`#[limit]`](macro@limit). Limits on the handler itself
/// still apply.
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
/// Above a module with actix-web's `#[scope]` it exempts each route of the module. Limits on the module itself or
/// within it still apply.
///
/// `default` lifts the default limits, `application` those of the application, `meta` the limits on breaches, and
/// `scopes` those of the scopes around the handler. Without names it lifts all four. `crate = path` is as in
/// [`#[limit]`](macro@limit).
#[proc_macro_attribute]
pub fn exempt(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::collect(Kind::Exempt, arguments.into(), &item.into()).into()
}

/// Collects `#[limit]` and `#[exempt]`; not part of the public interface.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn carrier(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(arguments.into(), &item.into()).into()
}

/// Reads a page for the documentation of `limiter-actix`; not part of the public interface.
#[doc(hidden)]
#[proc_macro]
pub fn page(name: TokenStream) -> TokenStream {
    page::expand(name.into()).into()
}
