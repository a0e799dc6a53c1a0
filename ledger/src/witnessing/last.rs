//! What each witness cosigned last, asked once: before a replica is promoted.

use super::line::{self, Line};
use super::read_policy;
use crate::config::{ConfigError, LogConfig};
use std::time::Duration;
use zegel_verifier::hash::sha256;

/// What a witness said.
pub(crate) struct LastCosigned {
    /// Its name in the policy.
    pub(crate) name: String,
    /// Its note; `None` if it has cosigned nothing of this log; or why it did not say.
    pub(crate) said: Result<Option<Vec<u8>>, String>,
}

/// Asks every witness of the log's policy but those that are left out; none if the log has no policy. It makes a runtime of
/// its own: no ledger is running.
pub(crate) fn ask_for_last(config: &LogConfig, without: &[String]) -> Result<Vec<LastCosigned>, ConfigError> {
    let Some(settings) = &config.witnesses else { return Ok(Vec::new()) };
    let policy = read_policy(settings, &config.origin)?;
    let tls = settings.ca.as_deref().map(line::authorities).transpose()?;
    let path = format!("/{}/checkpoint", sha256(&[config.origin.as_bytes()]));
    let patience = Duration::from_millis(settings.timeout_ms);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut all = Vec::new();
    for witness in policy.witnesses().iter().filter(|witness| !without.contains(&witness.name)) {
        let mut line = Line::new(witness, tls.as_ref())?;
        let said = match &runtime {
            Ok(runtime) => runtime.block_on(ask(&mut line, &path, patience)),
            Err(reason) => Err(reason.to_string()),
        };
        all.push(LastCosigned { name: witness.name.clone(), said });
    }
    Ok(all)
}

async fn ask(line: &mut Line, path: &str, patience: Duration) -> Result<Option<Vec<u8>>, String> {
    let answer = tokio::time::timeout(patience, line.get(path)).await;
    let answer = answer.map_err(|_| format!("no answer in {} ms", patience.as_millis()))?;
    let answer = answer.map_err(|reason| reason.to_string())?;
    match answer.status {
        200 => Ok(Some(answer.body.into_bytes())),
        404 => Ok(None),
        status => Err(format!("it answered with status {status}")),
    }
}
