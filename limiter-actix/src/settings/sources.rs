//! The sources that settings come from.

use crate::SettingSource;

/// The source of each setting that is not a default, by the name that the setting has in files.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingSources(Vec<(&'static str, SettingSource)>);

impl SettingSources {
    /// Notes the source of a setting. Sources are applied in order, so the last one holds.
    pub(super) fn set(&mut self, name: &'static str, source: SettingSource) {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, source));
    }

    /// Returns the source of a setting.
    pub(crate) fn of(&self, name: &str) -> SettingSource {
        let set = self.0.iter().find(|(other, _)| *other == name);
        set.map_or(SettingSource::Default, |(_, source)| *source)
    }
}
