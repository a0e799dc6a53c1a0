//! Why a check was not examined, and what would be needed: one sentence each, in both languages.

use super::words::Words;

pub(super) const NOTHING_WEEDED: Words =
    ("van wat dit pakket betreft is niets geschoond", "of what this package is about nothing was weeded");
pub(super) const CLASSES_SEALED: Words = (
    "twee personen noemden het privé of partijpolitiek, maar de handeling die de klasse gaf is niet open; nodig is een pakket met de handelingen CLASS_ASSIGNED open (zegel export --acts)",
    "two people called it private or party-political, but the act that gave the class is not open; needed is a package with the acts CLASS_ASSIGNED open (zegel export --acts)",
);
pub(super) const NOTHING_TO_HOLD: Words = (
    "van wat dit pakket betreft is niets vernietigd of overgebracht dat kon zijn bevroren",
    "of what this package is about nothing was destroyed or transferred that could have been held",
);
pub(super) const HOLDS_SEALED: Words = (
    "vóór de goedkeuring staan bevriezingen in het logboek die niet open zijn; nodig is een pakket met de handelingen HOLD_PLACED en HOLD_RELEASED open (zegel export --acts)",
    "before the approval holds stand in the log that are not open; needed is a package with the acts HOLD_PLACED and HOLD_RELEASED open (zegel export --acts)",
);
pub(super) const TSA: Words = (
    "een pakket bevat geen tijdstempels van derden (RFC 3161); nodig is een token over checkpoint_sha256 uit de JSON naast dit rapport, na te gaan met: openssl ts -verify -digest CHECKPOINT_SHA256 -in TOKEN -CAfile CA. Wanneer getuigen medeondertekenden, staat bij WITNESS_QUORUM",
    "a package holds no timestamps of third parties (RFC 3161); needed is a token over checkpoint_sha256 of the JSON beside this report, checked with: openssl ts -verify -digest CHECKPOINT_SHA256 -in TOKEN -CAfile CA. When witnesses cosigned stands under WITNESS_QUORUM",
);
pub(super) const ZONES: Words = (
    "overdrachten tussen opslagzones zijn handelingen die in een pakket verzegeld blijven",
    "transfers between zones of storage are acts that stay sealed in a package",
);
pub(super) const NO_POLICY: Words = (
    "dit pakket heeft geen gesprek dat groeide terwijl het beleid eerst toelating vroeg (admission_first), of het gaat niet over alle maanden",
    "this package has no conversation that grew while policy demanded admission first (admission_first), or it is not of all months",
);
pub(super) const POLICY_SEALED: Words = (
    "er is een besluit over het contact, maar het is niet open; nodig is een pakket waarin CONTACT_DECIDED zichtbaar is",
    "there is a decision on the contact, but it is not open; needed is a package in which CONTACT_DECIDED is shown",
);
pub(super) const TOO_MANY: Words =
    ("er zijn te veel berichten om ze allemaal te onthouden", "there are too many messages to remember them all");
pub(super) const ONE_HOLDER: Words = (
    "in dit pakket heeft niet meer dan één chathouder dezelfde berichten",
    "in this package no more than one custodian has the same messages",
);
pub(super) const NO_COVERAGE: Words = (
    "alleen een pakket van één chathouder over alle maanden, met een uitlezing, zegt dit",
    "only a package of one custodian in all months, with a read-out, says this",
);
pub(super) const NO_WITNESSES: Words =
    ("het vertrouwensbestand noemt geen getuigen", "the trust file names no witnesses");
pub(super) const NO_IDS: Words = (
    "deze bron geeft berichten geen eigen kenmerk; tweemaal dezelfde woorden kan tweemaal gezegd zijn",
    "this source gives messages no id of their own; the same words twice can have been said twice",
);
pub(super) const NO_NUMBERS: Words = ("geen afzender wordt met een nummer genoemd", "no sender is told by a number");
pub(super) const NO_NAMESAKES: Words = (
    "geen nummer draagt de naam van iemand wiens registratie open is",
    "no number bears the name of someone whose registration is open",
);
pub(super) const NO_ADMISSIONS: Words =
    ("er staat geen toelating van een contact in dit pakket", "no admission of a contact stands in this package");
