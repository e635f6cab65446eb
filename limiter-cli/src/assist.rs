//! Completions of shells, and the manual page.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    args::Arguments,
    outcome::{Failure, Outcome},
    output::Output,
};

pub(crate) fn completions(shell: Shell, output: &mut Output) -> Result<Outcome, Failure> {
    // Into memory first, since the generator panics if it cannot write.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "limiter", &mut text);
    output.write_all(&text)?;
    Ok(Outcome::Good)
}

/// Prints one page: that of the program, and below it those of its commands.
pub(crate) fn man(output: &mut Output) -> Result<Outcome, Failure> {
    let mut command = Arguments::command();
    command.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        let heading = format!(".SH \"LIMITER {}\"\n", part.get_name().to_uppercase());
        text.write_all(heading.as_bytes())?;
        let page = clap_mangen::Man::new(part.clone());
        page.render_synopsis_section(&mut text)?;
        page.render_description_section(&mut text)?;
        page.render_options_section(&mut text)?;
    }
    output.write_all(&text)?;
    Ok(Outcome::Good)
}
