use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Error, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Result, Token, UnOp,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
};

/// One `name = value` of `#[limit]`, or just `name`.
///
/// The methods that read the value take the name of the builder method it is for and return its call; the
/// expressions in it keep the user's spans, so that a type error points at them.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Err(input.error(
                "several quotas go into one text, joined by `;`, or each into a `#[limit]` of its own",
            ));
        }
        let name = input.call(Ident::parse_any)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self { name, value: None });
        }
        if !input.peek(Token![=]) {
            return Err(input.error(format!("expected `=` and a value for `{name}`, or `,`")));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: Some(input.parse()?) })
    }
}

impl Setting {
    /// An error that points at the value, or at the name when there is none.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> Error {
        match &self.value {
            Some(value) => Error::new_spanned(value, message),
            None => Error::new(self.name.span(), message),
        }
    }

    /// The value when it is a literal text.
    pub(crate) fn literal_text(&self) -> Option<&LitStr> {
        self.value.as_ref().and_then(text)
    }

    /// A flag: just the name, or `= true`, or `= false`.
    pub(crate) fn flag(&self, method: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            None => Ok(self.call(method, &quote!(true))),
            Some(Expr::Lit(ExprLit { lit: Lit::Bool(value), .. })) => Ok(self.call(method, value)),
            Some(_) => Err(self.error(format!("`{}` is `true` or `false`", self.name))),
        }
    }

    /// Anything but a literal: the path of a function, a closure, a constant.
    pub(crate) fn function(&self, method: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(_)) => {
                let name = &self.name;
                Err(self.error(format!("`{name}` takes a function, not a literal: `{name} = my_function`")))
            }
            value => Ok(self.call(method, &value)),
        }
    }

    /// A whole number of at least 1.
    pub(crate) fn positive_number(&self, method: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(ExprLit { lit: Lit::Int(literal), .. })) if self.number(literal)? > 0 => {
                Ok(self.call(method, &self.number(literal)?))
            }
            _ => Err(self.error(format!("`{}` is a whole number of at least 1", self.name))),
        }
    }

    /// A whole number for one method, or anything but a literal for the other.
    pub(crate) fn number_or_function(&self, method: &str, method_with: &str) -> Result<TokenStream> {
        let name = &self.name;
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(ExprLit { lit: Lit::Int(literal), .. })) => {
                Ok(self.call(method, &self.number(literal)?))
            }
            Some(Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. })) => {
                Err(self.error(format!("`{name}` cannot be negative; write a whole number from 0 on")))
            }
            Some(Expr::Lit(_)) => {
                Err(self.error(format!("`{name}` is a whole number or a function: `{name} = 2`")))
            }
            value => Ok(self.call(method_with, &value)),
        }
    }

    fn number(&self, literal: &LitInt) -> Result<u64> {
        let too_large =
            |_| self.error(format!("`{}` is too large; quotas have at most 15 digits", self.name));
        literal.base10_parse().map_err(too_large)
    }

    /// A literal text, as `read` reads it.
    pub(crate) fn text(&self, method: &str, read: fn(&LitStr) -> Result<TokenStream>) -> Result<TokenStream> {
        let Some(text) = self.literal_text() else {
            return Err(self.error(format!("`{}` is a text in quotes", self.name)));
        };
        Ok(self.call(method, &read(text)?))
    }

    /// As [`text`](Self::text), and one call for each of what `read` returns.
    pub(crate) fn texts(
        &self,
        method: &str,
        read: fn(&LitStr) -> Result<Vec<TokenStream>>,
    ) -> Result<TokenStream> {
        let Some(text) = self.literal_text() else {
            return Err(self.error(format!("`{}` is a text in quotes", self.name)));
        };
        Ok(read(text)?.iter().map(|argument| self.call(method, argument)).collect())
    }

    /// A literal text for one method, or anything but a literal for the other.
    pub(crate) fn text_or_function(
        &self,
        method: &str,
        method_with: &str,
        read: fn(&LitStr) -> Result<TokenStream>,
    ) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(self.call(method, &read(text)?)),
            Some(Expr::Lit(_)) => {
                Err(self.error(format!("`{}` is a text in quotes or a function", self.name)))
            }
            value => Ok(self.call(method_with, &value)),
        }
    }

    /// `"GET"` or `["GET", "POST"]`.
    pub(crate) fn methods(&self, method: &str) -> Result<TokenStream> {
        let not_methods = |at: &Expr| Error::new_spanned(at, "expected a method as text, such as `\"GET\"`");
        let values: Vec<&Expr> = match self.value.as_ref().map(plain) {
            Some(Expr::Array(array)) => array.elems.iter().collect(),
            value => value.into_iter().collect(),
        };
        if values.is_empty() {
            return Err(self.error(format!("`{}` needs at least one method, such as `\"GET\"`", self.name)));
        }
        let methods = values.into_iter().map(|value| text(value).ok_or_else(|| not_methods(value)));
        let methods = methods.map(|text| text.and_then(http_method)).collect::<Result<Vec<_>>>()?;
        Ok(self.call(method, &quote!([#(#methods),*])))
    }

    /// `.method(argument)`, with the place of the option's name for messages about the argument.
    fn call(&self, method: &str, argument: &impl ToTokens) -> TokenStream {
        let span = Span::call_site().located_at(self.name.span());
        let method = Ident::new(method, span);
        quote_spanned!(span=> .#method(#argument))
    }
}

/// The expression within the invisible groups that `macro_rules!` put around it.
fn plain(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

fn text(expr: &Expr) -> Option<&LitStr> {
    match plain(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

/// A token of RFC 9110 section 5.6.2 without lower-case letters: methods are case-sensitive.
fn http_method(text: &LitStr) -> Result<&LitStr> {
    let value = text.value();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if value.is_empty() || !value.bytes().all(is_token) {
        return Err(Error::new(text.span(), "expected an HTTP method, such as `\"GET\"`"));
    }
    if value.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let upper = value.to_ascii_uppercase();
        return Err(Error::new(text.span(), format!("methods are in upper case: `\"{upper}\"`")));
    }
    Ok(text)
}
