//! `zegel coverage`: account × month, secured in time or not, from verified bundles.

use super::{CommandError, Outcome};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use zegel_tools::disclose::cell;
use zegel_tools::documents::{ReadingError, verified};
use zegel_verifier::bundle::Report;
use zegel_verifier::bundle::secured::{AccountMonth, Timeliness};

/// Arguments of `zegel coverage`.
#[derive(Args)]
pub(crate) struct Coverage {
    /// Bundles of custodians, all months: BagIt folders, or .zip files of one.
    #[arg(required = true)]
    bundles: Vec<PathBuf>,
    /// Trust file of the log.
    #[arg(long)]
    trust: PathBuf,
    /// Names and numbers are left out: `Functionaris 1`.
    #[arg(long)]
    without_names: bool,
    /// Writes the same as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// One row, with the name that its reader may see.
struct Row<'a> {
    person: String,
    account: String,
    month: &'a AccountMonth,
}

/// Tells coverage.
pub(crate) fn run(arguments: &Coverage) -> Result<Outcome, CommandError> {
    let reports: Vec<Report> =
        arguments.bundles.iter().map(|bundle| verified(bundle, &arguments.trust)).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for (number, report) in reports.iter().enumerate() {
        if report.secured.is_empty() {
            let path = arguments.bundles[number].display();
            let reason = format!("{path} says nothing of coverage: wanted a custodian with a read-out, all months");
            return Err(CommandError::Usage { reason });
        }
        rows.extend(report.secured.iter().map(|month| row(number, report, month, arguments.without_names)));
    }
    if let Some(path) = &arguments.csv {
        write_csv(path, &rows).map_err(|reason| CommandError::Reading(ReadingError::Spool(reason)))?;
    }
    let bad = rows.iter().filter(|row| matches!(row.month.status, Timeliness::Late | Timeliness::Missed)).count();
    let document: Vec<_> = rows.iter().map(|row| json!({ "person": row.person, "account": row.account, "month": row.month.month, "channel": row.month.channel, "status": row.month.status, "days_between": row.month.days_between, "gaps": row.month.gaps })).collect();
    Ok(Outcome::with_findings(told(&rows), json!(document), bad))
}

fn row<'a>(number: usize, report: &'a Report, month: &'a AccountMonth, without_names: bool) -> Row<'a> {
    let name = report.names.get(&month.custodian).cloned().unwrap_or_else(|| format!("{}…", &month.custodian[..8]));
    match without_names {
        true => Row { person: format!("Functionaris {}", number + 1), account: String::new(), month },
        false => Row { person: name, account: month.account.clone(), month },
    }
}

fn word(status: Timeliness) -> &'static str {
    match status {
        Timeliness::Secured => "secured",
        Timeliness::Late => "late",
        Timeliness::Missed => "missed",
        Timeliness::Running => "running",
        Timeliness::OutOfScope => "out of scope",
    }
}

fn told(rows: &[Row<'_>]) -> String {
    let line = |row: &Row<'_>| {
        let AccountMonth { channel, month, status, days_between, gaps, .. } = row.month;
        let gaps = if gaps.is_empty() { String::new() } else { format!("  declared: {}", gaps.join(", ")) };
        let days = if *status == Timeliness::OutOfScope { String::new() } else { format!("  {days_between} days") };
        let (year, month) = (month / 100, month % 100);
        format!("{}  {channel} {}  {year:04}-{month:02}  {}{days}{gaps}", row.person, row.account, word(*status))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn write_csv(path: &std::path::Path, rows: &[Row<'_>]) -> std::io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(b"\xef\xbb\xbfPersoon;Kanaal;Account;Maand;Status;Dagen tussen;Verklaarde gaten\r\n")?;
    for row in rows {
        let month = row.month;
        let gaps = month.gaps.join(", ");
        let cells = [
            cell(&row.person),
            cell(&month.channel),
            cell(&row.account),
            format!("{:04}-{:02}", month.month / 100, month.month % 100),
            word(month.status).into(),
            month.days_between.to_string(),
            cell(&gaps),
        ];
        let quoted = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        file.write_all(format!("{}\r\n", quoted.join(";")).as_bytes())?;
    }
    file.sync_all()
}
