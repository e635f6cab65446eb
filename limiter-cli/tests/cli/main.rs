//! The program `limiter`, run as users run it.

mod check;
mod formats;
mod hostile;
mod live;
mod replay;
mod stored;
mod suggest;
mod support;
mod terminal;
mod usage;
