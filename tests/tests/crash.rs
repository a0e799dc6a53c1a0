//! What was answered survives a kill at any moment, of the ledger or of the source; and nothing is there twice.
//!
//! Not here: full disks, changed files, rollback (`faults`). The long forms are run by `make soak`.

use zegel_tests::rounds::{Beside, Trial};

const BESIDE: [Beside; 3] = [Beside::Nothing, Beside::Snapshots, Beside::Exports];

/// Ends a trial, unless it has proven nothing.
fn end(trial: Trial) {
    let (events, receipts, caught) = (trial.events(), trial.receipts(), trial.caught());
    println!("{events} events, {receipts} receipts held, {caught} batches caught in the middle");
    assert!(receipts > 5 && caught > 1, "too few to prove anything");
    trial.end();
}

#[test]
fn what_was_answered_survives_thirty_kills_of_the_ledger() {
    let mut trial = Trial::new(20);
    for round in 0..30 {
        trial.crash(BESIDE[round % 3]);
    }
    end(trial);
}

#[test]
fn a_source_that_is_left_in_the_middle_loses_nothing_and_doubles_nothing() {
    let mut trial = Trial::new(21);
    for _ in 0..20 {
        trial.interrupt();
    }
    end(trial);
}

#[test]
fn an_append_command_that_is_killed_goes_on_where_the_log_says_it_was() {
    let mut trial = Trial::new(22);
    for lines in [400, 1_200, 2_000, 2_800, 3_600, 4_400] {
        trial.interrupt_command(lines);
    }
    for _ in 0..20 {
        if trial.interrupt_command(4_400) == 4_400 {
            break;
        }
    }
    assert_eq!(trial.exported_lines(), vec![1; 4_400]);
    end(trial);
}

#[test]
#[ignore = "minutes: make soak"]
fn what_was_answered_survives_three_hundred_kills_of_the_ledger() {
    let mut trial = Trial::new(300);
    for round in 1..=300 {
        let beside = BESIDE[trial.dice().below(3) as usize];
        trial.crash(beside);
        if round % 10 == 0 {
            trial.check();
            println!("crash {round} of 300: {} events, {} receipts held", trial.events(), trial.receipts());
        }
    }
    end(trial);
}

#[test]
#[ignore = "minutes: make soak"]
fn a_source_that_is_left_three_hundred_times_loses_nothing_and_doubles_nothing() {
    let mut trial = Trial::new(301);
    for round in 1..=300 {
        trial.interrupt();
        if round % 10 == 0 {
            println!("left {round} of 300: {} events, {} receipts held", trial.events(), trial.receipts());
        }
    }
    end(trial);
}
