//! `zegel disclose`: a package for a recipient, after the log has been told.

use super::{CommandError, Outcome, Place};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use zegel_tools::case::Cases;
use zegel_tools::disclose::{Content, Left, Order, send};
use zegel_tools::documents::Zone;
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::source::Source;

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

impl From<Form> for Content {
    fn from(form: Form) -> Self {
        match form {
            Form::Documents => Self::Documents,
            Form::Sip => Self::Sip,
            Form::Rsmf => Self::Rsmf,
            Form::Counts => Self::Counts,
        }
    }
}

/// Discloses.
pub(crate) async fn run(arguments: Disclose) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&arguments.place.keys)?;
    let mut officer = Source::of_folder(&keys, Actor::Officer, &arguments.place.ledger).await?;
    let mut cases = Cases::of(&keys, &mut officer)?;
    let zone = Zone::named(&arguments.timezone)?;
    let trust = arguments.trust.clone().unwrap_or_else(|| keys.path().join("trust.txt"));
    let order = Order {
        bundle: &arguments.bundle,
        trust: &trust,
        case: &arguments.case,
        recipient: &arguments.recipient,
        content: arguments.form.into(),
        zone: &zone,
        out: &arguments.out,
    };
    let Left { path, documents, files, package, entry, position } = send(&mut cases, &order).await?;
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
