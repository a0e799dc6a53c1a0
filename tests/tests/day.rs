//! A day of a ministry through the sidecar, while the network is cut, the ledger and the sidecar are killed and the disks of both
//! are filled, at moments that one seed decides: the auditor finds every message once.
//!
//! `ZEGEL_SEED` chooses another seed. The long ones run in `make soak`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use zegel_proto::source::v1::request;
use zegel_tests::gateway::{Sidecar, now_ms, texts, timeline};
use zegel_tests::rounds::Dice;
use zegel_tests::small_disk::SmallDisk;
use zegel_tests::wire::{State, Wire};
use zegel_tests::{ORIGIN, Stage, command};
use zegel_tools::event::CustodianEntry;
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::Officer;
use zegel_tools::sidecar::{DayPlan, Played, day, play};
use zegel_verifier::hash::Hash;

/// Registers officials in few batches, and gives their ids.
async fn officials(stage: &Stage, count: usize) -> Vec<String> {
    let keys = KeyFolder::open(&stage.keys()).expect("keys");
    let mut officer = Officer::open(&keys, &stage.url()).await.expect("an officer");
    let id = |number: usize| {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Hash(id)
    };
    let entry = |number: usize| CustodianEntry { name: format!("Ambtenaar {number}"), ..CustodianEntry::default() };
    let drafts = (0..count).map(|number| entry(number).draft(id(number), now_ms()).expect("a draft")).collect();
    officer.source().append(drafts).await.expect("registered");
    (0..count).map(|number| id(number).to_string()).collect()
}

/// A ministry at work, and what can befall it.
struct Ministry {
    /// Where the spool lies; none where no small disk may be mounted. It goes before the folder that it lies in.
    disk: Option<SmallDisk>,
    /// Where the ledger's store lies, likewise.
    ledger_disk: Option<SmallDisk>,
    stage: Stage,
    sidecar: Sidecar,
    wire: Wire,
    is_full: bool,
    /// What is left on the ledger's disk, where that is less than the ledger keeps free.
    ledger_left: Option<u64>,
    is_up: bool,
    /// How often each of it has befallen it.
    befallen: BTreeMap<&'static str, u32>,
}

/// What is done next: each begins what is not there, or ends what is.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Ledger,
    Network,
    Disk,
    LedgerDisk,
    Sidecar,
}

/// Twice each begins and ends, whatever else is going on, and the sidecar is killed twice.
const ROUND: [Turn; 18] = [
    Turn::Ledger,
    Turn::Ledger,
    Turn::Ledger,
    Turn::Ledger,
    Turn::Network,
    Turn::Network,
    Turn::Network,
    Turn::Network,
    Turn::Disk,
    Turn::Disk,
    Turn::Disk,
    Turn::Disk,
    Turn::LedgerDisk,
    Turn::LedgerDisk,
    Turn::LedgerDisk,
    Turn::LedgerDisk,
    Turn::Sidecar,
    Turn::Sidecar,
];

/// What the ledger keeps free of its disk.
const RESERVE_MIB: u64 = 96;

impl Ministry {
    async fn new(disk_size: &str, ledger_disk_size: &str) -> Self {
        let mut stage = Stage::new();
        stage.keep_port();
        let ledger_disk = SmallDisk::of_ledger(&mut stage, ledger_disk_size, RESERVE_MIB);
        let (sidecar, wire) = (Sidecar::new(&stage), Wire::to_url(&stage.url()).await);
        sidecar.point_at(&stage.url(), &wire.url());
        let disk = SmallDisk::mount(&sidecar.path("log/spool"), disk_size);
        let (is_full, ledger_left, is_up) = (false, None, true);
        Self { disk, ledger_disk, stage, sidecar, wire, is_full, ledger_left, is_up, befallen: BTreeMap::new() }
    }

    fn note(&mut self, what: &'static str) {
        *self.befallen.entry(what).or_default() += 1;
    }

    fn take(&mut self, turn: Turn, dice: &mut Dice) {
        match turn {
            Turn::Ledger if self.is_up => {
                self.stage.kill();
                self.is_up = false;
                self.note("ledger killed");
            }
            Turn::Ledger => self.start_ledger(),
            Turn::Network if self.wire.state() == State::Whole => {
                let losses = [
                    (State::Cut, "network cut"),
                    (State::AnswersLost, "answers lost"),
                    (State::Silent, "network silent"),
                ];
                // Whatever the seed: it is cut at least once.
                let is_first = !self.befallen.contains_key("network cut");
                let (state, what) = losses[if is_first { 0 } else { dice.below(3) as usize }];
                self.wire.set(state);
                self.note(what);
            }
            Turn::Network => self.wire.set(State::Whole),
            Turn::Disk if self.is_full => self.free_disk(),
            Turn::Disk => {
                let Some(disk) = &self.disk else { return };
                // To the last byte, into what is kept for the way out, or just above that.
                disk.fill([0, 1 << 20, 8 << 20, 17 << 20][dice.below(4) as usize]);
                self.is_full = true;
                self.note("disk filled");
            }
            Turn::LedgerDisk if self.ledger_left.is_some() => self.free_ledger_disk(),
            Turn::LedgerDisk => {
                let Some(disk) = &self.ledger_disk else { return };
                // To the last byte, under the hands of the database, or so that the ledger refuses in time.
                let lefts = [(0, "ledger's disk filled to the last byte"), (RESERVE_MIB << 19, "ledger's disk filled")];
                let (left, what) = lefts[dice.below(2) as usize];
                disk.fill(left);
                self.ledger_left = Some(left);
                self.note(what);
            }
            Turn::Sidecar => {
                self.sidecar.kill();
                self.sidecar.start();
                self.note("sidecar killed");
            }
        }
    }

    /// Makes room where the ledger's store lies. A ledger that refused in time goes on by itself; one whose database met the last byte
    /// has stopped accepting, and is started again.
    fn free_ledger_disk(&mut self) {
        let (Some(disk), Some(left)) = (&self.ledger_disk, self.ledger_left.take()) else { return };
        disk.free();
        if left == 0 && self.is_up {
            self.stage.kill();
            self.stage.start();
        }
    }

    /// Nobody starts a ledger on a full disk.
    fn start_ledger(&mut self) {
        self.free_ledger_disk();
        if !std::mem::replace(&mut self.is_up, true) {
            self.stage.start();
        }
    }

    fn free_disk(&mut self) {
        if let Some(disk) = self.disk.as_ref().filter(|_| self.is_full) {
            disk.free();
        }
        self.is_full = false;
    }

    /// All of it, in an order that the dice decide, until nothing is wrong any more.
    async fn befall(&mut self, rounds: u64, gap_ms: u64, dice: &mut Dice) {
        for _ in 0..rounds {
            let mut turns = ROUND.to_vec();
            while !turns.is_empty() {
                let turn = turns.swap_remove(dice.below(turns.len() as u64) as usize);
                self.take(turn, dice);
                tokio::time::sleep(Duration::from_millis(gap_ms / 2 + dice.below(gap_ms))).await;
            }
        }
        self.start_ledger();
        self.free_disk();
        self.wire.set(State::Whole);
    }

    fn play(&self, plan: &DayPlan) -> JoinHandle<Played> {
        let (plan, socket) = (plan.clone(), format!("unix:{}", self.sidecar.path("source.sock").display()));
        tokio::spawn(async move { play(&socket, ORIGIN, &plan, Arc::new(|_: &str| {})).await.expect("a day") })
    }

    /// The auditor's word: of each official every message once and no other, as many of the rest as there were, and a log that
    /// replays to what it says.
    async fn audit(&self, plan: &DayPlan, played: &Played) {
        let settled = (played.receipted, played.quarantined, played.not_taken.len());
        assert_eq!(settled, (played.events, 0, 0), "{played:?}\n{}", self.sidecar.told());
        self.sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
        let wanted = wanted(plan);
        for (number, custodian) in plan.custodians.iter().enumerate() {
            let (bundle, lines) = timeline(&self.stage, custodian, &format!("bundle-{number}"));
            let wanted = wanted.get(custodian).cloned().unwrap_or_default();
            assert_eq!(texts(&lines), wanted.texts, "{custodian}");
            let count = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
            let counts = KINDS.map(count);
            assert_eq!(counts, wanted.counts, "{custodian}: {KINDS:?}");
            std::fs::remove_dir_all(bundle).expect("removed");
        }
        let mirror = self.stage.path("mirror");
        let mut copy = command("zegel");
        copy.args(["mirror", "--ledger", &self.stage.url(), "--out"]).arg(&mirror).arg("--trust");
        copy.arg(self.stage.trust()).arg("--tls-ca").arg(self.stage.keys().join("tls-ca.pem"));
        assert!(copy.output().expect("it runs").status.success());
        let mut audit = command("zegel-verifier");
        let audited = audit.arg("audit").arg(&mirror).arg("--trust").arg(self.stage.trust()).arg("--json").output();
        let audited = audited.expect("it runs");
        assert_eq!(audited.status.code(), Some(0), "{}", String::from_utf8_lossy(&audited.stdout));
    }
}

/// Kinds that are counted.
const KINDS: [&str; 5] = ["MESSAGE_CREATED", "MESSAGE_EDITED", "MESSAGE_DELETED", "REACTION_ADDED", "CALL_LOGGED"];

/// What an official's bundle has to show.
#[derive(Clone, Default)]
struct Wanted {
    texts: BTreeMap<String, usize>,
    counts: [usize; 5],
}

fn wanted(plan: &DayPlan) -> BTreeMap<String, Wanted> {
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    for step in day(plan) {
        let (place, kind) = match &step.content {
            request::Content::Message(message) => (&message.place, 0),
            request::Content::Edit(edit) => (&edit.place, 1),
            request::Content::Deletion(deletion) => (&deletion.place, 2),
            request::Content::Reaction(reaction) => (&reaction.place, 3),
            request::Content::Call(call) => (&call.place, 4),
            _ => continue,
        };
        let of = wanted.entry(place.clone().expect("a place").custodian).or_default();
        of.counts[kind] += 1;
        if let request::Content::Message(message) = step.content {
            of.texts.insert(message.text, 1);
        }
    }
    wanted
}

/// A day of so many officials and messages, in so many rounds of everything that can go wrong.
async fn live_a_day(seed: u64, count: usize, messages: u64, rounds: u64, gap_ms: u64, disk_sizes: [&str; 2]) {
    let mut dice = Dice::new(seed);
    let mut ministry = Ministry::new(disk_sizes[0], disk_sizes[1]).await;
    let custodians = officials(&ministry.stage, count).await;
    ministry.sidecar.start();
    let lasts_ms = rounds * ROUND.len() as u64 * gap_ms * 3 / 4;
    let plan =
        DayPlan { seed: dice.below(1 << 32), custodians, messages, events_between_breaks: messages / 4, lasts_ms };
    let playing = ministry.play(&plan);
    ministry.befall(rounds, gap_ms, &mut dice).await;
    let played = playing.await.expect("played");
    assert!(played.sessions > 2, "{played:?}");
    ministry.audit(&plan, &played).await;
    println!("{played:?} through {:?}", ministry.befallen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_the_network_cut_the_ledger_killed_and_the_disk_filled_has_every_message_once() {
    live_a_day(7, 4, 300, 1, 350, ["40m", "512m"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: make soak"]
async fn a_day_of_five_hundred_officials_in_which_everything_breaks_has_every_message_once() {
    live_a_day(7, 500, 20_000, 8, 1_500, ["160m", "2g"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: make soak"]
async fn ten_days_from_ten_seeds_have_every_message_once() {
    for seed in 100..110 {
        live_a_day(seed, 4, 300, 1, 500, ["40m", "512m"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: make soak"]
async fn a_week_without_the_ledger_is_spooled_and_is_in_the_log_once_when_it_is_back() {
    let mut stage = Stage::new();
    stage.keep_port();
    let custodians = officials(&stage, 100).await;
    let mut sidecar = Sidecar::new(&stage);
    // Of a hundred officials, two hundred messages each: more than a week of what they write.
    let plan = DayPlan { seed: 7, custodians, messages: 20_000, events_between_breaks: 5_000, lasts_ms: 0 };
    let events = day(&plan).len() as u64;
    stage.kill();
    sidecar.start();
    let wire = Wire::to(1).await;
    let (disk, ledger_disk, is_full, ledger_left, is_up) = (None, None, false, None, false);
    let befallen = BTreeMap::new();
    let mut ministry = Ministry { disk, ledger_disk, stage, sidecar, wire, is_full, ledger_left, is_up, befallen };
    let playing = ministry.play(&plan);
    while ministry.sidecar.standing().await.waiting < events {
        assert!(!playing.is_finished(), "nothing can be receipted");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let standing = ministry.sidecar.standing().await;
    assert_eq!(standing.finding, "ledger_unreachable", "{standing:?}");
    ministry.sidecar.kill();
    ministry.sidecar.start();
    let spool_bytes = ministry.sidecar.standing().await.spool_bytes;
    let began = std::time::Instant::now();
    ministry.start_ledger();
    let played = playing.await.expect("played");
    println!("{played:?}: {spool_bytes} bytes of journal, gone in {:?}", began.elapsed());
    ministry.audit(&plan, &played).await;
}
