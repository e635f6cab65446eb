//! The table of a limit's options.

/// Passes all options of a limit to the macro `$use`.
///
/// A row begins with the field of [`Limit`](crate::Limit), its type and its default. Then come the name in the
/// attribute `#[limit]`, the setters, and the name in a file. Options without the last are not settable in a file. The
/// row ends with the places where the option has no effect, so that it is an error of `build()` there.
///
/// A new option is a row here, a setter in `setters.rs` and a row in the table of `limiter-macros`. A value of a new
/// type also implements `OptionValue` of settings/file. Tests compare the documentation and the attribute with this
/// table.
macro_rules! option_table {
    ($use:ident) => {
        $use! {
            key: Option<KeyFn> = None,
                attribute "key", code "key" "key_async", file "key";
            cost: Cost = Cost::Fixed(1),
                attribute "cost", code "cost" "cost_with" "cost_async", file "cost";
            burst: Option<NonZeroU64> = None,
                attribute "burst", code "burst", file "burst";
            strategy: Option<Strategy> = None,
                attribute "strategy", code "strategy", file "strategy";
            exempt_when: Option<RequestPredicate> = None,
                attribute "exempt_when", code "exempt_when" "exempt_when_async";
            deduct_when: Option<ResponsePredicate> = None,
                attribute "deduct_when", code "deduct_when",
                not [Meta Named];
            refund_on_drop: bool = false,
                attribute "refund_on_drop", code "refund_on_drop", file "refund_on_drop",
                not [Meta Named];
            methods: Vec<Method> = Vec::new(),
                attribute "methods", code "methods", file "methods",
                not [Named];
            per_method: bool = false,
                attribute "per_method", code "per_method", file "per_method",
                not [Named];
            override_defaults: bool = true,
                attribute "override_defaults", code "override_defaults", file "override_defaults",
                not [Meta Application Default Outage Named];
            message: Option<Text> = None,
                attribute "error_message", code "error_message" "error_message_with", file "error_message";
            on_breach: Option<BreachFn> = None,
                attribute "on_breach", code "on_breach";
            shared: Option<Text> = None,
                attribute "shared", code "shared" "shared_with", file "shared",
                not [Named];
            name: Option<Arc<str>> = None,
                attribute "name", code "name", file "name";
            meta: Vec<Quota> = Vec::new(),
                attribute "meta", code "meta", file "meta",
                not [Meta Outage];
            ban: Option<BanRule> = None,
                attribute "ban", code "ban", file "ban",
                not [Meta Outage];
            keep_used: bool = false,
                attribute "keep_used", code "keep_used", file "keep_used";
            metered: bool = false,
                attribute "metered", code "metered", file "metered",
                not [Meta];
            leases: Option<bool> = None,
                attribute "leases", code "leases", file "leases",
                not [Meta Outage Named];
            shadow: bool = false,
                attribute "shadow", code "shadow", file "shadow";
            on_storage_failure: Option<OnStorageFailure> = None,
                attribute "on_storage_failure", code "on_storage_failure", file "on_storage_failure",
                not [Outage];
        }
    };
}

pub(crate) use option_table;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use crate::limit::place::LimitPlace;

    /// The names of one option.
    struct Names {
        attribute: &'static str,
        code: &'static [&'static str],
        file: Option<&'static str>,
        /// The places where it has no effect.
        not: &'static [LimitPlace],
    }

    macro_rules! names {
        ($($field:ident: $type:ty = $default:expr,
            attribute $attribute:literal, code $($setter:literal)+
            $(, file $file:literal)? $(, not [$($place:ident)+])?;)*) => {
            const NAMES: &[Names] = &[$(Names {
                attribute: $attribute,
                code: &[$($setter),+],
                file: [$(Some($file),)? None][0],
                not: &[$($(LimitPlace::$place),+)?],
            }),*];
        };
    }

    option_table!(names);

    /// Returns the text of a file in the repository.
    fn text(path: &str) -> String {
        let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Returns the cells of the first table below a heading of a page, without its head.
    fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
        let (_, below) = page.split_once(&format!("\n## {heading}\n")).expect("a heading");
        let lines = below.lines().skip_while(|line| !line.starts_with('|')).skip(2);
        let lines = lines.take_while(|line| line.starts_with('|'));
        lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).skip(1).collect()).collect()
    }

    /// Returns the name at the start of a cell with code.
    fn name(cell: &str) -> String {
        cell.chars().skip(1).take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    }

    fn attributes() -> BTreeSet<String> {
        NAMES.iter().map(|option| option.attribute.to_owned()).collect()
    }

    #[test]
    fn the_reference_lists_all_options() {
        let rows = rows(&text("docs/reference.md"), "Options of a limit");
        assert_eq!(rows.iter().map(|row| name(&row[0])).collect::<BTreeSet<_>>(), attributes());
        for option in NAMES {
            let row = rows.iter().find(|row| name(&row[0]) == option.attribute).expect("a row");
            for setter in option.code {
                assert!(row[1].contains(&format!("`.{setter}(")), "{setter}: {}", row[1]);
            }
            let not: Vec<_> = option.not.iter().map(|place| place.label()).collect();
            assert_eq!(row[3], not.join(", "), "{}", option.attribute);
        }
    }

    #[test]
    fn the_configuration_page_lists_all_options_of_files() {
        let rows = rows(&text("docs/configuration.md"), "Limits in the file");
        let options = NAMES.iter().filter_map(|option| option.file).chain(["limit"]);
        let documented = rows.iter().map(|row| name(&row[0])).collect::<BTreeSet<_>>();
        assert_eq!(documented, options.map(str::to_owned).collect());
    }

    #[test]
    fn the_attribute_has_all_options() {
        // A row of that table begins with the name and an example.
        let is_name = |line: &&str| {
            let mut literals = line.trim().strip_prefix('"')?.split("\", \"");
            let (name, example) = (literals.next()?, literals.next()?);
            example.starts_with(name).then(|| name.to_owned())
        };
        let table = text("limiter-macros/src/limit/table.rs");
        let known: BTreeSet<_> = table.lines().filter_map(|line| is_name(&line)).collect();
        assert_eq!(known, attributes());
    }
}
