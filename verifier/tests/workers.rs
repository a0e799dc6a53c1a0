//! How many threads prepare the records decides nothing: neither what is refused, nor why, nor what is seen on the way.
//!
//! The small bundles of the other tests are compared where they are verified (`maker`); here are large ones, of many
//! chunks and parts.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use std::io::{self, Read};
use zegel_verifier::bundle::{BundleFile, BundleSource, Demands, Observer, Refusal, ShownEvent, verify_on};
use zegel_verifier::trust::Trust;

const WORKERS: [usize; 3] = [1, 2, 5];

/// A bundle of six chunks or more, in three parts.
fn large() -> (Bundle, Trust) {
    let (log, plan) = honest(1_500);
    let mut evidence = log.evidence(&plan);
    evidence.parts = 3;
    let bundle = evidence.pack();
    assert!(bundle.parts.iter().all(|part| part.len() > 150_000), "two chunks a part");
    (bundle, Trust::parse(log.trust().as_bytes()).expect("a trust file"))
}

/// What an observer was told, and the outcome.
fn told(workers: usize, source: &mut dyn BundleSource, trust: &Trust) -> (u64, Vec<String>, String) {
    #[derive(Default)]
    struct Told(u64, Vec<String>);
    impl Observer for Told {
        fn progress(&mut self, bytes: u64) {
            self.0 += bytes;
        }
        fn event(&mut self, event: &ShownEvent<'_>) {
            self.1.push(format!("{:?} {:?}", event.place, event.body.map(|(binding, _)| binding.conversation_seq)));
        }
    }
    let mut told = Told::default();
    let outcome = verify_on(workers, source, trust, &Demands::default(), &mut told);
    (told.0, told.1, format!("{outcome:?}"))
}

#[test]
fn an_observer_sees_the_same_in_the_same_order() {
    let (bundle, trust) = large();
    let alone = told(0, &mut bundle.bag(), &trust);
    assert!(alone.2.starts_with("Ok") && alone.1.len() > 1_500, "{} events", alone.1.len());
    for workers in WORKERS {
        assert_eq!(told(workers, &mut bundle.bag(), &trust), alone, "{workers} workers");
    }
}

#[test]
fn random_changes_are_refused_for_the_same_reason() {
    let (bundle, trust) = large();
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % below
    };
    let mut reasons = std::collections::BTreeSet::new();
    for round in 0..24 {
        let mut changed = bundle.clone();
        // Two places, so that the later one is often found sooner.
        for _ in 0..2 {
            let part = next(changed.parts.len());
            let at = next(changed.parts[part].len());
            match round % 3 {
                0 => changed.parts[part].truncate(at),
                1 => _ = changed.parts[part].remove(at),
                _ => changed.parts[part][at] ^= 1 << next(8),
            }
        }
        changed.sign();
        let files = changed.bag();
        let alone = told(0, &mut files.clone(), &trust);
        assert!(alone.2.starts_with("Err"), "{}", alone.2);
        let workers = WORKERS[round % 3];
        assert_eq!(told(workers, &mut files.clone(), &trust), alone, "{workers} workers, round {round}");
        reasons.insert(alone.2);
    }
    assert!(reasons.len() > 12, "{} different reasons", reasons.len());
}

/// A bag of which one file cannot be read to its end.
struct Failing {
    files: Files,
    path: String,
}

impl BundleSource for Failing {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        self.files.files()
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let is_failing = path == self.path;
        let input = self.files.open(path)?;
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        Ok(if is_failing { Box::new(input.take(140_000).chain(Fails)) } else { input })
    }
}

#[test]
fn what_cannot_be_read_is_said_after_what_is_wrong_before_it() {
    let (bundle, trust) = large();
    let mut files = bundle.bag();
    let path = "data/evidence-0002".to_owned();
    let unreadable = Refusal::Unreadable { file: path.clone(), reason: "the disk is gone".into() };
    for workers in [0, 1, 2, 5] {
        let mut source = Failing { files: files.clone(), path: path.clone() };
        assert_eq!(told(workers, &mut source, &trust).2, format!("Err({unreadable:?})"));
    }
    files.files.get_mut(&path).expect("the part")[100_000] ^= 1;
    let wrong = told(0, &mut Failing { files: files.clone(), path: path.clone() }, &trust);
    assert!(!wrong.2.contains("Unreadable"), "{}", wrong.2);
    for workers in WORKERS {
        assert_eq!(told(workers, &mut Failing { files: files.clone(), path: path.clone() }, &trust), wrong);
    }
}
