use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Error, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Path, Result, Token, UnOp,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
};

/// One argument of `#[limit]`: `name = value`, or `name` alone.
///
/// Methods that read the value take the name of a builder method and return a call of it. Expressions in the
/// call keep the user's spans, so that a type error points at them.
pub(super) struct OptionArg {
    pub(super) name: Ident,
    pub(super) value: Option<Expr>,
    /// The word `async` before the value.
    asyncness: Option<Token![async]>,
}

impl Parse for OptionArg {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Err(input.error(
                "expected an option; join several quotas by `;` or give each an attribute of its own",
            ));
        }
        let name = input.call(Ident::parse_any)?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self { name, value: None, asyncness: None });
        }
        if !input.peek(Token![=]) {
            return Err(input.error(format!("expected `=` and a value for `{name}`, or `,`")));
        }
        input.parse::<Token![=]>()?;
        let asyncness = parse_async(input)?;
        Ok(Self { name, value: Some(input.parse()?), asyncness })
    }
}

impl OptionArg {
    /// Returns an error that points at the value, or else at the name.
    pub(super) fn error(&self, message: impl std::fmt::Display) -> Error {
        match &self.value {
            Some(value) => Error::new_spanned(value, message),
            None => Error::new(self.name.span(), message),
        }
    }

    /// Returns the value if it is a string literal.
    pub(super) fn literal_text(&self) -> Option<&LitStr> {
        self.value.as_ref().and_then(text)
    }

    /// Reads the path of `limiter_actix`.
    pub(super) fn crate_path(&self) -> Result<Path> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Path(path)) if path.qself.is_none() => Ok(path.path.clone()),
            _ => Err(self.error("expected the path of `limiter_actix`: `crate = my_name`")),
        }
    }

    /// Reads a flag: the name alone, `= true` or `= false`.
    pub(super) fn flag(&self, method: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            None => Ok(self.call(method, &quote!(true))),
            Some(Expr::Lit(ExprLit { lit: Lit::Bool(value), .. })) => Ok(self.call(method, value)),
            Some(_) => Err(self.error(format!("expected `true` or `false`: `{} = true`", self.name))),
        }
    }

    /// Reads anything but a literal: the path of a function, a closure, a constant.
    pub(super) fn function(&self, method: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(_)) => {
                let name = &self.name;
                Err(self.error(format!("expected a function, not a literal: `{name} = my_function`")))
            }
            value => Ok(self.call(method, &value)),
        }
    }

    /// Reads the same, or an async function for `method_async`.
    pub(super) fn any_function(&self, method: &str, method_async: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(value) if self.is_async() && !matches!(value, Expr::Lit(_)) => {
                Ok(self.call(method_async, value))
            }
            _ => self.function(method),
        }
    }

    /// Returns whether the value is marked as an async function, or is an async closure.
    pub(super) fn is_async(&self) -> bool {
        self.asyncness.is_some() || self.value.as_ref().is_some_and(is_async_closure)
    }

    /// Returns an error that points at the word `async`.
    pub(super) fn async_error(&self, message: impl std::fmt::Display) -> Option<Error> {
        self.asyncness.map(|asyncness| Error::new(asyncness.span, message))
    }

    /// Reads a whole number of at least 1.
    pub(super) fn positive_number(&self, method: &str) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(ExprLit { lit: Lit::Int(literal), .. })) if self.number(literal)? > 0 => {
                Ok(self.call(method, &self.number(literal)?))
            }
            _ => Err(self.error(format!("expected a whole number of at least 1: `{} = 10`", self.name))),
        }
    }

    /// Reads a whole number or a constant for `method`, or anything but a literal for `method_with`.
    /// An async function is for `method_async`.
    pub(super) fn number_or_function(
        &self,
        method: &str,
        method_with: &str,
        method_async: &str,
    ) -> Result<TokenStream> {
        let name = &self.name;
        if self.is_async() {
            return self.any_function(method_with, method_async);
        }
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(ExprLit { lit: Lit::Int(literal), .. })) => {
                Ok(self.call(method, &self.number(literal)?))
            }
            Some(Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. })) => {
                Err(self.error(format!("invalid `{name}`: negative")))
            }
            Some(Expr::Lit(_)) => {
                Err(self.error(format!("expected a whole number or a function: `{name} = 2`")))
            }
            Some(constant) if is_constant(constant) => Ok(self.call(method, constant)),
            value => Ok(self.call(method_with, &value)),
        }
    }

    fn number(&self, literal: &LitInt) -> Result<u64> {
        let too_large = |_| self.error(format!("invalid `{}`: quotas have at most 15 digits", self.name));
        literal.base10_parse().map_err(too_large)
    }

    /// Reads a string literal by `read`.
    pub(super) fn text(&self, method: &str, read: fn(&LitStr) -> Result<TokenStream>) -> Result<TokenStream> {
        Ok(self.call(method, &read(self.required_text()?)?))
    }

    /// Reads a string literal by `read`, and returns one call for each item.
    pub(super) fn texts(
        &self,
        method: &str,
        read: fn(&LitStr) -> Result<Vec<TokenStream>>,
    ) -> Result<TokenStream> {
        Ok(read(self.required_text()?)?.iter().map(|argument| self.call(method, argument)).collect())
    }

    fn required_text(&self) -> Result<&LitStr> {
        let message = || format!("expected a string: `{} = \"..\"`", self.name);
        self.literal_text().ok_or_else(|| self.error(message()))
    }

    /// Reads a string literal or a constant for `method`, or anything but a literal for `method_with`.
    pub(super) fn text_or_function(
        &self,
        method: &str,
        method_with: &str,
        read: fn(&LitStr) -> Result<TokenStream>,
    ) -> Result<TokenStream> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(self.call(method, &read(text)?)),
            Some(Expr::Lit(_)) => {
                Err(self.error(format!("expected a string or a function: `{} = \"..\"`", self.name)))
            }
            Some(constant) if is_constant(constant) => Ok(self.call(method, constant)),
            value => Ok(self.call(method_with, &value)),
        }
    }

    /// Reads `"GET"` or `["GET", "POST"]`.
    pub(super) fn methods(&self, method: &str) -> Result<TokenStream> {
        let not_methods =
            |at: &Expr| Error::new_spanned(at, "expected an HTTP method in quotes, such as `\"GET\"`");
        let values = self.values();
        if values.is_empty() {
            return Err(self.error("expected at least one HTTP method, such as `\"GET\"`"));
        }
        let methods = values.into_iter().map(|value| text(value).ok_or_else(|| not_methods(value)));
        let methods = methods.map(|text| text.and_then(http_method)).collect::<Result<Vec<_>>>()?;
        Ok(self.call(method, &quote!([#(#methods),*])))
    }

    /// Returns those among the values that are literal texts.
    pub(super) fn literal_texts(&self) -> impl Iterator<Item = &LitStr> {
        self.values().into_iter().filter_map(text)
    }

    /// Returns the elements of an array, or the one value.
    fn values(&self) -> Vec<&Expr> {
        match self.value.as_ref().map(plain) {
            Some(Expr::Array(array)) => array.elems.iter().collect(),
            value => value.into_iter().collect(),
        }
    }

    /// Returns `.method(argument)`, located at the option's name for messages about the argument.
    fn call(&self, method: &str, argument: &impl ToTokens) -> TokenStream {
        let span = Span::call_site().located_at(self.name.span());
        let method = Ident::new(method, span);
        quote_spanned!(span=> .#method(#argument))
    }
}

/// Reads the word `async` before the path of a function. That of an async closure belongs to the closure.
pub(super) fn parse_async(input: ParseStream<'_>) -> Result<Option<Token![async]>> {
    let is_closure = input.peek2(Token![|]) || input.peek2(Token![||]) || input.peek2(Token![move]);
    if is_closure { Ok(None) } else { input.parse() }
}

pub(super) fn is_async_closure(expr: &Expr) -> bool {
    matches!(plain(expr), Expr::Closure(closure) if closure.asyncness.is_some())
}

/// Returns whether an expression is the path of a constant, by its name: attributes see no types.
pub(super) fn is_constant(expr: &Expr) -> bool {
    let Expr::Path(path) = plain(expr) else { return false };
    let name = path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
    name.contains(|char: char| char.is_uppercase()) && !name.contains(|char: char| char.is_lowercase())
}

/// Returns the expression within the invisible groups of `macro_rules!`.
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

/// Accepts a token of RFC 9110 section 5.6.2 without lower-case letters, since methods are case-sensitive.
fn http_method(text: &LitStr) -> Result<&LitStr> {
    let value = text.value();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if value.is_empty() || !value.bytes().all(is_token) {
        return Err(Error::new(text.span(), "expected one HTTP method, such as `\"GET\"`"));
    }
    if value.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let upper = value.to_ascii_uppercase();
        return Err(Error::new(
            text.span(),
            format!("invalid method: methods are in upper case, `\"{upper}\"`"),
        ));
    }
    Ok(text)
}
