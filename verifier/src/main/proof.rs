//! `zegel-verifier proof`: is this entry in the log, by a tlog-proof file?

use super::{EXIT_REFUSED, EXIT_UNCHECKED, EXIT_VERIFIED, Form, Language, Reason, files};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zegel_verifier::proof::{Included, PROOF_BYTES_MAX, TlogProof, TlogProofError};
use zegel_verifier::trust::{TRUST_BYTES_MAX, Trust};

/// Bytes of an entry (`specs/log.md`).
const ENTRY_BYTES_MAX: u64 = 65_535;

#[derive(Args)]
pub(super) struct ProofAsked {
    /// The proof: a file of c2sp.org/tlog-proof.
    proof: PathBuf,
    /// The trust file. Its `log` line says which key signs the log's checkpoints.
    #[arg(long)]
    trust: PathBuf,
    /// The bytes of the entry. Default: those in the proof's `extra` line.
    #[arg(long)]
    entry: Option<PathBuf>,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// Language of the answer.
    #[arg(long, value_enum, default_value_t = Language::Nl)]
    lang: Language,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document {
    verifier: &'static str,
    verdict: &'static str,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Shown>,
}

/// What the proof shows.
#[derive(Serialize)]
struct Shown {
    origin: String,
    index: u64,
    leaf: String,
    checkpoint_size: u64,
    checkpoint_root: String,
    cosignatures: Vec<Cosignature>,
}

#[derive(Serialize)]
struct Cosignature {
    name: String,
    is_auditor: bool,
    time: u64,
}

/// Why there is no answer, or a refusal.
struct Failure {
    exit: u8,
    id: &'static str,
    text: String,
}

impl From<TlogProofError> for Failure {
    fn from(reason: TlogProofError) -> Self {
        let (exit, id) = match reason {
            TlogProofError::NoLogKey => (EXIT_UNCHECKED, "TRUST_FILE"),
            TlogProofError::Checkpoint(_) => (EXIT_REFUSED, "CHECKPOINT"),
            TlogProofError::Cosignature(_) => (EXIT_REFUSED, "COSIGNATURE"),
            TlogProofError::Quorum { .. } => (EXIT_REFUSED, "QUORUM"),
            TlogProofError::TooLarge { .. } | TlogProofError::Malformed { .. } | TlogProofError::NotIncluded { .. } => {
                (EXIT_REFUSED, "PROOF")
            }
        };
        Self { exit, id, text: reason.to_string() }
    }
}

/// Verifies, answers, and gives the exit code.
pub(super) fn run(asked: &ProofAsked) -> ExitCode {
    let document = match check(asked) {
        Ok(shown) => Document::of(EXIT_VERIFIED, None, Some(shown)),
        Err(Failure { exit, id, text }) => Document::of(exit, Some(Reason { id, nl: text.clone(), en: text }), None),
    };
    let form = if asked.json { Form::Json } else { Form::Text };
    let written = document.write(&mut std::io::stdout().lock(), form, asked.lang);
    ExitCode::from(if written.is_ok() { document.exit } else { EXIT_UNCHECKED })
}

fn read(path: &Path, max: u64, id: &'static str) -> Result<Vec<u8>, Failure> {
    let failed = |reason| Failure { exit: EXIT_UNCHECKED, id, text: format!("{}: {reason}", path.display()) };
    // One byte more than may be there: what is too long is then seen to be.
    files::read_at_most(path, max + 1).map_err(failed)
}

fn check(asked: &ProofAsked) -> Result<Shown, Failure> {
    let trust = Trust::parse(&read(&asked.trust, TRUST_BYTES_MAX as u64, "TRUST_FILE")?);
    let trust = trust.map_err(|reason| Failure { exit: EXIT_UNCHECKED, id: "TRUST_FILE", text: reason.to_string() })?;
    let proof = TlogProof::parse(&read(&asked.proof, PROOF_BYTES_MAX as u64, "UNREADABLE")?)?;
    let beside = asked.entry.as_ref().map(|path| read(path, ENTRY_BYTES_MAX, "UNREADABLE")).transpose()?;
    let missing = "the proof carries no entry: name its file with --entry";
    let missing = || Failure { exit: EXIT_UNCHECKED, id: "USAGE", text: missing.into() };
    let entry = beside.or_else(|| proof.extra.clone()).ok_or_else(missing)?;
    Ok(shown(&trust, &proof, proof.verify(&entry, &trust)?))
}

fn shown(trust: &Trust, proof: &TlogProof, included: Included) -> Shown {
    let cosignature = |vouched: zegel_verifier::trust::Vouched| Cosignature {
        name: vouched.name,
        is_auditor: vouched.is_auditor,
        time: vouched.time_s,
    };
    Shown {
        origin: trust.origin().into(),
        index: proof.index,
        leaf: included.leaf.to_string(),
        checkpoint_size: included.checkpoint.size(),
        checkpoint_root: included.checkpoint.root().to_string(),
        cosignatures: included.vouched.into_iter().map(cosignature).collect(),
    }
}

impl Document {
    fn of(exit: u8, reason: Option<Reason>, proof: Option<Shown>) -> Self {
        let verdict = match exit {
            EXIT_VERIFIED => "verified",
            EXIT_REFUSED => "refused",
            _ => "not_checked",
        };
        Self { verifier: env!("CARGO_PKG_VERSION"), verdict, exit, reason, proof }
    }

    fn write(&self, out: &mut impl Write, form: Form, language: Language) -> std::io::Result<()> {
        if form == Form::Json {
            serde_json::to_writer_pretty(&mut *out, self)?;
            return writeln!(out);
        }
        match (&self.reason, &self.proof) {
            (Some(Reason { id, nl, en }), _) => writeln!(out, "{} {id}: {}", self.verdict, language.of(nl, en)),
            (None, Some(shown)) => shown.write(out, language),
            (None, None) => Ok(()),
        }
    }
}

impl Shown {
    fn write(&self, out: &mut impl Write, language: Language) -> std::io::Result<()> {
        let Self { origin, index, leaf, checkpoint_size: size, checkpoint_root: root, .. } = self;
        let by = self.cosignatures.iter().map(|by| by.name.as_str()).collect::<Vec<_>>().join(", ");
        let nobody = language.of("niemand van het vertrouwensbestand", "nobody of the trust file");
        let by = if by.is_empty() { nobody } else { &by };
        let (nl, en) = (
            format!(
                "Entry {index} staat in {origin}, onder het ijkpunt van {size} entries.\nblad {leaf}\nwortel {root}\nmedeondertekend door: {by}\nDit zegt niets over wat in de entry staat."
            ),
            format!(
                "Entry {index} is in {origin}, under the checkpoint of {size} entries.\nleaf {leaf}\nroot {root}\ncosigned by: {by}\nThis says nothing about what is in the entry."
            ),
        );
        writeln!(out, "{}", language.of(&nl, &en))
    }
}
