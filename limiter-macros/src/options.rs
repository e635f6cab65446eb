//! The options of `#[limit]`: one line each in [`KNOWN`].

use limiter_core::Strategy;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    Error, LitStr, Result, Token,
    parse::{Parse, ParseStream},
};

use crate::{limit::quotas, nearest::nearest, setting::Setting};

struct Known {
    name: &'static str,
    /// How it is written, for messages.
    example: &'static str,
    /// Turns the setting into a call of one of the builder methods of `Limit`.
    call: fn(&Setting) -> Result<TokenStream>,
}

const KNOWN: [Known; 14] = [
    known("key", "key = my_key", |it| it.function("key")),
    known("cost", "cost = 2", |it| it.number_or_function("cost", "cost_with")),
    known("burst", "burst = 10", |it| it.positive_number("burst")),
    known("exempt_when", "exempt_when = is_admin", |it| it.function("exempt_when")),
    known("deduct_when", "deduct_when = is_failure", |it| it.function("deduct_when")),
    known("methods", "methods = [\"POST\", \"PUT\"]", |it| it.methods("methods")),
    known("per_method", "per_method", |it| it.flag("per_method")),
    known("override_defaults", "override_defaults = false", |it| it.flag("override_defaults")),
    known("error_message", "error_message = \"slow down\"", |it| {
        it.text_or_function("error_message", "error_message_with", any_text)
    }),
    known("strategy", "strategy = \"moving-window\"", |it| it.strategy("strategy")),
    known("name", "name = \"login\"", |it| it.text("name", printable_text)),
    known("on_breach", "on_breach = my_response", |it| it.function("on_breach")),
    known("scope", "scope = \"login\"", |it| it.text_or_function("shared", "shared_with", some_text)),
    known("meta", "meta = \"3/hour\"", |it| it.each("meta", &quotas(it.literal_text()?)?)),
];

const FLAGS: [&str; 3] = ["per_method", "override_defaults", "shadow"];

const fn known(name: &'static str, example: &'static str, call: fn(&Setting) -> Result<TokenStream>) -> Known {
    Known { name, example, call }
}
