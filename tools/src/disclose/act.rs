//! The act of a disclosure: a bundle becomes a package, the log is told, and then the package is put where it can be taken from. The same for the
//! command and the desk.

use super::{Content, DisclosureError, Wanted, pack};
use crate::case::{Cases, Disclosed};
use crate::documents::{Reading, Zone};
use crate::hex;
use std::path::{Path, PathBuf};
use zegel_verifier::hash::Hash;

/// What is to leave, for whom.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The bundle that was exported for this recipient.
    pub bundle: &'a Path,
    /// The trust file by which it is verified.
    pub trust: &'a Path,
    /// The case.
    pub case: &'a str,
    /// Who gets it: as in the bundle.
    pub recipient: &'a str,
    /// In which form.
    pub content: Content,
    /// In which zone days and hours are told.
    pub zone: &'a Zone,
    /// The folder to make.
    pub out: &'a Path,
}

/// What left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it stands.
    pub path: PathBuf,
    /// How many documents.
    pub documents: usize,
    /// How many files.
    pub files: usize,
    /// SHA-256 of its list of sums.
    pub package: Hash,
    /// Entry of `DISCLOSURE_SENT`.
    pub entry: u64,
    /// Its position.
    pub position: u32,
}

/// Discloses.
///
/// # Errors
/// [`DisclosureError`]; [`DisclosureError::Case`] with what stands in its way: then nothing has left.
pub async fn send(cases: &mut Cases<'_>, order: &Order<'_>) -> Result<Left, DisclosureError> {
    let case = cases.book().open_case(order.case)?;
    let (regime, matter) = (case.regime, case.matter.clone());
    let folder = order.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut reading = Reading::open(order.bundle, order.trust, order.zone, folder)?;
    let export = check(&reading, order)?;
    let &Order { bundle, content, case, zone, out, .. } = order;
    let packed = pack(&mut reading, &Wanted { bundle, regime, content, case, matter: &matter, zone, out })?;
    let (package, documents, files) = (packed.sha256, packed.documents, packed.files);
    let disclosed = Disclosed {
        export,
        package,
        recipient: order.recipient.into(),
        content: content.word(),
        scope: reading.scope().clone(),
    };
    // Before a byte leaves: if we stop here, the log says more than happened, never less.
    let (entry, position) = cases.disclose(case, &disclosed).await?;
    Ok(Left { path: packed.release()?, documents, files, package, entry, position })
}

/// The bundle is of this case and for this recipient.
fn check(reading: &Reading, order: &Order<'_>) -> Result<Hash, DisclosureError> {
    let export = &reading.report().export;
    if export.case != order.case {
        return Err(DisclosureError::OtherCase { found: export.case.clone(), wanted: order.case.into() });
    }
    if export.recipient != order.recipient {
        return Err(DisclosureError::OtherRecipient {
            found: export.recipient.clone(),
            wanted: order.recipient.into(),
        });
    }
    Ok(hex::parse(&export.export).unwrap_or(Hash::ZERO))
}
