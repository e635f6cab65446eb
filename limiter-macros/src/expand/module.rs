//! Rules above `#[scope]` modules.
//!
//! `#[scope]` is no scope at run time: it puts its prefix before the path of each route attribute in the module.
//! Each handler in the module therefore gets a carrier that names the modules around it:
//!
//! ```text
//! #[carrier(limit("5/minute", key = f))]        #[scope("/v1")]
//! #[scope("/v1")]                               mod v1 {
//! mod v1 {                                          pub(super) struct __Scope;
//!     #[get("/a")]                        ->        #[carrier(within(__Scope))]
//!     async fn a() {}                               #[get("/a")]
//! }                                                 async fn a() {}
//!                                               }
//!                                               impl v1::__Scope {
//!                                                   fn level() { ("/v1", Rule::new().limit(.. f ..)) }
//!                                               }
//! ```
//!
//! The rule stays outside, so that its names are resolved where the user wrote them.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Item, ItemMod, LitStr, Path, Result, parse_quote, parse2};

use crate::{
    actix::{route, scope},
    carrier::Carrier,
    item::{attrs::named, module::Module},
};

/// Returns the module with annotated handlers, and its rule beside it.
pub(crate) fn expand(carrier: &Carrier, module: &Module) -> Result<TokenStream> {
    let Some(prefix) = scope::prefix(&module.attrs) else { return Ok(module.to_token_stream()) };
    let mut module: ItemMod = parse2(module.to_token_stream())?;
    let items = module.content.as_mut().map(|(_, items)| items);
    let mut taken = Vec::new();
    if !annotate_handlers(carrier, items.into_iter().flatten(), &parse_quote!(__Scope), &mut taken)? {
        let message = "no function of this module has a route attribute, so there is nothing to limit or \
                       exempt; functions of inner modules count only below a `#[scope]` of their own";
        return Err(Error::new(module.ident.span(), message));
    }
    if let Some((_, items)) = &mut module.content {
        items.push(parse_quote! {
            #[doc(hidden)]
            #[allow(dead_code)]
            pub(super) struct __Scope;
        });
    }

    carrier.check_methods(&taken)?;
    let rule = carrier.rule()?;
    let name = &module.ident;
    let cfgs = named(&module.attrs, "cfg");
    Ok(quote! {
        #module

        #(#cfgs)*
        #[allow(dead_code)]
        impl #name::__Scope {
            fn level() -> (&'static ::core::primitive::str, ::limiter_actix::__private::Rule) {
                (#prefix, #rule)
            }
        }
    })
}

/// Adds a module, given by its type, to the carriers of the handlers in it and in its `#[scope]` modules.
///
/// Returns whether there are any handlers, and adds the methods that they take.
fn annotate_handlers<'a>(
    carrier: &Carrier,
    items: impl Iterator<Item = &'a mut Item>,
    module: &Path,
    taken: &mut Vec<LitStr>,
) -> Result<bool> {
    let mut any = false;
    for item in items {
        match item {
            Item::Fn(function) => {
                let Some(route) = route::readable_position(&function.attrs) else { continue };
                taken.extend(route::methods(&function.attrs));
                carrier.add_module(&mut function.attrs, route, module.clone())?;
                any = true;
            }
            Item::Mod(ItemMod { attrs, content: Some((_, items)), .. })
                if scope::position(attrs).is_some() =>
            {
                any |= annotate_handlers(carrier, items.iter_mut(), &parse_quote!(super::#module), taken)?;
            }
            _ => {}
        }
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(tokens: TokenStream) -> Result<String> {
        let crate::item::Item::Module(module) = parse2(tokens)? else { panic!("no module") };
        let carrier = parse_quote!(limit("5/minute", key = f), exempt(default));
        let text = super::expand(&carrier, &module)?.to_string();
        Ok(text.replace(' ', "").replace("::limiter_actix::__private::", ""))
    }

    #[test]
    fn handlers_are_annotated_and_the_rule_stays_outside() {
        let module = expand(quote! {
            #[cfg(all())]
            #[scope("/v1")]
            pub mod v1 {
                #[limit("1/second")]
                #[get("/a")]
                async fn a() {}

                #[trace]
                fn helper() {}
            }
        });
        assert_eq!(
            module.unwrap(),
            "#[cfg(all())]#[scope(\"/v1\")]pubmodv1{\
             #[limit(\"1/second\")]#[carrier(within(__Scope),)]#[get(\"/a\")]asyncfna(){}\
             #[trace]fnhelper(){}\
             #[doc(hidden)]#[allow(dead_code)]pub(super)struct__Scope;}\
             #[cfg(all())]#[allow(dead_code)]implv1::__Scope{\
             fnlevel()->(&'static::core::primitive::str,Rule){\
             (\"/v1\",Rule::new().limit(Limit::new(Quota::new(5u64,1u32,Unit::Minute)).key(f))\
             .exempt(Exempt::DEFAULT))}}"
        );
    }

    #[test]
    fn inner_scopes_list_their_modules_from_the_outermost_on() {
        let module = expand(quote! {
            #[scope("/v1")]
            mod v1 {
                #[exempt]
                #[scope("/users")]
                mod users {
                    #[scope("/deep")]
                    mod deep {
                        #[::limiter_actix::__private::carrier(within(super::super::super::__Scope),)]
                        #[get("/a")]
                        async fn a() {}
                    }
                }
            }
        });
        let modules = "within(super::super::super::__Scope),within(super::super::__Scope),)]#[get(\"/a\")]";
        assert!(module.unwrap().contains(modules));
    }

    #[test]
    fn modules_without_routes_are_rejected_and_inner_modules_without_scope_skipped() {
        let helper = quote!(
            fn helper() {}
        );
        let plain = quote!(
            mod plain {
                #[get("/a")]
                async fn a() {}
            }
        );
        for content in [quote!(), helper, plain] {
            let error = expand(quote!(#[scope("/v1")] mod v1 { #content })).unwrap_err();
            assert!(error.to_string().starts_with("no function of this module"), "{error}");
        }
    }
}
