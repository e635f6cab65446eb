use crate::{Rule, plan::key::RuleId};

/// A rule that is registered in an app.
#[derive(Debug)]
pub(crate) struct RegisteredRule {
    pub(crate) id: RuleId,
    pub(crate) rule: Rule,
    /// The rules of the `#[scope]` modules around a handler, with their prefixes, the outermost first.
    pub(crate) around: Vec<(String, Rule)>,
}

impl RegisteredRule {
    pub(crate) fn new(rule: impl Into<Rule>) -> Self {
        Self { id: RuleId::next(), rule: rule.into(), around: Vec::new() }
    }

    /// Returns the rules of the modules, then its own.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.around.iter().map(|(_, rule)| rule).chain([&self.rule])
    }
}

/// The position of a registered rule, as seen by a request that meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// On a scope. Rules further in may follow.
    Scope,
    /// On a resource. No rule follows.
    Resource,
}
