use actix_web::web::ServiceConfig;
use limiter_actix::LimiterBuilder;
use limiter_test_support::{
    play::{Step, play},
    storages::{StorageKind, errors_on_all},
};

/// An observation of the reference, set up here.
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    /// Why the answers differ from those of the reference; none: they agree.
    differs: Option<&'static str>,
    limiter: fn(LimiterBuilder) -> LimiterBuilder,
    routes: fn(&mut ServiceConfig),
    steps: &'static [Step<'static>],
}

impl Entry {
    /// The steps are those of the reference.
    pub(crate) fn agrees(
        id: &'static str,
        limiter: fn(LimiterBuilder) -> LimiterBuilder,
        routes: fn(&mut ServiceConfig),
        steps: &'static [Step<'static>],
    ) -> Self {
        Self { id, differs: None, limiter, routes, steps }
    }

    /// The steps are those of the contract.
    pub(crate) fn differs(
        id: &'static str,
        why: &'static str,
        limiter: fn(LimiterBuilder) -> LimiterBuilder,
        routes: fn(&mut ServiceConfig),
        steps: &'static [Step<'static>],
    ) -> Self {
        Self { differs: Some(why), ..Self::agrees(id, limiter, routes, steps) }
    }
}

/// Plays all entries on all kinds of storage; fails when one does not hold.
#[track_caller]
pub(crate) fn hold(entries: &[Entry]) {
    let wrong: Vec<_> = entries.iter().filter_map(wrong_with).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn wrong_with(entry: &Entry) -> Option<String> {
    let verdict = entry.differs.map_or("agrees".to_owned(), |why| format!("differs: {why}"));
    let on = |kind: StorageKind| play(|it| kind.set((entry.limiter)(it)), entry.routes, entry.steps);
    let wrong = errors_on_all(on);
    (!wrong.is_empty()).then(|| format!("{} ({verdict})\n{}", entry.id, wrong.join("\n")))
}
