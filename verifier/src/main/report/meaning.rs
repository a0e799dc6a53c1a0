//! What a finding means to whoever reads the report, and what can be asked next; by the stable ids of `specs/findings.md`.

use super::words::Words;

type Meanings = &'static [(&'static str, Words)];

const MEANINGS: Meanings = &[
    (
        "KEY_COMPROMISED",
        (
            "Een sleutel die hier ondertekende, is later als gelekt gemeld. Vraag het ministerie wat er vanaf dat moment mee kan zijn ondertekend.",
            "A key that signed here was later reported as leaked. Ask the ministry what can have been signed with it from then on.",
        ),
    ),
    (
        "MANIFEST_RUNS",
        (
            "De verantwoording van een uitgelezen bestand klopt niet: berichten kunnen ontbreken. Vraag het bestand en een nieuwe uitlezing.",
            "The account of a file that was read out does not add up: messages can be missing. Ask for the file and a new read-out.",
        ),
    ),
    (
        "MANIFEST_OVERSTATED",
        (
            "De bron zegt meer te hebben aangeboden dan er is: berichten kunnen ontbreken.",
            "The source says that it submitted more than there is: messages can be missing.",
        ),
    ),
    (
        "MANIFEST_UNFINISHED",
        (
            "Een uitlezing is niet afgerond; of dit bestand er helemaal in zit, is niet te zeggen.",
            "A read-out was not finished; whether all of its file is here cannot be said.",
        ),
    ),
    (
        "SALT_REPEATED",
        (
            "Een bron maakte toevalsgetallen niet goed: wat gelakt is, kan worden geraden. De inhoud die zichtbaar is, blijft echt.",
            "A source made its random numbers badly: what is covered can be guessed. What is shown remains genuine.",
        ),
    ),
    (
        "SLOT_MALFORMED",
        (
            "Een onderdeel is zo vastgelegd dat het niet te lezen is. Het is wel ongewijzigd.",
            "A part was recorded in a form that cannot be read. It is unchanged all the same.",
        ),
    ),
    (
        "CUSTODIAN_SPLIT",
        (
            "Eén persoon kan over twee registraties zijn verdeeld; dan is dit pakket niet alles van deze persoon. Vraag ook om het andere.",
            "One person may be split over two registrations; then this package is not all of him. Ask for the other one too.",
        ),
    ),
    (
        "RECEIVED_EARLY",
        (
            "De klok van het logboek of die van de bron liep niet gelijk. Tijden van ontvangst zijn hier minder zeker.",
            "The clock of the log or that of the source was off. Times of receipt are less certain here.",
        ),
    ),
    (
        "ATTACHMENT_NOT_INCLUDED",
        (
            "De bijlage is vastgelegd, maar zit niet bij dit pakket. Zij kan worden opgevraagd en dan nagegaan.",
            "The attachment was recorded but is not part of this package. It can be asked for, and checked then.",
        ),
    ),
    (
        "ATTACHMENT_MISSING",
        (
            "De chat noemt een bijlage die het uitgelezen toestel niet meegaf. Zij is nooit vastgelegd.",
            "The chat names an attachment that the device did not give. It was never recorded.",
        ),
    ),
    (
        "ATTACHMENT_LEFT_OUT",
        (
            "Er is uitgelezen zonder bijlagen; de berichten zelf zijn er.",
            "The read-out was made without attachments; the messages themselves are here.",
        ),
    ),
    (
        "DECLARED_GAP",
        (
            "De bron zegt zelf dat hier iets kan ontbreken, en waarom. Dit is geen stilte, maar een verklaard gat.",
            "The source itself says that something can be missing here, and why. This is no silence but a declared gap.",
        ),
    ),
    (
        "RECORD_VANISHED",
        (
            "Een bericht stond in een eerdere uitlezing en later niet meer: het is op het toestel verdwenen of gewist. De eerdere tekst is bewaard.",
            "A message stood in an earlier read-out and no longer in a later one: on the device it disappeared or was deleted. The earlier words are kept.",
        ),
    ),
    (
        "GROUND_UNKNOWN",
        (
            "Er is gelakt op een code die in geen gepubliceerde lijst staat. Vraag welke grond is bedoeld.",
            "Something is covered under a code that no published list has. Ask which ground is meant.",
        ),
    ),
    (
        "DESTRUCTION_UNDECLARED",
        (
            "Inhoud is weg zonder geldige verklaring van vernietiging. Vraag het ministerie om opheldering.",
            "Content is gone without a valid declaration of destruction. Ask the ministry to explain.",
        ),
    ),
    (
        "DESTROYED",
        (
            "De bewaartermijn was verstreken, twee personen keurden het goed en er is een verklaring. Of het rechtmatig was, beoordeelt de inspectie of de rechter.",
            "The retention period had passed, two people approved, and there is a declaration. Whether it was lawful is for the inspectorate or a court.",
        ),
    ),
    (
        "WEEDED",
        (
            "Als privé of partijpolitiek aangemerkt: dit was volgens het ministerie nooit een archiefstuk.",
            "Classed as private or party-political: by the ministry's word this never was a record.",
        ),
    ),
    (
        "BREACH_REMOVED",
        (
            "Het had niet uitgelezen mogen worden en is met een incidentnummer verwijderd.",
            "It should not have been read out and was removed under an incident number.",
        ),
    ),
    (
        "TRANSFERRED",
        (
            "Een ander archief heeft het volgens de genoemde akte overgenomen; vraag het daar. Of het daar is, bewijst dit pakket niet.",
            "Another archive took it over by the deed that is named; ask there. That it is there this package does not prove.",
        ),
    ),
    (
        "ENDED_AGAINST_RULE",
        (
            "Er is een verklaring, maar de selectielijst of de klasse in het logboek zelf spreekt haar tegen. Vraag het ministerie om opheldering.",
            "There is a declaration, but the selection list or the class in the log itself contradicts it. Ask the ministry to explain.",
        ),
    ),
    (
        "HOLD_BREACH",
        (
            "Er gold een bevriezing, bijvoorbeeld voor een enquête of een Woo-zaak, toen het werd vernietigd of overgebracht.",
            "A hold was in force, for an enquiry or a case, when it was destroyed or transferred.",
        ),
    ),
    (
        "RECORD_ENDED_UNFOUNDED",
        (
            "Bij een latere uitlezing is een bericht overgeslagen als «geëindigd», en dat klopt niet met dit pakket: er kan een bericht ontbreken. Vraag een nieuwe uitlezing.",
            "A later read-out skipped a message as ended, which this package contradicts: a message can be missing. Ask for a new read-out.",
        ),
    ),
    (
        "NOT_ADMITTED",
        (
            "Er is vastgelegd voordat de functionaris het contact had toegelaten, of nadat hij het had geweigerd; het beleid van dat moment stond dat niet toe.",
            "Something was captured before the official had admitted the contact, or after he had refused; the policy of that moment did not allow it.",
        ),
    ),
    (
        "PERMANENTLY_REDACTED",
        (
            "Deze woorden bestaan ook in het archief niet meer; twee personen besloten dat, onder een beleid dat het toestond.",
            "These words no longer exist in the archive either; two people decided so, under a policy that allowed it.",
        ),
    ),
    (
        "REDACTION_UNDECLARED",
        (
            "Een lakking heet blijvend zonder goedgekeurd besluit daartoe. Vraag het ministerie of de woorden er nog zijn.",
            "Something is said to be covered for good without an approved decision. Ask the ministry whether the words still exist.",
        ),
    ),
    (
        "DEVICE_CLEARED",
        (
            "Wat van de telefoon af mocht, mocht dat na deze uitlezing; een latere uitlezing kan het daarom niet meer tonen.",
            "What could be removed from the phone could be after this read-out; a later read-out may therefore not show it.",
        ),
    ),
    (
        "MANIFEST_UNAPPROVED",
        (
            "Het beleid vraagt dat een tweede persoon het lakken goedkeurt; dat is niet te zien.",
            "Policy asks that a second person approves what is covered; that is not to be seen.",
        ),
    ),
    (
        "NO_AUDITOR",
        (
            "Niemand buiten het ministerie heeft het hele logboek nagerekend; dat er niets is achtergehouden, berust op het logboek zelf.",
            "Nobody outside the ministry replayed the whole log; that nothing was held back rests on the log itself.",
        ),
    ),
    (
        "NO_WITNESS",
        (
            "Niemand buiten het ministerie heeft deze stand bevestigd. Vraag om een pakket met medeondertekening, of vergelijk met een ander pakket.",
            "Nobody outside the ministry confirmed this state. Ask for a package with cosignatures, or compare with another package.",
        ),
    ),
    (
        "REGISTRATION_CLOSED",
        (
            "Een naam uit het register is in dit pakket niet zichtbaar.",
            "A name of the register is not visible in this package.",
        ),
    ),
    (
        "ABSENT",
        (
            "Het logboek heeft niets onder dit kenmerk. Dat zegt niets over een persoon die onder een ander kenmerk staat.",
            "The log has nothing under this id. That says nothing of a person who is registered under another.",
        ),
    ),
    (
        "NOTHING_IN_PERIOD",
        ("Er is wel iets, maar niet in deze maanden.", "There is something, but not in these months."),
    ),
    (
        "PERIOD_LIMITED",
        ("Buiten de gevraagde maanden is er meer.", "Outside the months that were asked for there is more."),
    ),
    (
        "PERIOD_EDGE_CLOSED",
        (
            "De maand ernaast is niet zichtbaar; een gesprek over de maandgrens kan zijn afgebroken.",
            "The month beside it is not shown; a conversation over the boundary can be cut off.",
        ),
    ),
    (
        "PERIOD_EDGE_OPEN",
        ("Van de maand ernaast is alleen de rand zichtbaar.", "Of the month beside it only the edge is shown."),
    ),
    (
        "WITHHELD",
        (
            "Deze berichten zijn helemaal gelakt. Dat zij er zijn, van welke soort en uit welke maand, is wel bewezen.",
            "These messages are covered as a whole. That they exist, of which kind and month, is proven.",
        ),
    ),
    (
        "COVERED",
        (
            "Hoe vaak op deze grond is gelakt. Elk gelakt deel staat op de ondertekende laklijst; al het andere is het origineel.",
            "How often this ground covers something. Each covered part is on the signed list; everything else is the original.",
        ),
    ),
    (
        "UNKNOWN_FIELDS",
        (
            "Dit soort export laat dit gegeven niet zien. Dat het hier niet staat, betekent niet dat het er niet was.",
            "This kind of export does not show this. That it is not here does not mean that it was not there.",
        ),
    ),
    (
        "CLOCK_UNKNOWN",
        (
            "Wanneer dit gebeurde, geeft de bron niet; alleen de volgorde van vastleggen is zeker.",
            "When this happened the source does not say; only the order of recording is certain.",
        ),
    ),
    (
        "CLOCK_AMBIGUOUS",
        (
            "Door het verzetten van de klok kan deze tijd een uur schelen.",
            "Because the clocks changed this time can be an hour off.",
        ),
    ),
    (
        "TIME_BACKWARDS",
        (
            "Het bericht staat na een bericht met een latere tijd: de klok van een toestel of een vertraagde aflevering.",
            "The message stands after one of a later time: the clock of a device, or a late delivery.",
        ),
    ),
    (
        "PROOF_CLASS_C",
        (
            "Bewezen is wat in het bestand stond toen het werd uitgelezen, niet dat het daarvoor niet was bewerkt.",
            "Proven is what the file held when it was read out, not that it had not been edited before.",
        ),
    ),
    (
        "PROOF_CLASS_D",
        (
            "Bewezen is welke afbeelding of tekst is aangeleverd, niet dat de chat zo was.",
            "Proven is which image or text was handed in, not that the chat was so.",
        ),
    ),
    (
        "PROOF_CLASS_NONE",
        ("De bron zegt niet hoe zij aan dit bericht kwam.", "The source does not say how it came by this message."),
    ),
];

/// What a finding means.
pub(super) fn of(id: &str) -> Option<Words> {
    MEANINGS.iter().find(|(known, _)| *known == id).map(|(_, words)| *words)
}

/// All of them, for the test that no meaning lacks a language.
#[cfg(test)]
pub(super) const ALL: Meanings = MEANINGS;
