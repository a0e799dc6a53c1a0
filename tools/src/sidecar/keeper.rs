//! Who is there: heartbeats of gateways, gaps where there were none, and clocks that are apart. All of it in the log by itself.
//! What is said of whom is decided in `lines`.
//!
//! A gateway that is silent too long: CAPTURE_STOPPED at once, and GAP_DECLARED with both ends and CAPTURE_STARTED when it is
//! back. The same when the sidecar itself was down: when a gateway was heard last lies on disk, at most half the silence old,
//! so a gap can be stated too long by that, never too short.

mod lines;

use self::lines::{Gateways, Lines, Said};
use super::SidecarError;
use super::intake::Intake;
use super::journal::Notice;
use crate::disk;
use crate::entropy::random_id;
use crate::hex;
use crate::source::now_ms;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zegel_proto::source::v1::Open;
use zegel_proto::v1::EventKind;
use zegel_verifier::hash::Hash;

/// Custodians of one notice: they fit one batch.
pub(super) const CUSTODIANS_MAX: usize = 200;

/// What lies on disk of the gateways.
fn read(spool: &Path) -> Result<Gateways, SidecarError> {
    let path = spool.join("gateways.json");
    let Some(bytes) = disk::read_if_there(&path)? else { return Ok(Gateways::new()) };
    lines::read(&bytes).map_err(|reason| SidecarError::Config {
        path: path.display().to_string(),
        reason: format!("{reason}: move it away, and declare the gap since it was written, for nobody else will"),
    })
}

/// Everyone whose chats were carried, each once.
pub(super) fn carried(spool: &Path) -> Result<Vec<Hash>, SidecarError> {
    let gateways = read(spool)?;
    let ids = gateways.values().flatten().flat_map(|line| &line.custodians);
    let found: BTreeSet<Hash> = ids.filter_map(|id| hex::parse(id)).collect();
    Ok(found.into_iter().collect())
}

/// Watches over the gateways of one log.
pub(super) struct Keeper {
    intake: Arc<Intake>,
    lines: Mutex<Lines>,
}

impl Keeper {
    /// Goes on with what lies on disk.
    pub(super) fn open(intake: Arc<Intake>) -> Result<Arc<Self>, SidecarError> {
        let lines = Lines::new(read(&intake.config.spool)?, intake.config.silence_ms, now_ms());
        Ok(Arc::new(Self { intake, lines: Mutex::new(lines) }))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, lines: &Lines) {
        let text = serde_json::to_vec_pretty(&lines.gateways).unwrap_or_default();
        // Older by one write at worst: a gap is then stated too long.
        let _ = disk::write_durably(&self.intake.folder("gateways.json"), &text);
    }

    /// A session has begun: the number of its line, and whether another process served the gateway before, and did not close.
    pub(super) fn opened(&self, open: &Open) -> (u64, bool) {
        let (now, session) = (now_ms(), random_id().map(|id| id.to_string()).unwrap_or_default());
        let mut lines = self.lines();
        let (said, number, took_over) = lines.opened(open, session, now);
        said.into_iter().for_each(|said| self.notice(said, now));
        self.store(&lines);
        (number, took_over)
    }

    /// A gateway sent something on this line, by its own clock then.
    pub(super) fn heard(&self, name: &str, number: u64, sent_at_ms: u64) {
        let now = now_ms();
        let mut lines = self.lines();
        let said = lines.heard(name, number, sent_at_ms, now);
        if !said.is_empty() {
            said.into_iter().for_each(|said| self.notice(said, now));
            self.store(&lines);
        }
    }

    /// A gateway stops on purpose.
    pub(super) fn closed(&self, name: &str, number: u64) {
        let now = now_ms();
        let mut lines = self.lines();
        lines.closed(name, number).into_iter().for_each(|said| self.notice(said, now));
        self.store(&lines);
    }

    /// A session is no more.
    pub(super) fn ended(&self, name: &str, number: u64) {
        self.lines().ended(name, number);
    }

    /// Looks after all of them until the process ends.
    pub(super) async fn run(self: Arc<Self>) {
        let config = &self.intake.config;
        let pace = (config.silence_ms.min(config.heartbeat_ms) / 4).clamp(20, 30_000);
        loop {
            tokio::time::sleep(Duration::from_millis(pace)).await;
            let now = now_ms();
            let mut lines = self.lines();
            lines.look(config.heartbeat_ms, now).into_iter().for_each(|said| self.notice(said, now));
            self.store(&lines);
        }
    }

    fn notice(&self, said: Said, now: u64) {
        let ids: Vec<Vec<u8>> = said.custodians.iter().filter_map(|id| hex::parse(id)).map(Hash::to_vec).collect();
        let is_gap = said.kind == EventKind::GapDeclared;
        let plain = Notice {
            kind: said.kind as i32,
            at_ms: now,
            reason: said.reason.into(),
            from_ms: said.from_ms,
            to_ms: if is_gap { now } else { 0 },
            note: said.note,
            session: hex::parse(&said.session).map(Hash::to_vec).unwrap_or_default(),
            ..Notice::default()
        };
        for (part, custodians) in ids.chunks(CUSTODIANS_MAX).enumerate() {
            let notice = Notice { custodians: custodians.to_vec(), ..plain.clone() };
            let (kind, at, part) = (notice.kind.to_be_bytes(), now.to_be_bytes(), part.to_be_bytes());
            // Two lines of a gateway may have something to say at the same time, of two sessions or of one from before.
            let whose: Vec<u8> = custodians.concat();
            let key: [&[u8]; 5] = [said.gateway.as_bytes(), &kind, &at, &part, &whose];
            // Where the disk does not take it, it does not take when the gateway was heard either: the gap is stated again.
            if !is_gap || self.intake.owe(&key, notice.clone(), &said.tool).is_err() {
                self.intake.notice(&key, notice, &said.tool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_gateways_that_does_not_open_is_refused_and_none_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()).expect("none").len(), 0);
        let path = folder.path().join("gateways.json");
        for torn in [&b""[..], b"{", b"[]", br#"{"wa": [7]}"#] {
            std::fs::write(&path, torn).expect("written");
            let refused = |found: Result<_, SidecarError>| {
                matches!(found, Err(SidecarError::Config { path: at, reason })
                    if at == path.display().to_string() && reason.contains("move it away"))
            };
            assert!(refused(read(folder.path()).map(drop)) && refused(carried(folder.path()).map(drop)), "{torn:?}");
        }
    }
}
