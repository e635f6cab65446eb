use std::{
    env,
    fmt::{Display, Write},
    fs, iter,
    path::Path,
    process::Command,
};

use crate::Figures;

/// Why writing to a text cannot fail.
const TAKES_ALL: &str = "a text takes all that is written";

/// What a bench has found: printed, and recorded in `results` when the bench is run with `--record`.
pub struct Report {
    bench: &'static str,
    /// Tables and what is to be known of them.
    text: String,
    /// What each round has measured, as CSV.
    rounds: String,
}

impl Report {
    /// Begins with what was run on what machine.
    #[must_use]
    pub fn new(bench: &'static str) -> Self {
        let mut report =
            Self { bench, text: String::new(), rounds: "table,column,side,figures of the rounds\n".into() };
        report.say(format!("# {bench}"));
        report.say(machine());
        report
    }

    /// Adds a paragraph.
    pub fn say(&mut self, paragraph: impl Display) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.add(&format!("{paragraph}\n"));
    }

    /// Adds a table.
    pub fn table(&mut self, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let rule = format!("|{}\n", "---|".repeat(columns.len()));
        let rows: String = rows.into_iter().map(|row| line(&row)).collect();
        self.say((line(&columns) + &rule + &rows).trim_end());
    }

    /// Adds a table of the sides with one column for each column of the figures.
    pub fn table_of<const COLUMNS: usize>(
        &mut self,
        corner: &str,
        figures: &Figures<COLUMNS>,
        cell: impl Fn(usize, usize) -> String,
    ) {
        let columns: Vec<&str> = iter::once(corner).chain(figures.columns()).collect();
        let row = |(side, name): (usize, &str)| {
            iter::once(name.to_owned()).chain((0..COLUMNS).map(|column| cell(side, column))).collect()
        };
        self.table(&columns, figures.sides().map(row));
    }

    /// Adds how the sides are configured; those that follow each other and are alike in one line.
    pub fn configurations<'a>(&mut self, of: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut lines: Vec<(String, &str)> = Vec::new();
        for (side, configuration) in of {
            match lines.last_mut() {
                Some((sides, same)) if *same == configuration => {
                    write!(sides, "; *{side}*").expect(TAKES_ALL);
                }
                _ => lines.push((format!("*{side}*"), configuration)),
            }
        }
        let lines: Vec<String> = lines.iter().map(|(sides, what)| format!("* {sides}: {what}")).collect();
        self.say(lines.join("\n"));
    }

    /// Keeps what each round has measured, for the record only.
    pub fn rounds<const COLUMNS: usize>(&mut self, table: &str, figures: &Figures<COLUMNS>) {
        for (side, name) in figures.sides() {
            for (number, column) in figures.columns().into_iter().enumerate() {
                let rounds: Vec<String> =
                    figures.rounds(side, number).iter().map(|figure| format!("{figure:.2}")).collect();
                writeln!(self.rounds, "{table},\"{column}\",\"{name}\",{}", rounds.join(","))
                    .expect(TAKES_ALL);
            }
        }
    }

    /// Records all of it, if that was asked for.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn finish(self) {
        if !env::args().any(|arg| arg == "--record") {
            return;
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (ending, text) in [("md", self.text), ("csv", self.rounds)] {
            let file = folder.join(self.bench).with_extension(ending);
            fs::write(file, text).expect("the record can be written");
        }
    }

    fn add(&mut self, text: &str) {
        // An empty line between paragraphs.
        println!("{text}");
        self.text.push_str(text);
    }
}

/// The version of a crate as it is locked here.
///
/// # Panics
///
/// When it is not.
#[must_use]
pub fn version(of: &str) -> &'static str {
    let name = format!("name = \"{of}\"\nversion = \"");
    let (_, rest) = include_str!("Cargo.lock").split_once(&name).unwrap_or_else(|| panic!("{of} is locked"));
    rest.split('"').next().unwrap_or_default()
}

/// What was measured on what, and how busy that was when it began.
fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let models = processors.lines().filter_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let model = models.clone().next().unwrap_or("unknown processors");
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let mut text = format!("{} x {model}, Linux {kernel}, load {load} at the start", models.count());
    for (program, args) in [("rustc", &["--version"] as &[_]), ("git", &["describe", "--always", "--dirty"])]
    {
        let output =
            Command::new(program).args(args).output().map(|output| output.stdout).unwrap_or_default();
        write!(text, "; {program} {}", String::from_utf8_lossy(&output).trim().trim_start_matches("rustc "))
            .expect(TAKES_ALL);
    }
    text + "."
}
