//! Appends that nobody meant: requests changed at random are refused or taken, the ledger goes on, and its log stays sound.

mod maker;

use maker::{Author, Site, custodian_registered, id};
use prost::Message;
use zegel_proto::v1::AppendRequest;

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_changed_at_random_never_stop_the_log_nor_damage_it() {
    let site = Site::new();
    let mut running = site.start().await;
    let mut root = Author::new("root");
    running.append(root.batch(&maker::genesis_events(&[]))).await.expect("genesis");
    let mut officer = Author::new("officer");
    let event = custodian_registered(&officer, id("a custodian"));
    let good = officer.batch(&[event]);
    let bytes = good.encode_to_vec();
    let rounds = std::env::var("ZEGEL_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let (mut dice, mut refused, mut unreadable) = (Dice(20_260_722), 0, 0);
    for _ in 0..rounds {
        let mut changed = bytes.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(changed.len());
            match dice.below(3) {
                0 => changed[at] ^= 1 << dice.below(8),
                1 => changed.truncate(at.max(1)),
                _ => drop(changed.drain(at..(at + dice.below(24)).min(changed.len()))),
            }
            if changed.is_empty() {
                changed.push(0);
            }
        }
        match AppendRequest::decode(changed.as_slice()) {
            Err(_) => unreadable += 1,
            Ok(request) if request == good => {}
            Ok(request) => {
                // What no signature covers may differ: the row of a message, and fields that nobody knows.
                let is_signed = request.batch == good.batch && request.headers == good.headers;
                let taken = running.append(request).await;
                assert!(is_signed || taken.is_err(), "taken, and not what was signed");
                refused += u32::from(taken.is_err());
            }
        }
    }
    assert!(refused > rounds / 20, "{refused} of {rounds} were refused, {unreadable} unreadable");
    running.append(good).await.expect("the good one is taken, or was");
    let event = custodian_registered(&officer, id("another"));
    running.append(officer.batch(&[event])).await.expect("the log goes on");
    running.stop().await;
    assert_eq!(zegel_ledger::check(&site.config()).expect("a report").findings, []);
}
