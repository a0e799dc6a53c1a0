//! What a process takes of this machine, from `/proc`: processor time, memory, and which process listens on a port.

use std::fs;
use std::path::Path;

/// Ticks of processor time in a second: the kernel's `USER_HZ`, 100 on every Linux that this runs on.
const TICKS: f64 = 100.0;

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Seconds of processor time, all threads together.
    pub(super) processor_seconds: f64,
    /// Bytes in memory now.
    pub(super) resident_bytes: u64,
    /// The most that it ever was.
    pub(super) peak_bytes: u64,
}

/// Usage of a process; `None` when it is gone or not ours to see.
pub(super) fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may hold spaces: count behind it. utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    Some(Usage {
        processor_seconds: (ticks(11)? + ticks(12)?) / TICKS,
        resident_bytes: kib("VmRSS:")? * 1024,
        peak_bytes: kib("VmHWM:")? * 1024,
    })
}

/// The process on this machine that listens where `address` points to; `None` if it is elsewhere, or not ours to see.
pub(super) fn listener(address: &str) -> Option<u32> {
    let authority = address.split("://").nth(1)?.split('/').next()?;
    let (host, port) = authority.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if !["localhost", "127.0.0.1", "[::1]"].contains(&host) {
        return None;
    }
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listening(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| holds(*pid, &inodes))
}

/// Inodes of the sockets of a table that listen (state 0A) on a port.
fn listening(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == "0A";
        is_it.then(|| fields.get(9).map(|inode| (*inode).to_owned())).flatten()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    links.into_iter().any(|link| sockets.iter().any(|socket| Path::new(socket) == link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_itself_behind_its_port_and_nobody_behind_another() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        assert_eq!(listener(&format!("https://localhost:{port}")), Some(std::process::id()));
        assert_eq!(listener(&format!("https://ledger.example.nl:{port}")), None);
        drop(socket);
        assert_eq!(listener(&format!("https://localhost:{port}")), None);
    }

    #[test]
    fn a_process_takes_memory_and_one_that_is_not_there_is_none() {
        let own = usage(std::process::id()).expect("we run");
        assert!(own.resident_bytes > 0 && own.peak_bytes >= own.resident_bytes, "{own:?}");
        assert_eq!(usage(u32::MAX), None);
    }
}
