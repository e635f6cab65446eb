//! The order of modules in each crate: a line may import the lines above it, and nothing below.

/// A crate with the order of its modules.
pub(super) struct Order {
    pub(super) name: &'static str,
    /// Paths below `src`, with all that lies below them; one that ends in `/` is the folder alone.
    /// The longest path that fits a file decides. Modules that share a line do not import each other.
    pub(super) modules: &'static str,
}

pub(super) const CRATES: &[Order] = &[
    Order {
        name: "limiter-core",
        modules: "
            digest
            shim sync
            clock
            log
            name
            quota
            calendar
            scope
            key
            leases
            strategy
            policy
            window
            strategy/
            storage
            storage/leases storage/local_refusals
            storage/memory
            storage/resilient
            storage/memcached storage/mongodb storage/redis
            acceptance
            lib
        ",
    },
    Order {
        name: "limiter-macros",
        modules: "
            suggest page crate_path
            actix
            limit
            exempt
            item
            carrier
            expand
            attribute
            lib
        ",
    },
    Order {
        name: "limiter-actix",
        modules: "
            guide
            deadline linked tasks
            hidden_error
            report
            key
            telemetry
            limit
            lookup
            count_id
            bans holds reservations top
            settings
            plan
            routing
            decision
            response
            limiter
            request
            middleware
            builder
            rare_options
            mount
            extract
            manual
            inspector
            lib
        ",
    },
    Order {
        name: "limiter-cli",
        modules: "
            args
            outcome
            output
            time
            input log
            reading
            clients frequent
            check replay suggest live assist
            main
        ",
    },
];

/// The place of a file in the order of its crate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    module: &'static str,
}

impl Order {
    /// Returns the place of a file, given by its path below `src`.
    pub(super) fn place(&self, file: &str) -> Option<Place> {
        let path = file.strip_suffix(".rs").unwrap_or(file);
        let holds = |module: &str| {
            let rest = path.strip_prefix(module);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || module.ends_with('/'))
        };
        let lines = self.modules.lines().enumerate();
        let modules = lines
            .flat_map(|(line, modules)| modules.split_whitespace().map(move |module| Place { line, module }));
        modules.filter(|place| holds(place.module)).max_by_key(|place| place.module.len())
    }
}

impl Place {
    /// Returns whether a file here may import one that is there.
    pub(super) fn may_import(self, there: Self) -> bool {
        there == self || there.line < self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order { name: "a", modules: "low\nlow/high/x low/high/y\npair\npair/\nlib" };

    fn may_import(from: &str, to: &str) -> bool {
        ORDER.place(from).unwrap().may_import(ORDER.place(to).unwrap())
    }

    #[test]
    fn the_longest_path_decides_the_place_of_a_file() {
        assert!(may_import("low/high/x/deep.rs", "low/high.rs"));
        assert!(!may_import("low/high.rs", "low/high/x/deep.rs"));
        assert!(!may_import("pair.rs", "pair/child.rs"));
        assert!(ORDER.place("lowest.rs").is_none());
    }

    #[test]
    fn modules_that_share_a_line_do_not_import_each_other() {
        assert!(!may_import("low/high/x.rs", "low/high/y.rs"));
        assert!(may_import("low/high/x.rs", "low/high/x/deep.rs"));
    }
}
