//! Which of the declared limits apply: section 3 of the contract, and the only place that knows it.

use smallvec::SmallVec;

use crate::Exempt;

/// What one level declares. The first level holds the default limits, then come the scopes from the outermost
/// on, and last the route.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    /// What an exemption at this level lifts of what is declared further out.
    pub(crate) exempt: Exempt,
    pub(crate) limits: LevelLimits,
}

/// Whether a level has limits, and what they do to those further out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LevelLimits {
    #[default]
    Nothing,
    /// All limits are in shadow: they are watched, and change nothing.
    Watching,
    /// The limits add to those further out.
    Adding,
    /// The limits replace those further out.
    Overriding,
}

/// What applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) application: bool,
    pub(crate) meta: bool,
    /// Whether the limits of each level do.
    pub(crate) levels: SmallVec<[bool; 8]>,
}

/// Among default, scope and route limits the innermost level that declares limits decides: if it overrides,
/// only its own apply; else its own and everything declared further out. An exemption lifts what is declared
/// further out than where it stands. Limits in shadow apply where they stand, and decide nothing.
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

/// Lifts what is declared further out than the level at `index`.
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

impl Level {
    fn has_limits(self) -> bool {
        self.limits != LevelLimits::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::{LevelLimits::*, *};

    const DA: Exempt = Exempt::DEFAULT;

    /// What P, C and D declare, and what applies to a route directly in each.
    type Row = ([(Exempt, LevelLimits); 3], [&'static str; 3]);

    /// Default `d`, application `a`, and scopes and routes named 2, 3, 4, ... from the outermost on.
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

    /// The table of the contract: a route directly in P, in C, in D.
    #[test]
    fn the_table_of_the_contract() {
        let none = (Exempt::NONE, Nothing);
        let over = (Exempt::NONE, Overriding);
        let add = (Exempt::NONE, Adding);
        let exempt = |what| (what, Nothing);
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
        // Routes in P: with 5, not overriding; exempt; exempt from the default.
        assert_eq!(applying(&[over, add]), "a d 2 3");
        assert_eq!(applying(&[over, exempt(all)]), "-");
        assert_eq!(applying(&[add, exempt(DA)]), "a 2");
    }
}
