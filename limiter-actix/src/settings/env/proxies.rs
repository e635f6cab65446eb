//! Reads the trusted proxies from four variables.

use super::{
    PREFIX,
    values::{boolean, header, hops, networks},
    variables::VariableReader,
};
use crate::TrustedProxies;

const NETWORKS: &str = "TRUSTED_PROXIES";
const HEADER: &str = "TRUSTED_PROXY_HEADER";
const HOPS: &str = "TRUSTED_PROXY_HOPS";
const UNIX_SOCKETS: &str = "TRUSTED_PROXY_UNIX_SOCKETS";

impl VariableReader {
    /// Reads `none`, or a header with networks, hops or Unix sockets. Errors in single values are reported once.
    pub(super) fn proxies(&mut self) -> Option<TrustedProxies> {
        let is_invalid_before = self.issues.len();
        let networks = self.take(NETWORKS, networks);
        let header = self.take(HEADER, header);
        let hops = self.take(HOPS, hops);
        let unix_sockets = self.take(UNIX_SOCKETS, boolean);
        if self.issues.len() > is_invalid_before {
            return None;
        }
        let trusts_some = hops.is_some() || unix_sockets == Some(true);
        match (networks, header) {
            (Some(None), None) if !trusts_some => Some(TrustedProxies::none()),
            (Some(None), _) => {
                self.error(NETWORKS, "expected networks beside the other variables of proxies, found `none`");
                None
            }
            (None, None) if !trusts_some => None,
            (_, None) => {
                let error = format!("expected {PREFIX}{HEADER} too, such as `X-Forwarded-For`");
                self.error(if hops.is_some() { HOPS } else { NETWORKS }, error);
                None
            }
            (None, Some(_)) if !trusts_some => {
                self.error(HEADER, format!("expected {PREFIX}{NETWORKS}, _HOPS or _UNIX_SOCKETS too"));
                None
            }
            (networks, Some(header)) => {
                let mut proxies = TrustedProxies::header(header.as_str());
                proxies = match networks.flatten() {
                    Some(networks) => proxies.networks(networks),
                    None => proxies,
                };
                proxies = hops.map_or(proxies.clone(), |hops| proxies.hops(hops));
                Some(proxies.unix_sockets(unix_sockets.unwrap_or(false)))
            }
        }
    }
}
