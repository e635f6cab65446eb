use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Result, ReturnType, Visibility};

use crate::{carrier::Carrier, handler::Handler, route};

/// Writes the service that takes the place of the handler: one with the handler's name, which registers the
/// handler as the user wrote it (now an item within, that shadows the outer one) together with its rule.
pub(crate) fn service(carrier: &Carrier, mut handler: Handler) -> Result<TokenStream> {
    let unchanged = handler.to_token_stream();
    let routes = route::witness(&mut handler.attrs)?;
    if routes.is_empty() || matches!(handler.sig.output, ReturnType::Default) {
        // `#[routes]` without a route, a handler without an answer: actix-web has the message for it.
        return Ok(unchanged);
    }

    let rule = carrier.rule()?;
    let around = carrier.around();
    let name = &handler.sig.ident;
    let docs = named(&handler.attrs, "doc");
    let cfgs: Vec<_> = named(&handler.attrs, "cfg").collect();
    let vis = std::mem::replace(&mut handler.vis, Visibility::Inherited);
    let config = Ident::new("__config", Span::mixed_site());
    Ok(quote! {
        #(#docs)*
        #(#cfgs)*
        #[allow(non_camel_case_types)]
        #vis struct #name;

        #(#cfgs)*
        impl ::limiter_actix::__private::HttpServiceFactory for #name {
            fn register(self, #config: &mut ::limiter_actix::__private::AppService) {
                #handler
                ::limiter_actix::__private::register(
                    #name, #config, [#(#around::level()),*], #rule, [#(#routes),*],
                );
            }
        }
    })
}

/// The attributes of this name.
pub(crate) fn named<'a>(attrs: &'a [Attribute], name: &str) -> impl Iterator<Item = &'a Attribute> {
    attrs.iter().filter(move |attr| attr.path().is_ident(name))
}
