//! Rules by path pattern.

use super::reader::{Fields, Reader, Value};
use crate::{
    BuildError, Exempt, Rule, SettingSource,
    limit::place::LimitPlace,
    settings::path_pattern::{self, PathPattern, PatternRule},
};

/// The maximum number of rules. Each new path is matched against all of them.
const MAX_RULES: usize = 1000;

type ReadPattern = fn(&str) -> Result<PathPattern, BuildError>;

impl Reader<'_> {
    pub(super) fn rules(&mut self, fields: &mut Fields<'_>) -> Vec<PatternRule> {
        let mut rules = Vec::new();
        let kinds: [(_, ReadPattern); 2] = [("scopes", path_pattern::scope), ("routes", path_pattern::route)];
        for (name, read) in kinds {
            let Some(value) = fields.take(name) else { continue };
            let fields = self.table(value).map(Fields::all).unwrap_or_default();
            rules.extend(fields.into_iter().filter_map(|(at, rule)| self.pattern_rule(at, rule, read)));
            if rules.len() > MAX_RULES {
                self.error(value.start(), format!("expected at most {MAX_RULES} routes and scopes"));
            }
        }
        rules
    }

    fn pattern_rule(&mut self, at: usize, value: Value<'_>, read: ReadPattern) -> Option<PatternRule> {
        let pattern = read(value.name);
        if let Err(error) = &pattern {
            self.error(at, format!("`{}`: {}", value.name, error.reason()));
        }
        let rule = self.rule(value);
        Some(PatternRule { pattern: pattern.ok()?, rule, source: SettingSource::File })
    }

    /// Reads limits, or a table of limits and exemptions.
    fn rule(&mut self, value: Value<'_>) -> Rule {
        if !value.node.get_ref().is_table() {
            return self.limits(value, LimitPlace::Route).into();
        }
        let Some(mut fields) = self.table(value) else { return Rule::new() };
        let (limits, exempt) = (fields.take("limits"), fields.take("exempt"));
        self.reject_unknown(fields);
        if limits.is_none() && exempt.is_none() {
            self.error_in(value, "expected `limits`, `exempt` or both");
        }
        let rule = limits.map(|it| self.limits(it, LimitPlace::Route)).map_or_else(Rule::new, Rule::from);
        rule.exempt(exempt.map_or(Exempt::NONE, |it| self.exempt(it)))
    }

    /// Reads `true`, `false`, or the levels to lift.
    fn exempt(&mut self, value: Value<'_>) -> Exempt {
        if let Some(is_exempt) = value.node.get_ref().as_bool() {
            return if is_exempt { Exempt::ALL } else { Exempt::NONE };
        }
        let levels = [
            ("default", Exempt::DEFAULT),
            ("application", Exempt::APPLICATION),
            ("meta", Exempt::META),
            ("scopes", Exempt::SCOPES),
        ];
        let mut exempt = Exempt::NONE;
        for value in value.each() {
            exempt |= self.choice(value, &levels).unwrap_or_default();
        }
        exempt
    }
}
