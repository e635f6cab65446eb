//! What an operator does during the attacks: changes the settings file, bans a client and lifts the ban. A client that is
//! subject to all of it must be decided as if there were no attacks.

use std::{env, fs, net::SocketAddr, path::PathBuf, process, time::Duration};

use limiter_actix::{Key, Limiter};
use limiter_test_support::client::Client;
use tokio::runtime::Runtime;

use super::honest::OWN;

/// A settings file that is gone when it is dropped.
pub(super) struct SettingsFile(PathBuf);

impl SettingsFile {
    pub(super) fn new() -> Self {
        let this = Self(env::temp_dir().join(format!("limiter-soak-{}.toml", process::id())));
        this.write(0);
        this
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.0
    }

    /// Writes another amount. No request has this limit, so that it changes no count.
    fn write(&self, round: usize) {
        let text = format!("[scopes]\n\"/reloaded\" = \"{}/day\"\n", round + 1);
        fs::write(&self.0, text).expect("a file can be written");
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        // Nobody needs it any more.
        drop(fs::remove_file(&self.0));
    }
}

pub(super) struct Operator {
    limiter: Limiter,
    file: SettingsFile,
    address: SocketAddr,
    runtime: Runtime,
    pub(super) rounds: usize,
    /// Answers that were not as expected; the first few.
    pub(super) wrong: Vec<String>,
}

impl Operator {
    pub(super) fn new(limiter: Limiter, file: SettingsFile, address: SocketAddr) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        Self { limiter, file, address, runtime, rounds: 0, wrong: Vec::new() }
    }

    /// A new client spends some of its limit, lives through a reload, is banned and unbanned, and spends the rest.
    pub(super) fn round(&mut self) {
        self.rounds += 1;
        let name = format!("operated {}", self.rounds);
        let mut connection = Client::connect(self.address);
        let mut get = |times| -> Vec<u16> {
            let headers = [("x-client", name.as_str()), ("x-round", name.as_str())];
            (0..times).map(|_| connection.ask("GET", "/own", &headers).status).collect()
        };
        let key = Key::text("header x-client", &*name);
        let before = get(2);
        self.file.write(self.rounds);
        let reloaded = self.limiter.reload();
        let between = get(1);
        let ban = self.runtime.block_on(self.limiter.ban(&key, Duration::from_secs(3600), "for a while"));
        let banned = get(2);
        let unbanned = self.runtime.block_on(self.limiter.unban(&key));
        let after = get(OWN);
        let expected: Vec<_> = (0..OWN).map(|number| if number < OWN - 3 { 200 } else { 429 }).collect();
        let is_right = before == [200; 2]
            && between == [200]
            && banned == [403; 2]
            && after == expected
            && ban.is_ok()
            && unbanned.is_ok()
            && matches!(reloaded, Ok(true));
        if !is_right && self.wrong.len() < 10 {
            self.wrong.push(format!(
                "{name}: {before:?}, {reloaded:?}, {between:?}, {ban:?}, {banned:?}, {unbanned:?}, {after:?}"
            ));
        }
    }
}
