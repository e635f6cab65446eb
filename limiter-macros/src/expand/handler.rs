use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Result, ReturnType, Visibility};

use crate::{
    actix::route,
    carrier::Carrier,
    item::{attrs::named, handler::Handler},
};

/// Returns the service that replaces the handler.
///
/// It has the handler's name and registers the handler as the user wrote it together with its rule. The
/// handler becomes an inner item that shadows the service.
pub(crate) fn expand(carrier: &Carrier, mut handler: Handler) -> Result<TokenStream> {
    let unchanged = handler.to_token_stream();
    let taken = route::methods(&handler.attrs);
    let routes = route::add_witness(&mut handler.attrs)?;
    if routes.is_empty() || matches!(handler.sig.output, ReturnType::Default) {
        // `#[routes]` without a route, or a handler without a return type: actix-web reports the error.
        return Ok(unchanged);
    }

    carrier.check_methods(&taken)?;
    let rule = carrier.rule()?;
    let modules = carrier.modules();
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
                    #name, #config, [#(#modules::level()),*], #rule, [#(#routes),*],
                );
            }
        }
    })
}
