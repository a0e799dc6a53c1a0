//! The cheating operator: a log with its real key that lies, one lie a case, and who finds it.
//!
//! A lie is made with everything that the liar has: the log's key where the operator lies, a source's or an officer's where the
//! ministry does. So each signature is good, each hash is right, and only what was lied about is wrong. Four look at it:
//! - the *offline verifier*: whoever gets a bundle, with a trust file that names a root and no witness;
//! - the *auditor*: whoever replays all entries (`verifier::audit`);
//! - the *source*: whoever submitted, with the receipts that it kept and what the ledger tells it (`tools::source`);
//! - a *comparison*: two parties who lay side by side what each of them got.
//!
//! Not here: lies about a file before it is sealed, which nobody can find (`specs/threat-model.md`).

mod eyes;
#[path = "../../verifier/tests/maker/mod.rs"]
mod maker;
mod ministry;
mod operator;

/// Who lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liar {
    /// The operator of the ledger, with the log's key.
    Operator,
    /// A source, before it seals.
    Source,
    /// An officer of the ministry, with the archive keys.
    Officer,
}

/// What one of the four makes of a lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Ids of findings or refusals.
    Finds(Vec<String>),
    /// Nothing, and why not.
    Blind(&'static str),
}

impl Cell {
    fn print(&self) -> String {
        match self {
            Self::Finds(ids) => ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" "),
            Self::Blind(reason) => format!("– {reason}"),
        }
    }
}

/// A lie and who finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lie {
    /// What is done.
    pub what: &'static str,
    /// By whom.
    pub liar: Liar,
    /// Whoever gets a bundle.
    pub verifier: Cell,
    /// Whoever replays the log.
    pub auditor: Cell,
    /// Whoever submitted.
    pub source: Cell,
    /// Two who compare.
    pub comparison: Cell,
}

impl Lie {
    /// Somebody finds it.
    #[must_use]
    pub fn is_found(&self) -> bool {
        [&self.verifier, &self.auditor, &self.source, &self.comparison]
            .iter()
            .any(|cell| matches!(cell, Cell::Finds(_)))
    }

    fn row(&self) -> String {
        let liar = match self.liar {
            Liar::Operator => "operator",
            Liar::Source => "source",
            Liar::Officer => "officer",
        };
        let cells = [&self.verifier, &self.auditor, &self.source, &self.comparison].map(Cell::print);
        format!("| {} | {liar} | {} |\n", self.what, cells.join(" | "))
    }
}

/// All lies, each told and looked at.
#[must_use]
pub fn all() -> Vec<Lie> {
    [operator::lies(), ministry::lies()].concat()
}

/// What the four say of a log that does not lie: nothing.
#[must_use]
pub fn honest() -> Lie {
    operator::honest()
}

/// The table of `specs/threat-model.md`.
#[must_use]
pub fn table(lies: &[Lie]) -> String {
    let head = "| the lie | who lies | offline verifier | auditor | source, with its receipts | two who compare |\n| --- | --- | --- | --- | --- | --- |\n";
    std::iter::once(head.to_owned()).chain(lies.iter().map(Lie::row)).collect()
}
