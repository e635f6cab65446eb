//! Reads rules by pattern: one a line, `POST /login = 5/minute` or `/health = exempt`.

use super::{values::quotas, variables::VariableReader};
use crate::{
    BuildError, Exempt, Rule, SettingSource,
    settings::path_pattern::{self, PathPattern, PatternRule},
};

/// The maximum number of rules. Each new path is matched against all of them.
const MAX_RULES: usize = 1000;

impl VariableReader {
    pub(super) fn rules(&mut self) -> Vec<PatternRule> {
        let mut rules = self.rules_of("SCOPES", path_pattern::scope);
        rules.extend(self.rules_of("ROUTES", path_pattern::route));
        rules
    }

    fn rules_of(
        &mut self,
        name: &'static str,
        read: fn(&str) -> Result<PathPattern, BuildError>,
    ) -> Vec<PatternRule> {
        let text = self.text(name).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.len() > MAX_RULES {
            self.error(name, format!("expected at most {MAX_RULES} lines"));
            return Vec::new();
        }
        let rules = lines.into_iter().map(|line| rule(line, read));
        let mut valid = Vec::new();
        for rule in rules {
            match rule {
                Ok(rule) => {
                    self.note_limits(name, &rule.rule.limits);
                    valid.push(rule);
                }
                Err(error) => self.error(name, error),
            }
        }
        valid
    }
}

fn rule(line: &str, read: fn(&str) -> Result<PathPattern, BuildError>) -> Result<PatternRule, String> {
    let parts = line.rsplit_once('=').map(|(pattern, value)| (pattern.trim(), value.trim()));
    let (pattern, value) = parts.ok_or_else(|| {
        format!("expected lines such as `/search = 5/minute` or `/health = exempt`, found `{line}`")
    })?;
    let pattern = read(pattern).map_err(|error| format!("`{pattern}`: {}", error.reason()))?;
    let rule = match value {
        "exempt" => Rule::new().exempt(Exempt::ALL),
        limits => quotas(limits)?.into(),
    };
    Ok(PatternRule { pattern, rule, source: SettingSource::Environment })
}
