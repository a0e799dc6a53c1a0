//! MDTO 1.0.1 sidecars: what an archive must know of an aggregation, a record and a file.
//!
//! The order of elements is that of the XSD (`MDTO-XML1.0.1.xsd`, Nationaal Archief).

use super::xml::Xml;
use zegel_verifier::hash::Hash;

const NAMESPACE: &str = " xmlns=\"https://www.nationaalarchief.nl/mdto\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
     xsi:schemaLocation=\"https://www.nationaalarchief.nl/mdto https://www.nationaalarchief.nl/mdto/MDTO-XML1.0.1.xsd\"";

/// Something that is named elsewhere: a name, and the id by which its source knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) id: String,
}

/// An information object: a conversation, or one of its days.
pub(super) struct InformationObject<'a> {
    pub(super) own: Reference,
    /// Dossier or Archiefstuk.
    pub(super) level: &'static str,
    pub(super) description: String,
    /// First and last day, as far as they are known.
    pub(super) period: Option<(String, String)>,
    /// When it was exported, as xsd:dateTime.
    pub(super) exported: String,
    pub(super) part_of: Option<&'a Reference>,
    pub(super) parts: &'a [Reference],
    pub(super) files: &'a [Reference],
    pub(super) evidence: Option<&'a Reference>,
    pub(super) custodians: Vec<String>,
    /// Grounds on which something is covered.
    pub(super) grounds: Vec<String>,
}

/// What all sidecars of one hand-over have in common.
pub(super) struct Origin {
    /// The log: the source of every id.
    pub(super) log: String,
    /// The ministry: who formed the archive.
    pub(super) ministry: String,
}

fn term(xml: &mut Xml, element: &'static str, label: &str, code: &str, list: &str) {
    xml.element(element, |xml| {
        xml.leaf("begripLabel", label);
        if !code.is_empty() {
            xml.leaf("begripCode", code);
        }
        xml.element("begripBegrippenlijst", |xml| xml.leaf("verwijzingNaam", list));
    });
}

impl Origin {
    fn reference(&self, xml: &mut Xml, element: &'static str, to: &Reference) {
        xml.element(element, |xml| {
            xml.leaf("verwijzingNaam", &to.name);
            xml.element("verwijzingIdentificatie", |xml| self.id(xml, &to.id));
        });
    }

    fn id(&self, xml: &mut Xml, id: &str) {
        xml.leaf("identificatieKenmerk", id);
        xml.leaf("identificatieBron", &self.log);
    }

    /// The sidecar of an aggregation or record.
    pub(super) fn information_object(&self, of: &InformationObject<'_>) -> String {
        let mut xml = Xml::new("MDTO", NAMESPACE);
        xml.element("informatieobject", |xml| {
            xml.element("identificatie", |xml| self.id(xml, &of.own.id));
            xml.leaf("naam", &of.own.name);
            term(xml, "aggregatieniveau", of.level, "", "Begrippenlijst Aggregatieniveaus MDTO");
            xml.leaf("omschrijving", &of.description);
            if let Some((first, last)) = &of.period {
                xml.element("dekkingInTijd", |xml| {
                    term(
                        xml,
                        "dekkingInTijdType",
                        "Dagen waarop is geschreven",
                        "",
                        "Zegel: typen van dekking in tijd",
                    );
                    xml.leaf("dekkingInTijdBegindatum", first);
                    xml.leaf("dekkingInTijdEinddatum", last);
                });
            }
            xml.leaf("taal", "nl");
            xml.element("event", |xml| {
                term(xml, "eventType", "Export", "", "Begrippenlijst EventTypeLijst MDTO");
                xml.leaf("eventTijd", &of.exported);
                xml.element("eventVerantwoordelijkeActor", |xml| xml.leaf("verwijzingNaam", &self.ministry));
                xml.leaf("eventResultaat", "Weergave van een bewijspakket; gecontroleerd voordat zij werd gemaakt");
            });
            term(xml, "waardering", "Nader te bepalen", "N", "Begrippenlijst Waarderingen MDTO");
            of.part_of.iter().for_each(|whole| self.reference(xml, "isOnderdeelVan", whole));
            of.parts.iter().for_each(|part| self.reference(xml, "bevatOnderdeel", part));
            of.files.iter().for_each(|file| self.reference(xml, "heeftRepresentatie", file));
            of.evidence.iter().for_each(|evidence| self.reference(xml, "aanvullendeMetagegevens", evidence));
            xml.element("archiefvormer", |xml| xml.leaf("verwijzingNaam", &self.ministry));
            for custodian in &of.custodians {
                xml.element("betrokkene", |xml| {
                    term(xml, "betrokkeneTypeRelatie", "Chathouder", "", "Zegel: betrokkenen");
                    xml.element("betrokkeneActor", |xml| xml.leaf("verwijzingNaam", custodian));
                });
            }
            restrictions(xml, &of.grounds);
        });
        xml.finish()
    }

    /// The sidecar of a file.
    pub(super) fn file(
        &self,
        own: &Reference,
        format: (&str, &str),
        facts: (u64, Hash),
        at: &str,
        of: &Reference,
    ) -> String {
        let mut xml = Xml::new("MDTO", NAMESPACE);
        xml.element("bestand", |xml| {
            xml.element("identificatie", |xml| self.id(xml, &own.id));
            xml.leaf("naam", &own.name);
            xml.leaf("omvang", &facts.0.to_string());
            term(xml, "bestandsformaat", format.0, format.1, "PRONOM-register");
            xml.element("checksum", |xml| {
                term(xml, "checksumAlgoritme", "SHA-256", "", "Begrippenlijst ChecksumAlgoritme MDTO");
                xml.leaf("checksumWaarde", &facts.1.to_string());
                xml.leaf("checksumDatum", at);
            });
            self.reference(xml, "isRepresentatieVan", of);
        });
        xml.finish()
    }
}

/// Each ground is a restriction of its own; without any, an archive has still to decide.
fn restrictions(xml: &mut Xml, grounds: &[String]) {
    if grounds.is_empty() {
        xml.element("beperkingGebruik", |xml| {
            term(xml, "beperkingGebruikType", "Nader te bepalen", "", "Begrippenlijst Beperkingen MDTO");
        });
    }
    for ground in grounds {
        xml.element("beperkingGebruik", |xml| {
            term(xml, "beperkingGebruikType", "Overig", "", "Begrippenlijst Beperkingen MDTO");
            let told = format!("Deels of geheel gelakt op grond {ground} (lijst van gronden in het log)");
            xml.leaf("beperkingGebruikNadereBeschrijving", &told);
        });
    }
}
