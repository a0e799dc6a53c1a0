//! A log of the real ledger, copied and replayed: clean when it is, and told where it is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use zegel_tests::{Stage, archive::Archive, command};
use zegel_tools::export::Cover;

struct Audited {
    archive: Archive,
    bundle: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Audited {
    /// Two read-outs and an export, so with snapshots.
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let (archive, bundle) = runtime.block_on(async {
            let mut archive = Archive::new().await;
            let (anna, bram) = (archive.anna, archive.bram);
            archive.read_out(anna, "anna-android-nl").await;
            let (bundle, _) = archive.export(anna, "een", "kenmerk", Cover::default()).await;
            archive.read_out(bram, "bram-ios-nl").await;
            archive.export(bram, "twee", "kenmerk", Cover::default()).await;
            (archive, bundle)
        });
        Self { archive, bundle, runtime }
    }

    fn mirror(&self, name: &str) -> PathBuf {
        let out = self.archive.path(name);
        let ca = self.archive.keys.path().join("tls-ca.pem");
        let mut zegel = command("zegel");
        zegel.args(["mirror", "--ledger", &self.archive.url, "--out"]).arg(&out);
        let output =
            zegel.arg("--trust").arg(self.archive.trust()).arg("--tls-ca").arg(ca).output().expect("zegel runs");
        assert!(output.status.success(), "{output:?}");
        out
    }

    fn audit(&self, mirror: &Path, more: &[&str]) -> (Option<i32>, serde_json::Value) {
        let mut verifier = command("zegel-verifier");
        let verifier =
            verifier.arg("audit").arg(mirror).arg("--trust").arg(self.archive.trust()).arg("--json").args(more);
        answer(&verifier.output().expect("the verifier runs"))
    }
}

fn answer(output: &Output) -> (Option<i32>, serde_json::Value) {
    let document = serde_json::from_slice(&output.stdout);
    (output.status.code(), document.unwrap_or_else(|reason| panic!("{reason}: {output:?}")))
}

/// Every file below a folder, with its path from there.
fn files(folder: &Path) -> Vec<String> {
    let below = |folder: &Path| fs::read_dir(folder).expect("a folder").map(|item| item.expect("an item").path());
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for path in below(&next) {
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below").display().to_string());
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(&path);
        fs::create_dir_all(target.parent().expect("a folder")).expect("made");
        fs::copy(from.join(&path), target).expect("copied");
    }
}

/// Ids of the findings, or of the reason.
fn ids(document: &serde_json::Value) -> Vec<String> {
    let found = document["report"]["findings"].as_array().into_iter().flatten();
    let ids = found.map(|finding| &finding["id"]).chain(Some(&document["reason"]["id"]));
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_log_of_the_real_ledger_is_clean_and_stays_so_as_it_grows() {
    let mut audited = Audited::new();
    let mirror = audited.mirror("spiegel");
    let state = audited.archive.path("stand").display().to_string();
    let (exit, document) = audited.audit(&mirror, &["--state", &state]);
    assert_eq!((exit, ids(&document)), (Some(0), vec![]), "{document:#}");
    let before = document["report"]["entries"].as_u64().expect("a number");
    assert_eq!(document["report"]["replayed"], before);
    assert_eq!(document["report"]["snapshots"], 2);
    assert_eq!(document["report"]["newest_checkpoint"], before);

    let anna = audited.archive.anna;
    audited.runtime.block_on(audited.archive.read_out(anna, "anna-android-nl-june"));
    assert_eq!(audited.mirror("spiegel"), mirror);
    let (exit, resumed) = audited.audit(&mirror, &["--state", &state]);
    assert_eq!(exit, Some(0), "{resumed:#}");
    assert!(resumed["report"]["entries"].as_u64() > Some(before));
    let (_, at_once) = audited.audit(&mirror, &[]);
    assert_eq!(resumed, at_once);
    // A receipt, a bundle and the mirror are one history; the bundle alone tells the keys of its log.
    let trust = audited.archive.trust();
    let receipts = audited.archive.keys.spool(zegel_tools::keys::Actor::Source).join("receipts");
    let receipt = receipts.join(files(&receipts).remove(0));
    let (exit, document) = compare(&trust, &[&receipt, &audited.bundle, &mirror], &[]);
    assert_eq!((exit, &document["verdict"]), (Some(0), &"one_history".into()), "{document:#}");
    // The bundle alone shows the checkpoints that end behind an entry of it, and says nothing of later ones.
    let alone = |name: String| compare(&trust, &[&receipts.join(name), &audited.bundle], &[]);
    let verdicts: Vec<_> = files(&receipts).into_iter().map(alone).collect();
    let many = |exit, verdict: &str| {
        verdicts.iter().filter(|(e, d)| (*e, &d["verdict"]) == (Some(exit), &verdict.into())).count()
    };
    let (same, unknown) = (many(0, "one_history"), many(1, "not_compared"));
    assert!(same > 0 && unknown > 0 && same + unknown == verdicts.len(), "{verdicts:#?}");

    // A copy that was made at once is the copy that grew, but for the checkpoint that it did not see.
    let again = audited.mirror("nog-een");
    let names = |of: &Path| files(of).into_iter().filter(|path| !path.starts_with("checkpoints")).collect::<Vec<_>>();
    assert_eq!(names(&mirror), names(&again));
    for path in names(&mirror) {
        assert!(fs::read(mirror.join(&path)).expect("read") == fs::read(again.join(&path)).expect("read"), "{path}");
    }
}

#[test]
fn a_byte_changed_in_any_file_of_a_mirror_is_found() {
    let audited = Audited::new();
    let mirror = audited.mirror("spiegel");
    let broken = audited.archive.path("kapot");
    let wanted: [(&str, &[&str]); 5] = [
        ("checkpoint", &["CHECKPOINT", "ENTRY"]),
        ("checkpoints/", &["CHECKPOINT"]),
        ("tile/", &["MIRROR"]),
        ("events/", &["MIRROR", "BATCH_ROOT", "SEALED_ROOT", "SEALED_FORM", "BATCH_COUNT", "BODY_MISSING"]),
        ("mirror", &["MIRROR", "ORIGIN"]),
    ];
    for path in files(&mirror).iter().filter(|path| *path != "lock") {
        let (_, ids_of) = wanted.iter().rfind(|(prefix, _)| path.starts_with(prefix)).expect("a known file");
        let length = fs::read(mirror.join(path)).expect("read").len();
        for at in [0, length / 3, length - 2] {
            copy(&mirror, &broken);
            let mut bytes = fs::read(mirror.join(path)).expect("read");
            bytes[at] ^= 1;
            fs::write(broken.join(path), bytes).expect("written");
            let (exit, document) = audited.audit(&broken, &[]);
            assert!(matches!(exit, Some(1 | 2)), "{path} at {at}: {document:#}");
            let found = ids(&document);
            assert!(ids_of.iter().any(|id| found.iter().any(|found| found == id)), "{path} at {at}: {found:?}");
        }
        fs::remove_file(broken.join(path)).expect("removed");
        let (exit, document) = audited.audit(&broken, &[]);
        // Without `checkpoint` the notes in `checkpoints/` are still there, and the other way round.
        let is_needed = !path.starts_with("checkpoint");
        assert_eq!(exit, Some(if is_needed { 2 } else { 0 }), "without {path}: {document:#}");
    }
}

#[test]
fn a_tail_that_was_cut_off_is_found_by_a_receipt_and_a_state_of_another_log_is_refused() {
    let mut audited = Audited::new();
    let short = audited.mirror("kort");
    let state = audited.archive.path("stand").display().to_string();
    assert_eq!(audited.audit(&short, &["--state", &state]).0, Some(0));
    let anna = audited.archive.anna;
    audited.runtime.block_on(audited.archive.read_out(anna, "anna-android-nl-june"));
    let receipts = audited.archive.keys.spool(zegel_tools::keys::Actor::Source).join("receipts");
    let newest = files(&receipts).pop().expect("a receipt");
    let receipt = receipts.join(newest).display().to_string();
    let (exit, document) = audited.audit(&short, &["--checkpoint", &receipt]);
    assert_eq!((exit, ids(&document)), (Some(1), vec!["CHECKPOINT_BEYOND".to_owned()]), "{document:#}");
    let long = audited.mirror("lang");
    assert_eq!(audited.audit(&long, &["--checkpoint", &receipt]).0, Some(0));

    let other = Audited::new();
    let (exit, document) = other.audit(&other.mirror("anders"), &["--state", &state]);
    assert_eq!((exit, ids(&document)), (Some(3), vec!["STATE".to_owned()]), "{document:#}");
}

/// Copies the log of a stage.
fn mirror_of(stage: &Stage, name: &str) -> PathBuf {
    let out = stage.path(name);
    let mut zegel = command("zegel");
    zegel.args(["mirror", "--ledger", &stage.url(), "--out"]).arg(&out).arg("--trust").arg(stage.trust());
    let output = zegel.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem")).output().expect("zegel runs");
    assert!(output.status.success(), "{output:?}");
    out
}

/// A trust file beside this one that pins the root alone.
fn root_alone(trust: &Path) -> PathBuf {
    let alone = trust.with_file_name("root.txt");
    let text = fs::read_to_string(trust).expect("a trust file");
    let root: String = text.lines().filter(|line| line.starts_with("root ")).map(|line| format!("{line}\n")).collect();
    fs::write(&alone, root).expect("written");
    alone
}

/// Compares under a trust file that pins the root alone.
fn compare(trust: &Path, files: &[&Path], more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let trust = root_alone(trust);
    let mut verifier = command("zegel-verifier");
    let verifier = verifier.arg("compare").args(files).arg("--trust").arg(trust).arg("--json").args(more);
    answer(&verifier.output().expect("the verifier runs"))
}

fn register(stage: &Stage, names: &[&str]) {
    names.iter().for_each(|name| drop(stage.zegel(&["register", "custodian", "--name", name])));
}

#[test]
fn a_ledger_that_was_set_back_with_its_guard_and_went_on_otherwise_is_proven_to_have_two_histories() {
    let mut stage = Stage::new();
    register(&stage, &["Anna"]);
    assert_eq!(stage.stop(), Some(0));
    let (keys, backup) = (stage.keys(), stage.path("backup"));
    copy(&keys, &backup);
    stage.start();
    register(&stage, &["Bram", "Carla"]);
    let one = mirror_of(&stage, "een");
    let receipts = stage.path("ontvangstbewijzen");
    copy(&keys.join("spool/officer/receipts"), &receipts);
    let receipt = receipts.join(files(&receipts).pop().expect("a receipt"));
    let first = receipts.join(files(&receipts).remove(0));

    assert_eq!(stage.stop(), Some(0));
    fs::remove_dir_all(&keys).expect("removed");
    copy(&backup, &keys);
    stage.start();
    register(&stage, &["Daan"]);
    let early = mirror_of(&stage, "vroeg");
    register(&stage, &["Eva", "Fien"]);
    let other = mirror_of(&stage, "ander");

    // A copy from the stopped store is the copy from the running ledger.
    assert_eq!(stage.stop(), Some(0));
    let stored = stage.path("van-de-schijf");
    let mut ledger = command("zegel-ledger");
    let ledger = ledger.args(["mirror", "--config"]).arg(keys.join("ledger.toml")).arg("--out").arg(&stored);
    assert!(ledger.output().expect("it runs").status.success());
    let names = |of: &Path| files(of).into_iter().filter(|path| path != "lock").collect::<Vec<_>>();
    assert_eq!(names(&stored), names(&other));
    for path in names(&stored) {
        assert!(fs::read(stored.join(&path)).expect("read") == fs::read(other.join(&path)).expect("read"), "{path}");
    }

    // Each is a good log by itself: only together they tell.
    for mirror in [&one, &other] {
        let mut verifier = command("zegel-verifier");
        let output = verifier.arg("audit").arg(mirror).arg("--trust").arg(stage.trust()).arg("--json").output();
        assert_eq!(answer(&output.expect("it runs")).0, Some(0));
    }
    let (exit, document) = compare(&stage.trust(), &[&early, &other, &first], &[]);
    assert_eq!((exit, &document["verdict"]), (Some(0), &"one_history".into()), "{document:#}");

    // What was given to different people: a receipt of one history, a mirror of the other.
    let proof = stage.path("bewijs").display().to_string();
    let (exit, document) = compare(&stage.trust(), &[&receipt, &other], &["--proof", &proof]);
    assert_eq!((exit, &document["verdict"]), (Some(2), &"fork".into()), "{document:#}");
    let (exit, document) = compare(&stage.trust(), &[Path::new(&proof)], &[]);
    assert_eq!((exit, &document["verdict"]), (Some(2), &"fork".into()), "{document:#}");
    assert_eq!(document["forks"][0]["by"], "prefix");

    // Without a log between them, two sizes are not called one history.
    let note = |mirror: &Path| mirror.join("checkpoint");
    let trusted = |files: &[&Path]| {
        let mut verifier = command("zegel-verifier");
        let verifier = verifier.arg("compare").args(files).arg("--trust").arg(stage.trust()).arg("--json");
        answer(&verifier.output().expect("it runs"))
    };
    let (exit, document) = trusted(&[&note(&early), &note(&other)]);
    assert_eq!((exit, &document["verdict"]), (Some(1), &"not_compared".into()), "{document:#}");
    // Under the root alone, a note by itself says nothing.
    let (exit, document) = compare(&stage.trust(), &[&note(&early)], &[]);
    assert_eq!((exit, &document["verdict"]), (Some(3), &"not_checked".into()), "{document:#}");
}
