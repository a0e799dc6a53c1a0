//! `zegel case`: why somebody is given something, step by step.

use super::{CommandError, Outcome, Place};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use zegel_proto::v1::Scope;
use zegel_tools::case::{Book, Case, CaseError, Cases, Opening, Step};
use zegel_tools::disclose::Regime;
use zegel_tools::hex;
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::Source;

/// Under which law.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Law {
    /// Wet open overheid.
    Woo,
    /// Parliamentary enquiry.
    Enquete,
    /// Questions of members of parliament.
    Kamervragen,
    /// An inspectorate or auditor.
    Inspectie,
    /// A data subject (AVG).
    Betrokkene,
    /// Hand-over to an archive.
    Overbrenging,
}

impl From<Law> for Regime {
    fn from(law: Law) -> Self {
        match law {
            Law::Woo => Self::Woo,
            Law::Enquete => Self::Enquete,
            Law::Kamervragen => Self::Kamervragen,
            Law::Inspectie => Self::Inspectie,
            Law::Betrokkene => Self::Betrokkene,
            Law::Overbrenging => Self::Overbrenging,
        }
    }
}

/// What a note is about.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum About {
    /// How was searched, and what was found.
    Zoekslag,
    /// The view of a third party.
    Zienswijze,
    /// A version of the decision.
    Besluit,
    /// A term during which nothing leaves.
    Wachttijd,
    /// The last day of objection or appeal: until then the case stays open, and its hold.
    Beroep,
}

/// Steps of a case.
#[derive(Subcommand)]
pub(crate) enum CaseCommand {
    /// Begin a case; what it is about is held until it ends.
    Open {
        #[command(flatten)]
        place: Place,
        /// The ministry's name for it, as in `zegel export --case`.
        name: String,
        /// Under which law.
        #[arg(long, value_enum)]
        regime: Law,
        /// Who asks.
        #[arg(long)]
        requester: String,
        /// What about.
        #[arg(long)]
        matter: String,
        /// Name of a custodian whose chats it is about; may be repeated.
        #[arg(long)]
        custodian: Vec<String>,
        /// Title of a conversation that it is about; may be repeated.
        #[arg(long)]
        conversation: Vec<String>,
        /// First month, YYYYMM.
        #[arg(long, requires = "to", value_parser = clap::value_parser!(u32).range(197001..=999912))]
        from: Option<u32>,
        /// Last month, YYYYMM, inclusive.
        #[arg(long, requires = "from", value_parser = clap::value_parser!(u32).range(197001..=999912))]
        to: Option<u32>,
    },
    /// Note a search, a view, a decision or a term.
    Note {
        #[command(flatten)]
        place: Place,
        /// The case.
        name: String,
        /// What about.
        #[arg(long, value_enum)]
        about: About,
        /// In words.
        #[arg(long)]
        text: String,
        /// Version of the decision, as the ministry names it.
        #[arg(long, default_value = "")]
        decision: String,
        /// Nothing leaves before this date (midnight UTC), YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        until: Option<jiff::civil::Date>,
        /// Of a decision: the last day of objection or appeal, YYYY-MM-DD, until which the case stays open. Without it, six weeks from today where the regime
        /// has such a term (Awb 6:7).
        #[arg(long, value_name = "DATE")]
        appeal: Option<jiff::civil::Date>,
    },
    /// The second pair of eyes agrees that an export leaves; with the approver's key.
    Approve {
        #[command(flatten)]
        place: Place,
        /// The case.
        name: String,
        /// Id of the export, as `zegel export` prints it.
        #[arg(long)]
        export: String,
    },
    /// End a case and its hold: the last appeal is over.
    Close {
        #[command(flatten)]
        place: Place,
        /// The case.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// All cases of a key folder.
    List {
        /// Key folder of the ministry, made by `zegel init`.
        #[arg(long, value_name = "DIR")]
        keys: std::path::PathBuf,
    },
}

/// Takes a step.
pub(crate) async fn run(command: CaseCommand) -> Result<Outcome, CommandError> {
    match command {
        CaseCommand::Open { place, name, regime, requester, matter, custodian, conversation, from, to } => {
            let keys = KeyFolder::open(&place.keys)?;
            let months = (from.unwrap_or(0), to.unwrap_or(0));
            let scopes = scopes(&keys, &custodian, &conversation, months)?;
            let opening = Opening { regime: regime.into(), requester, matter, scopes };
            let mut officer = Source::of_folder(&keys, Actor::Officer, &place.ledger).await?;
            let mut cases = Cases::of(&keys, &mut officer)?;
            let case = cases.begin(&name, &opening).await?;
            let text = format!(
                "case {name:?} is open under {} (entry {}); what it is about is held",
                case.regime.code(),
                case.entry
            );
            Ok(Outcome::done(text, json!(case)))
        }
        CaseCommand::Note { place, name, about, text, decision, until, appeal } => {
            let until_ms = until.map_or(0, end_of(about));
            let keys = KeyFolder::open(&place.keys)?;
            let mut officer = Source::of_folder(&keys, Actor::Officer, &place.ledger).await?;
            let mut cases = Cases::of(&keys, &mut officer)?;
            let step = Step { about: told(about), text, decision, until_ms };
            match (about, appeal) {
                (About::Besluit, appeal) => cases.decide(&name, &step, appeal).await?,
                (_, None) => cases.note(&name, &step).await?,
                (_, Some(_)) => {
                    let reason =
                        "only a decision has a term of appeal: --about besluit, or --about beroep --until DATE".into();
                    return Err(CommandError::Usage { reason });
                }
            }
            Ok(shown(&name, cases.book().open_case(&name)?, "noted in"))
        }
        CaseCommand::Approve { place, name, export } => {
            let export = hex::parse(&export).ok_or_else(|| CommandError::Usage {
                reason: format!("{export:?} is no id of an export: 64 lower-case hexadecimal digits"),
            })?;
            let keys = KeyFolder::open(&place.keys)?;
            let mut approver = Source::of_folder(&keys, Actor::Approver, &place.ledger).await?;
            let mut cases = Cases::of(&keys, &mut approver)?;
            cases.approve(&name, export).await?;
            Ok(shown(&name, cases.book().open_case(&name)?, "approved in"))
        }
        CaseCommand::Close { place, name, reason } => {
            let keys = KeyFolder::open(&place.keys)?;
            let mut officer = Source::of_folder(&keys, Actor::Officer, &place.ledger).await?;
            let mut cases = Cases::of(&keys, &mut officer)?;
            cases.end(&name, &reason).await?;
            Ok(Outcome::done(format!("case {name:?} is closed, its hold released"), json!({ "case": name })))
        }
        CaseCommand::List { keys } => list(&KeyFolder::open(&keys)?),
    }
}

/// Where the book of cases lies.
fn book(keys: &KeyFolder) -> Result<Book, CaseError> {
    Book::open(&keys.path().join("cases.json"))
}

fn told(about: About) -> String {
    let word = match about {
        About::Zoekslag => "zoekslag",
        About::Zienswijze => "zienswijze",
        About::Besluit => "besluit",
        About::Wachttijd => "wachttijd",
        About::Beroep => "beroep",
    };
    word.into()
}

/// A term of appeal includes its last day; other terms are over when it begins.
fn end_of(about: About) -> fn(jiff::civil::Date) -> u64 {
    if matches!(about, About::Beroep) { Step::appeal_until } else { Step::until }
}

fn shown(name: &str, case: &Case, what: &str) -> Outcome {
    let text = format!("{what} case {name:?}: {} notes, {} approvals", case.noted.len(), case.approvals.len());
    Outcome::done(text, json!(case))
}

fn scopes(
    keys: &KeyFolder,
    custodians: &[String],
    conversations: &[String],
    months: (u32, u32),
) -> Result<Vec<Scope>, CommandError> {
    let scopes = Register::open(&keys.register())?.scopes(custodians, conversations, months)?;
    if scopes.is_empty() {
        return Err(CommandError::Usage {
            reason: "a case is about somebody or something: --custodian or --conversation".into(),
        });
    }
    Ok(scopes)
}

fn list(keys: &KeyFolder) -> Result<Outcome, CommandError> {
    let book = book(keys)?;
    let line = |(name, case): (&String, &Case)| {
        let state = if case.is_closed { "closed" } else { "open" };
        let left =
            case.disclosures.iter().map(|left| format!("\n    to {:?}, package {}", left.recipient, left.package));
        format!("{name}: {}, {state}, {}{}", case.regime.code(), case.matter, left.collect::<String>())
    };
    let text = book.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(Outcome::done(text, json!(book.iter().collect::<std::collections::BTreeMap<_, _>>())))
}
