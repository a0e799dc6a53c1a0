//! Cases at the desk: opened, noted in, packed for a recipient, disclosed once another has approved it, closed.
//!
//! Invariants: a bundle and a package lie where their names say of which export they are, so that nothing beside the log and the book of cases has to be
//! remembered; nothing is put where it can be taken from before the log knows (`disclose`). Not here: what stands in the way of a disclosure (`case`).

use super::ends::short;
use super::work::{optional, text};
use super::{DeskError, Work};
use crate::acts::{Act, Acts, Subject};
use crate::case::{Book, Case, CaseError, Cases, Opening, Step};
use crate::disclose::{self, Content, Order, Regime};
use crate::export::{Cover, ExportOrder, export};
use crate::hex;
use crate::officer::OfficerError;
use crate::reading::Reading;
use crate::source::now_ms;
use serde_json::{Value, json};
use std::path::PathBuf;
use zegel_proto::v1::{EventKind, ExportSubject, Scope};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;

/// What can be noted.
const ABOUT: [&str; 4] = ["zoekslag", "zienswijze", "besluit", "wachttijd"];

impl Work {
    pub(super) fn book(&self) -> Result<Book, DeskError> {
        Ok(Book::open(&self.at.folder.path().join("cases.json"))?)
    }

    /// Cases as the officer keeps them, and what left without one.
    pub(super) async fn cases(&mut self) -> Result<Value, DeskError> {
        let book = self.book()?;
        let now = now_ms();
        let kept: Vec<Value> = book.iter().map(|(name, case)| case_row(name, case, now)).collect();
        let reading = self.acts("cases").await?;
        let acts = Acts::of(&reading);
        let export = |act: &Act| match &act.subject {
            Subject::Export(export) => Some(json!({
                "case": plain(&export.case),
                "recipient": plain(&export.recipient),
                "date": self.zone.told(act.at_ms),
                "of": of(&reading, export.scope.as_ref()),
                "covered": !export.manifest.is_empty(),
            })),
            _ => None,
        };
        Ok(json!({ "cases": kept, "exports": acts.iter().filter_map(export).collect::<Vec<_>>() }))
    }

    /// One case: what was done, and what may be done now.
    pub(super) async fn case(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let name = text(asked, "case")?;
        let book = self.book()?;
        let unknown = || CaseError::Unknown { name: name.into() };
        let (_, case) = book.iter().find(|(found, _)| *found == name).ok_or_else(unknown)?;
        let reading = self.acts("case").await?;
        let acts = Acts::of(&reading);
        let opened = acts.of_kind(EventKind::CaseOpened).find(|act| act.id() == Some(case.id));
        let scopes = opened.and_then(Act::selection).map(|selection| selection.scopes.as_slice()).unwrap_or_default();
        let note = |noted: &crate::case::Noted| {
            json!({
                "about": noted.about, "text": plain(&noted.text), "decision": plain(&noted.decision),
                "until": if noted.until_ms > 0 { self.zone.told(noted.until_ms) } else { String::new() },
            })
        };
        let manifest = |manifest: crate::acts::Manifest| {
            json!({
                "id": manifest.id.to_string(), "decision": plain(&manifest.decision), "count": manifest.items.len(),
                "approved": manifest.approved_at.is_some(),
            })
        };
        let mut shown = case_row(name, case, now_ms());
        shown["about"] = scopes
            .iter()
            .map(|scope| json!({ "name": of(&reading, Some(scope)), "from": scope.from_month, "to": scope.to_month }))
            .collect();
        shown["notes"] = case.noted.iter().map(note).collect();
        shown["manifests"] = acts.manifests().into_iter().rev().filter(|one| one.is_whole).map(manifest).collect();
        shown["exports"] = acts.iter().filter_map(|act| self.export_row(&reading, name, case, act)).collect();
        Ok(shown)
    }

    fn export_row(&self, reading: &Reading, name: &str, case: &Case, act: &Act) -> Option<Value> {
        let Subject::Export(export) = &act.subject else { return None };
        let id = Hash::read(&export.export).filter(|_| export.case == name)?;
        let sent = case.disclosures.iter().find(|left| left.export == id);
        let state = match () {
            () if sent.is_some() => "sent",
            () if self.bundle(name, id).is_err() => "elsewhere",
            () if case.approvals.iter().any(|approval| approval.export == id) => "approved",
            () => "waits",
        };
        Some(json!({
            "id": id.to_string(), "recipient": plain(&export.recipient), "date": self.zone.told(act.at_ms),
            "of": of(reading, export.scope.as_ref()), "covered": is_covered(export), "state": state,
            "path": sent.map(|_| self.package(name, id)),
        }))
    }

    pub(super) async fn case_open(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let name = text(asked, "name")?;
        let names = |field: &str| -> Vec<String> {
            asked[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
        };
        let month = |field: &str| asked[field].as_u64().and_then(|month| u32::try_from(month).ok()).unwrap_or(0);
        let months = (month("from"), month("to"));
        if months.0 > months.1 || (months.0 == 0) != (months.1 == 0) {
            return Err(DeskError::Request { field: "months" });
        }
        let register = self.at.officer.register();
        let scopes = register.scopes(&names("custodians"), &names("conversations"), months)?;
        if scopes.is_empty() {
            return Err(DeskError::Request { field: "about" });
        }
        let opening = Opening {
            regime: Regime::of(text(asked, "regime")?).ok_or(DeskError::Request { field: "regime" })?,
            requester: text(asked, "requester")?.into(),
            matter: text(asked, "matter")?.into(),
            scopes,
        };
        Cases::of(&self.at.folder, self.at.officer.source())?.begin(name, &opening).await?;
        Ok(json!({ "case": name }))
    }

    pub(super) async fn case_note(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let about = text(asked, "about")?;
        if !ABOUT.contains(&about) {
            return Err(DeskError::Request { field: "about" });
        }
        let decision = optional(asked, "decision");
        if about == "besluit" && decision.is_empty() {
            return Err(DeskError::Request { field: "decision" });
        }
        let date = match optional(asked, "until") {
            "" if about == "wachttijd" => return Err(DeskError::Request { field: "until" }),
            "" => None,
            date => Some(date.parse().map_err(|_| DeskError::Request { field: "until" })?),
        };
        let mut cases = Cases::of(&self.at.folder, self.at.officer.source())?;
        let (name, text) = (text(asked, "case")?, text(asked, "text")?.into());
        let mut step = Step { about: about.into(), text, decision: decision.into(), until_ms: 0 };
        if about == "besluit" {
            cases.decide(name, &step, date).await?;
        } else {
            step.until_ms = date.map_or(0, Step::until);
            cases.note(name, &step).await?;
        }
        Ok(json!({ "noted": about }))
    }

    /// Makes the bundle of a recipient: covered as an approved manifest says, or open.
    pub(super) async fn case_pack(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (name, recipient) = (text(asked, "case")?, text(asked, "recipient")?);
        let case = self.book()?.open_case(name)?.clone();
        let one = |field: &str| asked[field].as_str().map(String::from).into_iter().collect::<Vec<_>>();
        let register = self.at.officer.register();
        let scopes = register.scopes(&one("custodian"), &one("conversation"), (0, 0))?;
        let scope = scopes.into_iter().next().ok_or(DeskError::Request { field: "about" })?;
        let (officer, keys) = (self.at.officer.source(), &self.at.keys);
        officer.refresh().await?;
        let mut cover = match optional(asked, "manifest") {
            "" => Cover::default(),
            id => {
                let unknown = || OfficerError::UnknownAct { what: "redaction manifest", id: id.into() };
                let manifest = hex::parse(id).ok_or_else(unknown)?;
                Cover::of_logged(officer, keys, &scope, manifest).await?.ok_or_else(unknown)?
            }
        };
        cover.settle(officer, keys, &scope).await?;
        let decision = case.decision().map(|noted| noted.decision.clone()).unwrap_or_else(|| name.into());
        let making = self.made(&folder_name(name))?.join(format!("bundel-{}", now_ms()));
        let order = ExportOrder {
            scope,
            recipient: recipient.into(),
            nonce: String::new(),
            case: name.into(),
            decision,
            cover,
            closed: std::collections::BTreeSet::new(),
            edges: None,
            cosigned: None,
            out: making,
        };
        let report = export(self.at.officer.source(), &self.at.keys, &order, |_| {}).await?;
        // Its name is its export's: where it lies is never written down.
        let path = self.bundle_path(name, report.export);
        std::fs::rename(&report.path, &path).map_err(crate::disk::failed(&path))?;
        Ok(json!({
            "export": report.export.to_string(), "opened": report.opened, "redacted": report.redacted,
            "withheld": report.withheld, "path": path,
        }))
    }

    /// The log is told, and the package is put where it can be taken from.
    pub(super) async fn case_send(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (name, recipient) = (text(asked, "case")?, text(asked, "recipient")?);
        let export = hex::parse(text(asked, "export")?).ok_or(DeskError::Request { field: "export" })?;
        let content = Content::of_word(text(asked, "form")?).ok_or(DeskError::Request { field: "form" })?;
        let (bundle, out, trust) = (self.bundle(name, export)?, self.package(name, export), self.trust());
        let order =
            Order { bundle: &bundle, trust: &trust, case: name, recipient, content, zone: &self.zone, out: &out };
        let mut cases = Cases::of(&self.at.folder, self.at.officer.source())?;
        let left = disclose::send(&mut cases, &order).await?;
        Ok(json!({ "path": left.path, "documents": left.documents, "files": left.files }))
    }

    pub(super) async fn case_close(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (name, reason) = (text(asked, "case")?, text(asked, "reason")?);
        Cases::of(&self.at.folder, self.at.officer.source())?.end(name, reason).await?;
        Ok(json!({ "closed": name }))
    }

    pub(super) fn trust(&self) -> PathBuf {
        self.at.folder.path().join("trust.txt")
    }

    fn bundle_path(&self, case: &str, export: Hash) -> PathBuf {
        self.out.join(folder_name(case)).join(format!("bundel-{}", short(export)))
    }

    fn package(&self, case: &str, export: Hash) -> PathBuf {
        self.out.join(folder_name(case)).join(format!("pakket-{}", short(export)))
    }

    /// The bundle of an export that was made here.
    pub(super) fn bundle(&self, case: &str, export: Hash) -> Result<PathBuf, DeskError> {
        let path = self.bundle_path(case, export);
        if path.is_dir() { Ok(path) } else { Err(DeskError::Elsewhere) }
    }
}

/// A case's name as a folder: what no file system minds.
fn folder_name(case: &str) -> String {
    let kept = case.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' });
    let name: String = kept.take(60).collect();
    name.trim_matches('-').to_owned()
}

fn of(reading: &Reading, scope: Option<&Scope>) -> Option<String> {
    let id = Hash::read(&scope?.id)?;
    Some(reading.names.get(&id).map_or_else(String::new, |name| plain(name)))
}

fn is_covered(export: &ExportSubject) -> bool {
    !export.manifest.is_empty()
}

/// A case, and what has to be done before anything may leave in it.
fn case_row(name: &str, case: &Case, now_ms: u64) -> Value {
    let noted = |about: &str| case.noted.iter().any(|noted| noted.about == about);
    let state = match () {
        () if case.is_closed => "closed",
        // Also of a case in which something left before: nothing more does until the term has passed.
        () if !case.disclosures.is_empty() && now_ms < case.waits_until_ms() => "waits",
        () if !case.disclosures.is_empty() => "disclosed",
        () if !noted("zoekslag") => "search",
        () if case.decision().is_none() => "decision",
        () if now_ms < case.waits_until_ms() => "waits",
        () if case.approvals.is_empty() => "approval",
        () => "ready",
    };
    json!({
        "case": plain(name), "regime": case.regime.code(), "requester": plain(&case.requester),
        "matter": plain(&case.matter), "state": state, "disclosed": case.disclosures.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_names_a_folder_and_never_a_way_out_of_it() {
        assert_eq!(folder_name("Woo 2026/17"), "Woo-2026-17");
        assert_eq!(folder_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(folder_name(&"a".repeat(300)).len(), 60);
    }
}
