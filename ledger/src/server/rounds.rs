//! What goes on beside the calls for as long as a ledger serves: backups, witnesses, scrubs, and what the health service tells.

use super::Witnessing;
use crate::backup;
use crate::config::LogConfig;
use crate::scrub;
use crate::sequencer::OpenLog;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Health of what lies on disk, beside that of the service.
const SCRUB: &str = "scrub";

/// Backups that are asked for, and witnesses that are to cosign, of each log that has them.
pub(super) fn start_rounds(
    rounds: &mut JoinSet<()>,
    logs: &[Arc<OpenLog>],
    configs: Vec<LogConfig>,
    witnessing: &HashMap<String, Arc<Witnessing>>,
) {
    for (log, config) in logs.iter().zip(configs) {
        if let Some(backup) = config.backup {
            rounds.spawn(backup::answer(backup, Arc::downgrade(log)));
        }
        if let Some(witnessing) = witnessing.get(log.origin()) {
            rounds.spawn(Arc::clone(witnessing).run(Arc::downgrade(log)));
        }
    }
}

/// Name under which the health service tells whether the primaries of this process are followed.
const REPLICATION: &str = "zegel.v1.Replication";

/// Serving while every primary is followed: one word for all, so that no ministry learns of another.
pub(super) async fn tell_of_replication(health: HealthReporter, mut told: Vec<watch::Receiver<bool>>) {
    loop {
        let all = told.iter_mut().map(|told| *told.borrow_and_update()).filter(|one| !one).count() == 0;
        let status = if all { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status(REPLICATION, status).await;
        let mut changes = JoinSet::new();
        for told in &told {
            let mut told = told.clone();
            changes.spawn(async move { told.changed().await.is_ok() });
        }
        if !matches!(changes.join_next().await, Some(Ok(true))) {
            return;
        }
    }
}

/// The scrub of each log. A finding is told as the health of `scrub`, which says nothing of which log.
pub(super) async fn start_scrubs(
    configs: &[LogConfig],
    logs: &[Arc<OpenLog>],
    health: &HealthReporter,
) -> std::io::Result<Vec<scrub::Scrub>> {
    health.set_service_status(SCRUB, ServingStatus::Serving).await;
    let runtime = tokio::runtime::Handle::current();
    let started = configs.iter().zip(logs).map(|(config, log)| {
        let (health, runtime) = (health.clone(), runtime.clone());
        let alarm = move || {
            let health = health.clone();
            drop(runtime.spawn(async move { health.set_service_status(SCRUB, ServingStatus::NotServing).await }));
        };
        scrub::start(config, log, Box::new(alarm))
    });
    started.filter_map(Result::transpose).collect()
}
