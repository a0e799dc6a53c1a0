//! From the bytes of one chat text to records.
//!
//! Two passes. The first finds every line whose header has the shape of the first line's, and decides the date order over all
//! of them; the second cuts the file at the headers that are dates in that order. Only then are bytes copied, after the
//! limits are checked.

use super::date_order::{self, DateOrder, Dated, Interpretation};
use super::header::{self, Clock, Header, Platform};
use super::kind::{self, Around, Kind};
use super::limits::{FILE_BYTES_MAX, RECORD_TEXT_BYTES_MAX, RECORDS_MAX, SENDER_BYTES_MAX};
use super::record::{LocalFit, Occurred, Precision, Record};
use super::{attachment, marks, notice};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// What the file does not say and the reader must.
#[derive(Clone, Debug)]
pub struct Options {
    /// The zone that the phone was set to when it wrote the read-out.
    pub time_zone: TimeZone,
    /// The order of the numbers in dates, for a file that does not decide it.
    pub date_order: Option<DateOrder>,
}

/// A chat text, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readout {
    /// What all its headers have in common.
    pub format: Format,
    /// In the order of the file, which is not always the order of time.
    pub records: Vec<Record>,
}

/// How the headers of a file are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Which kind of phone wrote it.
    pub platform: Platform,
    /// Its clock.
    pub clock: Clock,
    /// The width of its times.
    pub precision: Precision,
    /// The order of the numbers in its dates.
    pub date_order: DateOrder,
    /// Who says so.
    pub date_order_from: DateOrderFrom,
}

/// Who decided the date order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrderFrom {
    /// The dates of the file leave one order.
    File,
    /// The caller; the file leaves more than one, or has lines of both.
    Option,
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing to read.
    #[error("the chat text is empty")]
    Empty,
    /// Above [`FILE_BYTES_MAX`].
    #[error("the chat text has {got} bytes, at most {max} are read")]
    FileTooLarge {
        /// Size of the file, in bytes.
        got: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// Not a chat text, or not from its start.
    #[error("the first line «{quoted}» does not begin with a date and a time, as a chat text does")]
    FirstLineNoHeader {
        /// The line, shortened.
        quoted: String,
    },
    /// Above [`RECORDS_MAX`].
    #[error("the chat text has more than {max} messages")]
    TooManyRecords {
        /// The limit.
        max: usize,
    },
    /// Above [`RECORD_TEXT_BYTES_MAX`].
    #[error("the text that starts on line {line} has {got} bytes, at most {max} are read")]
    TextTooLong {
        /// Line of its header, from 1.
        line: u64,
        /// Size of the text, in bytes.
        got: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// The file can be read in more than one way, and the caller did not say which.
    #[error("the dates can be read in {} ways, as in «{quoted}»: {}; give the order", .candidates.len(), listed(.candidates))]
    DateOrderUndecided {
        /// The first line, shortened.
        quoted: String,
        /// First and last date under each order.
        candidates: Vec<Interpretation>,
    },
    /// Headers of two orders: one kind is pasted in from another phone.
    #[error("no one order reads all dates: {}; give the order", refusals(.refused_by))]
    DateOrderMixed {
        /// Each order with the first line that refuses it, from 1.
        refused_by: Vec<(DateOrder, u64)>,
    },
    /// The order that was given is not that of the file.
    #[error("line {line} «{quoted}» is no date in the order {given} that was given")]
    DateOrderContradicted {
        /// What was given.
        given: DateOrder,
        /// First line that contradicts it, from 1.
        line: u64,
        /// The line, shortened.
        quoted: String,
    },
    /// A date that no clock can have in this zone.
    #[error("the time on line {line} is outside what can be counted")]
    TimeOutOfRange {
        /// The line, from 1.
        line: u64,
    },
}

fn listed(candidates: &[Interpretation]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn refusals(refused_by: &[(DateOrder, u64)]) -> String {
    refused_by.iter().map(|(order, line)| format!("line {line} is not {order}")).collect::<Vec<_>>().join(", ")
}

/// Reads a chat text of WhatsApp on Android or iPhone. Fails on a file that is not one, on dates that it cannot decide, and
/// above the limits of this module; never on what people wrote, valid UTF-8 or not.
pub fn parse(file: &[u8], options: &Options) -> Result<Readout, ParseError> {
    if file.len() > FILE_BYTES_MAX {
        return Err(ParseError::FileTooLarge { got: file.len(), max: FILE_BYTES_MAX });
    }
    if file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file).is_empty() {
        return Err(ParseError::Empty);
    }
    let mut heads = find_heads(file, options.date_order)?;
    let (shape, first) = (heads[0].header.shape, heads[0].header.date);
    let open = date_order::open_orders(shape.year, first, options.date_order);
    let all: Vec<_> = heads.iter().map(Head::dated).collect();
    let order = date_order::decide(&all, shape.year, &open, options.date_order)?;
    let from = match date_order::decide(&all, shape.year, &open, None) {
        Ok(decided) if decided == order => DateOrderFrom::File,
        _ => DateOrderFrom::Option,
    };
    drop(all);
    if order.date(first, shape.year).is_none() {
        // Only a given order can refuse the first line, and no record would hold that line.
        let quoted = marks::quote(heads[0].whole_line);
        return Err(ParseError::DateOrderContradicted { given: order, line: 1, quoted });
    }
    heads.retain(|head| order.date(head.header.date, shape.year).is_some());
    let precision = if shape.seconds { Precision::Second } else { Precision::Minute };
    let (platform, clock) = (shape.platform, shape.clock());
    let format = Format { platform, clock, precision, date_order: order, date_order_from: from };
    let ends = heads.iter().skip(1).map(|head| head.start).chain([file.len()]);
    let cut = heads.iter().zip(ends).map(|(head, end)| record(head, &file[head.start..end], &format, options));
    Ok(Readout { format, records: cut.collect::<Result<_, _>>()? })
}

/// A line that may start a record.
struct Head<'a> {
    line: u64,
    start: usize,
    whole_line: &'a [u8],
    header: Header<'a>,
}

impl<'a> Head<'a> {
    fn dated(&self) -> Dated<'a> {
        Dated { line: self.line, numbers: self.header.date, quoted: self.whole_line }
    }
}

fn no_header(file: &[u8]) -> ParseError {
    let line = file.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    ParseError::FirstLineNoHeader { quoted: marks::quote(line) }
}

/// All lines with a header of the first line's shape and a date in at least one order. Never empty.
fn find_heads(file: &[u8], given: Option<DateOrder>) -> Result<Vec<Head<'_>>, ParseError> {
    let first = header::parse(file).ok_or_else(|| no_header(file))?;
    let open = date_order::open_orders(first.shape.year, first.date, given);
    let is_date = |header: &Header<'_>| open.iter().any(|order| order.date(header.date, header.shape.year).is_some());
    if !is_date(&first) {
        return Err(no_header(file));
    }
    let (mut heads, mut start) = (Vec::new(), 0);
    for (line, whole_line) in (1..).zip(file.split_inclusive(|byte| *byte == b'\n')) {
        if let Some(header) = header::parse(whole_line).filter(|header| header.shape == first.shape && is_date(header))
        {
            if heads.len() == RECORDS_MAX {
                return Err(ParseError::TooManyRecords { max: RECORDS_MAX });
            }
            heads.push(Head { line, start, whole_line, header });
        }
        start += whole_line.len();
    }
    Ok(heads)
}

fn record(head: &Head<'_>, bytes: &[u8], format: &Format, options: &Options) -> Result<Record, ParseError> {
    let body = &bytes[head.header.size..];
    let (name, separator) = split_sender(body);
    let text = &body[separator..];
    if text.len() > RECORD_TEXT_BYTES_MAX {
        return Err(ParseError::TextTooLong { line: head.line, got: text.len(), max: RECORD_TEXT_BYTES_MAX });
    }
    let written_by_app = text.starts_with(marks::APP.as_bytes());
    let sender = name.filter(|_| !(written_by_app && kind::is_notice_under_name(text)));
    let platform = format.platform;
    let attachments = match sender {
        Some(_) => attachment::of(text, platform, head.header.marked),
        None => Vec::new(),
    };
    let around = Around { platform, written_by_app, has_attachment: !attachments.is_empty() };
    let kind = if sender.is_some() { kind::of_message(text, &around) } else { kind::of_notice(text) };
    Ok(Record {
        line: head.line,
        as_written: bytes[..head.header.size + separator].to_vec(),
        text: text.to_vec(),
        occurred: occurred(head, format, &options.time_zone)?,
        meta_ai: sender.is_some() && kind != Kind::System && addresses_meta_ai(text),
        sender,
        kind,
        written_by_app,
        attachments,
    })
}

/// The name before the first `: ` of the first line, and where the text starts. A line that starts with U+200E is a notice,
/// whatever colon it holds.
fn split_sender(body: &[u8]) -> (Option<String>, usize) {
    let line = body.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let within = &line[..line.len().min(SENDER_BYTES_MAX + 2)];
    let colon = within.windows(2).position(|two| two == b": ").filter(|at| *at > 0);
    match colon {
        Some(at) if !line.starts_with(marks::APP.as_bytes()) && !notice::quotes_a_colon(line) => {
            (Some(marks::without_direction(&String::from_utf8_lossy(&line[..at]))), at + 2)
        }
        _ => (None, 0),
    }
}

/// A mention stands between U+2068 and U+2069 in newer read-outs, so marks are ignored.
fn addresses_meta_ai(text: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&text[..text.len().min(64)]);
    let words = marks::without_direction(&start);
    words.strip_prefix("@Meta AI").is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn occurred(head: &Head<'_>, format: &Format, zone: &TimeZone) -> Result<Occurred, ParseError> {
    let out_of_range = || ParseError::TimeOutOfRange { line: head.line };
    let header = &head.header;
    let date = format.date_order.date(header.date, header.shape.year).ok_or_else(out_of_range)?;
    let ambiguous = zone.to_ambiguous_timestamp(date.at(header.hour, header.minute, header.second, 0));
    let fit = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => LocalFit::Once,
        AmbiguousOffset::Fold { .. } => LocalFit::Twice,
        AmbiguousOffset::Gap { .. } => LocalFit::Never,
    };
    // Compatible: the earlier of two, and for none the offset from before the gap.
    let at_ms = ambiguous.compatible().map_err(|_| out_of_range())?.as_millisecond();
    let as_written = String::from_utf8_lossy(&head.whole_line[header.local.clone()]).into_owned();
    Ok(Occurred { at_ms, precision: format.precision, fit, as_written })
}
