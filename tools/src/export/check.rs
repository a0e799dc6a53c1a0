//! The finished bag, held against the verifier before anybody sees it.
//!
//! The stream that was opened is the ledger's word until its proofs have been followed: one that tells an event at a place
//! where it does not stand would have it shown though it is to be covered. So a bundle that its recipient would refuse is
//! never made. Not here: the reader's policy on findings.

use super::bag::{Bag, BagFile};
use super::{ExportError, ExportOrder};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zegel_verifier::bundle::{BundleFile, BundleSource, Demands, Refusal, verify};
use zegel_verifier::hash::Hash;
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::trust::{Trust, TrustError};

/// Verifies a closed bag under the pinned root key.
///
/// # Errors
/// [`ExportError::Unverified`] if the verifier refuses it.
pub(super) fn check(bag: &Bag, origin: &str, root_key: Hash, order: &ExportOrder) -> Result<(), ExportError> {
    let key =
        VerifierKey::new(origin, TYPE_ED25519, root_key.0).map_err(|reason| TrustError::Key { line: 1, reason })?;
    let trust = Trust::parse(format!("root {}\n", key.print()).as_bytes())?;
    let demands = Demands { nonce: Some(order.nonce.clone()), scope: Some(order.scope.clone()), ..Demands::default() };
    let mut files = Files { folder: bag.folder(), files: bag.files().collect() };
    let verified = verify(&mut files, &trust, &demands, &mut ());
    verified.map(|_| ()).map_err(|refusal| ExportError::Unverified(Box::new(refusal)))
}

/// The files that this export wrote.
struct Files<'a> {
    folder: &'a Path,
    files: Vec<&'a BagFile>,
}

impl BundleSource for Files<'_> {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        let listed = |file: &&BagFile| BundleFile { path: file.name.clone(), bytes: file.bytes };
        Ok(self.files.iter().map(listed).collect())
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.folder.join(path))?))
    }
}
