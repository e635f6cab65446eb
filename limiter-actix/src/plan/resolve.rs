//! Resolves which of the declared limits apply, by the rules of "How levels combine" in docs/reference.md.

use crate::Exempt;

/// The declarations of one level. The first level holds the default limits, followed by the scopes from the outermost
/// to the innermost, and the route.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    /// The levels further out that this level is exempt from.
    pub(crate) exempt: Exempt,
    pub(crate) limits: LevelLimits,
}

/// The effect of a level's limits on the limits further out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LevelLimits {
    /// The level has no limits.
    #[default]
    Nothing,
    /// All limits are in shadow. They apply, and change nothing.
    Watching,
    /// The limits apply in addition to those further out.
    Adding,
    /// The limits replace those further out.
    Overriding,
}

/// The levels whose limits apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) application: bool,
    pub(crate) meta: bool,
    /// For each level, `true` if its limits apply.
    pub(crate) levels: Vec<bool>,
}

/// Returns the levels whose limits apply.
///
/// Among default, scope and route limits, the innermost level that declares limits decides. If it overrides, only its
/// own limits apply, otherwise also those declared further out. An exemption lifts limits declared further out. Shadow
/// limits apply, but do not decide.
pub(crate) fn resolve(levels: &[Level]) -> Resolution {
    let mut applies = Resolution {
        application: true,
        meta: true,
        levels: levels.iter().map(|level| level.has_limits()).collect(),
    };
    for (index, level) in levels.iter().enumerate() {
        lift(level.exempt, index, &mut applies);
    }
    let decides = |index: &usize| applies.levels[*index] && levels[*index].limits != LevelLimits::Watching;
    if let Some(innermost) = (0..levels.len()).rfind(decides)
        && levels[innermost].limits == LevelLimits::Overriding
    {
        applies.levels[..innermost].fill(false);
    }
    applies
}

/// Lifts limits declared further out than the level at `index`.
fn lift(exempt: Exempt, index: usize, applies: &mut Resolution) {
    applies.application &= !exempt.contains(Exempt::APPLICATION);
    applies.meta &= !exempt.contains(Exempt::META);
    if exempt.contains(Exempt::DEFAULT) && index > 0 {
        applies.levels[0] = false;
    }
    if exempt.contains(Exempt::SCOPES) && index > 1 {
        applies.levels[1..index].fill(false);
    }
}

impl LevelLimits {
    /// Returns the effect of the same limits if one of them is missing, since a function returned no valid value.
    pub(crate) fn unless_invalid(self, is_invalid: bool) -> Self {
        if is_invalid && self == Self::Overriding { Self::Adding } else { self }
    }
}

impl Level {
    fn has_limits(self) -> bool {
        self.limits != LevelLimits::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::{LevelLimits::*, *};

    const DA: Exempt = Exempt::DEFAULT;

    /// The declarations of the scopes P, C and D, and the levels that apply to a route directly in each.
    type Row = ([(Exempt, LevelLimits); 3], [&'static str; 3]);

    /// Returns the levels that apply: default `d`, application `a`, and scopes and routes 2, 3, 4, ... from the
    /// outermost on.
    fn applying(levels: &[(Exempt, LevelLimits)]) -> String {
        let mut all = vec![Level { exempt: Exempt::NONE, limits: Overriding }];
        all.extend(levels.iter().map(|(exempt, limits)| Level { exempt: *exempt, limits: *limits }));
        let applies = resolve(&all);
        let mut names: Vec<_> = applies.application.then(|| "a".to_owned()).into_iter().collect();
        for index in (0..all.len()).filter(|index| applies.levels[*index]) {
            names.push(if index == 0 { "d".to_owned() } else { (index + 1).to_string() });
        }
        if names.is_empty() { "-".to_owned() } else { names.join(" ") }
    }

    /// A route directly in P, in C, in D.
    #[test]
    fn levels_combine_by_the_table() {
        let none = (Exempt::NONE, Nothing);
        let over = (Exempt::NONE, Overriding);
        let add = (Exempt::NONE, Adding);
        let exempt = |levels| (levels, Nothing);
        let all = Exempt::ALL;
        let rows: [Row; 18] = [
            ([none, none, none], ["a d", "a d", "a d"]),
            ([over, none, none], ["a 2", "a 2", "a 2"]),
            ([add, none, none], ["a d 2", "a d 2", "a d 2"]),
            ([over, over, none], ["a 2", "a 3", "a 3"]),
            ([over, add, none], ["a 2", "a d 2 3", "a d 2 3"]),
            ([add, over, none], ["a d 2", "a 3", "a 3"]),
            ([add, add, add], ["a d 2", "a d 2 3", "a d 2 3 4"]),
            ([over, add, over], ["a 2", "a d 2 3", "a 4"]),
            ([exempt(all), none, none], ["-", "-", "-"]),
            ([exempt(DA), none, none], ["a", "a", "a"]),
            ([exempt(Exempt::APPLICATION), none, none], ["d", "d", "d"]),
            ([none, exempt(all), none], ["a d", "-", "-"]),
            ([over, exempt(all), none], ["a 2", "-", "-"]),
            ([over, exempt(DA | Exempt::APPLICATION), none], ["a 2", "2", "2"]),
            ([over, exempt(Exempt::SCOPES), none], ["a 2", "a d", "a d"]),
            ([(all, Overriding), none, none], ["2", "2", "2"]),
            ([none, (all, Overriding), none], ["a d", "3", "3"]),
            ([over, exempt(all), add], ["a 2", "-", "4"]),
        ];
        for (row, (levels, expected)) in rows.iter().enumerate() {
            for depth in 1..=3 {
                assert_eq!(applying(&levels[..depth]), expected[depth - 1], "row {row}, depth {depth}");
            }
        }
        // Routes in P.
        assert_eq!(applying(&[over, add]), "a d 2 3");
        assert_eq!(applying(&[over, exempt(all)]), "-");
        assert_eq!(applying(&[add, exempt(DA)]), "a 2");
    }
}
