//! Who is there: heartbeats of gateways, gaps where there were none, and clocks that are apart. All of it in the log by itself.
//!
//! A gateway that is silent too long: CAPTURE_STOPPED at once, and GAP_DECLARED with both ends and CAPTURE_STARTED when it is
//! back. The same when the sidecar itself was down: when a gateway was heard last lies on disk, at most half the silence old,
//! so a gap can be stated too long by that, never too short.

use super::SidecarError;
use super::intake::Intake;
use super::journal::Notice;
use super::judge::CLOCKS_APART_MS;
use crate::disk;
use crate::entropy::random_id;
use crate::hex;
use crate::source::now_ms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zegel_proto::source::v1::Open;
use zegel_proto::v1::EventKind;
use zegel_verifier::hash::Hash;

/// Custodians of one notice: they fit one batch.
pub(super) const CUSTODIANS_MAX: usize = 200;

/// A gateway, as it lies on disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Gateway {
    pub(super) custodians: Vec<String>,
    tool: String,
    heard_ms: u64,
    is_open: bool,
    is_silent: bool,
    session: String,
    /// Milliseconds that its clock is ahead, as last logged.
    ahead_ms: i64,
    #[serde(skip)]
    beaten_ms: u64,
}

pub(super) type Gateways = BTreeMap<String, Gateway>;

pub(super) fn read(spool: &Path) -> Result<Gateways, SidecarError> {
    let bytes = disk::read_if_there(&spool.join("gateways.json"))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Watches over the gateways of one log.
pub(super) struct Keeper {
    intake: Arc<Intake>,
    gateways: Mutex<Gateways>,
    began_ms: u64,
}

impl Keeper {
    pub(super) fn open(intake: Arc<Intake>) -> Result<Arc<Self>, SidecarError> {
        let gateways = Mutex::new(read(&intake.config.spool)?);
        Ok(Arc::new(Self { intake, gateways, began_ms: now_ms() }))
    }

    fn gateways(&self) -> MutexGuard<'_, Gateways> {
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, gateways: &Gateways) {
        let text = serde_json::to_vec_pretty(gateways).unwrap_or_default();
        // Older by one write at worst: a gap is then stated too long.
        let _ = disk::write_durably(&self.intake.folder("gateways.json"), &text);
    }

    /// A session has begun. True if the gateway was served by another process before, and did not close.
    pub(super) fn opened(&self, open: &Open) -> bool {
        let now = now_ms();
        let mut gateways = self.gateways();
        let gateway = gateways.entry(open.gateway.clone()).or_default();
        let is_heard_before = gateway.is_open && gateway.heard_ms < self.began_ms;
        self.back(&open.gateway, gateway, now);
        let is_new = !gateway.is_open || gateway.custodians != open.custodians;
        gateway.custodians.clone_from(&open.custodians);
        gateway.tool = format!("{} {}", open.gateway, open.version);
        (gateway.heard_ms, gateway.is_open) = (now, true);
        if is_new {
            gateway.session = random_id().map(|id| id.to_string()).unwrap_or_default();
            gateway.beaten_ms = now;
            self.notice(&open.gateway, gateway, EventKind::CaptureStarted, Notice { at_ms: now, ..Notice::default() });
        }
        self.store(&gateways);
        is_heard_before
    }

    /// A gateway that was silent too long is back: says from when to when.
    fn back(&self, name: &str, gateway: &mut Gateway, now: u64) {
        let is_late = gateway.is_open && now.saturating_sub(gateway.heard_ms) > self.intake.config.silence_ms;
        if !is_late {
            return;
        }
        let reason = if gateway.heard_ms < self.began_ms { "source_down" } else { "gateway_silent" };
        let gap =
            Notice { at_ms: now, reason: reason.into(), from_ms: gateway.heard_ms, to_ms: now, ..Notice::default() };
        self.notice(name, gateway, EventKind::GapDeclared, gap);
        if std::mem::take(&mut gateway.is_silent) {
            self.notice(name, gateway, EventKind::CaptureStarted, Notice { at_ms: now, ..Notice::default() });
        }
    }

    /// A gateway sent something, by its own clock then.
    pub(super) fn heard(&self, name: &str, sent_at_ms: u64) {
        let now = now_ms();
        let mut gateways = self.gateways();
        let Some(gateway) = gateways.get_mut(name) else { return };
        self.back(name, gateway, now);
        (gateway.heard_ms, gateway.is_open) = (now, true);
        if sent_at_ms == 0 {
            return;
        }
        let ahead = sent_at_ms as i64 - now as i64;
        let is_apart = ahead.unsigned_abs() > CLOCKS_APART_MS;
        if ahead.abs_diff(gateway.ahead_ms) > CLOCKS_APART_MS && (is_apart || gateway.ahead_ms != 0) {
            gateway.ahead_ms = if is_apart { ahead } else { 0 };
            let side = if ahead > 0 { "ahead of" } else { "behind" };
            let note = if is_apart {
                format!("clock_apart: the gateway's clock is {} ms {side} the source's", ahead.unsigned_abs())
            } else {
                "the gateway's clock and the source's agree again".into()
            };
            self.notice(name, gateway, EventKind::GatewayHeartbeat, Notice { at_ms: now, note, ..Notice::default() });
            self.store(&gateways);
        }
    }

    /// A gateway stops on purpose.
    pub(super) fn closed(&self, name: &str) {
        let now = now_ms();
        let mut gateways = self.gateways();
        if let Some(gateway) = gateways.get_mut(name).filter(|gateway| gateway.is_open) {
            gateway.is_open = false;
            let note = "closed by the gateway".into();
            self.notice(name, gateway, EventKind::CaptureStopped, Notice { at_ms: now, note, ..Notice::default() });
        }
        self.store(&gateways);
    }

    /// Looks after all of them until the process ends.
    pub(super) async fn run(self: Arc<Self>) {
        let config = &self.intake.config;
        let pace = (config.silence_ms.min(config.heartbeat_ms) / 4).clamp(20, 30_000);
        loop {
            tokio::time::sleep(Duration::from_millis(pace)).await;
            self.look(now_ms());
        }
    }

    fn look(&self, now: u64) {
        let (silence, beat) = (self.intake.config.silence_ms, self.intake.config.heartbeat_ms);
        let mut gateways = self.gateways();
        for (name, gateway) in gateways.iter_mut().filter(|(_, gateway)| gateway.is_open && !gateway.is_silent) {
            if now.saturating_sub(gateway.heard_ms) > silence {
                gateway.is_silent = true;
                let note = format!("silent since {} (milliseconds since 1970)", gateway.heard_ms);
                self.notice(name, gateway, EventKind::CaptureStopped, Notice { at_ms: now, note, ..Notice::default() });
            } else if now.saturating_sub(gateway.beaten_ms) >= beat {
                gateway.beaten_ms = now;
                self.notice(name, gateway, EventKind::GatewayHeartbeat, Notice { at_ms: now, ..Notice::default() });
            }
        }
        self.store(&gateways);
    }

    fn notice(&self, name: &str, gateway: &Gateway, kind: EventKind, notice: Notice) {
        let ids: Vec<Vec<u8>> = gateway.custodians.iter().filter_map(|id| hex::parse(id)).map(Hash::to_vec).collect();
        for (part, custodians) in ids.chunks(CUSTODIANS_MAX).enumerate() {
            let notice = Notice {
                kind: kind as i32,
                custodians: custodians.to_vec(),
                session: hex::parse(&gateway.session).map(Hash::to_vec).unwrap_or_default(),
                ..notice.clone()
            };
            let (kind, at, part) = (notice.kind.to_be_bytes(), notice.at_ms.to_be_bytes(), part.to_be_bytes());
            let (key, is_gap): ([&[u8]; 4], _) =
                ([name.as_bytes(), &kind, &at, &part], notice.kind == EventKind::GapDeclared as i32);
            // Where the disk does not take it, it does not take when the gateway was heard either: the gap is stated again.
            if !is_gap || self.intake.owe(&key, notice.clone(), &gateway.tool).is_err() {
                self.intake.notice(&key, notice, &gateway.tool);
            }
        }
    }
}
