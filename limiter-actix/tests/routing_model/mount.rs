//! Registers what is described, in the app or in its bare twin.

use std::cell::Cell;

use actix_web::{
    body::{EitherBody, MessageBody},
    guard::{GuardContext, fn_guard},
    http::Method,
    web::{self, ServiceConfig},
};
use limiter_actix::{Limiter, ScopeExt, ScopeFactory};

use crate::{
    arrive::{Handler, Number, handler},
    build::{limiter, rule},
    description::{Guard, Inner, Place, Resource, Route, Scope, Settings, Verb},
    palette,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Twin {
    Limited,
    Bare,
}

/// Registers places, and numbers them in this order.
pub(crate) struct Mount {
    twin: Twin,
    next: Cell<usize>,
}

impl Mount {
    pub(crate) fn new(twin: Twin) -> Self {
        Self { twin, next: Cell::new(0) }
    }

    pub(crate) fn all(&self, config: &mut ServiceConfig, places: &[Place]) {
        for place in places {
            let number = self.next.get();
            self.next.set(number + 1);
            match place {
                Place::In(scope) => self.scope(config, scope, number),
                Place::At(resource) => self.resource(config, resource, number),
                Place::By(route) => {
                    config.route(route.pattern, by(route, number));
                }
                Place::Fn(one) => palette::mount(config, *one, self.twin == Twin::Bare),
            }
        }
    }

    fn scope(&self, config: &mut ServiceConfig, scope: &Scope, number: usize) {
        let built = web::scope(scope.prefix).app_data(Number(number));
        if self.twin == Twin::Bare {
            config.service(self.fill(built, scope));
            return;
        }
        let built = if scope.early { built } else { self.fill(built, scope) };
        let inner = |settings: &Settings| limiter(settings).build().expect("a limiter");
        match (&scope.rule, &scope.limiter) {
            (None, None) => self.finish(config, built, scope),
            (Some(declared), None) => self.finish(config, built.rule(rule(declared)), scope),
            (None, Some(Inner::Around(settings) | Inner::Within(settings))) => {
                self.finish(config, built.wrap(inner(settings)), scope);
            }
            (Some(declared), Some(Inner::Within(settings))) => {
                self.finish(config, ruled(built.wrap(inner(settings)), rule(declared)), scope);
            }
            (Some(declared), Some(Inner::Around(settings))) => {
                self.finish(config, built.rule(rule(declared)).wrap(inner(settings)), scope);
            }
        }
    }

    /// Registers a scope, with its places if they are not there yet.
    fn finish<T, B>(&self, config: &mut ServiceConfig, built: actix_web::Scope<T>, scope: &Scope)
    where
        T: ScopeFactory<B>,
        B: MessageBody + 'static,
    {
        config.service(if scope.early { self.fill(built, scope) } else { built });
    }

    /// Puts guards, places and the default service in a scope.
    fn fill<T, B>(&self, built: actix_web::Scope<T>, scope: &Scope) -> actix_web::Scope<T>
    where
        T: ScopeFactory<B>,
        B: MessageBody + 'static,
    {
        let built = match scope.guard {
            Some(guard) => built.guard(fn_guard(check(guard))),
            None => built,
        };
        let built = built.configure(|it| self.all(it, &scope.places));
        if scope.default { built.default_service(web::to(handler(Handler::Default))) } else { built }
    }

    fn resource(&self, config: &mut ServiceConfig, resource: &Resource, number: usize) {
        let patterns = resource.patterns.clone();
        let own = |settings: &Settings| limiter(settings).build().expect("a limiter");
        if self.twin == Twin::Bare {
            let bare = Resource { default: true, ..resource.clone() };
            config.service(fill_resource(web::resource(patterns), &bare, number));
            return;
        }
        let (description, pattern) = (resource.clone(), resource.patterns[0]);
        match (&resource.rule, &resource.limiter) {
            (None, None) => config.service(fill_resource(web::resource(patterns), resource, number)),
            (None, Some(inner)) => {
                config.service(fill_resource(web::resource(patterns), resource, number).wrap(own(inner)))
            }
            (Some(declared), None) => {
                let build = move |it| fill_resource(it, &description, number);
                config.service(limiter_actix::resource(pattern, rule(declared), build))
            }
            (Some(declared), Some(inner)) => {
                let inner: Limiter = own(inner);
                let build = move |it| fill_resource(it, &description, number).wrap(inner);
                config.service(limiter_actix::resource(pattern, rule(declared), build))
            }
        };
    }
}

/// Puts a rule on a scope, whatever is on it already.
fn ruled<T, B>(
    scope: actix_web::Scope<T>,
    rule: limiter_actix::Rule,
) -> actix_web::Scope<impl ScopeFactory<EitherBody<B>>>
where
    T: ScopeFactory<B>,
    B: MessageBody + 'static,
{
    scope.rule(rule)
}

fn fill_resource(mut built: actix_web::Resource, resource: &Resource, number: usize) -> actix_web::Resource {
    if let Some(guard) = resource.guard {
        built = built.guard(fn_guard(check(guard)));
    }
    for verb in &resource.methods {
        built = built.route(web::method(method(*verb)).to(handler(Handler::Of(number))));
    }
    if resource.methods.is_empty() {
        built = built.to(handler(Handler::Of(number)));
    }
    if resource.default {
        built = built.default_service(web::to(handler(Handler::Of(number))));
    }
    built
}

fn by(route: &Route, number: usize) -> actix_web::Route {
    let built = web::method(method(route.method));
    let built = match route.guard {
        Some(guard) => built.guard(fn_guard(check(guard))),
        None => built,
    };
    built.to(handler(Handler::Of(number)))
}

fn method(verb: Verb) -> Method {
    verb.name().parse().expect("a method")
}

fn check(guard: Guard) -> impl Fn(&GuardContext<'_>) -> bool {
    let name = match guard {
        Guard::A => "x-a",
        Guard::B => "x-b",
    };
    move |context| context.head().headers().contains_key(name)
}
