//! A custodian whose chats came in four ways: WhatsApp, Signal, screenshots, Matrix.

use crate::Stage;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The custodian of all of them.
pub const CUSTODIAN: &str = "Anna de Vries";

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/fixtures").join(name);
    path.display().to_string()
}

/// What a stage's import answered, and all that was printed.
struct Imported {
    chat: Value,
    printed: String,
}

fn import(stage: &Stage, arguments: &[&str]) -> Imported {
    let common = ["--custodian", CUSTODIAN, "--json"];
    let arguments: Vec<_> = ["import"].iter().chain(arguments).chain(&common).copied().collect();
    let output = stage.try_zegel(&arguments);
    let printed = [output.stdout.clone(), output.stderr].concat();
    let printed = String::from_utf8(printed).expect("text");
    assert!(output.status.success(), "{arguments:?}: {printed}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
    Imported { chat: document["result"]["chats"][0].clone(), printed }
}

/// A ministry with the custodian and three conversations, and a folder of screenshots of one of them.
///
/// # Panics
/// If the folder cannot be written.
#[must_use]
pub fn stage() -> (Stage, String) {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", CUSTODIAN]);
    for channel in ["WhatsApp", "Signal", "Matrix"] {
        stage.zegel(&["register", "conversation", "--title", &format!("Veerhaven {channel}"), "--channel", channel]);
    }
    let shots = screenshots(&stage).display().to_string();
    (stage, shots)
}

fn screenshots(stage: &Stage) -> PathBuf {
    let folder = stage.path("screenshots");
    std::fs::create_dir(&folder).expect("a folder");
    let image = std::fs::read(fixture("whatsapp/anna-android-nl/IMG-20260504-WA0001.png")).expect("an image");
    std::fs::write(folder.join("een.png"), &image).expect("written");
    std::fs::write(folder.join("twee.png"), [&image[..], b"\n"].concat()).expect("written");
    let sheet = "file;made_by;made_at;shown_from;transcription;transcribed_by\n\
                 een.png;informatiebeheer;2026-05-06 10:00;2026-05-05 08:30;Carla: tot zo;Bram Bakker\n\
                 twee.png;informatiebeheer;2026-05-06 10:01;;;\n";
    std::fs::write(folder.join("screenshots.csv"), sheet).expect("written");
    folder
}

/// Imports all four; gives records, new ones, and all that was printed.
///
/// # Panics
/// If an import fails.
#[must_use]
pub fn import_all(stage: &Stage, shots: &str) -> (u64, u64, String) {
    let whatsapp = fixture("whatsapp/anna-android-nl");
    let (signal, matrix) = (fixture("signal/may"), fixture("matrix/federation-v11.jsonl"));
    let keys = fixture("matrix/server-keys.json");
    let all = [
        import(
            stage,
            &["whatsapp", &whatsapp, "--conversation", "Veerhaven WhatsApp", "--timezone", "Europe/Amsterdam"],
        ),
        import(stage, &["signal", &signal, "--chat", "Dossier Veerhaven=Veerhaven Signal"]),
        import(stage, &["screenshots", shots, "--conversation", "Veerhaven Signal"]),
        import(stage, &["matrix", &matrix, "--conversation", "Veerhaven Matrix", "--server-keys", &keys]),
    ];
    let sum = |of: &dyn Fn(&Value) -> &Value| all.iter().map(|each| of(&each.chat).as_u64().expect("a number")).sum();
    let (records, new) = (sum(&|chat| &chat["records"]), sum(&|chat| &chat["counts"]["new"]));
    (records, new, all.map(|each| each.printed).concat())
}
