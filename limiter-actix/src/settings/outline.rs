//! The limits that a settings file declares, for tools that show or replay them.

use limiter_core::{Quota, Strategy};

use super::{
    Settings,
    partial::{PartialSettings, StorageLocation},
    path_pattern::{PathPattern, PatternRule},
};
use crate::{Exempt, Limit, Limits};

/// The limits and exemptions that a settings file declares; see [`outline_file`](crate::outline_file).
#[derive(Clone, Debug)]
pub struct FileOutline {
    is_enabled: bool,
    strategy: Strategy,
    storage: String,
    ipv6_prefix: u8,
    sets_trusted_proxies: bool,
    reads_requests: bool,
    limits: Vec<OutlinedLimit>,
    exemptions: Vec<(String, Exempt)>,
    routes: Vec<String>,
}

/// A limit of a settings file, with its place.
#[derive(Clone, Debug)]
pub struct OutlinedLimit {
    level: &'static str,
    pattern: Option<String>,
    quota: Option<Quota>,
    strategy: Strategy,
    name: Option<String>,
    is_shadow: bool,
}

impl FileOutline {
    /// Returns the outline of settings, which `partial` was merged into.
    pub(crate) fn new(settings: &Settings, partial: &PartialSettings) -> Self {
        let mut outline = Self {
            is_enabled: settings.enabled,
            strategy: settings.strategy,
            storage: storage(partial),
            ipv6_prefix: settings.address.ipv6_prefix,
            sets_trusted_proxies: settings.address.proxies.is_some(),
            reads_requests: settings.key.is_some(),
            limits: Vec::new(),
            exemptions: Vec::new(),
            routes: Vec::new(),
        };
        outline.add("application", None, &settings.application);
        outline.add("meta", None, &settings.meta);
        outline.add("default", None, &settings.defaults.limits);
        settings.patterns.iter().for_each(|rule| outline.add_rule(rule));
        if let Some(limits) = &settings.failure.limits {
            outline.add("fallback", None, limits);
        }
        outline
    }

    fn add(&mut self, level: &'static str, pattern: Option<&str>, limits: &Limits) {
        for limit in &limits.0 {
            self.reads_requests |= limit.key.is_some();
            self.limits.push(OutlinedLimit::new(level, pattern, limit, self.strategy));
        }
    }

    fn add_rule(&mut self, PatternRule { pattern, rule, .. }: &PatternRule) {
        let text = pattern.to_string();
        let level = match pattern {
            PathPattern::Scope(_) => "scope",
            PathPattern::Route(path, _) => {
                self.routes.extend(path.pattern().map(str::to_owned));
                "route"
            }
        };
        self.add(level, Some(&text), &rule.limits);
        if rule.exempt != Exempt::NONE {
            self.exemptions.push((text, rule.exempt));
        }
    }

    /// Returns whether the limiter starts switched on.
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Returns the strategy of limits without one.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Returns the kind of storage: the part of its address before `://`. The rest may contain a password.
    pub fn storage(&self) -> &str {
        &self.storage
    }

    /// Returns the number of leading bits of an IPv6 address that identify a client.
    pub fn ipv6_prefix(&self) -> u8 {
        self.ipv6_prefix
    }

    /// Returns whether the file sets `trusted_proxies`.
    pub fn sets_trusted_proxies(&self) -> bool {
        self.sets_trusted_proxies
    }

    /// Returns whether a key reads more of a request than the address of its client, such as a header.
    pub fn reads_requests(&self) -> bool {
        self.reads_requests
    }

    /// Returns the limits: those of the application, meta and default limits, and then those of scopes and routes.
    pub fn limits(&self) -> &[OutlinedLimit] {
        &self.limits
    }

    /// Returns the patterns that are exempt, and the levels that this lifts.
    pub fn exemptions(&self) -> impl Iterator<Item = (&str, Exempt)> {
        self.exemptions.iter().map(|(pattern, exempt)| (pattern.as_str(), *exempt))
    }

    /// Returns the path patterns of the routes that have rules, without methods.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(String::as_str)
    }
}

impl OutlinedLimit {
    fn new(level: &'static str, pattern: Option<&str>, limit: &Limit, strategy: Strategy) -> Self {
        let quota = limit.source.quota();
        Self {
            level,
            pattern: pattern.map(str::to_owned),
            quota,
            strategy: quota.map_or(strategy, |quota| limit.strategy_of(quota, strategy)),
            name: limit.name.as_deref().map(str::to_owned),
            is_shadow: limit.shadow,
        }
    }

    /// Returns the level: `application`, `meta`, `default`, `scope`, `route`, or `fallback` for the limits that replace
    /// all others while the storage fails.
    pub fn level(&self) -> &'static str {
        self.level
    }

    /// Returns the pattern of the route with its methods, or the prefix of the scope.
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_deref()
    }

    /// Returns the quota. Limits of files have one.
    pub fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// Returns the strategy that counts it.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Returns the name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns whether it refuses nothing.
    pub fn is_shadow(&self) -> bool {
        self.is_shadow
    }
}

fn storage(partial: &PartialSettings) -> String {
    let scheme = match &partial.storage {
        Some(StorageLocation::Uri(uri, _)) => uri.split_once("://").map(|(scheme, _)| scheme),
        _ => None,
    };
    scheme.unwrap_or("memory").to_owned()
}
