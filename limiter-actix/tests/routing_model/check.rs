//! Plays a case: to the bare twin, to the app, and to the model.

use crate::{
    build,
    description::{Case, Kind, Step},
    judge::Judge,
    send::{self, Outcome},
    sites::Sites,
    way::Way,
};

/// Sums over many cases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) cases: u64,
    pub(crate) requests: u64,
    /// Of requests that go where they must.
    pub(crate) certain: u64,
    pub(crate) refused: u64,
    /// Or ended by a panic.
    pub(crate) dropped: u64,
}

/// Plays a case. The error names what went wrong, and all that came before.
pub(crate) async fn play(case: &Case, totals: &mut Totals) -> Result<(), String> {
    let sites = Sites::of(&case.app);
    let bare = build::bare(&case.app).await;
    let app = build::limited(&case.app, &sites).await;
    let mut judge = Judge::new(&sites);
    let mut trace = String::new();
    totals.cases += 1;
    // At the end each request shows what is left.
    let shown = case.steps.iter().map(|step| Step { kind: Kind::Whole, times: 9, ..step.clone() });
    let steps: Vec<Step> = case.steps.iter().cloned().chain(shown).collect();
    for step in &steps {
        let target = send::path(&sites, &step.request.path);
        let (batches, together) =
            if step.kind == Kind::Together { (1, 3 * step.times) } else { (step.times, 1) };
        for _ in 0..batches {
            let asked = send::ask(&bare, &target, &step.request).await;
            let way = Way::of(&sites, &step.request, &target, asked, judge.is_fresh);
            let Some(way) = way.filter(|way| way.is_certain || !case.certain_only) else { break };
            let outcomes = send::send(&app, &target, &step.request, step.kind, together).await;
            totals.count(&way, step.kind, &outcomes);
            judge.expect(&way, together);
            for outcome in outcomes {
                trace += &line(&way, step.kind, &outcome, &judge);
                judge.judge(&way, step.kind, &outcome).map_err(|wrong| format!("{wrong}\n{trace}"))?;
            }
            judge.learn(&way, step.kind);
        }
    }
    Ok(())
}

impl Totals {
    fn count(&mut self, way: &Way<'_>, kind: Kind, outcomes: &[Outcome]) {
        let number = outcomes.len() as u64;
        self.requests += number;
        self.certain += if way.is_certain { number } else { 0 };
        self.refused += outcomes.iter().filter(|outcome| **outcome == Outcome::Refused).count() as u64;
        self.dropped += if matches!(kind, Kind::Dropped(_) | Kind::Panics) { number } else { 0 };
    }
}

/// A request and what came of it, for people to read.
fn line(way: &Way<'_>, kind: Kind, outcome: &Outcome, judge: &Judge<'_>) -> String {
    let request = way.request;
    let (a, b) = (if request.a { " a" } else { "" }, if request.b { " b" } else { "" });
    let certain = if way.is_certain { "certain" } else { "open" };
    let outcome = match outcome {
        Outcome::Admitted(_) => "admitted".to_owned(),
        other => format!("{other:?}"),
    };
    let (method, target, end, limits) = (request.method.name(), &way.target, way.end, judge.show(way));
    format!("{method} {target}{a}{b} {kind:?}, {certain}, to {end:?}: {outcome} [{limits}]\n")
}
