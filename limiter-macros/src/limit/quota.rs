//! Quotas, parsed at compile time by the parser that also reads configurations.

use limiter_core::{Quota, Quotas};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

/// Parses a text of quotas and returns a constructor for each.
pub(super) fn quotas(text: &LitStr) -> Result<Vec<TokenStream>> {
    let quotas: Quotas = text.value().parse().map_err(|error| Error::new(text.span(), error))?;
    Ok(quotas.into_iter().map(constructor).collect())
}

/// The same for quotas of breaches.
pub(super) fn quotas_of_breaches(text: &LitStr) -> Result<Vec<TokenStream>> {
    let quotas: Option<Quotas> = text.value().parse().ok();
    let concurrent = quotas.iter().flat_map(Quotas::as_slice).find(|quota| quota.unit().is_concurrent());
    if let Some(quota) = concurrent {
        let message = format!("invalid `meta`: expected a quota of breaches in a time, found `{quota}`");
        return Err(Error::new(text.span(), message));
    }
    self::quotas(text)
}

fn constructor(quota: Quota) -> TokenStream {
    let (amount, multiple) = (quota.amount(), quota.multiple());
    // The variant is the unit's name with a capital.
    let unit = Ident::new(&format!("{:?}", quota.unit()), Span::call_site());
    quote! {
        ::limiter_actix::__private::Quota::new(#amount, #multiple, ::limiter_actix::__private::Unit::#unit)
    }
}
