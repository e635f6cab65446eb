//! Tables and the plot of the documentation.

use std::fmt::Write;

use crate::{fleet, ledger::Ledger, scenario::Scenario};

/// The head of the table of scenarios.
pub(crate) const HEAD: &str = "\
| fleet | leases | decisions a call | wait p50, p99 in ms | without the storage | usable | beyond the limit |
|---|---|---|---|---|---|---|
";

/// Returns the row of a scenario.
pub(crate) fn row(scenario: &Scenario, ledger: &Ledger) -> String {
    let leases = if scenario.has_leases { "yes" } else { "no" };
    let share = |part: u64| per_mille(part * 1000 / ledger.decisions.max(1));
    format!(
        "| {} | {leases} | {} | {}, {} | {} | {} | {} |\n",
        scenario.name,
        tenths(decisions_a_call(ledger)),
        ledger.percentile(50),
        ledger.percentile(99),
        share(ledger.by_fallback),
        per_mille(ledger.usable()),
        excess(scenario, ledger),
    )
}

/// Returns the decisions of a call, in tenths.
fn decisions_a_call(ledger: &Ledger) -> u64 {
    let calls = (ledger.calls + ledger.refunds).max(1);
    (ledger.decisions * 10 + calls / 2) / calls
}

fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn per_mille(value: u64) -> String {
    format!("{} %", tenths(value))
}

fn excess(scenario: &Scenario, ledger: &Ledger) -> String {
    let percent = per_mille(ledger.excess() * 1000 / scenario.limit);
    match (ledger.excess(), ledger.late) {
        (0, 0) => "none".into(),
        (excess, 0) => format!("{excess} ({percent})"),
        (excess, late) => format!("{excess} ({percent}), {late} after their window"),
    }
}

const WIDTH: u64 = 640;
const HEIGHT: u64 = 320;
/// The space around the plot.
const MARGIN: u64 = 56;

/// The decisions of a call by the pace of a process, as an SVG picture. The fleets have one count and a demand of nine
/// tenths of its limit.
pub(crate) fn plot(seed: u64) -> String {
    let paces = [20, 50, 100, 200, 500, 1000, 2000, 5000];
    let fleets = [(2, "#2563eb"), (8, "#d97706"), (32, "#059669")];
    let mut lines = String::new();
    for (place, (nodes, colour)) in fleets.into_iter().enumerate() {
        let points: Vec<_> = paces.iter().map(|pace| point(*pace, nodes, seed)).collect();
        let path = points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
        let (y, label) = (MARGIN + 18 * place as u64, format!("{nodes} processes"));
        let _ = write!(
            lines,
            r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>
<text x="{}" y="{y}" fill="{colour}">{label}</text>
"#,
            MARGIN + 12
        );
    }
    frame(&lines, &paces)
}

/// Returns the place of a measurement in the plot.
fn point(pace: u64, nodes: usize, seed: u64) -> (u64, u64) {
    let scenario = Scenario::hot_count(nodes, pace);
    (x(pace), y(decisions_a_call(&fleet::run(&scenario, seed))))
}

/// Both axes are logarithmic: a decade has this many steps of the integer logarithm.
fn logarithm(value: u64) -> u64 {
    // In hundredths of a power of two.
    let whole = u64::from(value.max(1).ilog2());
    whole * 100 + ((value.max(1) * 100) >> whole) - 100
}

fn x(pace: u64) -> u64 {
    let (from, to) = (logarithm(20), logarithm(5000));
    MARGIN + (logarithm(pace) - from) * (WIDTH - 2 * MARGIN) / (to - from)
}

/// From one decision a call at the bottom to 200 at the top.
fn y(tenths: u64) -> u64 {
    let (from, to) = (logarithm(10), logarithm(2000));
    HEIGHT - MARGIN - (logarithm(tenths.clamp(10, 2000)) - from) * (HEIGHT - 2 * MARGIN) / (to - from)
}

fn frame(lines: &str, paces: &[u64]) -> String {
    let mut marks = String::new();
    for pace in paces {
        let _ = writeln!(
            marks,
            r#"<text x="{}" y="{}" text-anchor="middle">{pace}</text>"#,
            x(*pace),
            HEIGHT - MARGIN + 18
        );
    }
    for value in [1, 2, 5, 10, 20, 50, 100, 200] {
        let y = y(value * 10);
        let _ = writeln!(
            marks,
            r##"<line x1="{MARGIN}" x2="{}" y1="{y}" y2="{y}" stroke="#8884"/><text x="{}" y="{}" text-anchor="end">{value}</text>"##,
            WIDTH - MARGIN,
            MARGIN - 6,
            y + 4,
        );
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#666">
<title>Decisions a call by the pace of a process, with leases</title>
{marks}{lines}<text x="{}" y="{}" text-anchor="middle">requests a second of each process, all for one count</text>
<text x="{MARGIN}" y="24">decisions a call to the storage</text>
</svg>
"##,
        WIDTH / 2,
        HEIGHT - 12,
    )
}
