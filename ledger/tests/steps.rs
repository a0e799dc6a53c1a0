//! Every step of a commit, every way to fail: what is lost, and what is persisted but reported as failed.
//!
//! Whatever fails: nothing false is signed, what was answered is there, what was not answered is there whole or not at all,
//! and opening the log again is all that it takes. The table is in `specs/storage.md`.

mod maker;

use maker::*;
use std::sync::{Arc, Mutex};
use tonic::{Code, Status};
use zegel_ledger::{Faults, Step, check};
use zegel_proto::v1::*;
use zegel_verifier::checkpoint::VerifiedCheckpoint;

/// On which side of a step it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Nothing of it is on disk.
    Lost,
    /// All of it is, and nobody was told.
    Persisted,
}

/// What a group is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Batch,
    Snapshot,
}

#[derive(Default)]
struct Failing(Mutex<Option<(Step, Way)>>);

impl Failing {
    fn at(&self, step: Step, way: Way) -> Result<(), String> {
        let is_this = *self.0.lock().expect("a lock") == Some((step, way));
        if is_this { Err("the disk says no".into()) } else { Ok(()) }
    }
}

impl Faults for Failing {
    fn before(&self, step: Step) -> Result<(), String> {
        self.at(step, Way::Lost)
    }

    fn after(&self, step: Step) -> Result<(), String> {
        self.at(step, Way::Persisted)
    }
}

/// What must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Follows {
    /// The group is in the log when it is opened again, though nobody was told.
    is_there: bool,
    /// The log takes nothing until then.
    is_stopped: bool,
}

const fn follows(is_there: bool, is_stopped: bool) -> Follows {
    Follows { is_there, is_stopped }
}

/// Step × way, for a batch and for a snapshot alike.
const TABLE: [(Step, Way, Follows); 8] = [
    (Step::Keys, Way::Lost, follows(false, true)),
    (Step::Keys, Way::Persisted, follows(false, true)),
    (Step::Sign, Way::Lost, follows(false, true)),
    (Step::Sign, Way::Persisted, follows(false, true)),
    (Step::Truth, Way::Lost, follows(false, true)),
    (Step::Truth, Way::Persisted, follows(true, true)),
    (Step::Guard, Way::Lost, follows(true, true)),
    (Step::Guard, Way::Persisted, follows(true, true)),
];

fn fail(faults: &Failing, at: Option<(Step, Way)>) {
    *faults.0.lock().expect("a lock") = at;
}

async fn begun() -> (World, Arc<Failing>) {
    let (site, faults) = (Site::new(), Arc::new(Failing::default()));
    let ledger = site.start_with(faults.clone()).await;
    let mut world = World::on(site, ledger).await;
    world.chat(0, 20, MONTH).await;
    (world, faults)
}

async fn reopened(mut world: World) -> World {
    world.ledger.stop().await;
    world.ledger = world.place.start().await;
    world
}

async fn ended(world: World, about: &str) {
    world.ledger.stop().await;
    assert_eq!(check(&world.place.config()).expect("a report").findings, [], "{about}");
}

async fn extends(world: &mut World, before: &VerifiedCheckpoint) -> u64 {
    let now = world.ledger.checkpoint().await;
    let (from_size, to_size) = (before.size(), now.size());
    let request = ConsistencyProofRequest { origin: ORIGIN.into(), from_size, to_size };
    let proof = world.ledger.client.get_consistency_proof(request).await.expect("a proof").into_inner();
    assert_eq!(now.check_extends(before, &hashes(&proof.hashes)), Ok(()));
    now.size()
}

async fn act(world: &mut World, what: What, batch: &AppendRequest) -> Result<Receipt, Status> {
    match what {
        What::Batch => world.ledger.append(batch.clone()).await,
        What::Snapshot => {
            let request = LogRequest { origin: ORIGIN.into() };
            Ok(world.ledger.client.snapshot(request).await?.into_inner().receipt.expect("a receipt"))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_fails_and_however_opening_the_log_again_is_all_it_takes() {
    for (step, way, follows) in TABLE {
        for what in [What::Batch, What::Snapshot] {
            let about = format!("{what:?}, {step:?} {way:?}");
            let (mut world, faults) = begun().await;
            let before = world.ledger.checkpoint().await;
            let batch = world.source.batch(&world.source.messages(&world.capture, 20, 20, MONTH));
            fail(&faults, Some((step, way)));
            let refused = act(&mut world, what, &batch).await.expect_err(&about);
            assert_eq!(refused.code(), Code::Unavailable, "{about}: {refused}");
            assert!(refused.message().contains("the disk says no"), "{about}: {refused}");
            fail(&faults, None);
            // The cause is gone, and the doubt is not.
            let again = act(&mut world, What::Batch, &batch).await;
            assert_eq!(again.as_ref().is_err_and(|no| no.message().contains("must be reopened")), follows.is_stopped);
            assert_eq!(world.ledger.checkpoint().await, before, "{about}: nothing was handed out");
            world = reopened(world).await;
            assert_eq!(extends(&mut world, &before).await, 3 + u64::from(follows.is_there), "{about}");
            // The same bytes have one place, whether they were there or not.
            let at = 3 + u64::from(follows.is_there && what == What::Snapshot);
            let receipt = act(&mut world, What::Batch, &batch).await.expect(&about);
            assert_eq!(receipt.index, at, "{about}");
            check_receipt(&receipt);
            check_receipt(&world.ledger.snapshot().await);
            ended(world, &about).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_fails_stops_the_log_and_loses_nothing_that_was_answered() {
    for way in [Way::Lost, Way::Persisted] {
        let (mut world, faults) = begun().await;
        fail(&faults, Some((Step::Projection, way)));
        let answered = world.chat(20, 20, MONTH).await;
        // Whoever needs the projections hears of it first.
        let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: world.source.actor.to_vec() };
        let refused = world.ledger.client.get_source_head(head.clone()).await.expect_err("not projected");
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        fail(&faults, None);
        let batch = world.source.batch(&world.source.messages(&world.capture, 40, 20, MONTH));
        world.ledger.refused(batch.clone(), Code::Unavailable, "must be reopened").await;
        let before = check_receipt(&answered);
        world = reopened(world).await;
        extends(&mut world, &before).await;
        assert_eq!(world.ledger.append(batch).await.expect("taken").index, 4);
        let head = world.ledger.client.get_source_head(head).await.expect("a head").into_inner();
        assert_eq!((head.next_batch_seq, head.last_entry), (3, 4));
        ended(world, "a projection").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_fails_is_no_snapshot_and_stops_nothing() {
    for way in [Way::Lost, Way::Persisted] {
        let (mut world, faults) = begun().await;
        let batch = world.source.batch(&world.source.messages(&world.capture, 20, 20, MONTH));
        fail(&faults, Some((Step::Table, way)));
        let refused = act(&mut world, What::Snapshot, &batch).await.expect_err("no table");
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        assert_eq!(world.ledger.append(batch).await.expect("taken").index, 3);
        fail(&faults, None);
        assert_eq!(world.ledger.snapshot().await.index, 4);
        world = reopened(world).await;
        ended(world, "a table").await;
    }
}

/// Panics at a step, once it is told to.
struct Panicking(Mutex<Option<Step>>);

impl Faults for Panicking {
    fn before(&self, step: Step) -> Result<(), String> {
        let at = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(at != Some(step), "a test wants it to panic");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_panics_leaves_nobody_waiting_and_loses_nothing_that_was_answered() {
    let patience = std::time::Duration::from_secs(60);
    for step in [Step::Keys, Step::Truth, Step::Guard, Step::Projection, Step::Table] {
        let (site, faults) = (Site::new(), Arc::new(Panicking(Mutex::new(None))));
        let ledger = site.start_with(faults.clone()).await;
        let mut world = World::on(site, ledger).await;
        let before = check_receipt(&world.chat(0, 20, MONTH).await);
        *faults.0.lock().expect("a lock") = Some(step);
        let batch = world.source.batch(&world.source.messages(&world.capture, 20, 20, MONTH));
        let log = || LogRequest { origin: ORIGIN.into() };
        let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: world.source.actor.to_vec() };
        let calls = async {
            // Whoever appends, whoever asks for a table, and whoever needs the projections.
            let appended = world.ledger.append(batch.clone()).await.is_ok();
            let snapshot = world.ledger.client.snapshot(log()).await.is_ok();
            let read = world.ledger.client.get_source_head(head).await.is_ok();
            let checkpoint = world.ledger.client.get_checkpoint(log()).await.expect("a checkpoint").into_inner();
            (appended, snapshot, read, verified(&checkpoint.checkpoint))
        };
        let answered = tokio::time::timeout(patience, calls).await;
        let (appended, snapshot, _, checkpoint) = answered.unwrap_or_else(|_| panic!("{step:?}: somebody waits"));
        assert!(!(appended && snapshot), "{step:?}");
        assert!(checkpoint.size() >= before.size(), "{step:?}");
        world = reopened(world).await;
        assert!(extends(&mut world, &checkpoint).await >= before.size());
        check_receipt(&world.ledger.append(batch).await.expect("taken, or was"));
        ended(world, &format!("{step:?}")).await;
    }
}

/// A clock that a test turns.
struct Clock(Mutex<u64>);

impl Faults for Clock {
    fn before(&self, _step: Step) -> Result<(), String> {
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        *self.0.lock().expect("a lock")
    }
}

fn received_at_ms(receipt: &Receipt) -> u64 {
    zegel_proto::parse::<Entry>(&receipt.entry).expect("an entry").received_at_ms
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_an_hour_takes_no_time_from_the_log() {
    const HOUR_MS: u64 = 3_600_000;
    const NOON_MS: u64 = 1_700_000_000_000;
    let clock = Arc::new(Clock(Mutex::new(NOON_MS)));
    let turn = |to: u64| *clock.0.lock().expect("a lock") = to;
    let site = Site::new();
    let ledger = site.start_with(clock.clone()).await;
    let mut world = World::on(site, ledger).await;
    let noon = world.chat(0, 1, MONTH).await;
    assert_eq!(received_at_ms(&noon), NOON_MS);
    turn(NOON_MS - HOUR_MS);
    assert_eq!(received_at_ms(&world.chat(1, 1, MONTH).await), NOON_MS);
    // Nor does a restart, and appends are taken all the while.
    world.ledger.stop().await;
    world.ledger = world.place.start_with(clock.clone()).await;
    let before = check_receipt(&world.chat(2, 1, MONTH).await);
    turn(0);
    assert_eq!(received_at_ms(&world.chat(3, 1, MONTH).await), NOON_MS);
    turn(NOON_MS + 1);
    let after = world.chat(4, 1, MONTH).await;
    assert_eq!(received_at_ms(&after), NOON_MS + 1);
    extends(&mut world, &before).await;
    ended(world, "a clock").await;
}
