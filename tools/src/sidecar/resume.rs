//! The ceremony after a spool was put back from an older state: a person says so, and the log keeps it (SOURCE_RESUMED).

use super::committer::source_config;
use super::intake::Intake;
use super::keeper::{self, CUSTODIANS_MAX};
use super::{LogConfig, SidecarError, Tell, Waiting, lock};
use crate::event::{CaptureDetail, CaptureItems, CaptureRecord, Draft, Field, Occurred};
use crate::source::{Head, LedgerError, OlderState, Source, SourceError, now_ms};
use zegel_proto::v1::{Channel, EventKind, ProofClass};
use zegel_verifier::hash::Hash;

/// Takes up the chain where the ledger says it is, and logs that, by whom and why. Nothing else may work with the spool.
///
/// # Errors
/// [`SidecarError`]; [`SidecarError::NoCustodian`] if nobody is named and no gateway was ever served.
pub async fn resume(
    log: &LogConfig,
    custodians: &[Hash],
    operator: &str,
    account: &str,
    tell: Tell,
) -> Result<Head, SidecarError> {
    let _lock = lock(&log.spool, Waiting::Refuses)?;
    let mut custodians: Vec<Hash> = custodians.iter().copied().chain(keeper::carried(&log.spool)?).collect();
    custodians.sort_unstable();
    custodians.dedup();
    if custodians.is_empty() {
        return Err(SidecarError::NoCustodian);
    }
    let intake = Intake::open(log.clone(), tell)?;
    let mut source = open(log, &intake).await?;
    let found = source.head().clone();
    let now = now_ms();
    for part in custodians.chunks(CUSTODIANS_MAX) {
        let drafts: Result<Vec<Draft>, _> =
            part.iter().map(|custodian| resumed(*custodian, operator, account, now)).collect();
        source.append(drafts?).await?;
    }
    Ok(found)
}

/// What waits in the outbox of an older state may be refused, and is put aside; behind it the chain is the ledger's.
async fn open(log: &LogConfig, intake: &Intake) -> Result<Source, SidecarError> {
    let config = source_config(intake, OlderState::Adopt)?;
    let client = log.client()?;
    match Source::open_as(log.identity()?, config.clone(), client.as_ref()).await {
        Err(SourceError::Ledger(LedgerError::Refused { .. })) => {
            Ok(Source::open_as(log.identity()?, config, client.as_ref()).await?)
        }
        opened => Ok(opened?),
    }
}

fn resumed(custodian: Hash, operator: &str, account: &str, now: u64) -> Result<Draft, SidecarError> {
    let event = CaptureRecord {
        kind: EventKind::SourceResumed,
        conversation: None,
        custodian,
        occurred: Occurred::by_source(now),
        channel: Channel::Other,
        proof_class: ProofClass::BGateway,
        session: Field::None,
        operator: Field::Value(operator.into()),
        device: Field::None,
        tool: Field::Value(concat!("zegel-source ", env!("CARGO_PKG_VERSION")).into()),
        detail: CaptureDetail::None,
        items: CaptureItems::None,
        note: Field::Value(account.into()),
    };
    Ok(event.draft()?)
}
