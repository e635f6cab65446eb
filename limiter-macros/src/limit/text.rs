//! Reads strings that options take.

use limiter_core::{BanRule, Strategy};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Error, LitStr, Result};

pub(super) fn strategy(name: &LitStr) -> Result<TokenStream> {
    let strategy: Strategy = name.value().parse().map_err(|error| Error::new(name.span(), error))?;
    let variant = format_ident!("{strategy:?}");
    Ok(quote!(::limiter_actix::__private::Strategy::#variant))
}

pub(super) fn on_failure(name: &LitStr) -> Result<TokenStream> {
    let variant = match name.value().as_str() {
        "fallback" => quote!(Fallback),
        "allow" => quote!(Allow),
        "deny" => quote!(Deny),
        _ => return Err(Error::new(name.span(), "expected `fallback`, `allow` or `deny`")),
    };
    Ok(quote!(::limiter_actix::__private::OnStorageFailure::#variant))
}

/// A rule that bans, parsed at compile time.
pub(super) fn ban_rule(text: &LitStr) -> Result<TokenStream> {
    let rule: BanRule = text.value().parse().map_err(|error| Error::new(text.span(), error))?;
    let time = |seconds: u64| quote!(::core::time::Duration::from_secs(#seconds));
    let (ban, window) = (time(rule.duration().as_secs()), time(rule.breaches().window_seconds()));
    let breaches = rule.breaches().amount();
    let doubling = rule.longest().map(|longest| {
        let longest = time(longest.as_secs());
        quote!(.doubling_up_to(#longest))
    });
    Ok(quote!(::limiter_actix::__private::BanRule::new(#ban, #breaches, #window) #doubling))
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all readers of texts")]
pub(super) fn any_text(text: &LitStr) -> Result<TokenStream> {
    Ok(text.to_token_stream())
}

pub(super) fn nonempty_text(text: &LitStr) -> Result<TokenStream> {
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "invalid name: empty; use one such as `\"login\"`"));
    }
    any_text(text)
}

/// A string of RFC 9651, as the `RateLimit` fields carry it.
pub(super) fn printable_text(text: &LitStr) -> Result<TokenStream> {
    if text.value().bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
        return Err(Error::new(text.span(), "invalid name: header values are limited to printable ASCII"));
    }
    nonempty_text(text)
}
