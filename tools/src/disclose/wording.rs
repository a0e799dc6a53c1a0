//! The words of a disclosure, and the regimes under which there is one. Dutch: these are documents of Dutch law.

use crate::destroy::End;
use crate::documents::Assessment;
use crate::permanent;
use serde::{Deserialize, Serialize};
use zegel_proto::v1::EventKind;
use zegel_verifier::labels;

/// Under which law somebody is given something: each has words and grounds of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Wet open overheid: publication to everybody.
    Woo,
    /// Parliamentary enquiry: provision to a committee. Grounds of the Woo do not bind it.
    Enquete,
    /// Questions of members of parliament (article 68 of the constitution).
    Kamervragen,
    /// Inspection: an inspectorate or auditor.
    Inspectie,
    /// A data subject's access to what is kept of him (AVG, article 15).
    Betrokkene,
    /// Hand-over to an archive (overbrenging or uitplaatsing).
    Overbrenging,
}

impl Regime {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Woo, Self::Enquete, Self::Kamervragen, Self::Inspectie, Self::Betrokkene, Self::Overbrenging];

    /// Its code, as in events.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Woo => "woo",
            Self::Enquete => "enquete",
            Self::Kamervragen => "kamervragen",
            Self::Inspectie => "inspectie",
            Self::Betrokkene => "betrokkene",
            Self::Overbrenging => "overbrenging",
        }
    }

    /// The regime of a code.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|regime| regime.code() == code)
    }

    /// Whether a decision under it is one against which objection and appeal lie (Awb).
    #[must_use]
    pub fn has_objection(self) -> bool {
        matches!(self, Self::Woo | Self::Betrokkene)
    }

    /// Whether something may be covered on this ground. Markings, what is no record, and what has ended count under every regime.
    /// Codes beyond the Woo are those that the ministry publishes in its list of grounds.
    #[must_use]
    pub fn knows(self, ground: &str) -> bool {
        const MARKINGS: [&str; 6] =
            ["buiten_reikwijdte", "dubbel", "reeds_openbaar", "niet_archiefwaardig", "zonder_grond", permanent::MARK];
        let is_marking = MARKINGS.contains(&ground) || End::of_code(ground).is_some();
        let own: &[&str] = match self {
            Self::Woo => &["5.", "10.", "11."],
            Self::Enquete => &["wpe."],
            Self::Kamervragen => &["gw68"],
            Self::Inspectie | Self::Overbrenging => &[],
            Self::Betrokkene => &["avg.", "uavg."],
        };
        is_marking || ground.starts_with("archief_") || own.iter().any(|own| ground.starts_with(own))
    }
}

/// How much of a document is shown, in the words of the regime: publication, or provision.
#[must_use]
pub fn assessment(regime: Regime, assessment: Assessment) -> &'static str {
    match (regime, assessment) {
        (_, Assessment::PublicAlready) => "Reeds openbaar",
        (Regime::Woo, Assessment::Open) => "Openbaar",
        (Regime::Woo, Assessment::InPart) => "Deels openbaar",
        (Regime::Woo, Assessment::Withheld) => "Niet openbaar",
        (_, Assessment::Open) => "Verstrekt",
        (_, Assessment::InPart) => "Deels verstrekt",
        (_, Assessment::Withheld) => "Niet verstrekt",
    }
}

/// What a line is called, where it is more than a message.
pub(super) fn kind(kind: EventKind) -> Option<&'static str> {
    (kind != EventKind::MessageCreated).then(|| labels::kind(kind).0)
}

/// What a bar says: its grounds, markings in words.
pub(super) fn bar(grounds: &[String]) -> String {
    if grounds.is_empty() {
        return "zonder grond".into();
    }
    grounds.iter().map(|code| code.replace('_', " ")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_of_the_woo_binds_no_enquiry() {
        assert!(Regime::Woo.knows("5.1.2e") && Regime::Woo.knows("10.2e") && !Regime::Woo.knows("wpe.19"));
        assert!(Regime::Enquete.knows("wpe.19") && !Regime::Enquete.knows("5.1.2e"));
        assert!(!Regime::Inspectie.knows("5.1.1b") && !Regime::Overbrenging.knows("5.2"));
        assert!(Regime::ALL.iter().all(|regime| regime.knows("archief_prive") && regime.knows("buiten_reikwijdte")));
        assert!(Regime::ALL.iter().all(|regime| Regime::of(regime.code()) == Some(*regime)));
        // What is gone, or covered for good, can be shown to nobody: no law of disclosure stands in its way.
        let gone = ["vernietigd", "geschoond", "datalek", "overgebracht", "blijvend_gelakt"];
        assert!(Regime::ALL.iter().all(|regime| gone.iter().all(|ground| regime.knows(ground))));
    }
}
