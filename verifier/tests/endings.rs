//! Content that has ended: each of the four ends by its own acts, in their order, and by the rule that the log itself names; and what a later
//! read-out leaves out as ended.

mod maker;

use maker::*;
use prost::Message;
use zegel_proto::v1::*;
use zegel_verifier::approval::{Listed, Listing};
use zegel_verifier::bundle::Report;
use zegel_verifier::commit::{list_slot, none_slot, unknown_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{chat, layout};

const ACT: [u8; 32] = [0xD1; 32];
const LIST: &str = "chat/1\n1.1;B;;;Bewindspersonen\n2.3;V;1;month;Ambtelijke top\n2.4;V;12;stated;Na vertrek\n";
/// 1 August 2022: the term of a message of May has passed.
const AUGUST: u64 = MAY + 92 * DAY;

/// Marking, kind of its declaration, code on which, finding.
const ENDS: [(&str, EventKind, &str, &str); 4] = [
    ("vernietigd", EventKind::DestructionExecuted, "2.3", "DESTROYED"),
    ("geschoond", EventKind::WeedingExecuted, "prive", "WEEDED"),
    ("datalek", EventKind::BreachRemoved, "incident 7", "BREACH_REMOVED"),
    ("overgebracht", EventKind::CustodyPurged, "1.1", "TRANSFERRED"),
];

/// What is logged of an end.
#[derive(Clone)]
enum Step {
    /// A part of the proposal, which lists these events.
    Propose(Vec<u32>),
    /// The same by another officer.
    ProposeToo(Vec<u32>),
    /// An approval of a proposal that lists these, and nothing else.
    Approve(Vec<u32>),
    /// An approval that names its proposal alone.
    ApproveTheId,
    Declare,
}

use Step::{Approve, ApproveTheId, Declare, Propose, ProposeToo};

/// How the first message of a conversation came to its end; all of it good until a test changes it.
#[derive(Clone)]
struct Story {
    marking: &'static str,
    proposed: (&'static str, &'static str),
    declared: (EventKind, &'static str, &'static str),
    deed: &'static str,
    list: &'static str,
    at_ms: u64,
    /// In the order in which they are logged.
    steps: Vec<Step>,
    /// Acts before these, before the last of them, and after it; and whether they are open.
    before: Vec<(EventKind, SelectionSubject, bool)>,
    between: Vec<(EventKind, SelectionSubject, bool)>,
    after: Vec<(EventKind, SelectionSubject, bool)>,
    /// A read-out that left out as ended: so many from this number on; and whether it came before the proposal.
    left_out: Option<(u64, u64, bool)>,
}

fn good(end: usize) -> Story {
    let (marking, kind, code, _) = ENDS[end];
    Story {
        marking,
        proposed: (marking, code),
        declared: (kind, marking, code),
        deed: "Nationaal Archief, akte 12",
        list: LIST,
        at_ms: AUGUST,
        steps: vec![Propose(vec![0]), Approve(vec![0]), Declare],
        before: vec![],
        between: vec![],
        after: vec![],
        left_out: None,
    }
}

fn selection(code: &str) -> SelectionSubject {
    SelectionSubject {
        act: vec![0x44; 32],
        code: code.into(),
        scopes: vec![scope_of(CONVERSATION)],
        ..Default::default()
    }
}

fn hold() -> (EventKind, SelectionSubject, bool) {
    (EventKind::HoldPlaced, selection(""), true)
}

fn release() -> (EventKind, SelectionSubject, bool) {
    let refers_to = vec![0x44; 32];
    (EventKind::HoldReleased, SelectionSubject { act: vec![0x45; 32], refers_to, ..Default::default() }, true)
}

fn item((entry, position): (u64, u32)) -> Vec<u8> {
    let grounds = vec!["geselecteerd".into()];
    RedactionItem { entry, position, grounds, ..Default::default() }.encode_to_vec()
}

fn act(log: &mut Log, who: Who, kind: EventKind, subject: Vec<u8>, items: &[(u64, u32)]) -> u64 {
    let actor = log.actor(who).id;
    let mut slots = vec![none_slot(); layout(kind).len() - 1];
    slots[0] = value_slot(subject);
    if !items.is_empty() {
        slots[3] = list_slot(items.iter().copied().map(item).collect());
    }
    let event = log.sealed(actor, kind, (None, None), 0, (0, Clock::Unknown), slots);
    log.batch(who, vec![event])
}

fn read_out(log: &mut Log, (first, count): (u64, u64)) {
    let detail = ManifestDetail {
        manifest: vec![9; 32],
        parts: 1,
        file_sha256: vec![8; 32],
        records: count,
        ..Default::default()
    };
    let fate = RecordFate::RecordEnded as i32;
    let run = ManifestRun { first_record: 0, count, fate, first_conversation_seq: first };
    let event = log.captured(EventKind::ReadoutManifest, detail.encode_to_vec(), vec![run.encode_to_vec()]);
    log.batch(Who::Source, vec![event]);
}

fn more(log: &mut Log, closed: &mut Vec<u64>, acts: &[(EventKind, SelectionSubject, bool)]) {
    for (kind, subject, is_open) in acts {
        let entry = act(log, Who::Officer, *kind, subject.encode_to_vec(), &[]);
        if !is_open {
            closed.push(entry);
        }
    }
}

fn log_step(log: &mut Log, story: &Story, entry: u64, step: &Step) {
    let places = |positions: &[u32]| positions.iter().map(|position| (entry, *position)).collect::<Vec<_>>();
    let (word, code) = story.proposed;
    match step {
        Propose(positions) => {
            let subject = SelectionSubject {
                act: ACT.to_vec(),
                code: code.into(),
                test: word.into(),
                list_version: "chat/1".into(),
                ..Default::default()
            };
            act(log, Who::Officer, EventKind::DestructionProposed, subject.encode_to_vec(), &places(positions));
        }
        ProposeToo(positions) => {
            by_another_officer(log, |log| log_step(log, story, entry, &Propose(positions.clone())))
        }
        Approve(_) | ApproveTheId => {
            let mut subject = SelectionSubject { act: vec![2; 32], refers_to: ACT.to_vec(), ..Default::default() };
            if let Approve(positions) = step {
                let mut listing = Listing::default();
                places(positions).into_iter().for_each(|place| listing.push(&item(place)));
                let Listed { count, root } = listing.listed();
                (subject.count, subject.events_root) = (count, root.to_vec());
            }
            act(log, Who::Approver, EventKind::DestructionApproved, subject.encode_to_vec(), &[]);
        }
        Declare => {
            let (kind, word, code) = story.declared;
            let subject = match kind {
                EventKind::CustodyPurged => {
                    let (transfer, other_origin) = (ACT.to_vec(), story.deed.into());
                    CustodySubject { transfer, other_origin, ..Default::default() }.encode_to_vec()
                }
                _ => {
                    let (act, refers_to) = (vec![3; 32], ACT.to_vec());
                    let (code, test) = (code.into(), word.into());
                    SelectionSubject { act, refers_to, code, test, ..Default::default() }.encode_to_vec()
                }
            };
            act(log, Who::Officer, kind, subject, &places(&[0]));
        }
    }
}

fn told(story: &Story) -> Report {
    let mut log = Log::new(ORIGIN);
    log.register();
    let set = PolicySet { name: "selection_list".into(), value: story.list.into() };
    log.batch(Who::Officer, vec![public(EventKind::PolicySet, &set)]);
    let events = (0..3).map(|number| log.message(CONVERSATION, number, "bericht")).collect();
    let entry = log.batch(Who::Source, events);
    log.clock_ms = story.at_ms;
    let mut closed = Vec::new();
    if let Some((first, count, true)) = story.left_out {
        read_out(&mut log, (first, count));
    }
    more(&mut log, &mut closed, &story.before);
    for (number, step) in (1..).zip(&story.steps) {
        if number == story.steps.len() {
            more(&mut log, &mut closed, &story.between);
        }
        log_step(&mut log, story, entry, step);
    }
    more(&mut log, &mut closed, &story.after);
    if let Some((first, count, false)) = story.left_out {
        read_out(&mut log, (first, count));
    }
    let grounds = vec![story.marking.to_owned()];
    log.manifest(vec![vec![RedactionItem { entry, position: 0, grounds, ..Default::default() }]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    plan.covered = vec![(entry, 0, vec![])];
    plan.covered.extend(closed.into_iter().map(|entry| (entry, 0, vec![])));
    verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("a good bundle")
}

/// The findings of the ends, with what they say.
fn found(story: &Story) -> Vec<String> {
    const ENDED: [&str; 9] = [
        "DESTROYED",
        "WEEDED",
        "BREACH_REMOVED",
        "TRANSFERRED",
        "ENDED_AGAINST_RULE",
        "DESTRUCTION_UNDECLARED",
        "HOLD_BREACH",
        "RECORD_ENDED_UNFOUNDED",
        "NOT_ADMITTED",
    ];
    let findings = told(story).findings.into_iter().filter(|finding| ENDED.contains(&finding.id));
    findings.map(|finding| format!("{}×{}: {}", finding.count, finding.id, finding.en)).collect()
}

fn is_one(story: &Story, id: &str, words: &str) {
    let found = found(story);
    assert!(found.len() == 1 && found[0].starts_with(&format!("1×{id}: ")) && found[0].contains(words), "{found:?}");
}

fn undeclared(change: impl Fn(&mut Story)) {
    for end in 0..ENDS.len() {
        let mut story = good(end);
        change(&mut story);
        is_one(&story, "DESTRUCTION_UNDECLARED", "without a valid declaration");
    }
}

#[test]
fn each_of_the_four_ends_is_told_by_its_own_acts_and_passes_for_no_other() {
    for (end, (_, _, _, id)) in ENDS.into_iter().enumerate() {
        is_one(&good(end), id, "");
        for (other, (marking, kind, code, _)) in ENDS.into_iter().enumerate().filter(|(other, _)| *other != end) {
            let wrong = [
                Story { marking, ..good(end) },
                Story { proposed: (marking, ENDS[end].2), ..good(end) },
                Story { declared: (kind, marking, code), ..good(end) },
            ];
            for story in wrong {
                is_one(&story, "DESTRUCTION_UNDECLARED", "");
            }
            assert_ne!(end, other);
        }
    }
}

#[test]
fn a_declaration_is_of_what_was_proposed_and_comes_after_it_was_approved() {
    let (propose, approve) = (|| Propose(vec![0]), || Approve(vec![0]));
    undeclared(|story| story.steps = vec![approve(), propose(), Declare]);
    undeclared(|story| story.steps = vec![propose(), Declare, approve()]);
    undeclared(|story| story.steps = vec![Declare, propose(), approve()]);
    undeclared(|story| story.steps = vec![Propose(vec![]), Approve(vec![]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![1, 2]), Approve(vec![1, 2]), Declare]);
    for (end, (marking, kind, code, _)) in ENDS.into_iter().enumerate().take(3) {
        let declared = (kind, marking, "een andere");
        is_one(&Story { declared, ..good(end) }, "DESTRUCTION_UNDECLARED", "");
        let declared = (kind, "", code);
        is_one(&Story { declared, ..good(end) }, "DESTRUCTION_UNDECLARED", "");
    }
}

#[test]
fn what_a_proposal_lists_after_it_was_approved_was_not_approved() {
    undeclared(|story| story.steps = vec![Propose(vec![1]), Approve(vec![1]), Propose(vec![0]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![1]), Propose(vec![0]), Approve(vec![1]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![1]), Approve(vec![1, 0]), Propose(vec![0]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![1]), ProposeToo(vec![0]), Approve(vec![1]), Declare]);
    for (end, (_, _, _, id)) in ENDS.into_iter().enumerate() {
        let is_ended = |steps: Vec<Step>| is_one(&Story { steps, ..good(end) }, id, "");
        is_ended(vec![Propose(vec![1]), Propose(vec![0]), Approve(vec![1, 0]), Declare]);
        is_ended(vec![Propose(vec![0]), Approve(vec![0]), Propose(vec![1]), Declare]);
        is_ended(vec![Propose(vec![1]), Approve(vec![1]), Propose(vec![0]), Approve(vec![1, 0]), Declare]);
    }
}

#[test]
fn an_approval_says_what_it_is_of_all_of_it_and_nothing_else() {
    undeclared(|story| story.steps = vec![Propose(vec![0]), ApproveTheId, Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![0, 1]), Approve(vec![0]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![0, 1]), Approve(vec![1, 0]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![0]), Approve(vec![0, 1]), Declare]);
    undeclared(|story| story.steps = vec![Propose(vec![0]), Approve(vec![]), Declare]);
}

/// The same code in proposal and declaration.
fn by_code(end: usize, code: &'static str) -> Story {
    let (marking, kind, ..) = ENDS[end];
    Story { proposed: (marking, code), declared: (kind, marking, code), ..good(end) }
}

#[test]
fn an_end_whose_rule_the_log_itself_contradicts_is_an_error() {
    let against = |story: &Story, words| is_one(story, "ENDED_AGAINST_RULE", words);
    against(&by_code(0, "1.1"), "that category is kept for ever");
    against(&by_code(0, "9.9"), "has no such category");
    against(&Story { list: "leesbaar is dit niet;", ..good(0) }, "has no such category");
    is_one(&by_code(0, "2.4"), "DESTROYED", "");
    // A term of one month from the end of May falls due at the end of June: not before July.
    let july = MAY + 61 * DAY;
    against(&Story { at_ms: july - 10 * 60_000, ..good(0) }, "its term had not passed then");
    is_one(&Story { at_ms: july, ..good(0) }, "DESTROYED", "");
    against(&by_code(1, "zakelijk"), "is not private or party-political");
    is_one(&by_code(1, "partijpolitiek"), "WEEDED", "");
    against(&by_code(2, " "), "no incident is named");
    against(&by_code(3, "2.3"), "that category is not kept for ever");
    against(&by_code(3, "9.9"), "has no such category");
    against(&Story { deed: "", ..good(3) }, "no deed of transfer is named");
}

#[test]
fn a_hold_from_before_the_approval_until_after_the_declaration_was_broken() {
    let rules = |story: &Story| told(story).rules.holds;
    let holds = |end, before, between, after| Story { before, between, after, ..good(end) };
    let breach = |story: &Story| found(story).iter().any(|found| found.starts_with("1×HOLD_BREACH"));
    for end in [0, 3] {
        assert!(breach(&holds(end, vec![hold()], vec![], vec![release()])));
        assert_eq!(rules(&good(end)).n, 1);
    }
    for end in [1, 2] {
        let story = holds(end, vec![hold()], vec![], vec![]);
        assert!(!breach(&story) && rules(&story).n == 0, "these go before a hold");
    }
    let elsewhere = SelectionSubject { scopes: vec![scope_of(OTHER_CONVERSATION)], ..selection("") };
    let june = Scope { from_month: 202_206, to_month: 202_212, ..scope_of(CONVERSATION) };
    let later = SelectionSubject { scopes: vec![june], ..selection("") };
    let kept = [
        holds(0, vec![hold(), release()], vec![], vec![]),
        holds(0, vec![hold()], vec![release()], vec![]),
        holds(0, vec![], vec![hold()], vec![]),
        holds(0, vec![(EventKind::HoldPlaced, elsewhere, true)], vec![], vec![]),
        holds(0, vec![(EventKind::HoldPlaced, later, true)], vec![], vec![]),
    ];
    for story in &kept {
        assert!(!breach(story), "{:?}", found(story));
        assert_eq!((rules(story).failed, rules(story).closed), (0, 0));
    }
    // What is not open accuses nobody, and clears nobody.
    let shut = |(kind, subject, _)| (kind, subject, false);
    for story in [holds(0, vec![shut(hold())], vec![], vec![]), holds(0, vec![hold(), shut(release())], vec![], vec![])]
    {
        assert!(!breach(&story));
        assert_eq!((rules(&story).n, rules(&story).failed, rules(&story).closed), (1, 0, 1));
    }
}

#[test]
fn what_was_weeded_had_the_class_of_no_record_where_the_act_that_gave_it_is_open() {
    let classed =
        |code: &str, is_open| Story { before: vec![(EventKind::ClassAssigned, selection(code), is_open)], ..good(1) };
    let rules = |story: &Story| {
        let classes = told(story).rules.classes;
        (classes.n, classes.failed, classes.closed)
    };
    assert_eq!(rules(&classed("prive", true)), (1, 0, 0));
    assert_eq!(rules(&classed("zakelijk", true)), (1, 1, 0));
    is_one(&classed("zakelijk", true), "ENDED_AGAINST_RULE", "another class was assigned");
    assert_eq!(rules(&classed("zakelijk", false)), (1, 0, 1));
    assert_eq!(rules(&good(1)), (1, 0, 1));
    // The newest decides.
    let first = SelectionSubject { act: vec![1; 32], ..selection("zakelijk") };
    let twice = vec![(EventKind::ClassAssigned, first, true), (EventKind::ClassAssigned, selection("prive"), true)];
    assert_eq!(rules(&Story { before: twice, ..good(1) }), (1, 0, 0));
}

#[test]
fn what_a_read_out_left_out_as_ended_had_ended_by_a_decision_before_it() {
    let left_out = |first, count, is_early| Story { left_out: Some((first, count, is_early)), ..good(0) };
    is_one(&left_out(0, 1, false), "DESTROYED", "");
    let unfounded = |story: &Story, wanted: &[&str]| {
        let found = found(story);
        let said: Vec<&String> = found.iter().filter(|found| found.contains("RECORD_ENDED_UNFOUNDED")).collect();
        assert_eq!(said.len(), wanted.len(), "{found:?}");
        assert!(wanted.iter().all(|wanted| said.iter().any(|said| said.contains(wanted))), "{found:?}");
    };
    unfounded(
        &left_out(0, 2, false),
        &["1×RECORD_ENDED_UNFOUNDED: A read-out left a message out as ended: its content is still here"],
    );
    unfounded(
        &left_out(1, 2, false),
        &["2×RECORD_ENDED_UNFOUNDED: A read-out left a message out as ended: its content is still here"],
    );
    unfounded(&left_out(0, 1, true), &["was approved only after that read-out"]);
    let steps = vec![Propose(vec![]), Approve(vec![]), Declare];
    unfounded(&Story { steps, ..left_out(0, 1, false) }, &["no valid decision says so"]);
    unfounded(&Story { marking: "5.1.2e", ..left_out(0, 1, false) }, &["no valid decision says so"]);
    // A number that was never given out: the manifest itself is at fault.
    let beyond = told(&left_out(0, 9, false)).findings;
    assert!(beyond.iter().any(|finding| finding.id == "MANIFEST_RUNS"));
    // Where a landing zone may have been purged for its archive, the archive shows what is gone there.
    let purged = Story { before: vec![(EventKind::CustodyPurged, selection(""), false)], ..left_out(0, 2, false) };
    unfounded(&purged, &[]);
}

/// A bundle of one conversation in which these things were said and decided, under this policy from the second on.
fn admitted(first: &[Option<&str>], then: &[Option<&str>]) -> Report {
    let mut log = Log::new(ORIGIN);
    log.register();
    for (number, said) in first.iter().chain(then).enumerate() {
        if number == first.len() {
            let set = PolicySet { name: "admission".into(), value: "admission_first".into() };
            log.batch(Who::Officer, vec![public(EventKind::PolicySet, &set)]);
        }
        let event = match said {
            None => log.message(CONVERSATION, 1, "bericht"),
            Some(what) => {
                let (kind, source) = (EventKind::ContactDecided, log.source.id);
                let seq = log.seq(source, CONVERSATION);
                let mut slots = vec![unknown_slot(); layout(kind).len() - 1];
                let detail = ChatDetail { what: (*what).into(), ..Default::default() };
                slots[chat::DETAIL - 1] = value_slot(detail.encode_to_vec());
                slots[9] = value_slot("");
                let ids = (Some(CONVERSATION), Some(CUSTODIAN));
                log.sealed(source, kind, ids, seq, (MAY, Clock::Source), slots)
            }
        };
        log.batch(Who::Source, vec![event]);
    }
    let plan = log.export(scope_of(CONVERSATION), None);
    verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("a good bundle")
}

#[test]
fn under_admission_first_nothing_stands_before_the_decision_and_nothing_after_a_refusal() {
    let of = |first: &[Option<&str>], then: &[Option<&str>]| {
        let report = admitted(first, then);
        let found = report.findings.iter().filter(|finding| finding.id == "NOT_ADMITTED");
        let rules = report.rules.admission;
        (found.map(|finding| finding.count).sum::<u64>(), rules.n, rules.failed)
    };
    assert_eq!(of(&[None, None], &[]), (0, 0, 0), "no policy, nothing to examine");
    assert_eq!(of(&[], &[Some("admitted"), None, None]), (0, 1, 0));
    assert_eq!(of(&[None], &[None]), (0, 1, 0), "what had begun goes on");
    assert_eq!(of(&[], &[None, None]), (1, 1, 1), "the first, and then it has begun");
    assert_eq!(of(&[], &[None, Some("admitted"), None]), (1, 1, 1));
    assert_eq!(of(&[], &[Some("refused"), None, None]), (2, 1, 1));
    assert_eq!(of(&[None], &[Some("refused"), None]), (1, 1, 1));
    assert_eq!(of(&[Some("refused")], &[Some("admitted"), None]), (0, 1, 0), "the newest decides");
    assert_ne!(CONVERSATION, Hash::ZERO);
}
