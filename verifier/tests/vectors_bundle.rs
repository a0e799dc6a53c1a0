//! The whole bundles of `specs/vectors/bundle/`: each is verified, or refused for exactly the reason that it states.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

#[path = "vectors/case.rs"]
mod case;

use case::{Case, Outcome, array, text, unbase64};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Read};
use zegel_verifier::bundle::{BundleFile, BundleSource, Demands, Refusal, verify, verify_on};
use zegel_verifier::trust::Trust;

/// The files of a case.
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn read(given: &Value) -> Self {
        let file = |(path, content): (&String, &Value)| {
            let plain = content.get("text").map(|plain| text(plain).as_bytes().to_vec());
            (path.clone(), plain.unwrap_or_else(|| unbase64(&content["base64"])))
        };
        Self(given.as_object().expect("files").iter().map(file).collect())
    }
}

impl BundleSource for Files {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        let file = |(path, bytes): (&String, &Vec<u8>)| BundleFile { path: path.clone(), bytes: bytes.len() as u64 };
        Ok(self.0.iter().map(file).collect())
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let bytes = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.as_slice()))
    }
}

fn run(case: &Case) -> Outcome {
    let given = &case.given;
    let trust = Trust::parse(text(&given["trust"]).as_bytes()).expect("its trust file is good");
    let demands = Demands {
        nonce: given["demands"].get("nonce").map(|nonce| text(nonce).to_owned()),
        min_entries: given["demands"].get("min_entries").map(case::number),
        ..Demands::default()
    };
    let outcome = verify(&mut Files::read(&given["files"]), &trust, &demands, &mut ());
    for workers in [1, 2, 5] {
        let together = verify_on(workers, &mut Files::read(&given["files"]), &trust, &demands, &mut ());
        assert_eq!(format!("{together:?}"), format!("{outcome:?}"), "{} with {workers} workers", case.name);
    }
    match outcome {
        Ok(report) => accepted(case, &serde_json::to_value(report).expect("a report is data")),
        Err(refusal) => {
            eprintln!("{}: {refusal}", case.name);
            Outcome::Refused(json!([refusal.id()]))
        }
    }
}

/// The counts, if all findings that must be there are there.
fn accepted(case: &Case, report: &Value) -> Outcome {
    let found: Vec<&str> = array(&report["findings"]).iter().map(|finding| text(&finding["id"])).collect();
    if let Some(wanted) = case.given.get("findings") {
        let missing = array(wanted).iter().map(text).find(|wanted| !found.contains(wanted));
        assert_eq!(missing, None, "{} finds {found:?}", case.name);
    }
    let names = ["events", "opened", "withheld", "redacted", "covered_units", "attachments"];
    Outcome::Accepted(names.iter().map(|name| (String::from(*name), report["counts"][*name].clone())).collect())
}

#[test]
fn every_bundle_has_the_verdict_that_it_states() {
    let all = case::read_all();
    let bundles: Vec<&Case> = all.iter().filter(|case| case.family == "bundle").collect();
    let wrong: Vec<String> = bundles.iter().filter_map(|case| case.judge(&run(case))).collect();
    assert!(wrong.is_empty(), "{} of {} bundles:\n{}", wrong.len(), bundles.len(), wrong.join("\n"));
    assert!(bundles.len() >= 17, "{} bundles", bundles.len());
}
