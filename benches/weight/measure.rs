//! Measures what a limiter adds to a server: the size of the program, and the CPU time that its crates take to compile.
//!
//! It builds the servers beside it in a folder of its own, and is the `RUSTC_WRAPPER` of these builds.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::{Command, ExitCode},
};

/// The variable with the file of CPU times. If it is set, this is a call of the compiler.
const LOG: &str = "LIMITER_WEIGHT_LOG";

/// The servers, each with the crates whose time counts. The first has no limiter.
const SERVERS: [(&str, &[&str]); 3] = [
    ("bare", &[]),
    ("ours", &["limiter-core", "limiter-macros", "limiter-actix"]),
    ("peer", &["governor", "actix-governor"]),
];

/// The builds of which the fastest counts: other programs on the machine only make one slower.
const ROUNDS: usize = 3;

/// The unit of CPU times in Linux's `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match env::var_os(LOG) {
        Some(log) => compile(Path::new(&log)),
        None => measure(),
    }
}

/// Runs the compiler, and records its CPU time.
fn compile(log: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let (compiler, rest) = arguments.split_first().ok_or("the compiler is missing")?;
    let status = Command::new(compiler).args(rest).status()?;
    if let Some(name) = rest.iter().skip_while(|it| *it != "--crate-name").nth(1) {
        let line = format!("{} {}\n", name.display(), ticks_of_children()?);
        OpenOptions::new().create(true).append(true).open(log)?.write_all(line.as_bytes())?;
    }
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1))?))
}

/// Returns the CPU time of the processes that this one has waited for, and of those that they have waited for.
fn ticks_of_children() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program comes before, in parentheses.
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc/self/stat has an unknown form")?;
    let fields: Vec<_> = fields.split(' ').collect();
    Ok(fields[13].parse::<u64>()? + fields[14].parse::<u64>()?)
}

fn measure() -> Result<ExitCode, Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = package.join("target/measured");
    let log = target.join("cpu.txt");
    let mut fastest: BTreeMap<&str, u64> = BTreeMap::new();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        let crates = SERVERS.iter().flat_map(|(_, crates)| crates.iter());
        cargo(package, &target)
            .args(["clean", "--release"])
            .args(crates.flat_map(|name| ["-p", name]))
            .status()?;
        fs::create_dir_all(&target)?;
        fs::write(&log, "")?;
        let mut build = cargo(package, &target);
        build.args(["build", "--release", "--features", "ours,peer"]);
        build.env("RUSTC_WRAPPER", env::current_exe()?).env(LOG, &log);
        if !build.status()?.success() {
            return Err("the servers do not compile".into());
        }
        let times = fs::read_to_string(&log)?;
        for (server, crates) in SERVERS {
            let ticks = ticks(&times, crates)?;
            fastest.entry(server).and_modify(|least| *least = ticks.min(*least)).or_insert(ticks);
        }
    }
    report(&target, &fastest)
}

fn cargo(package: &Path, target: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(package).env("CARGO_TARGET_DIR", target);
    cargo
}

/// Returns the time that these crates took, in ticks.
fn ticks(times: &str, crates: &[&str]) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for (name, ticks) in times.lines().filter_map(|line| line.split_once(' ')) {
        if crates.iter().any(|it| it.replace('-', "_") == name) {
            sum += ticks.parse::<u64>()?;
        }
    }
    Ok(sum)
}

fn report(target: &Path, fastest: &BTreeMap<&str, u64>) -> Result<ExitCode, Box<dyn Error>> {
    let size = |server: &str| fs::metadata(target.join("release").join(server)).map(|file| file.len());
    let bare = size(SERVERS[0].0)?;
    println!("\n| server | size, MB | added, MB | compiling its crates, CPU s |\n|---|---|---|---|");
    for (server, _) in SERVERS {
        let size = size(server)?;
        #[allow(clippy::cast_precision_loss, reason = "the values are small")]
        let (size, added) = (size as f64 / 1e6, (size.saturating_sub(bare)) as f64 / 1e6);
        #[allow(clippy::cast_precision_loss, reason = "the values are small")]
        let seconds = fastest[server] as f64 / TICKS_PER_SECOND;
        println!("| {server} | {size:.2} | {added:.2} | {seconds:.1} |");
    }
    Ok(ExitCode::SUCCESS)
}
