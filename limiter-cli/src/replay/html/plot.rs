//! Plots as inline SVG.

use std::fmt::Write;

use super::page::escaped;
use crate::{
    output::grouped,
    replay::report::{Interval, TimelineRows},
    time::span,
};

const WIDTH: u64 = 960;
const HEIGHT: u64 = 220;
/// The space for the labels at the left and below.
const LEFT: u64 = 70;
const BELOW: u64 = 24;

/// Draws admitted and refused requests over time, as stacked bars.
#[allow(clippy::cast_precision_loss)]
pub(super) fn timeline(rows: &TimelineRows) -> String {
    let most = rows.intervals.iter().map(|interval| interval.admitted + interval.refused).max().unwrap_or(0);
    let count = rows.intervals.len() as u64;
    if most == 0 || count == 0 {
        return String::new();
    }
    let mut svg = format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-labelledby=\"t\"><title id=\"t\">Admitted and \
         refused requests over time</title>",
        HEIGHT + BELOW
    );
    grid(&mut svg, most);
    let plot = Plot { most, width: (WIDTH - LEFT) as f64 / count as f64 };
    for (index, interval) in rows.intervals.iter().enumerate() {
        plot.bar(&mut svg, index, interval);
    }
    for (x, anchor, interval) in
        [(LEFT, "start", rows.intervals.first()), (WIDTH, "end", rows.intervals.last())]
    {
        let at = interval.map(|interval| escaped(&interval.at)).unwrap_or_default();
        let y = HEIGHT + BELOW - 6;
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{at}</text>");
    }
    let length = span(rows.interval_seconds);
    let _ = write!(
        svg,
        "</svg><figcaption>Requests in each {length}: <span class=\"a\">admitted</span>, <span \
         class=\"r\">refused</span></figcaption></figure>"
    );
    svg
}

struct Plot {
    most: u64,
    width: f64,
}

impl Plot {
    // Coordinates need few digits.
    #[allow(clippy::cast_precision_loss)]
    fn bar(&self, svg: &mut String, index: usize, interval: &Interval) {
        let scale = |part: u64| part as f64 * HEIGHT as f64 / self.most as f64;
        let (admitted, refused) = (scale(interval.admitted), scale(interval.refused));
        let x = LEFT as f64 + index as f64 * self.width;
        let width = (self.width * 0.9).max(0.5);
        let _ = write!(
            svg,
            "<g><title>{}: {} admitted, {} refused</title>",
            escaped(&interval.at),
            grouped(interval.admitted),
            grouped(interval.refused)
        );
        for (class, y, height) in
            [("a", HEIGHT as f64 - admitted, admitted), ("r", HEIGHT as f64 - admitted - refused, refused)]
        {
            if height > 0.0 {
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"/>"
                );
            }
        }
        svg.push_str("</g>");
    }
}

fn grid(svg: &mut String, most: u64) {
    for (y, value) in [(0, most), (HEIGHT / 2, most / 2), (HEIGHT, 0)] {
        let label = grouped(value);
        let (x, text_y) = (LEFT - 8, (y + 4).max(12));
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/><text x=\"{x}\" y=\"{text_y}\" \
             text-anchor=\"end\">{label}</text>"
        );
    }
}

/// Draws a share as a bar for a cell of a table.
#[allow(clippy::cast_precision_loss)]
pub(super) fn share(part: u64, whole: u64) -> String {
    let width = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!(
        "<svg class=\"share\" viewBox=\"0 0 100 10\" aria-hidden=\"true\"><rect class=\"t\" width=\"100\" \
         height=\"10\"/><rect class=\"r\" width=\"{width:.2}\" height=\"10\"/></svg>"
    )
}
