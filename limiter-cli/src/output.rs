//! The standard output: tables, colours, and texts of clients made harmless.

use std::{
    env, fmt,
    io::{self, BufWriter, IsTerminal, Stdout, Write},
};

use crate::{args::Colours, outcome::Failure};

/// The standard output, buffered.
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    has_colours: bool,
}

/// The colour of a text.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    Heading,
    Bad,
    Good,
    Dim,
}

impl Output {
    pub(crate) fn new(colours: Colours) -> Self {
        let out = io::stdout();
        let has_colours = has_colours(colours, out.is_terminal());
        Self { out: BufWriter::new(out), has_colours }
    }

    /// Returns a text in a colour, if there are colours.
    pub(crate) fn styled(&self, style: Style, text: impl fmt::Display) -> String {
        styled(self.has_colours, style, text)
    }

    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.styled(Style::Heading, text);
        writeln!(self.out, "\n{text}")
    }

    /// Prints JSON, indented for people.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        writeln!(self.out)
    }

    /// Prints rows below their heads. Columns whose head begins with `>` are aligned to the right.
    pub(crate) fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        let names: Vec<String> = heads.iter().map(|head| head.trim_start_matches('>').to_owned()).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| &row[column]).chain([&names[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let is_right: Vec<bool> = heads.iter().map(|head| head.starts_with('>')).collect();
        let line = line(&names, &widths, &is_right);
        let line = self.styled(Style::Dim, line);
        writeln!(self.out, "{line}")?;
        rows.iter().try_for_each(|row| writeln!(self.out, "{}", self::line(row, &widths, &is_right)))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Prints why a command failed on the standard error.
pub(crate) fn print_failure(failure: &Failure, colours: Colours) {
    let has_colours = has_colours(colours, io::stderr().is_terminal());
    // There is nowhere left to report that this fails.
    let _ = writeln!(io::stderr(), "{} {failure}", styled(has_colours, Style::Bad, "error:"));
}

fn has_colours(colours: Colours, is_terminal: bool) -> bool {
    match colours {
        Colours::Always => true,
        Colours::Never => false,
        Colours::Auto => is_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

fn styled(has_colours: bool, style: Style, text: impl fmt::Display) -> String {
    let code = match style {
        Style::Heading => "1",
        Style::Bad => "31",
        Style::Good => "32",
        Style::Dim => "2",
    };
    if has_colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

fn line(cells: &[String], widths: &[usize], is_right: &[bool]) -> String {
    let mut line = String::new();
    for ((cell, width), is_right) in cells.iter().zip(widths).zip(is_right) {
        let padding = " ".repeat(width - cell.chars().count());
        if *is_right {
            line.extend([&padding, cell, "  "]);
        } else {
            line.extend([cell, &padding, "  "]);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Returns a share as percent, with as many digits as it needs to differ from 0 and from all.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    // Far more digits than are shown.
    #[allow(clippy::cast_precision_loss)]
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        percent if percent < 0.01 => "< 0.01 %".to_owned(),
        percent if part < whole && percent > 99.99 => "> 99.99 %".to_owned(),
        percent => format!("{percent:.2} %"),
    }
}

/// Returns a number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns the text of a client without characters that steer a terminal, and cut.
pub(crate) fn harmless(text: &str) -> String {
    const MAX_CHARS: usize = 120;

    let mut harmless = String::new();
    for (index, char) in text.chars().enumerate() {
        if index == MAX_CHARS {
            harmless.push('…');
            break;
        }
        let is_invisible = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if char.is_control() || is_invisible {
            harmless.extend(char.escape_default());
        } else {
            harmless.push(char);
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_differ_from_nothing_and_from_all() {
        let cases = [(0, 7), (1, 1_000_000), (1, 8), (999_999, 1_000_000), (7, 7), (1, 0)];
        let shown = ["0 %", "< 0.01 %", "12.50 %", "> 99.99 %", "100.00 %", "0 %"];
        assert_eq!(cases.map(|(part, whole)| percent(part, whole)), shown);
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn texts_of_clients_steer_no_terminal() {
        assert_eq!(harmless("/a\x1b[2J\r\u{202e}é"), "/a\\u{1b}[2J\\r\\u{202e}é");
        assert_eq!(harmless(&"x".repeat(500)).chars().count(), 121);
    }
}
