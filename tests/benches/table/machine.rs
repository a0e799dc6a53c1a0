//! Which machine this is: a number without its machine is no result.

use std::fs;
use std::process::Command;

/// Flags that decide how fast hashes and signatures are.
const FLAGS: [&str; 8] = ["aes", "avx2", "avx512f", "avx512ifma", "pclmulqdq", "sha_ni", "vaes", "vpclmulqdq"];

fn first_line(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("not found").trim().to_owned()
}

/// Waits until what the last step wrote is on the disk: the next one's syncs are to wait for their own bytes.
pub fn settle() {
    let _ = Command::new("sync").status();
}

/// Name and value of everything that a reader needs to judge the figures.
pub fn describe() -> Vec<(String, String)> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or_else(String::new, |(_, value)| value.to_owned())
    };
    let flags = field("flags");
    let (has, lacks): (Vec<&str>, Vec<&str>) =
        FLAGS.iter().partition(|flag| flags.split(' ').any(|found| found == **flag));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: f64 = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut described = vec![
        ("machine".to_owned(), format!("{} cores, {}, {:.0} GiB", cores, field("model name"), kib / 1_048_576.0)),
        ("CPU flags".to_owned(), format!("{}; not: {}", has.join(" "), lacks.join(" "))),
        ("system".to_owned(), first_line("uname", &["-sr"])),
        ("compiler".to_owned(), first_line("rustc", &["--version"])),
        (
            "commit".to_owned(),
            first_line("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]),
        ),
        ("date".to_owned(), first_line("date", &["-u", "+%FT%TZ"])),
        ("between steps".to_owned(), "`sync`: nobody's syncs wait for what another step wrote".to_owned()),
        ("load average at the start".to_owned(), load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
    ];
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap_or_default();
    let version = |name: &str| {
        // Of several versions the newest stands last, and is ours.
        let named = format!("name = \"{name}\"\n");
        let after = lock.rsplit(&named).next().unwrap_or_default();
        after.lines().next().and_then(|line| line.split('"').nth(1)).unwrap_or("?").to_owned()
    };
    let crates =
        ["librocksdb-sys", "sha2", "ed25519-dalek", "tonic", "rustls"].map(|name| format!("{name} {}", version(name)));
    described.push(("crates".to_owned(), crates.join(", ")));
    described
}
