//! The options of `#[limit]`: one table for the parser, for messages and for the documentation.

use proc_macro2::TokenStream;
use syn::Result;

use super::{
    option_arg::OptionArg,
    quota::quotas_of_breaches,
    text::{any_text, ban_rule, nonempty_text, on_failure, printable_text, strategy},
};

/// An option of `#[limit]`.
pub(super) struct KnownOption {
    pub(super) name: &'static str,
    /// The name with a value.
    pub(super) example: &'static str,
    /// The type of its value.
    value: &'static str,
    /// Returns a call of one of `Limit`'s builder methods.
    pub(super) call: fn(&OptionArg) -> Result<TokenStream>,
}

impl KnownOption {
    /// Returns whether its function may be async.
    pub(super) fn may_be_async(&self) -> bool {
        ["key", "cost", "exempt_when"].contains(&self.name)
    }

    /// Returns whether the option may go without a value.
    pub(super) fn is_flag(&self) -> bool {
        self.value == "flag"
    }
}

/// Passes all options to another macro. The columns are name, example, type of the value, effect, and the call of
/// a builder method.
macro_rules! option_table {
    ($use:ident) => {
        $use! {
            "key", "key = my_key", "expression",
            "function of the request that identifies the client; `key = async my_key` awaits it",
            |it| it.any_function("key", "key_async");

            "cost", "cost = 2", "integer or expression",
            "cost of a request; defaults to 1; `cost = async my_cost` awaits it",
            |it| it.number_or_function("cost", "cost_with", "cost_async");

            "burst", "burst = 10", "integer",
            "capacity of a token bucket (`strategy = \"token-bucket\"`)",
            |it| it.positive_number("burst");

            "exempt_when", "exempt_when = is_admin", "expression",
            "function of the request; the limit does not apply if it returns `true`; `exempt_when = async f` awaits it",
            |it| it.any_function("exempt_when", "exempt_when_async");

            "deduct_when", "deduct_when = is_failure", "expression",
            "function of the response; the cost is refunded if it returns `false`",
            |it| it.function("deduct_when");

            "refund_on_drop", "refund_on_drop", "flag",
            "refunds the cost if the request is dropped before a response exists",
            |it| it.flag("refund_on_drop");

            "methods", "methods = [\"POST\", \"PUT\"]", "string or array",
            "HTTP methods that the limit applies to, among those of the route; defaults to all",
            |it| it.methods("methods");

            "per_method", "per_method", "flag",
            "gives each HTTP method a count of its own",
            |it| it.flag("per_method");

            "override_defaults", "override_defaults = false", "flag",
            "`false` adds the limit to the default limits instead of replacing them",
            |it| it.flag("override_defaults");

            "error_message", "error_message = \"slow down\"", "string or expression",
            "text of the refusal",
            |it| it.text_or_function("error_message", "error_message_with", any_text);

            "strategy", "strategy = \"moving-window\"", "string or expression",
            "counting strategy; defaults to that of the limiter",
            |it| it.text_or_function("strategy", "strategy", strategy);

            "name", "name = \"login\"", "string",
            "name in the `RateLimit` fields, printable ASCII",
            |it| it.text("name", printable_text);

            "on_breach", "on_breach = my_response", "expression",
            "function that makes the response of a refusal",
            |it| it.function("on_breach");

            "shared", "shared = \"login\"", "string or expression",
            "shares one count with all limits of this name",
            |it| it.text_or_function("shared", "shared_with", nonempty_text);

            "meta", "meta = \"3/hour\"", "string",
            "quota of breaches; a client over it is refused everywhere",
            |it| it.texts("meta", quotas_of_breaches);

            "ban", "ban = \"1 hour after 10 breaches in 5 minutes, doubling up to 1 day\"", "string",
            "bans a client that breaches the limit again and again",
            |it| it.text("ban", ban_rule);

            "keep_used", "keep_used", "flag",
            "the count survives a change of the amount, such as a change of plan",
            |it| it.flag("keep_used");

            "metered", "metered", "flag",
            "the cost is an estimate; the usage is reported later by `Usage`",
            |it| it.flag("metered");

            "leases", "leases", "flag",
            "charges the count of a remote storage ahead of need; `leases = false` does not; defaults to the limiter's",
            |it| it.flag("leases");

            "shadow", "shadow", "flag",
            "counts and reports, but never refuses",
            |it| it.flag("shadow");

            "on_storage_failure", "on_storage_failure = \"deny\"", "string or expression",
            "`fallback`, `allow` or `deny`; defaults to that of the limiter",
            |it| it.text_or_function("on_storage_failure", "on_storage_failure", on_failure);
        }
    };
}

/// Turns the table into a constant.
macro_rules! known_options {
    ($($name:literal, $example:literal, $value:literal, $effect:literal, $call:expr;)*) => {
        pub(super) const OPTIONS: &[KnownOption] =
            &[$(KnownOption { name: $name, example: $example, value: $value, call: $call }),*];
    };
}

/// Turns the table into Markdown.
macro_rules! option_rows {
    ($($name:literal, $example:literal, $value:literal, $effect:literal, $call:expr;)*) => {
        concat!(
            "| option | value | effect |\n|---|---|---|\n",
            $("| `", $example, "` | ", $value, " | ", $effect, " |\n"),*
        )
    };
}

option_table!(known_options);
