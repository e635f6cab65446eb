//! The options of one `#[limit]`.

use limiter_core::Strategy;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    Error, LitStr, Path, Result, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use super::{option_arg::OptionArg, table::OPTIONS};
use crate::suggest::suggest;

/// Returns whether a bare `name` is an option rather than the path of a function.
pub(super) fn is_flag(name: &Ident) -> bool {
    OPTIONS.iter().any(|known| known.is_flag() && name == known.name)
}

/// The options that have no effect on concurrent requests.
const OF_WINDOWS: [&str; 7] =
    ["burst", "strategy", "keep_used", "deduct_when", "refund_on_drop", "metered", "leases"];

/// The options of one `#[limit]`.
pub(super) struct Options {
    /// Calls of builder methods, in the order of the attribute.
    calls: Vec<TokenStream>,
    /// The methods of `methods`.
    pub(super) methods: Vec<LitStr>,
    /// The text of `strategy`.
    pub(super) strategy: Option<LitStr>,
    /// The name of an option that has no effect on concurrent requests.
    pub(super) of_windows: Option<Ident>,
    /// The path of `limiter_actix`, which is no option of the limit itself.
    pub(super) crate_path: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let args = Punctuated::<OptionArg, Token![,]>::parse_terminated(input)?;
        let mut calls = Vec::new();
        let mut errors = Vec::new();
        let mut crate_path = None;
        for (index, arg) in args.iter().enumerate() {
            let is_repeated = args.iter().take(index).any(|earlier| earlier.name == arg.name);
            match if is_repeated { Err(repeated(arg)) } else { call(arg, &mut crate_path) } {
                Ok(call) => calls.push(call),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            errors.extend(burst_without_bucket(&args));
            errors.extend(keep_used_with_bucket(&args));
            errors.extend(leases_of_others(&args));
        }
        let combine = |mut all: Error, error| {
            all.combine(error);
            all
        };
        let methods = args.iter().filter(|arg| arg.name == "methods");
        let methods = methods.flat_map(OptionArg::literal_texts).cloned().collect();
        let strategy = args.iter().find(|arg| arg.name == "strategy");
        let strategy = strategy.and_then(OptionArg::literal_text).cloned();
        let of_windows = args.iter().find(|arg| OF_WINDOWS.iter().any(|name| arg.name == name));
        let of_windows = of_windows.map(|arg| arg.name.clone());
        errors
            .into_iter()
            .reduce(combine)
            .map_or(Ok(Self { calls, methods, strategy, of_windows, crate_path }), Err)
    }
}

impl ToTokens for Options {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.calls.iter().cloned());
    }
}

fn call(arg: &OptionArg, crate_path: &mut Option<Path>) -> Result<TokenStream> {
    if arg.name == "crate" {
        *crate_path = Some(arg.crate_path()?);
        return Ok(TokenStream::new());
    }
    let Some(known) = OPTIONS.iter().find(|known| arg.name == known.name) else {
        return Err(unknown(&arg.name));
    };
    if arg.value.is_none() && !known.is_flag() {
        return Err(arg.error(format!("missing value of `{}`: `{}`", known.name, known.example)));
    }
    if !known.may_be_async()
        && let Some(error) = arg.async_error(format!(
            "unexpected `async`: the functions of `key`, `cost` and `exempt_when` may be async, and not `{}`",
            known.name
        ))
    {
        return Err(error);
    }
    (known.call)(arg)
}

fn repeated(arg: &OptionArg) -> Error {
    let name = &arg.name;
    Error::new(name.span(), format!("duplicate option `{name}`; remove one of them"))
}

fn unknown(name: &Ident) -> Error {
    // A scope is a `web::scope`. The option once had that name.
    if name == "scope" {
        return Error::new(name.span(), "unknown option `scope`; a shared count is `shared = \"..\"`");
    }
    let names: Vec<_> = OPTIONS.iter().map(|known| known.name).collect();
    let hint = match suggest(&name.to_string(), &names) {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => "the documentation of `#[limit]` lists all options".to_owned(),
    };
    Error::new(name.span(), format!("unknown option `{name}`; {hint}"))
}

/// Rejects `burst` without a token bucket.
///
/// The strategy of the limiter is known at run time only. A burst that depends on it would be lost without an error.
fn burst_without_bucket(args: &Punctuated<OptionArg, Token![,]>) -> Option<Error> {
    let find = |name: &str| args.iter().find(|arg| arg.name == name);
    let burst = find("burst")?;
    let found = match find("strategy") {
        None => String::new(),
        Some(strategy) => {
            let strategy: Strategy = strategy.literal_text()?.value().parse().ok()?;
            if strategy == Strategy::TokenBucket {
                return None;
            }
            format!(", not `{strategy}`")
        }
    };
    let message = format!("invalid `burst`: it requires `strategy = \"token-bucket\"`{found}");
    Some(burst.error(message))
}

/// Rejects `keep_used` beside the token bucket, as far as the strategy is known.
fn keep_used_with_bucket(args: &Punctuated<OptionArg, Token![,]>) -> Option<Error> {
    let find = |name: &str| args.iter().find(|arg| arg.name == name);
    let strategy: Strategy = find("strategy")?.literal_text()?.value().parse().ok()?;
    let keep_used = find("keep_used").filter(|_| strategy == Strategy::TokenBucket)?;
    Some(keep_used.error("invalid `keep_used`: a token bucket does not store how much was used"))
}

/// Rejects `leases` beside a strategy that has none, as far as it is known.
fn leases_of_others(args: &Punctuated<OptionArg, Token![,]>) -> Option<Error> {
    let find = |name: &str| args.iter().find(|arg| arg.name == name);
    let strategy: Strategy = find("strategy")?.literal_text()?.value().parse().ok()?;
    let leases = find("leases").filter(|_| strategy != Strategy::FixedWindow)?;
    Some(
        leases.error(format!("invalid `leases`: they require the strategy `fixed-window`, not `{strategy}`")),
    )
}

#[cfg(test)]
mod tests {
    use quote::quote;

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
            (quote!(key = async super::key), ".key_async(super::key)"),
            (quote!(key = async |_| K), ".key_async(async|_|K)"),
            (quote!(key = async move |_| K), ".key_async(asyncmove|_|K)"),
            (quote!(cost = async size), ".cost_async(size)"),
            (quote!(exempt_when = async is_staff), ".exempt_when_async(is_staff)"),
            (quote!(cost = 0), ".cost(0u64)"),
            (quote!(cost = 2_000u16), ".cost(2000u64)"),
            (quote!(cost = |_| 5), ".cost_with(|_|5)"),
            (quote!(burst = 10, strategy = "token-bucket"), ".burst(10u64).strategy(Strategy::TokenBucket)"),
            (quote!(methods = "GET"), ".methods([\"GET\"])"),
            (quote!(methods = ["GET", "M-SEARCH"]), ".methods([\"GET\",\"M-SEARCH\"])"),
            (quote!(leases = false), ".leases(false)"),
            (quote!(per_method), ".per_method(true)"),
            (quote!(refund_on_drop), ".refund_on_drop(true)"),
            (quote!(override_defaults = false), ".override_defaults(false)"),
            (quote!(error_message = ""), ".error_message(\"\")"),
            (quote!(error_message = text), ".error_message_with(text)"),
            (quote!(strategy = S), ".strategy(S)"),
            (quote!(name = "login"), ".name(\"login\")"),
            (quote!(shared = "login"), ".shared(\"login\")"),
            (quote!(shared = of_user), ".shared_with(of_user)"),
            (quote!(shared = names::LOGIN), ".shared(names::LOGIN)"),
            (quote!(error_message = TEXT), ".error_message(TEXT)"),
            (quote!(cost = COST_2), ".cost(COST_2)"),
            (
                quote!(meta = "3/hour, 9/d"),
                ".meta(Quota::new(3u64,1u32,Unit::Hour)).meta(Quota::new(9u64,1u32,Unit::Day))",
            ),
            (
                quote!(ban = "1 h after 2 breaches in 1 min"),
                ".ban(BanRule::new(::core::time::Duration::from_secs(3600u64),2u64,::core::time::Duration::from_secs(60u64)))",
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
            (quote!(kye = f), "unknown option `kye`; did you mean `key`?"),
            (quote!(colour = f), "unknown option `colour`; the documentation of `#[limit]` lists"),
            (quote!(key), "missing value of `key`: `key = my_key`"),
            (quote!(key = "ip"), "expected a function, not a literal: `key = my_function`"),
            (quote!(key = async "ip"), "expected a function, not a literal: `key = my_function`"),
            (quote!(cost = async 2), "expected a function, not a literal: `cost = my_function`"),
            (
                quote!(deduct_when = async f),
                "unexpected `async`: the functions of `key`, `cost` and `exempt_when` may be",
            ),
            (quote!(key = async), "unexpected end of input"),
            (quote!(key: f), "expected `=` and a value for `key`"),
            (quote!(cost = -1), "invalid `cost`: negative"),
            (quote!(cost = 2.5), "expected a whole number or a function: `cost = 2`"),
            (quote!(burst = 0), "expected a whole number of at least 1: `burst = 10`"),
            (
                quote!(keep_used, strategy = "token-bucket"),
                "invalid `keep_used`: a token bucket does not store how much was used",
            ),
            (
                quote!(leases, strategy = "moving-window"),
                "invalid `leases`: they require the strategy `fixed-window`, not `moving-window`",
            ),
            (quote!(burst = BURST), "expected a whole number of at least 1: `burst = 10`"),
            (quote!(methods = "get"), "invalid method: methods are in upper case, `\"GET\"`"),
            (quote!(methods = []), "expected at least one HTTP method"),
            (quote!(methods = ["GET", POST]), "expected an HTTP method in quotes"),
            (quote!(methods = "GET, POST"), "expected one HTTP method"),
            (quote!(shadow = 1), "expected `true` or `false`: `shadow = true`"),
            (quote!(error_message = 5), "expected a string or a function: `error_message = \"..\"`"),
            (quote!(strategy = "leaky"), "expected `fixed-window`"),
            (
                quote!(strategy = "moving-window", burst = 5),
                "invalid `burst`: it requires `strategy = \"token-bucket\"`",
            ),
            (quote!(ban = "1 hour after 10 times"), "expected `breaches` at byte 16, found `times`"),
            (quote!(ban = RULE), "expected a string: `ban = \"..\"`"),
            (quote!(name = login), "expected a string: `name = \"..\"`"),
            (quote!(name = "caf\u{e9}"), "invalid name: header values are limited to printable ASCII"),
            (quote!(name = ""), "invalid name: empty"),
            (quote!(shared = ""), "invalid name: empty"),
            (quote!(scope = "login"), "unknown option `scope`; a shared count is `shared = \"..\"`"),
            (quote!(meta = "3/fortnight"), "expected second, minute"),
            (quote!(on_storage_failure = "503"), "expected `fallback`, `allow` or `deny`"),
            (quote!(on_storage_failure), "missing value of `on_storage_failure`"),
            (quote!(shadow, shadow), "duplicate option `shadow`"),
            (quote!("10/hour"), "expected an option; join several quotas by `;`"),
        ] {
            let error = error(option);
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn burst_is_accepted_where_the_strategy_may_be_a_token_bucket() {
        assert!(error(quote!(burst = 5)).starts_with("invalid `burst`: it requires"));
        assert!(parse(quote!(burst = 5, strategy = "token-bucket")).is_ok());
        assert!(parse(quote!(burst = 5, strategy = MINE)).is_ok());
    }
}
