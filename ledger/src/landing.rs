//! Tells when content lies longer in a landing zone than its policy allows. Specification: `specs/custody.md`.

use crate::metrics::now_ms;
use crate::sequencer::OpenLog;
use std::sync::Weak;
use std::time::Duration;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Name under which the health service tells it: one word for all logs, so that no ministry learns of another.
const CUSTODY: &str = "zegel.v1.Custody";
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks for as long as the logs are served.
pub(crate) async fn tell(health: HealthReporter, logs: Vec<Weak<OpenLog>>) {
    let mut told: Vec<String> = Vec::new();
    loop {
        let now = now_ms();
        let open = logs.iter().filter_map(Weak::upgrade);
        let late = open.filter(|log| log.dwells_ms(now).is_some_and(|(dwells, max)| dwells > max));
        let late: Vec<String> = late.map(|log| log.origin().to_owned()).collect();
        let status = if late.is_empty() { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status(CUSTODY, status).await;
        for origin in late.iter().filter(|origin| !told.contains(*origin)) {
            tracing::error!(origin, "content lies in the landing zone for longer than its policy allows");
        }
        told = late;
        tokio::time::sleep(LOOK).await;
    }
}
