//! Reads strings that options take.

use limiter_core::Strategy;
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
