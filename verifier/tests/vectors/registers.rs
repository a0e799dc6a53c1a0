//! The registry, step by step: every step but the last is taken, the last gives the outcome.

use crate::case::{Case, Outcome, array, hex, nothing, number, text, unhex};
use crate::reasons;
use serde_json::{Value, json};
use zegel_proto::parse;
use zegel_proto::v1::{EventKind, LogCreated, Role};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::may_write;
use zegel_verifier::registry::Registry;

pub(crate) fn registry(case: &Case) -> Outcome {
    let (last, before) = array(&case.given["steps"]).split_last().expect("at least one step");
    let mut registry = None;
    for step in before {
        let (outcome, wanted) = (take(&mut registry, step), step.get("refused"));
        match (&outcome, wanted) {
            (Outcome::Accepted(_), None) => {}
            (Outcome::Refused(found), Some(wanted)) => assert_eq!(found, wanted, "{}", case.name),
            _ => panic!("{}: {outcome:?} of a step on the way: {step}", case.name),
        }
    }
    let outcome = take(&mut registry, last);
    let (Outcome::Accepted(_), "apply", Some(registry)) = (&outcome, text(&last["do"]), &registry) else {
        return outcome;
    };
    applied(registry, text(&last["kind"]))
}

/// What an accepted event shows afterwards.
fn applied(registry: &Registry, kind: &str) -> Outcome {
    Outcome::Accepted(match kind {
        "KEY_REVOKED" => {
            let compromised: Vec<Value> =
                registry.compromised().map(|(key, from)| json!([key.to_string(), from])).collect();
            json!({"compromised": compromised})
        }
        "ARCHIVE_KEY_ADDED" | "ARCHIVE_KEY_RETIRED" => {
            let keys: Vec<Value> = registry.archive_keys().map(|(key, _)| key.to_string().into()).collect();
            json!({"archive_keys": keys})
        }
        _ => json!({}),
    })
}

fn take(registry: &mut Option<Registry>, step: &Value) -> Outcome {
    match text(&step["do"]) {
        "genesis" => genesis(registry, step),
        "apply" => {
            let registry = registry.as_mut().expect("genesis comes first");
            let result = registry.apply(number(&step["entry"]), kind(step), &unhex(&step["public"]));
            Outcome::of(result, nothing, reasons::registry)
        }
        "author" => author(registry.as_ref().expect("genesis comes first"), step),
        "log_key" => {
            let key = registry.as_ref().and_then(|registry| registry.log_key(number(&step["size"])));
            Outcome::Accepted(json!({"log_key": key.map(|key| hex(key))}))
        }
        "table" => table(&step["table"]),
        other => panic!("no test does {other}"),
    }
}

fn hash(value: &Value) -> Hash {
    Hash::read(&unhex(value)).expect("32 bytes")
}

fn kind(step: &Value) -> EventKind {
    EventKind::from_str_name(text(&step["kind"])).expect("a kind")
}

fn genesis(registry: &mut Option<Registry>, step: &Value) -> Outcome {
    let created: LogCreated = parse(&unhex(&step["created"])).expect("obeys the grammar");
    match Registry::genesis(text(&step["origin"]), hash(&step["signer"]), hash(&step["source"]), &created) {
        Ok(new) => {
            *registry = Some(new);
            Outcome::Accepted(json!({}))
        }
        Err(error) => Outcome::Refused(reasons::registry(error)),
    }
}

fn author(registry: &Registry, step: &Value) -> Outcome {
    let role = match registry.author(number(&step["entry"]), hash(&step["key"]), hash(&step["actor"])) {
        Ok(role) => role,
        Err(error) => return Outcome::Refused(reasons::authority(error)),
    };
    let values = |()| json!({"role": role.as_str_name()});
    Outcome::of(Registry::authorise(role, kind(step)), values, reasons::authority)
}

/// Every kind that there is, with every role.
fn table(wanted: &Value) -> Outcome {
    let wanted = wanted.as_object().expect("a table");
    let kinds: Vec<EventKind> = (1..=255).filter_map(|number| EventKind::try_from(number).ok()).collect();
    assert_eq!(kinds.len(), wanted.len(), "the table has every kind");
    for kind in kinds {
        let roles = (0..=8).filter_map(|number| Role::try_from(number).ok()).filter(|role| may_write(*role, kind));
        let found: Vec<Value> = roles.map(|role| role.as_str_name().into()).collect();
        assert_eq!(Value::from(found), wanted[kind.as_str_name()], "{}", kind.as_str_name());
    }
    Outcome::Accepted(json!({}))
}
