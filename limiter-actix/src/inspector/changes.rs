//! Changes by operators.

use std::time::Duration;

use actix_web::rt;
use limiter_core::log::{Throttle, event, shown};
use serde::{Deserialize, Serialize};

use super::{client_text, respond::ApiError};
use crate::{BanError, BanTarget, ClearedCounts, Limiter, RouteLimits};

/// A change, as the body of a request has it.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    /// Forgets the hits of a client on all limits.
    Clear {
        client: String,
    },
    Ban {
        client: String,
        seconds: u64,
        #[serde(default)]
        reason: String,
    },
    Unban {
        client: String,
    },
    Allow {
        client: String,
        seconds: u64,
    },
    Disallow {
        client: String,
    },
    /// Switches the limiter off or on, in the process that responds.
    Switch {
        enabled: bool,
    },
    /// Sets a limit to shadow or to refuse, in the process that responds. `null` restores what is declared.
    Shadow {
        limit: String,
        shadow: Option<bool>,
    },
}

/// The result of a change.
#[derive(Debug, Serialize)]
pub(super) struct ChangeResult {
    action: &'static str,
    /// `false` if there was nothing to change.
    has_changed: bool,
    /// Of a clear, `false` if the storage could only clear the limits that this process knows.
    is_complete: bool,
    /// Of a clear that is not complete, the number of limits.
    limits: Option<usize>,
}

impl ChangeResult {
    fn new(action: &'static str, has_changed: bool) -> Self {
        Self { action, has_changed, is_complete: true, limits: None }
    }

    fn of_clear(action: &'static str, cleared: ClearedCounts) -> Self {
        match cleared {
            ClearedCounts::All => Self::new(action, true),
            ClearedCounts::KnownLimits { limits } => {
                Self { action, has_changed: limits > 0, is_complete: false, limits: Some(limits) }
            }
        }
    }
}

/// The changes that are logged in a second. An operator causes few.
static CHANGES: Throttle = Throttle::new(Some("L050"), 100, Duration::from_secs(1));

impl Change {
    fn action(&self) -> &'static str {
        match self {
            Self::Clear { .. } => "clear",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Allow { .. } => "allow",
            Self::Disallow { .. } => "disallow",
            Self::Switch { .. } => "switch",
            Self::Shadow { .. } => "shadow",
        }
    }

    /// Makes the change and logs it, in a task of its own. An operator who resets the connection drops the request, but not
    /// the change.
    pub(super) async fn apply(self, limiter: &Limiter, operator: &str) -> Result<ChangeResult, ApiError> {
        let (limiter, operator) = (limiter.clone(), operator.to_owned());
        let task = rt::spawn(async move { self.make_and_log(&limiter, &operator).await });
        // The task fails only if the worker ends.
        task.await.unwrap_or_else(|_| Err(ApiError::unavailable()))
    }

    async fn make_and_log(&self, limiter: &Limiter, operator: &str) -> Result<ChangeResult, ApiError> {
        let result = self.make(limiter).await;
        event!(
            CHANGES.permit_now(),
            INFO,
            operator = shown(operator),
            action = self.action(),
            target = shown(self.target(limiter)),
            failed = result.is_err(),
            "change by the inspector"
        );
        result
    }

    async fn make(&self, limiter: &Limiter) -> Result<ChangeResult, ApiError> {
        let has_changed = match self {
            Self::Clear { client } => {
                let key = client_text::key(limiter, client)?;
                let cleared = limiter.clear_all(&key).await.map_err(|_| ApiError::unavailable())?;
                return Ok(ChangeResult::of_clear(self.action(), cleared));
            }
            Self::Ban { client, seconds, reason } => {
                let target = client_text::target(limiter, client)?;
                limiter.ban(target, Duration::from_secs(*seconds), reason).await.map_err(of_ban)?;
                true
            }
            Self::Allow { client, seconds } => {
                let target = client_text::target(limiter, client)?;
                limiter.allow(target, Duration::from_secs(*seconds)).await.map_err(of_ban)?;
                true
            }
            Self::Unban { client } => {
                let target = banned(limiter, client).await?;
                limiter.unban(target).await.map_err(of_ban)?
            }
            Self::Disallow { client } => {
                let target = banned(limiter, client).await?;
                limiter.disallow(target).await.map_err(of_ban)?
            }
            Self::Switch { enabled } => {
                let had = limiter.is_enabled();
                limiter.set_enabled(*enabled);
                had != *enabled
            }
            Self::Shadow { limit, shadow } => shadow_limit(limiter, limit, *shadow)?,
        };
        Ok(ChangeResult::new(self.action(), has_changed))
    }

    /// Returns what is changed, for the log. Clients are shown as elsewhere in the log.
    fn target(&self, limiter: &Limiter) -> String {
        match self {
            Self::Clear { client }
            | Self::Ban { client, .. }
            | Self::Unban { client }
            | Self::Allow { client, .. }
            | Self::Disallow { client } => match client.parse::<BanTarget>() {
                Ok(_) => client.clone(),
                Err(_) => client_text::key(limiter, client)
                    .map(|key| key.logged(&limiter.config().settings.key_forms).to_string())
                    .unwrap_or_default(),
            },
            Self::Switch { enabled } => if *enabled { "on" } else { "off" }.to_owned(),
            Self::Shadow { limit, shadow } => format!("{limit}: {shadow:?}"),
        }
    }
}

/// Returns the target of a ban or a pass, by the text that lists show, or else as it was written when it began.
async fn banned(limiter: &Limiter, text: &str) -> Result<BanTarget, ApiError> {
    let bans = limiter.bans().await.map_err(of_ban)?;
    match bans.iter().find(|ban| ban.client() == text.trim()) {
        Some(ban) => Ok(ban.into()),
        None => client_text::target(limiter, text),
    }
}

fn shadow_limit(limiter: &Limiter, limit: &str, shadow: Option<bool>) -> Result<bool, ApiError> {
    let routes = limiter.limits();
    let listed = routes.iter().flat_map(RouteLimits::limits).find(|listed| listed.to_string() == limit);
    let Some(listed) = listed else {
        return Err(ApiError::invalid(
            "no route has this limit; expected the text of a limit as it is listed",
        ));
    };
    if !limiter.set_shadow(limit, shadow) {
        return Err(ApiError::invalid("too many limits are changed; restore some"));
    }
    Ok(shadow != Some(listed.is_shadow()))
}

fn of_ban(error: BanError) -> ApiError {
    match error {
        BanError::Storage(_) => ApiError::unavailable(),
        invalid => ApiError::invalid(invalid.to_string()),
    }
}
