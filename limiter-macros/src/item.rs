use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Attribute, Result, Token,
    parse::{Parse, ParseStream},
};

use self::{handler::Handler, module::Module};
use crate::actix::{route, scope};

pub(crate) mod attrs;
pub(crate) mod handler;
pub(crate) mod module;

/// A handler or a module, which rules apply to.
pub(crate) enum Item {
    Handler(Box<Handler>),
    Module(Module),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if input.peek(Token![mod]) {
            Module::parse_after(attrs, vis, input).map(Self::Module)
        } else {
            Handler::parse_after(attrs, vis, input).map(Box::new).map(Self::Handler)
        }
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Handler(handler) => handler.to_tokens(tokens),
            Self::Module(module) => module.to_tokens(tokens),
        }
    }
}

impl Item {
    pub(crate) fn attrs(&mut self) -> &mut Vec<Attribute> {
        match self {
            Self::Handler(handler) => &mut handler.attrs,
            Self::Module(module) => &mut module.attrs,
        }
    }

    /// Returns the position of the attribute of actix-web that makes this a route or a scope.
    pub(crate) fn actix_position(&self) -> Option<usize> {
        match self {
            Self::Handler(handler) => route::position(&handler.attrs),
            Self::Module(module) => scope::position(&module.attrs),
        }
    }
}
