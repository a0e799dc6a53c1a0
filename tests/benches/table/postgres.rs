//! What a user would take instead: PostgreSQL, one table, hash-chained by a trigger, synchronous commit, batched inserts
//! over a local socket. No tree, no proofs, no signatures, and the events are taken as they come.

use crate::page::{Row, count, ratio};
use crate::raw::EVENT_BYTES;
use crate::{Scale, failed};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const WORK: &str = "PostgreSQL: the same events in one table, chained by a trigger, batches of 256";
const BATCH: usize = 256;
/// Bytes of a header; the rest of an event is what is sealed.
const HEADER_BYTES: usize = 150;

const SCHEMA: &str = "
CREATE TABLE event (id bigint PRIMARY KEY, header bytea NOT NULL, sealed bytea NOT NULL, hash bytea NOT NULL);
CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last event%ROWTYPE;
BEGIN
  PERFORM pg_advisory_xact_lock(1);
  SELECT * INTO last FROM event ORDER BY id DESC LIMIT 1;
  NEW.id := coalesce(last.id, 0) + 1;
  NEW.hash := sha256(coalesce(last.hash, ''::bytea) || NEW.header || NEW.sealed);
  RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION chain();
";

pub fn measure(folder: &Path, scale: Scale, ingest: Option<f64>) -> Row {
    let Some(bin) = programs() else {
        return failed(100, WORK, "PostgreSQL is not installed (apt-get install postgresql)");
    };
    match Server::new(&bin, folder).and_then(|server| server.load(scale)) {
        Ok((rate, version)) => Row {
            place: 100,
            work: WORK.into(),
            target: "–".into(),
            found: format!("{} events/s", count(rate)),
            value: rate,
            met: None,
            beside: ingest.map_or_else(String::new, |ingest| format!("ingest above: {} events/s", count(ingest))),
            ratio: ingest.map_or_else(String::new, |ingest| format!("Zegel is {} ×", ratio(ingest / rate))),
            remark: format!(
                "{version}; synchronous_commit on, settings as Debian has them; the better of 1 and 4 clients"
            ),
        },
        Err(reason) => failed(100, WORK, &reason),
    }
}

/// The folder of `initdb` and `postgres`, newest version first.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    versions.into_iter().rev().find(|bin| bin.join("initdb").exists())
}

struct Server {
    bin: PathBuf,
    folder: PathBuf,
}

/// PostgreSQL refuses to be root.
fn unprivileged(program: &Path) -> Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.stdin(Stdio::null());
    command
}

fn succeeds(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|reason| format!("{command:?}: {reason}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(errors.lines().last().unwrap_or("it failed without a word").to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Server {
    fn new(bin: &Path, folder: &Path) -> Result<Self, String> {
        // Beside the folder of the benchmark, on the same disk: that one is for its owner only.
        let name = format!("{}-postgres", folder.file_name().and_then(|name| name.to_str()).unwrap_or("zegel-bench"));
        let server = Self { bin: bin.into(), folder: folder.with_file_name(name) };
        fs::create_dir_all(&server.folder).map_err(|reason| reason.to_string())?;
        _ = succeeds(Command::new("chown").args(["postgres"]).arg(&server.folder));
        let data = server.folder.join("data");
        succeeds(unprivileged(&bin.join("initdb")).args(["--no-sync", "-A", "trust", "-U", "bench", "-D"]).arg(&data))?;
        let options = format!("-c listen_addresses= -c synchronous_commit=on -k {}", server.folder.display());
        let log = server.folder.join("log");
        let mut start = unprivileged(&bin.join("pg_ctl"));
        start
            .args(["start", "-w", "-o", &options, "-D"])
            .arg(&data)
            .arg("-l")
            .arg(log)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = start.status().map_err(|reason| reason.to_string())?;
        if !started.success() {
            return Err("PostgreSQL did not start".into());
        }
        Ok(server)
    }

    fn psql(&self) -> Command {
        let mut psql = unprivileged(&self.bin.join("psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "bench", "-d", "postgres", "-h"]).arg(&self.folder);
        psql
    }

    fn load(&self, scale: Scale) -> Result<(f64, String), String> {
        let version = succeeds(self.psql().args(["-At", "-c", "SHOW server_version"]))?;
        let batches = self.write_batches(200)?;
        let mut best = 0f64;
        for clients in [1, 4] {
            succeeds(self.psql().args(["-c", "DROP TABLE IF EXISTS event CASCADE; DROP FUNCTION IF EXISTS chain"]))?;
            succeeds(self.psql().args(["-c", SCHEMA]))?;
            best = best.max(self.insert(&batches, clients, Duration::from_secs(scale.short_seconds))?);
        }
        Ok((best, format!("PostgreSQL {version}")))
    }

    /// Clients that insert the batches again and again until the time is over.
    fn insert(&self, batches: &Path, clients: usize, time: Duration) -> Result<f64, String> {
        let begun = Instant::now();
        let client = || {
            let mut rounds = 0;
            while begun.elapsed() < time {
                succeeds(self.psql().arg("-f").arg(batches))?;
                rounds += 1;
            }
            Ok::<usize, String>(rounds)
        };
        let rounds: Result<Vec<usize>, String> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
            running.into_iter().map(|client| client.join().unwrap_or(Err("a client failed".into()))).collect()
        });
        let took = begun.elapsed().as_secs_f64();
        let written: f64 =
            succeeds(self.psql().args(["-At", "-c", "SELECT count(*) FROM event"]))?.parse().unwrap_or(0.0);
        let wanted = (rounds?.iter().sum::<usize>() * 200 * BATCH) as f64;
        if written == wanted { Ok(written / took) } else { Err(format!("{written} events are there, wanted {wanted}")) }
    }

    /// A file of transactions, each one insert of a batch.
    fn write_batches(&self, count: usize) -> Result<PathBuf, String> {
        let path = self.folder.join("batches.sql");
        let mut file = BufWriter::new(File::create(&path).map_err(|reason| reason.to_string())?);
        let mut seed = 1u64;
        let mut random = |bytes: usize| {
            let mut text = String::with_capacity(bytes * 2);
            for _ in 0..bytes {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                _ = write!(text, "{:02x}", (seed >> 40) as u8);
            }
            text
        };
        for _ in 0..count {
            let rows: Vec<String> = (0..BATCH)
                .map(|_| format!("('\\x{}','\\x{}')", random(HEADER_BYTES), random(EVENT_BYTES - HEADER_BYTES)))
                .collect();
            writeln!(file, "INSERT INTO event (header, sealed) VALUES {};", rows.join(","))
                .map_err(|e| e.to_string())?;
        }
        file.flush().map_err(|reason| reason.to_string())?;
        Ok(path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        _ = succeeds(unprivileged(&self.bin.join("pg_ctl")).args(["stop", "-m", "immediate", "-D"]).arg(data));
        _ = fs::remove_dir_all(&self.folder);
    }
}
