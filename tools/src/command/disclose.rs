//! `zegel disclose`: a package for a recipient, after the log has been told.

use super::{CommandError, Outcome, Place};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_tools::case::{Cases, Disclosed};
use zegel_tools::disclose::{Content, DisclosureError, Wanted, pack};
use zegel_tools::documents::{Reading, Zone};
use zegel_tools::hex;
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_verifier::hash::Hash;

/// Arguments of `zegel disclose`.
#[derive(Args)]
pub(crate) struct Disclose {
    #[command(flatten)]
    place: Place,
    /// The bundle that was exported for this recipient: a BagIt folder, or a .zip file of one.
    bundle: PathBuf,
    /// Trust file; without it, the one of the key folder.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// The case, as `zegel case open` named it.
    #[arg(long)]
    case: String,
    /// Who gets it: as in the bundle.
    #[arg(long)]
    recipient: String,
    /// In which form.
    #[arg(long, value_enum, default_value_t = Form::Documents)]
    form: Form,
    /// In which zone days and hours are told.
    #[arg(long, default_value = "Europe/Amsterdam")]
    timezone: String,
    /// Folder to make.
    #[arg(long)]
    out: PathBuf,
}

/// Form of a package.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Redacted PDFs, lists, the bundle.
    Documents,
    /// A SIP for an archive: MDTO 1.0.1 sidecars and a pakbon.
    Sip,
    /// RSMF 2.0.0 for investigators' tools, the bundle.
    Rsmf,
    /// Numbers a month only: no names, no words, no bundle.
    Counts,
}

impl Form {
    /// As in the event.
    fn word(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Sip => "sip",
            Self::Rsmf => "rsmf",
            Self::Counts => "counts",
        }
    }

    fn content(self) -> Content {
        match self {
            Self::Documents => Content::Documents,
            Self::Sip => Content::Sip,
            Self::Rsmf => Content::Rsmf,
            Self::Counts => Content::Counts,
        }
    }
}

/// Discloses.
pub(crate) async fn run(arguments: Disclose) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&arguments.place.keys)?;
    let mut cases = Cases::open(&keys, Actor::Officer, &arguments.place.ledger).await?;
    let case = cases.book().open_case(&arguments.case)?;
    let (regime, matter) = (case.regime, case.matter.clone());
    let zone = Zone::named(&arguments.timezone)?;
    let trust = arguments.trust.clone().unwrap_or_else(|| keys.path().join("trust.txt"));
    let folder = arguments.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut reading = Reading::open(&arguments.bundle, &trust, &zone, folder)?;
    let export = check(&reading, &arguments)?;
    let wanted = Wanted {
        bundle: &arguments.bundle,
        regime,
        content: arguments.form.content(),
        case: &arguments.case,
        matter: &matter,
        zone: &zone,
        out: &arguments.out,
    };
    let packed = pack(&mut reading, &wanted)?;
    let (package, documents, files) = (packed.sha256, packed.documents, packed.files);
    let disclosed = Disclosed {
        export,
        package,
        recipient: arguments.recipient.clone(),
        content: arguments.form.word(),
        scope: reading.scope().clone(),
    };
    // Before a byte leaves: if we stop here, the log says more than happened, never less.
    let (entry, position) = cases.disclose(&arguments.case, &disclosed).await?;
    let path = packed.release()?;
    let text = format!(
        "{} holds {documents} documents in {files} files for {:?}\nDISCLOSURE_SENT stands at {entry}:{position} and names the package {package}",
        path.display(),
        arguments.recipient
    );
    let document = json!({
        "path": path, "documents": documents, "files": files, "package": package.to_string(),
        "entry": entry, "position": position,
    });
    Ok(Outcome::done(text, document))
}

/// The bundle is of this case and for this recipient.
fn check(reading: &Reading, arguments: &Disclose) -> Result<Hash, DisclosureError> {
    let export = &reading.report().export;
    if export.case != arguments.case {
        return Err(DisclosureError::OtherCase { found: export.case.clone(), wanted: arguments.case.clone() });
    }
    if export.recipient != arguments.recipient {
        return Err(DisclosureError::OtherRecipient {
            found: export.recipient.clone(),
            wanted: arguments.recipient.clone(),
        });
    }
    Ok(hex::parse(&export.export).unwrap_or(Hash::ZERO))
}
