use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Ident, Result, Token, Visibility, parse::ParseStream};

/// The module below an attribute. Its content is not parsed.
pub(crate) struct Module {
    pub(crate) attrs: Vec<Attribute>,
    vis: Visibility,
    mod_token: Token![mod],
    ident: Ident,
    content: TokenStream,
}

impl Module {
    /// Parses the rest of a module, after its visibility.
    pub(crate) fn parse_after(
        attrs: Vec<Attribute>,
        vis: Visibility,
        input: ParseStream<'_>,
    ) -> Result<Self> {
        Ok(Self { attrs, vis, mod_token: input.parse()?, ident: input.parse()?, content: input.parse()? })
    }
}

impl ToTokens for Module {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, mod_token, ident, content } = self;
        tokens.extend(quote!(#(#attrs)* #vis #mod_token #ident #content));
    }
}
