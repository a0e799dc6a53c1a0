//! What was answered survives a kill at any moment, of the ledger or of the source; and nothing is there twice.
//!
//! Not here: full disks, changed files, rollback (`faults`). The long forms are run by `make soak`.

use zegel_tests::rounds::{Beside, Trial};

const BESIDE: [Beside; 3] = [Beside::Nothing, Beside::Snapshots, Beside::Exports];

#[test]
fn what_was_answered_survives_twenty_kills_of_the_ledger() {
    let mut trial = Trial::new(20);
    for round in 0..21 {
        trial.crash(BESIDE[round % 3]);
    }
    assert!(trial.receipts() > 20, "{} receipts: too few to prove anything", trial.receipts());
    trial.end();
}

#[test]
fn a_source_that_is_left_in_the_middle_loses_nothing_and_doubles_nothing() {
    let mut trial = Trial::new(21);
    for _ in 0..20 {
        trial.interrupt();
    }
    assert!(trial.receipts() > 20, "{} receipts: too few to prove anything", trial.receipts());
    trial.end();
}

#[test]
#[ignore = "minutes: make soak"]
fn what_was_answered_survives_three_hundred_kills_of_the_ledger() {
    let mut trial = Trial::new(300);
    for round in 1..=300 {
        let beside = BESIDE[trial.dice().below(3) as usize];
        trial.crash(beside);
        if round % 10 == 0 {
            println!("crash {round} of 300: {} events, {} receipts held", trial.events(), trial.receipts());
        }
    }
    trial.end();
}
