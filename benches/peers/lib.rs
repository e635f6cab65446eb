//! What the benches share: what decides, rounds and their medians, the record of a run, and processes of their own.

mod child;
mod figures;
mod processor;
mod report;
pub mod sides;

pub use self::{
    child::{Child, end_with_parent, role},
    figures::{Figures, median, rounds},
    processor::{pin, processors, thread_nanos},
    report::{Report, version},
};
