//! The options of `#[limit]`, one line each in [`KNOWN`].

use limiter_core::Strategy;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Error, LitStr, Result, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use crate::{limit::quotas, nearest::nearest, setting::Setting};

/// An option that `#[limit]` understands.
struct Known {
    name: &'static str,
    /// How it is given a value, for messages; empty for a flag, which needs none.
    example: &'static str,
    /// Writes the setting as a call of one of `Limit`'s builder methods.
    call: fn(&Setting) -> Result<TokenStream>,
}

const fn known(
    name: &'static str,
    example: &'static str,
    call: fn(&Setting) -> Result<TokenStream>,
) -> Known {
    Known { name, example, call }
}

const fn flag(name: &'static str, call: fn(&Setting) -> Result<TokenStream>) -> Known {
    known(name, "", call)
}

const KNOWN: [Known; 17] = [
    known("key", "key = my_key", |it| it.function("key")),
    known("cost", "cost = 2", |it| it.number_or_function("cost", "cost_with")),
    known("burst", "burst = 10", |it| it.positive_number("burst")),
    known("exempt_when", "exempt_when = is_admin", |it| it.function("exempt_when")),
    known("deduct_when", "deduct_when = is_failure", |it| it.function("deduct_when")),
    flag("refund_on_drop", |it| it.flag("refund_on_drop")),
    known("methods", "methods = [\"POST\", \"PUT\"]", |it| it.methods("methods")),
    flag("per_method", |it| it.flag("per_method")),
    flag("override_defaults", |it| it.flag("override_defaults")),
    known("error_message", "error_message = \"slow down\"", |it| {
        it.text_or_function("error_message", "error_message_with", any_text)
    }),
    known("strategy", "strategy = \"moving-window\"", |it| {
        it.text_or_function("strategy", "strategy", strategy)
    }),
    known("name", "name = \"login\"", |it| it.text("name", printable_text)),
    known("on_breach", "on_breach = my_response", |it| it.function("on_breach")),
    known("scope", "scope = \"login\"", |it| it.text_or_function("shared", "shared_with", some_text)),
    known("meta", "meta = \"3/hour\"", |it| it.texts("meta", quotas)),
    flag("shadow", |it| it.flag("shadow")),
    known("on_storage_failure", "on_storage_failure = \"deny\"", |it| {
        it.text_or_function("on_storage_failure", "on_storage_failure", on_failure)
    }),
];

/// Whether a bare `name` is an option rather than the path of a function.
pub(crate) fn is_flag(name: &Ident) -> bool {
    KNOWN.iter().any(|known| known.example.is_empty() && name == known.name)
}

/// The options of one `#[limit]`, as calls of builder methods in the order they were written.
pub(crate) struct Options(Vec<TokenStream>);

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let settings = Punctuated::<Setting, Token![,]>::parse_terminated(input)?;
        let mut calls = Vec::new();
        let mut errors = Vec::new();
        for (index, setting) in settings.iter().enumerate() {
            let is_repeated = settings.iter().take(index).any(|earlier| earlier.name == setting.name);
            match if is_repeated { Err(repeated(setting)) } else { call(setting) } {
                Ok(call) => calls.push(call),
                Err(error) => errors.push(error),
            }
        }
        errors.extend(burst_without_bucket(&settings));
        let combine = |mut all: Error, error| {
            all.combine(error);
            all
        };
        errors.into_iter().reduce(combine).map_or(Ok(Self(calls)), Err)
    }
}

impl ToTokens for Options {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.0.iter().cloned());
    }
}

fn call(setting: &Setting) -> Result<TokenStream> {
    let Some(known) = KNOWN.iter().find(|known| setting.name == known.name) else {
        return Err(unknown(&setting.name));
    };
    let Known { name, example, .. } = known;
    if setting.value.is_none() && !example.is_empty() {
        return Err(setting.error(format!("`{name}` needs a value: `{example}`")));
    }
    (known.call)(setting)
}

fn repeated(setting: &Setting) -> Error {
    let name = &setting.name;
    Error::new(name.span(), format!("`{name}` is given twice; keep one of them"))
}

fn unknown(name: &Ident) -> Error {
    let names = KNOWN.map(|known| known.name);
    let known = names.map(|name| format!("`{name}`")).join(", ");
    Error::new(
        name.span(),
        match nearest(&name.to_string(), names) {
            Some(nearest) => format!("unknown option `{name}`, did you mean `{nearest}`? There are {known}"),
            None => format!("unknown option `{name}`; there are {known}"),
        },
    )
}

/// Only a token bucket has a burst. When no strategy is named here, the limiter's own decides at run time.
fn burst_without_bucket(settings: &Punctuated<Setting, Token![,]>) -> Option<Error> {
    let named = |name: &str| settings.iter().find(|setting| setting.name == name);
    let strategy: Strategy = named("strategy")?.literal_text()?.value().parse().ok()?;
    (strategy != Strategy::TokenBucket)
        .then(|| named("burst"))?
        .map(|burst| burst.error(format!("`burst` needs `strategy = \"token-bucket\"`, not `{strategy}`")))
}

fn strategy(name: &LitStr) -> Result<TokenStream> {
    let strategy: Strategy = name.value().parse().map_err(|error| Error::new(name.span(), error))?;
    let variant = format_ident!("{strategy:?}");
    Ok(quote!(::limiter_actix::__private::Strategy::#variant))
}

fn on_failure(name: &LitStr) -> Result<TokenStream> {
    let variant = match name.value().as_str() {
        "fallback" => quote!(Fallback),
        "allow" => quote!(Allow),
        "deny" => quote!(Deny),
        _ => return Err(Error::new(name.span(), "expected `fallback`, `allow` or `deny`")),
    };
    Ok(quote!(::limiter_actix::__private::OnStorageFailure::#variant))
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all readers of texts")]
fn any_text(text: &LitStr) -> Result<TokenStream> {
    Ok(text.to_token_stream())
}

fn some_text(text: &LitStr) -> Result<TokenStream> {
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "the text cannot be empty; give it a name such as `\"login\"`"));
    }
    any_text(text)
}

/// What the `RateLimit` fields can carry: a string of RFC 9651.
fn printable_text(text: &LitStr) -> Result<TokenStream> {
    if text.value().bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
        return Err(Error::new(text.span(), "names go into headers; use printable ASCII characters only"));
    }
    some_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tokens: TokenStream) -> Result<Options> {
        syn::parse2(tokens)
    }

    fn expand(tokens: TokenStream) -> String {
        let options = parse(tokens).unwrap();
        quote!(#options).to_string().replace(":: limiter_actix :: __private :: ", "").replace(' ', "")
    }

    fn error(tokens: TokenStream) -> String {
        parse(tokens).err().unwrap().to_string()
    }

    #[test]
    fn values_become_calls() {
        for (option, call) in [
            (quote!(key = super::key), ".key(super::key)"),
            (quote!(cost = 0), ".cost(0u64)"),
            (quote!(cost = 2_000u16), ".cost(2000u64)"),
            (quote!(cost = |_| 5), ".cost_with(|_|5)"),
            (quote!(burst = 10), ".burst(10u64)"),
            (quote!(methods = "GET"), ".methods([\"GET\"])"),
            (quote!(methods = ["GET", "M-SEARCH"]), ".methods([\"GET\",\"M-SEARCH\"])"),
            (quote!(per_method), ".per_method(true)"),
            (quote!(refund_on_drop), ".refund_on_drop(true)"),
            (quote!(override_defaults = false), ".override_defaults(false)"),
            (quote!(error_message = ""), ".error_message(\"\")"),
            (quote!(error_message = text), ".error_message_with(text)"),
            (quote!(strategy = S), ".strategy(S)"),
            (quote!(name = "login"), ".name(\"login\")"),
            (quote!(scope = "login"), ".shared(\"login\")"),
            (quote!(scope = of_user), ".shared_with(of_user)"),
            (
                quote!(meta = "3/hour, 9/d"),
                ".meta(Quota::new(3u64,1u32,Unit::Hour)).meta(Quota::new(9u64,1u32,Unit::Day))",
            ),
            (quote!(shadow, key = f,), ".shadow(true).key(f)"),
            (quote!(on_storage_failure = "deny"), ".on_storage_failure(OnStorageFailure::Deny)"),
            (quote!(on_storage_failure = "allow"), ".on_storage_failure(OnStorageFailure::Allow)"),
            (quote!(on_storage_failure = "fallback"), ".on_storage_failure(OnStorageFailure::Fallback)"),
            (quote!(on_storage_failure = MINE), ".on_storage_failure(MINE)"),
        ] {
            assert_eq!(expand(option), call);
        }
    }

    #[test]
    fn every_strategy_has_its_variant() {
        let variants = Strategy::ALL.map(|strategy| {
            let name = strategy.name();
            expand(quote!(strategy = #name))
        });
        let expected = [
            "FixedWindow",
            "FixedWindowElasticExpiry",
            "MovingWindow",
            "SlidingWindowCounter",
            "TokenBucket",
        ];
        assert_eq!(variants, expected.map(|variant| format!(".strategy(Strategy::{variant})")));
    }

    #[test]
    fn every_option_is_checked() {
        for (option, message) in [
            (quote!(kye = f), "unknown option `kye`, did you mean `key`?"),
            (quote!(colour = f), "unknown option `colour`; there are `key`, `cost`"),
            (quote!(key), "`key` needs a value: `key = my_key`"),
            (quote!(key = "ip"), "`key` takes a function"),
            (quote!(key: f), "expected `=` and a value for `key`"),
            (quote!(cost = -1), "`cost` cannot be negative"),
            (quote!(cost = 2.5), "`cost` is a whole number or a function"),
            (quote!(burst = 0), "`burst` is a whole number of at least 1"),
            (quote!(burst = BURST), "`burst` is a whole number of at least 1"),
            (quote!(methods = "get"), "methods are in upper case: `\"GET\"`"),
            (quote!(methods = []), "`methods` needs at least one method"),
            (quote!(methods = ["GET", POST]), "expected a method as text"),
            (quote!(methods = "GET, POST"), "expected an HTTP method"),
            (quote!(shadow = 1), "`shadow` is `true` or `false`"),
            (quote!(error_message = 5), "`error_message` is a text in quotes or a function"),
            (quote!(strategy = "leaky"), "expected `fixed-window`"),
            (quote!(strategy = "moving-window", burst = 5), "`burst` needs `strategy = \"token-bucket\"`"),
            (quote!(name = login), "`name` is a text in quotes"),
            (quote!(name = "caf\u{e9}"), "names go into headers"),
            (quote!(name = ""), "the text cannot be empty"),
            (quote!(scope = ""), "the text cannot be empty"),
            (quote!(meta = "3/fortnight"), "expected second, minute"),
            (quote!(on_storage_failure = "503"), "expected `fallback`, `allow` or `deny`"),
            (quote!(on_storage_failure), "`on_storage_failure` needs a value"),
            (quote!(shadow, shadow), "`shadow` is given twice"),
            (quote!("10/hour"), "several quotas go into one text"),
        ] {
            let error = error(option);
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn burst_goes_with_a_bucket_or_with_what_is_known_at_run_time() {
        assert!(parse(quote!(burst = 5, strategy = "token-bucket")).is_ok());
        assert!(parse(quote!(burst = 5, strategy = MINE)).is_ok());
        assert!(parse(quote!(burst = 5)).is_ok());
    }
}
