use redis::Cmd;

/// Writes a key that soon expires, which shows that the server accepts writes.
pub(super) fn probe(key: String) -> Cmd {
    let mut command = redis::cmd("SET");
    command.arg(key).arg("").arg("PX").arg(1000);
    command
}

/// Has the server reply without doing anything.
pub(super) fn ping() -> Cmd {
    redis::cmd("PING")
}

/// Returns the time of the server.
pub(super) fn time() -> Cmd {
    redis::cmd("TIME")
}

/// Removes keys, which need not exist.
pub(super) fn unlink<'a>(keys: impl IntoIterator<Item = &'a String>) -> Cmd {
    let mut command = redis::cmd("UNLINK");
    for key in keys {
        command.arg(key);
    }
    command
}
