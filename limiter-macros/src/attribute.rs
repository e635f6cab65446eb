//! Expands the attributes: `#[limit]` and `#[exempt]` into a carrier, and the carrier into code.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, Result, parse2};

use crate::{
    carrier::{Carrier, Kind, Part},
    crate_path::rename,
    expand::{handler, module},
    item::Item,
};

/// Expands `#[limit]` or `#[exempt]` by collecting it in the carrier of the item.
///
/// The item is always part of the result, followed by an error if there is one.
pub(crate) fn collect(kind: Kind, arguments: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut item: Item = match parse2(tokens.clone()) {
        Ok(item) => item,
        Err(error) => return with_error(tokens, &misplaced(kind, error.span())),
    };
    match add_to_carrier(Part { kind, arguments }, &mut item) {
        Ok(()) => item.into_token_stream(),
        Err(error) => with_error(&item, &error),
    }
}

/// Expands the carrier.
pub(crate) fn expand(arguments: TokenStream, tokens: &TokenStream) -> TokenStream {
    let expanded = parse2(arguments).and_then(|carrier: Carrier| {
        let code = match parse2(tokens.clone())? {
            Item::Handler(handler) => handler::expand(&carrier, *handler),
            Item::Module(module) => module::expand(&carrier, &module),
        };
        code.map(|code| rename(code, carrier.crate_path()))
    });
    expanded.unwrap_or_else(|error| with_error(tokens, &error))
}

fn with_error(item: &impl ToTokens, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

/// Moves a part into the carrier above the attribute of actix-web.
fn add_to_carrier(part: Part, item: &mut Item) -> Result<()> {
    let Some(position) = item.actix_position() else {
        let mut error = missing_below(part.kind, item);
        if let Err(another) = part.check() {
            error.combine(another);
        }
        return Err(error);
    };
    part.check()?;
    Carrier::change(item.attrs(), position, |carrier| carrier.add(part))
}

/// Returns the error for an item that is neither a function nor a module.
fn misplaced(kind: Kind, span: Span) -> Error {
    let (name, example) = (kind.name(), kind.example());
    let message = format!(
        "expected a handler function or a module with `#[scope]` below `#[{name}]`: `{example}`, then \
         `#[get(\"/\")]`, then the function"
    );
    Error::new(span, message)
}

/// Returns the error for an item with no attribute of actix-web, or with one further up.
fn missing_below(kind: Kind, item: &Item) -> Error {
    let (name, example) = (kind.name(), kind.example());
    let message = match item {
        Item::Handler(_) => format!(
            "expected a route attribute below `#[{name}]`: `{example}`, then `#[get(\"/\")]`, then the \
             function; a handler without one is limited where it is mounted, by `limiter_actix::resource` or \
             `ScopeExt`"
        ),
        Item::Module(_) => format!(
            "expected `#[scope]` below `#[{name}]` of a module: `{example}`, then `#[scope(\"/prefix\")]`, \
             then the module"
        ),
    };
    Error::new(Span::call_site(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() -> TokenStream {
        quote! {
            #[doc = "x"]
            #[inline]
            #[get("/")]
            #[cold]
            async fn index() -> String { let x = ; }
        }
    }

    #[test]
    fn parts_are_collected_above_the_route_from_top_to_bottom() {
        let once = collect(Kind::Limit, quote!("5/minute", key = f), &handler());
        let twice = collect(Kind::Exempt, quote!(default), &once);
        let expected = quote! {
            #[doc = "x"]
            #[inline]
            #[::limiter_actix::__private::carrier(limit("5/minute", key = f), exempt(default))]
            #[get("/")]
            #[cold]
        };
        assert!(twice.to_string().starts_with(&expected.to_string()), "{twice}");
    }

    #[test]
    fn one_path_of_the_crate_holds_for_all_parts() {
        let once = collect(Kind::Limit, quote!("5/minute"), &handler());
        let twice = collect(Kind::Exempt, quote!(default, crate = rate), &once);
        let thrice = collect(Kind::Limit, quote!("9/hour"), &twice).to_string();
        let carrier = quote! {
            #[rate::__private::carrier(
                crate(rate),
                limit("5/minute"),
                exempt(default, crate = rate),
                limit("9/hour")
            )]
        };
        assert!(thrice.contains(&carrier.to_string()), "{thrice}");
        assert!(!thrice.contains("limiter_actix"), "{thrice}");
    }

    #[test]
    fn the_code_names_the_crate_where_it_is() {
        let carrier = quote!(crate(rate), limit(LIMIT, key = f), exempt(default));
        let module = quote! {
            #[scope("/v1")]
            mod v1 { #[get("/")] async fn index() -> String { String::new() } }
        };
        for item in [handler(), module] {
            let code = expand(carrier.clone(), &item).to_string();
            assert!(code.contains("rate :: __private") && !code.contains("limiter_actix"), "{code}");
        }
    }

    #[test]
    fn an_error_keeps_the_handler_and_the_other_parts() {
        let once = collect(Kind::Exempt, quote!(default), &handler());
        for (kind, wrong) in [(Kind::Limit, quote!("5/fortnight")), (Kind::Exempt, quote!(default))] {
            let twice = collect(kind, wrong, &once).to_string();
            assert!(twice.starts_with(&once.to_string()), "{twice}");
            assert!(twice.contains(":: core :: compile_error !"), "{twice}");
        }
    }

    #[test]
    fn a_handler_without_a_route_is_unchanged() {
        let item = quote!(
            async fn index() -> String {}
        );
        let tokens = collect(Kind::Limit, quote!("5/minute"), &item).to_string();
        assert!(tokens.starts_with(&item.to_string()), "{tokens}");
        assert!(tokens.contains("expected a route attribute below"), "{tokens}");
    }
}
