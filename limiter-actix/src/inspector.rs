//! The inspector: a page and a JSON interface that show and steer a running limiter.

pub(crate) mod access;
mod changes;
mod client_text;
mod client_view;
mod events;
mod page;
mod respond;
mod same_origin;
mod service;
pub(crate) mod tokens;
mod views;

use std::rc::Rc;

use self::access::Authorize;
use crate::Limiter;

impl Limiter {
    /// Returns an inspector of this limiter, to be mounted at `path`: a page and a JSON interface. It needs an
    /// [authorization](InspectorBuilder::authorize) before an app accepts it.
    ///
    /// All that is below `path` belongs to the inspector, so `path` is not `/`.
    ///
    /// It shows the limits by route, the settings, the windows of a client, the busiest clients, the outcomes of the last
    /// hour, the health of the storage, and the bans. It clears and bans clients, switches the limiter off and on, and sets
    /// limits to shadow. [The documentation][page] has the interface and how it is protected.
    ///
    /// ```
    /// use actix_web::{App, HttpRequest};
    /// use limiter_actix::{Access, Limiter};
    ///
    /// /// Replace it by the login of your app, such as a session.
    /// fn operators(req: &HttpRequest) -> Access {
    ///     match req.headers().get("x-operator").and_then(|name| name.to_str().ok()) {
    ///         Some("alice") => Access::change("alice"),
    ///         Some(name) => Access::view(name),
    ///         None => Access::denied(),
    ///     }
    /// }
    ///
    /// let limiter = Limiter::builder().default_limits("100/hour").top_clients(true).build()?;
    /// let inspector = limiter.inspector("/limiter").authorize(operators);
    /// let app = App::new().wrap(limiter).service(inspector);
    /// # let _ = app;
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    ///
    /// Without an authorization, it does not compile:
    ///
    /// ```compile_fail,E0277
    /// use actix_web::App;
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::default();
    /// let app = App::new().service(limiter.inspector("/limiter"));
    /// ```
    ///
    /// [page]: https://github.com/actix-limiter/actix-limiter/blob/main/docs/inspector.md
    pub fn inspector(&self, path: &str) -> InspectorBuilder {
        InspectorBuilder { limiter: self.clone(), path: path.to_owned() }
    }
}

/// An inspector that nobody may use yet; see [`Limiter::inspector`].
#[derive(Debug)]
#[must_use = "an inspector needs an authorization"]
pub struct InspectorBuilder {
    limiter: Limiter,
    path: String,
}

impl InspectorBuilder {
    /// Sets who may view and who may change: a function of the request, or [`InspectorTokens`](crate::InspectorTokens).
    pub fn authorize(self, authorization: impl Authorize) -> Inspector {
        let Self { limiter, path } = self;
        Inspector { limiter, path, authorization: Rc::new(authorization), hosts: Vec::new() }
    }
}

/// An inspector, for `App::service` or `Scope::service`; see [`Limiter::inspector`].
#[must_use = "an inspector responds only once it is given to `App::service`"]
pub struct Inspector {
    limiter: Limiter,
    path: String,
    authorization: Rc<dyn Authorize>,
    hosts: Vec<String>,
}

impl Inspector {
    /// Sets the host names that the inspector responds to, without ports, such as `ops.example.com`. Defaults to none.
    ///
    /// IP addresses and `localhost` are always accepted. Other names are rejected, because a page of an attacker may
    /// rebind its own name to the address of this server, and then count as the same origin.
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts.extend(hosts.into_iter().map(|host| host.into().to_ascii_lowercase()));
        self
    }
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector")
            .field("path", &self.path)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
