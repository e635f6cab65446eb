use crate::{Rule, plan::key::RuleId};

/// A rule that stands in an app.
#[derive(Debug)]
pub(crate) struct RegisteredRule {
    pub(crate) id: RuleId,
    pub(crate) rule: Rule,
    /// What the `#[scope]` modules around a handler declare, with their prefixes, from the outermost on.
    pub(crate) around: Vec<(String, Rule)>,
}

impl RegisteredRule {
    pub(crate) fn new(rule: impl Into<Rule>) -> Self {
        Self { id: RuleId::next(), rule: rule.into(), around: Vec::new() }
    }

    /// All rules in it.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.around.iter().map(|(_, rule)| rule).chain([&self.rule])
    }
}

/// Where a registered rule stands, seen from a request that meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// On a scope: rules further in may follow.
    Scope,
    /// On a resource: nothing follows.
    Resource,
}
