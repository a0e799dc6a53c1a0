//! `zegel demo`: the main job from end to end, as its users would type it, and then a cheater's work.
//!
//! Everything is real: child processes of the commands beside this one, a ledger over TLS on a port that the system chose,
//! RocksDB, signatures. What is made stays in a folder, with the next commands to try.

use super::Outcome;
use clap::Args;
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use thiserror::Error;
use zegel_tools::demo::bagged::Bagged;
use zegel_tools::demo::cheats::{CHEATS, Cheat, NothingToCheat};

const ORIGIN: &str = "chat.example.nl/minbzk";
const CUSTODIAN: &str = "Anna de Vries";
const OTHER: &str = "Bram Bakker";
const GROUP: &str = "Dossier Veerhaven";
/// A ledger opens an empty store in well under a second.
const START_SECONDS_MAX: u64 = 30;

/// Arguments of `zegel demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// Folder to make; by default `zegel-demo` here. It must not be there.
    #[arg(long, default_value = "zegel-demo")]
    out: PathBuf,
    /// Folder with the read-outs.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/whatsapp"))]
    readouts: PathBuf,
}

/// Why the demo stops.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// A folder that is there.
    #[error("{path} is there already: remove it, or name another with --out")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file or process.
    #[error("{what}: {reason}")]
    Failed {
        /// What was tried.
        what: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Nothing to try a cheat on.
    #[error(transparent)]
    Nothing(#[from] NothingToCheat),
    /// A step that ended otherwise than it must.
    #[error("{what} ended with {found}, wanted {wanted}:\n{said}")]
    Unexpected {
        /// The step.
        what: String,
        /// Exit code or refusal found.
        found: String,
        /// Wanted.
        wanted: String,
        /// What it printed.
        said: String,
    },
}

fn failed<T: ToString>(what: T) -> impl FnOnce(io::Error) -> DemoError {
    move |reason| DemoError::Failed { what: what.to_string(), reason }
}

struct Stage {
    out: PathBuf,
    readouts: PathBuf,
    url: String,
    ledger: Child,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The demo is over, or has failed: its ledger must not outlive it.
        _ = self.ledger.kill();
        _ = self.ledger.wait();
    }
}

/// Runs the demo.
pub(crate) fn run(demo: &Demo) -> Result<Outcome, super::CommandError> {
    Ok(play(demo)?)
}

fn play(demo: &Demo) -> Result<Outcome, DemoError> {
    if demo.out.exists() {
        return Err(DemoError::Exists { path: demo.out.clone() });
    }
    fs::create_dir_all(&demo.out).map_err(failed(demo.out.display()))?;
    let keys = demo.out.join("ministry");
    say("1. A ministry makes its keys; the root key is what an inspector will trust.");
    let text = keys.display().to_string();
    succeed(beside("zegel")?.args([
        "init",
        &text,
        "--plain",
        "--origin",
        ORIGIN,
        "--ministry",
        "Ministerie van Voorbeeld",
    ]))?;
    say("2. A ledger starts, over TLS; it will never see a word of what it keeps.");
    let (ledger, url) = start(&keys, &demo.out)?;
    let stage = Stage { out: demo.out.clone(), readouts: demo.readouts.clone(), url, ledger };
    stage.fill()?;
    let bundle = stage.export()?;
    stage.verify(&bundle)?;
    let refused = stage.cheat(&bundle)?;
    Ok(told(&stage, &bundle, refused))
}

/// Commands stand beside this one.
fn beside(name: &str) -> Result<Command, DemoError> {
    let here = std::env::current_exe().map_err(failed("this program"))?;
    Ok(Command::new(here.with_file_name(name)))
}

fn start(keys: &Path, out: &Path) -> Result<(Child, String), DemoError> {
    let ready = out.join("ledger.address");
    let log = fs::File::create(out.join("ledger.log")).map_err(failed("ledger.log"))?;
    let mut command = beside("zegel-ledger")?;
    command.arg("serve").arg("--config").arg(keys.join("ledger.toml")).arg("--ready-file").arg(&ready);
    let mut ledger = command.stdout(Stdio::null()).stderr(log).spawn().map_err(failed("zegel-ledger"))?;
    let started = Instant::now();
    loop {
        if let Ok(address) = fs::read_to_string(&ready) {
            let port = address.trim().rsplit(':').next().unwrap_or_default();
            return Ok((ledger, format!("https://localhost:{port}")));
        }
        let ended = ledger.try_wait().map_err(failed("zegel-ledger"))?;
        if ended.is_some() || started.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
            _ = ledger.kill();
            let said = fs::read_to_string(out.join("ledger.log")).unwrap_or_default();
            let found = ended.map_or("no word".into(), |status| status.to_string());
            return Err(DemoError::Unexpected {
                what: "zegel-ledger".into(),
                found,
                wanted: "an address".into(),
                said,
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn say(line: &str) {
    eprintln!("\n{line}");
}

/// Runs a command that must succeed, and repeats what it says.
fn succeed(command: &mut Command) -> Result<String, DemoError> {
    let output = command.output().map_err(failed(format!("{command:?}")))?;
    let said = both(&output);
    if output.status.success() {
        said.lines().for_each(|line| eprintln!("   {line}"));
        return Ok(said);
    }
    let (what, found) = (format!("{command:?}"), output.status.to_string());
    Err(DemoError::Unexpected { what, found, wanted: "exit status: 0".into(), said })
}

fn both(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

impl Stage {
    fn zegel(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let mut command = beside("zegel")?;
        command.args(arguments).arg("--keys").arg(self.out.join("ministry")).args(["--ledger", &self.url]);
        succeed(&mut command)
    }

    fn import(&self, readout: &str, custodian: &str) -> Result<(), DemoError> {
        let path = self.readouts.join(readout).display().to_string();
        self.zegel(&[
            "import",
            "whatsapp",
            &path,
            "--custodian",
            custodian,
            "--conversation",
            GROUP,
            "--timezone",
            "Europe/Amsterdam",
            "--operator",
            "uitleesbalie",
            "--skipped",
            "Familie=private",
        ])?;
        Ok(())
    }

    fn fill(&self) -> Result<(), DemoError> {
        say("3. Genesis, and the officer registers two custodians and the group that both are in.");
        self.zegel(&["bootstrap"])?;
        for (name, account) in
            [(CUSTODIAN, "whatsapp:+31611111111:business"), (OTHER, "whatsapp:+31622222222:business")]
        {
            self.zegel(&["register", "custodian", "--name", name, "--account", account])?;
        }
        self.zegel(&["register", "conversation", "--title", GROUP, "--channel", "whatsapp", "--kind", "group"])?;
        say("4. Two phones are read out: an Android and an iPhone, two views of one group.");
        self.import("anna-android-nl", CUSTODIAN)?;
        self.import("bram-ios-nl", OTHER)?;
        say("5. A month later the first phone comes again: only what is new is added, what has changed is seen.");
        self.import("anna-android-nl-june", CUSTODIAN)
    }

    fn export(&self) -> Result<PathBuf, DemoError> {
        say("6. A committee orders all of one custodian; the officer exports and signs.");
        let bundle = self.out.join("bundle");
        let path = bundle.display().to_string();
        let recipient =
            ["--recipient", "Parlementaire enquêtecommissie", "--case", "PE-2026-3", "--nonce", "bestelling-7"];
        let mut arguments = vec!["export", "--custodian", CUSTODIAN, "--out", &path];
        arguments.extend(recipient);
        self.zegel(&arguments)?;
        Ok(bundle)
    }

    fn verifier(&self, verb: &str, bundle: &Path, more: &[&str]) -> Result<Output, DemoError> {
        let mut command = beside("zegel-verifier")?;
        command.arg(verb).arg(bundle).arg("--trust").arg(self.out.join("ministry/trust.txt")).args(more);
        command.output().map_err(failed(format!("{command:?}")))
    }

    fn verify(&self, bundle: &Path) -> Result<(), DemoError> {
        say("7. The committee verifies, off line, with the trust file and nothing else.");
        let output = self.verifier("verify", bundle, &["--nonce", "bestelling-7", "--lang", "nl"])?;
        let said = both(&output);
        said.lines().for_each(|line| eprintln!("   {line}"));
        expect("zegel-verifier verify", &output, 0)?;
        say("8. And reads the timeline that was verified (its last lines).");
        let output = self.verifier("show", bundle, &["--lang", "nl"])?;
        expect("zegel-verifier show", &output, 0)?;
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = shown.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(14)).for_each(|line| eprintln!("   {line}"));
        Ok(())
    }

    /// Each cheat in a copy with right checksums; each must be refused for its own reason.
    fn cheat(&self, bundle: &Path) -> Result<usize, DemoError> {
        say("9. Now somebody cheats, and makes the checksums of the bag right again each time.");
        let copy = self.out.join("cheated");
        for cheat in CHEATS {
            let mut bagged = Bagged::read(bundle).map_err(failed("the bundle"))?;
            (cheat.apply)(&mut bagged)?;
            bagged.write(bundle, &copy).map_err(failed("the copy"))?;
            self.must_refuse(cheat, &copy)?;
            fs::remove_dir_all(&copy).map_err(failed("the copy"))?;
        }
        let output = self.verifier("verify", bundle, &["--nonce", "bestelling-8", "--json"])?;
        expect("an older bundle than was ordered", &output, 2)?;
        eprintln!("   NONCE              een ouder pakket geven dan er is besteld");
        Ok(CHEATS.len() + 1)
    }

    fn must_refuse(&self, cheat: &Cheat, copy: &Path) -> Result<(), DemoError> {
        let output = self.verifier("verify", copy, &["--json"])?;
        expect(cheat.en, &output, 2)?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let id = report["reason"]["id"].as_str().unwrap_or_default();
        if !cheat.refused_as.contains(&id) {
            let (what, wanted) = (cheat.en.into(), cheat.refused_as.join(" or "));
            return Err(DemoError::Unexpected { what, found: id.into(), wanted, said: both(&output) });
        }
        eprintln!("   {id:<18} {}", cheat.nl);
        Ok(())
    }
}

fn expect(what: &str, output: &Output, wanted: i32) -> Result<(), DemoError> {
    if output.status.code() == Some(wanted) {
        return Ok(());
    }
    let wanted = format!("exit status: {wanted}");
    Err(DemoError::Unexpected { what: what.into(), found: output.status.to_string(), wanted, said: both(output) })
}

fn told(stage: &Stage, bundle: &Path, refused: usize) -> Outcome {
    let (bundle, trust) = (bundle.display().to_string(), stage.out.join("ministry/trust.txt").display().to_string());
    let text = format!(
        "\nThe bundle verified; {refused} ways to cheat were refused, each for its own reason. Try next:\n\
         \n  zegel-verifier show {bundle} --trust {trust}\n  zegel-verifier verify {bundle} --trust {trust} --json\n\
         \n(the commands lie beside this one; the ledger has stopped, its store is in {})",
        stage.out.join("ministry/store").display()
    );
    Outcome::done(text, json!({ "bundle": bundle, "trust": trust, "cheats_refused": refused }))
}
