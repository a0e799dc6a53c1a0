//! *parse(print(x)) = x, and parse accepts nothing else*, for every message that has a grammar.
//!
//! Messages are made from the `.proto` files alone: fields at random, encoded by this file, and where the grammar says that a
//! field is wrong, that field again. So the encoder here is a second one, and no message is forgotten.

use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use zegel_proto::v1::*;
use zegel_proto::{CanonicalError, Grammar, GrammarError, parse, print};

/// Tries to obey a grammar, field by field.
const TRIES: u64 = 5_000;

#[derive(Clone, Debug)]
enum Kind {
    Varint(Vec<u64>),
    Text,
    Bytes,
    Message(String),
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    number: u32,
    kind: Kind,
    repeated: bool,
    oneof: Option<i32>,
}

/// Fields of each message, ascending.
type Shapes = BTreeMap<String, Vec<Field>>;

fn shapes() -> Shapes {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["event", "log", "evidence", "governance"].map(|name| format!("zegel/v1/{name}.proto"));
    let set = protox::compile(files, [root]).expect("the .proto files compile");
    let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let enums = set.file.iter().flat_map(|file| &file.enum_type);
    let numbers: BTreeMap<String, Vec<u64>> =
        enums.map(|each| (each.name().to_owned(), each.value.iter().map(|v| v.number() as u64).collect())).collect();
    let mut shapes = Shapes::new();
    let mut left: Vec<_> = set.file.iter().flat_map(|file| file.message_type.iter().cloned()).collect();
    while let Some(message) = left.pop() {
        left.extend(message.nested_type.iter().cloned());
        let field = |field: &_| shape(field, &numbers, short);
        let mut fields: Vec<Field> = message.field.iter().map(field).collect();
        fields.sort_by_key(|field| field.number);
        shapes.insert(message.name().to_owned(), fields);
    }
    shapes
}

fn shape(
    field: &prost_types::FieldDescriptorProto,
    enums: &BTreeMap<String, Vec<u64>>,
    short: impl Fn(&str) -> String,
) -> Field {
    use prost_types::field_descriptor_proto::{Label, Type};
    let kind = match field.r#type() {
        Type::Enum => Kind::Varint(enums[&short(field.type_name())].clone()),
        Type::Bool => Kind::Varint(vec![0, 1]),
        Type::Uint32 => Kind::Varint(vec![0, 1, 2, 202_205, u64::from(u32::MAX)]),
        Type::Uint64 => Kind::Varint(vec![0, 1, 300, 1_700_000_000_000, u64::MAX]),
        Type::String => Kind::Text,
        Type::Bytes => Kind::Bytes,
        Type::Message => Kind::Message(short(field.type_name())),
        other => panic!("{} is of a type that the formats do not have: {other:?}", field.name()),
    };
    Field {
        name: field.name().to_owned(),
        number: field.number() as u32,
        kind,
        repeated: field.label() == Label::Repeated,
        oneof: field.oneof_index,
    }
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn delimited(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 2), out);
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

/// Makes messages; a field is made anew by changing its seed.
struct Maker<'a> {
    shapes: &'a Shapes,
    seed: u64,
    seeds: BTreeMap<String, u64>,
}

impl Maker<'_> {
    fn random(&self, field: &str, at: u64) -> Random {
        let name = field.bytes().fold(self.seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        Random(name ^ self.seeds.get(field).copied().unwrap_or(0).wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ at << 32)
    }

    fn message(&self, name: &str, at: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let shape = &self.shapes[name];
        for field in shape {
            let mut random = self.random(&field.name, at);
            let members: Vec<u32> =
                shape.iter().filter(|f| f.oneof.is_some() && f.oneof == field.oneof).map(|f| f.number).collect();
            let group = members.first().map(|first| shape.iter().find(|f| f.number == *first).map_or("", |f| &f.name));
            // The first member's seed decides for all of them.
            let chosen = group.map(|group| self.random(&format!("one of {group}"), at).of(&members));
            if chosen.is_some_and(|chosen| chosen != field.number) {
                continue;
            }
            let times = if field.repeated { random.of(&[0, 1, 1, 2, 2, 4]) } else { 1 };
            for time in 0..times {
                self.field(field, &mut random, at * 8 + time, &mut out);
            }
        }
        out
    }

    fn field(&self, field: &Field, random: &mut Random, at: u64, out: &mut Vec<u8>) {
        let always = field.repeated || field.oneof.is_some();
        match &field.kind {
            Kind::Varint(values) => {
                let value = random.of(values);
                if value != 0 || always {
                    varint(u64::from(field.number << 3), out);
                    varint(value, out);
                }
            }
            Kind::Message(name) => {
                if always || random.below(8) > 0 {
                    delimited(field.number, &self.message(name, at), out);
                }
            }
            Kind::Text | Kind::Bytes => {
                let length = random.of(&[32, 32, 32, 0, 0, 1, 16, 48, 64, 12, 1_216]);
                let mut bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
                if matches!(field.kind, Kind::Text) {
                    bytes.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
                    if bytes.len() > 2 && random.below(2) > 0 {
                        bytes[..2].copy_from_slice("é".as_bytes());
                    }
                }
                if always || !bytes.is_empty() {
                    delimited(field.number, &bytes, out);
                }
            }
        }
    }
}

/// The field that a reason is about.
fn field_of(reason: &GrammarError) -> &'static str {
    match reason {
        GrammarError::Length { field, .. }
        | GrammarError::TooMany { field, .. }
        | GrammarError::Value { field, .. }
        | GrammarError::Missing { field }
        | GrammarError::Surplus { field, .. }
        | GrammarError::Order { field, .. } => field,
    }
}

/// A message that obeys its grammar, in the encoding of this file.
fn good<M: Message + Default + Grammar>(shapes: &Shapes, seed: u64) -> (M, Vec<u8>) {
    let mut maker = Maker { shapes, seed, seeds: BTreeMap::new() };
    for number in 1..TRIES {
        let bytes = maker.message(M::NAME, 0);
        let message = M::decode(bytes.as_slice()).expect("fields of the right types decode");
        match message.check() {
            Ok(()) => return (message, bytes),
            // The field alone, or what it goes with: the whole message anew.
            Err(_) if number % 64 == 0 => maker.seed = maker.seed.wrapping_mul(3).wrapping_add(number),
            Err(reason) => {
                let field = field_of(&reason);
                maker.seeds.insert(field.to_owned(), number);
                // Names of the grammar that stand for a member of a list or a oneof.
                maker.seeds.insert(format!("{field}s"), number);
                maker.seeds.extend(
                    maker.shapes[M::NAME]
                        .iter()
                        .filter(|f| f.oneof.is_some())
                        .map(|f| (format!("one of {}", f.name), number)),
                );
            }
        }
    }
    panic!("{}: no good message in {TRIES} tries", M::NAME)
}

/// Whatever parses prints as it was; what says the same in other bytes does not parse.
fn assert_one_encoding<M: Message + Default + Grammar + PartialEq + Debug>(message: &M, good: &[u8], bytes: &[u8]) {
    let parsed = parse::<M>(bytes);
    if let Ok(parsed) = &parsed {
        assert_eq!(print(parsed).as_deref(), Ok(bytes), "{} prints what it parsed", M::NAME);
    }
    if bytes != good && M::decode(bytes).is_ok_and(|decoded| decoded == *message) {
        assert!(
            matches!(parsed, Err(CanonicalError::NotCanonical { .. })),
            "{}: a second encoding {bytes:02x?}",
            M::NAME
        );
    }
}

/// The top fields of a message, each with its key.
fn fields(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let mut rest = bytes;
        let key = prost::encoding::decode_varint(&mut rest).expect("a key");
        let value = prost::encoding::decode_varint(&mut rest).expect("a number or a length");
        let length = if key & 7 == 2 { value as usize } else { 0 };
        let (field, after) = bytes.split_at(bytes.len() - rest.len() + length);
        all.push(field);
        bytes = after;
    }
    all
}

/// Ways to say the same in other bytes, as protobuf allows.
fn other_encodings(shape: &[Field], good: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let parts = fields(good);
    let mut all = vec![
        // An unknown field before and after; all fields twice; all from behind; the last one first.
        [&[0xfa, 0x7f, 1, 7], good].concat(),
        [good, &[0xfa, 0x7f, 1, 7]].concat(),
        good.repeat(2),
        parts.iter().rev().copied().collect::<Vec<_>>().concat(),
        parts
            .iter()
            .cycle()
            .skip(parts.len().saturating_sub(1))
            .take(parts.len())
            .copied()
            .collect::<Vec<_>>()
            .concat(),
    ];
    // A default that is spelled out, of each field.
    for field in shape {
        let wire = if matches!(field.kind, Kind::Varint(_)) { 0 } else { 2 };
        let mut spelled = Vec::new();
        varint(u64::from(field.number << 3 | wire), &mut spelled);
        spelled.push(0);
        let place = parts.iter().position(|part| key(part) > u64::from(field.number) << 3).unwrap_or(parts.len());
        all.push([parts[..place].concat(), spelled, parts[place..].concat()].concat());
    }
    // A key or a length in one byte more than it needs.
    if !parts.is_empty() {
        let at = random.below(parts.len() as u64) as usize;
        for skip in 0..2 {
            let mut long = parts[at].to_vec();
            let end = (skip..long.len()).find(|at| long[*at] & 0x80 == 0).unwrap_or(0);
            long[end] |= 0x80;
            long.insert(end + 1, 0);
            all.push([parts[..at].concat(), long, parts[at + 1..].concat()].concat());
        }
    }
    all
}

fn key(mut field: &[u8]) -> u64 {
    prost::encoding::decode_varint(&mut field).expect("a key")
}

fn holds<M: Message + Default + Grammar + PartialEq + Debug>(shapes: &Shapes, seed: u64) {
    let (message, bytes) = good::<M>(shapes, seed);
    assert_eq!(print(&message).as_ref(), Ok(&bytes), "{}: two encoders agree", M::NAME);
    assert_eq!(parse::<M>(&bytes).as_ref(), Ok(&message), "{}: parse(print(x)) = x", M::NAME);
    let mut random = Random(seed);
    for other in other_encodings(&shapes[M::NAME], &bytes, &mut random) {
        assert_one_encoding(&message, &bytes, &other);
    }
    for _ in 0..16 {
        let mut changed = bytes.clone();
        let at = random.below(bytes.len().max(1) as u64) as usize;
        match random.below(4) {
            0 => changed.truncate(at),
            1 => changed.insert(at, random.below(256) as u8),
            2 if !bytes.is_empty() => _ = changed.remove(at),
            _ if !bytes.is_empty() => changed[at] ^= 1 << random.below(8),
            _ => {}
        }
        assert_one_encoding(&message, &bytes, &changed);
    }
}

macro_rules! every_message {
    ($($message:ident),* $(,)?) => {
        const EVERY: &[&str] = &[$(stringify!($message)),*];

        fn all_hold(shapes: &Shapes, seed: u64) {
            $(holds::<$message>(shapes, seed);)*
        }
    };
}

every_message!(
    Account,
    ActorRegistered,
    ArchiveKeyAdded,
    ArchiveKeyRetired,
    Attachment,
    BatchStatement,
    Binding,
    Body,
    ChatDetail,
    ClassListPublished,
    CustodySubject,
    DossierEnvelope,
    Entry,
    EventHeader,
    EvidenceEvent,
    EvidenceHeader,
    EvidenceNeighbour,
    EvidenceRecord,
    EvidenceRow,
    ExportStatement,
    ExportSubject,
    GapDetail,
    GroundsListPublished,
    IndexSnapshot,
    IntakeSubject,
    KeyAdded,
    KeyPossession,
    KeyRetired,
    KeyRevoked,
    KeyWrap,
    LinkSubject,
    LogCreated,
    LogKeyChanged,
    LogRecovered,
    ManifestDetail,
    ManifestRun,
    PolicySet,
    ReadoutChat,
    ReadoutDetail,
    RedactedBody,
    RedactionItem,
    RedactionSubject,
    RootKeyChanged,
    Scope,
    SelectionSubject,
    ShownItem,
    ShownSlot,
    SignedBatch,
    SignedExport,
    Slot,
    WitnessPolicySet,
);

#[test]
fn every_message_that_has_a_grammar_is_among_these() {
    let sources = [
        include_str!("../src/grammar.rs"),
        include_str!("../src/grammar/evidence.rs"),
        include_str!("../src/grammar/governance.rs"),
    ];
    let mut missing = Vec::new();
    for source in sources {
        let named = source.split("impl Grammar for ").skip(1).map(|rest| rest.split(' ').next().unwrap_or_default());
        let free =
            source.split("free!(").skip(1).flat_map(|rest| rest.split(')').next().unwrap_or_default().split(','));
        let all = named.chain(free).map(str::trim).filter(|name| !name.is_empty() && !name.starts_with('$'));
        missing.extend(all.filter(|name| !EVERY.contains(name)).map(str::to_owned));
    }
    assert_eq!(missing, Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn one_value_has_one_encoding(seed: u64) {
        use std::sync::OnceLock;
        static SHAPES: OnceLock<Shapes> = OnceLock::new();
        all_hold(SHAPES.get_or_init(shapes), seed);
    }
}
