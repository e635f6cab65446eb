//! What takes storages on servers, which the tests start. Tests without servers skip `on_servers::`.

mod chaos;
mod clear_all;
mod concurrent_processes;
mod hostile;
mod ready;
mod remote_kinds;
