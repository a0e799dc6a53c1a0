//! Honest bundles verify, whatever their size, scope and cover.

mod maker;

use maker::*;
use zegel_proto::v1::*;
use zegel_verifier::bundle::{Demands, Status};
use zegel_verifier::commit::CoveredUnit;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::chat;

#[test]
fn honest_bundles_of_all_sizes_verify() {
    for count in [1, 2, 3, 255, 256, 257, 4_097] {
        let (log, plan) = honest(count);
        let mut evidence = log.evidence(&plan);
        evidence.parts = if count > 255 { 3 } else { 1 };
        let report = verify(&evidence.pack().bag(), &log.trust()).unwrap_or_else(|reason| panic!("{count}: {reason}"));
        // The registration of the conversation stands in its own stream.
        assert_eq!(report.counts.events, count + 1, "{count}");
        assert_eq!(report.counts.opened, count + 1, "{count}");
        assert_eq!(report.claims.immutability.status, Status::Verified);
        assert_eq!(report.claims.completeness.status, Status::VerifiedWithFindings);
        assert_eq!(report.claims.custody.status, Status::NotExamined);
    }
}
