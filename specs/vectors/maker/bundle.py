"""A small log and the bundles that are made of it: a plan of entries, then records, then a bag.

Each of the three can be edited before the next is made from it, so that a defect is signed and hashed like what is good,
and only that defect is left to be found.
"""

import copy

from . import crypto as c, messages as m
from .core import months_digest, row_leaf, stream_leaf
from .crypto import Key, fixed
from .wire import delimited

ORIGIN = "chat.example.nl/minbzk"
CONVERSATION_A, CONVERSATION_B, CUSTODIAN = fixed("conversation a"), fixed("conversation b"), fixed("custodian")
ACTORS = {name: fixed(f"actor {name}") for name in ("root", "recovery", "source", "source 2", "officer", "officer 2", "approver")}
KEYS = {name: Key(name) for name in (*ACTORS, "log", "stranger", "new")}
ROLES = {"source": m.SOURCE, "source 2": m.SOURCE, "officer": m.OFFICER, "officer 2": m.OFFICER, "approver": m.APPROVER}
TIMES = {202401: 1705312800000, 202402: 1707991200000, 202403: 1710496800000}
PHOTO = fixed("photo", 300)
EXPORT, MANIFEST = fixed("export"), fixed("manifest")
NONE, UNKNOWN = (m.NONE, b""), (m.UNKNOWN, b"")


# Events: what they say, before anything is hashed.


def public(kind, content):
    return {"kind": m.KINDS[kind], "public": content}


def chat(conversation, seq, month, words, kind="MESSAGE_CREATED", attachments=(), blobs=()):
    slots = [NONE] * 12
    slots[1] = (m.VALUE, b"Anna")
    slots[5] = UNKNOWN
    slots[10] = (m.VALUE, b"15-01-2024 10:00 - Anna: ")
    slots[11] = (m.LIST, [word.encode() for word in words])
    if attachments:
        slots[9] = (m.LIST, list(attachments))
    return {"kind": m.KINDS[kind], "conversation": conversation, "custodian": CUSTODIAN, "month": month,
            "conversation_seq": seq, "blobs": list(blobs), "slots": slots,
            "time": {"occurred_at_ms": TIMES[month] + seq * 60000, "precision": 3, "clock": 1, "channel": 1, "proof_class": 3}}


def registered(kind, name, **ids):
    return {"kind": m.KINDS[kind], **ids, "slots": [NONE, (m.VALUE, name.encode()), NONE, NONE, NONE, NONE]}


def record(kind, subject, items=()):
    slots = [NONE] * 8
    slots[1] = (m.VALUE, subject)
    if items:
        slots[4] = (m.LIST, list(items))
    return {"kind": m.KINDS[kind], "slots": slots}


def possession(name, actor, origin=ORIGIN):
    return KEYS[name].sign(c.POSSESSION, m.key_possession(origin, actor, KEYS[name].public))


def key_added(name, key=None):
    key = key or name
    return public("KEY_ADDED", m.key_added(ACTORS[name], KEYS[key].public, possession(key, ACTORS[name])))


def photo():
    return m.attachment("foto.jpg", "image/jpeg", len(PHOTO), c.sha256(PHOTO), 1, 0, fixed("blob key"))


OF_A = (m.CONVERSATION, CONVERSATION_A)


def scope(months=(0, 0), of=OF_A):
    return m.scope(*of, *months)


# What the manifest of the redacted bundle covers: the sender and the second word of one message, and one message whole.
COVERED = {(2, 2): [(1, None), (11, 1)], (4, 0): "withheld"}
ITEMS = [m.redaction_item(2, 2, 1), m.redaction_item(2, 2, 11, 1, 1, ["5.1.2e", "5.1.2i"]), m.redaction_item(4, 0, 0)]


def plan(manifest=False, items=None, months=(0, 0), of=OF_A):
    """Who submits what, entry by entry; a snapshot covers the entries before it."""
    genesis = [public("LOG_CREATED", m.log_created(ORIGIN, ACTORS["root"], KEYS["root"].public, KEYS["log"].public,
                                                   ACTORS["recovery"], KEYS["recovery"].public, "Ministerie van Voorbeelden"))]
    for name, role in ROLES.items():
        genesis += [public("ACTOR_REGISTERED", m.actor_registered(ACTORS[name], role, name)), key_added(name)]
    grounds = [m.list_item("5.1.2e", "persoonlijke levenssfeer"), m.list_item("5.1.2i", "functioneren van de Staat")]
    genesis.append(public("GROUNDS_LIST_PUBLISHED", m.list_published("woo-2022", grounds)))
    fifth = record("REDACTION_MANIFEST", m.redaction_subject(MANIFEST, 0, 1, "WOO-2024-1"), ITEMS if items is None else items)
    if not manifest:
        fifth = record("HOLD_PLACED", data_of_hold())
    export = m.export_subject(EXPORT, "WOO-2024-1", scope(months, of), "Enquêtecommissie", "nonce-1", MANIFEST if manifest else b"")
    return [
        {"by": "root", "events": genesis},
        {"by": "officer", "events": [registered("CUSTODIAN_REGISTERED", "Anna", custodian=CUSTODIAN),
                                     registered("CONVERSATION_REGISTERED", "groep A", conversation=CONVERSATION_A),
                                     registered("CONVERSATION_REGISTERED", "groep B", conversation=CONVERSATION_B)]},
        {"by": "source", "events": [chat(CONVERSATION_A, 0, 202401, ["goede", "morgen"]), chat(CONVERSATION_B, 0, 202401, ["x"]),
                                    chat(CONVERSATION_A, 1, 202401, ["dat ", "is ", "geheim"], attachments=[photo()],
                                         blobs=[fixed("blob ciphertext")]),
                                    chat(CONVERSATION_A, 2, 202402, ["ja "])]},
        {"by": "source", "events": [chat(CONVERSATION_B, 1, 202402, ["y"])]},
        {"by": "source", "events": [chat(CONVERSATION_A, 3, 202402, ["tot ", "straks"]), chat(CONVERSATION_B, 2, 202402, ["z"])]},
        {"by": "officer", "events": [fifth]},
        {"by": "officer", "events": [record("EXPORT_CREATED", export)]},
        {"snapshot": True},
        {"by": "source", "events": [chat(CONVERSATION_A, 4, 202403, ["later"])]},
    ]


def data_of_hold():
    """SelectionSubject: an act, and nothing that it refers to."""
    return m.key_retired(fixed("act"))


# The log: hashes and signatures over a plan.


def streams(event):
    kind, month = event["kind"], event.get("month", 0)
    out = []
    if event.get("conversation"):
        out.append((m.CONVERSATION, event["conversation"], month))
    if event.get("custodian"):
        out.append((m.CUSTODIAN, event["custodian"], month))
    fixed_stream = {1: m.REGISTRY, 2: m.REGISTER, 5: m.RECORDS, 6: m.ACCESS}.get(
        1 if kind < 20 else 2 if kind < 40 else 3 if kind < 80 else 5 if kind < 120 else 6)
    if fixed_stream:
        out.append((fixed_stream, bytes(32), 0))
    return out


class Log:
    def __init__(self, entries, origin=ORIGIN):
        self.origin, self.entries, self.batches, self.chains, self.snapshot = origin, [], [], {}, None
        for index, one in enumerate(entries):
            received = one.get("received_at_ms", 1710000000000 + index * 1000)
            if one.get("snapshot"):
                self.snapshot = index
                self.table = self.rows(one.get("covers", index))
                leaves = [row_leaf(*row) for row in self.table]
                content = m.snapshot(one.get("covers", index), len(leaves), one.get("root", c.root(leaves)))
                self.entries.append(m.entry(received, index_snapshot=content))
                self.batches.append(None)
            else:
                self.entries.append(m.entry(received, batch=self.batch(index, one)))

    def batch(self, index, one):
        name, events = one["by"], [self.event(index, at, one, event) for at, event in enumerate(one["events"])]
        self.batches.append(events)
        seq, previous = self.chains.get(name, (0, b""))
        fields = dict(origin=self.origin, source=ACTORS[name], key=KEYS[one.get("key", name)].public, batch_seq=seq,
                      count=len(events), events_root=c.root([c.leaf(c.EVENT, event["header"]) for event in events]),
                      sealed_root=fixed(f"sealed root {index}"), previous=previous, created_at_ms=1709999999000 + index * 1000)
        statement = m.statement(**fields | one.get("statement", {}))
        self.chains[name] = (fields["batch_seq"] + 1, c.sha256(statement))
        return m.signed(statement, KEYS[one.get("signer", one.get("key", name))].sign(one.get("context", c.BATCH), statement))

    def event(self, index, at, one, event):
        ids = {name: event[name] for name in ("conversation", "custodian", "month", "conversation_seq", "blobs") if name in event}
        made = {"streams": streams(event), "body": None}
        if "public" in event:
            made["header"] = m.header(event["kind"], public=event["public"], **ids)
            return made
        bound = {name: value for name, value in ids.items() if name not in ("month", "blobs")}
        binding = dict(origin=self.origin, source=ACTORS[one["by"]], kind=event["kind"], **bound) | event.get("time", {})
        slots = [(m.VALUE, m.binding(**binding | event.get("binding", {}))), *event["slots"][1:]]
        seed = event.get("seed", fixed(f"seed {index} {at}"))
        made |= {"body": (seed, slots), "header": m.header(event["kind"], body_root=c.body_root(seed, slots), **ids)}
        return made

    def rows(self, covers):
        months = {}
        for index, events in enumerate(self.batches[:covers]):
            for at, event in enumerate(events or []):
                for stream, ident, month in event["streams"]:
                    leaves = months.setdefault((stream, ident), {}).setdefault(month, [])
                    leaves.append(stream_leaf(index, at, event["header"]))
        return [(*key, [(month, len(leaves), c.root(leaves)) for month, leaves in sorted(rows.items())])
                for key, rows in sorted(months.items())]

    def leaves(self):
        return [c.log_leaf(entry) for entry in self.entries]


# The evidence: records as dictionaries, so that a defect can be put in.


def is_in_scope(event, months, of):
    return any((stream, ident) == of and (months == (0, 0) or month == 0 or months[0] <= month <= months[1])
               for stream, ident, month in event["streams"])


def is_named(log, event, months, of):
    """A registration of another id that an event of the scope names."""
    shown = [one for events in log.batches[:log.snapshot] for one in events or [] if is_in_scope(one, months, of)]
    named = {(stream, ident) for one in shown for stream, ident, _ in one["streams"] if any(ident)}
    return any(stream == m.REGISTER for stream, _, _ in event["streams"]) and bool(named & {one[:2] for one in event["streams"]})


def is_wanted(event, months, of):
    return is_in_scope(event, months, of) or any(stream in (m.REGISTRY, m.RECORDS) for stream, _, _ in event["streams"])


def evidence(log, covered=None, months=(0, 0), of=OF_A, hide=(), hide_entries=(), others=False):
    """Records of a good bundle; what is hidden goes under honest gap hashes."""
    records, at, leaves, covered = [], 0, log.leaves(), covered or {}
    for index, events in enumerate(log.batches[:log.snapshot]):
        shown = [place for place, event in enumerate(events or []) if (index, place) not in hide
                 and (is_wanted(event, months, of) or others and is_named(log, event, months, of))]
        if not shown or index in hide_entries:
            continue
        records.append({"name": "entry", "gap": c.gap(leaves, at, index), "index": index, "entry": log.entries[index]})
        at = index + 1
        records += batch_records(index, events, shown, covered)
    records.append({"name": "entry", "gap": c.gap(leaves, at, log.snapshot), "index": log.snapshot, "entry": log.entries[log.snapshot]})
    records.append({"name": "log_end", "gap": c.gap(leaves, log.snapshot + 1, len(leaves))})
    return records + row_records(log, of)


def batch_records(index, events, shown, covered):
    records, at, leaves = [], 0, [c.leaf(c.EVENT, event["header"]) for event in events]
    for place in shown:
        event, cover = events[place], covered.get((index, place))
        one = {"name": "event", "at": (index, place), "gap": c.gap(leaves, at, place), "position": place, "header": event["header"]}
        if event["body"] and cover is None:
            one["opened"] = event["body"]
        elif event["body"] and cover != "withheld":
            one["redacted"] = c.shown_body(*event["body"])
            for slot, item in sorted(cover, key=lambda unit: unit[1] is None):
                c.cover(one["redacted"], slot, item)
        records.append(one)
        at = place + 1
    return [*records, {"name": "batch_end", "of": index, "gap": c.gap(leaves, at, len(leaves))}]


def beside(log, of):
    """Indexes of the rows beside the place of an id that has none."""
    keys = [(stream, ident) for stream, ident, _ in log.table]
    place = sum(key < of for key in keys)
    return [] if of in keys else [at for at in (place - 1, place) if 0 <= at < len(keys) and keys[at][0] < m.REGISTRY]


def row_records(log, of, neighbours=None):
    wanted = [of, (m.REGISTRY, bytes(32)), (m.RECORDS, bytes(32))]
    neighbours = beside(log, of) if neighbours is None else neighbours
    records, at, leaves = [], 0, [row_leaf(*row) for row in log.table]
    for index, (stream, ident, months) in enumerate(log.table):
        if (stream, ident) in wanted or index in neighbours:
            name = "neighbour" if index in neighbours else "row"
            records.append({"name": name, "gap": c.gap(leaves, at, index), "index": index, "stream": stream, "id": ident, "months": list(months)})
            at = index + 1
    return [*records, {"name": "rows_end", "gap": c.gap(leaves, at, len(leaves))}]


def encode(one):
    name = one["name"]
    if name == "raw":
        return one["bytes"]
    if name == "header":
        content = m.evidence_header(**one["fields"])
    elif name == "entry":
        content = m.evidence_entry(one["gap"], one["index"], one["entry"])
    elif name == "event":
        opened = m.body(*one["opened"]) if "opened" in one else None
        redacted = c.redacted_bytes(one["redacted"]) if "redacted" in one else None
        content = m.evidence_event(one["gap"], one["position"], one["header"], opened, redacted, one.get("sealed"))
    elif name == "row":
        months = [m.month(*month) for month in one["months"]]
        content = m.evidence_row(one["gap"], one["index"], one["stream"], one["id"], months)
    elif name == "neighbour":
        content = m.evidence_neighbour(one["gap"], one["index"], one["stream"], one["id"], months_digest(one["months"]))
    else:
        content = m.gap_only(one["gap"])
    return delimited(m.record(name, content))


# The bag.


class Bundle:
    """A good bundle, until an edit makes it another. Edits: plan, records, then fields of this object, then files."""

    def __init__(self, manifest=False, months=(0, 0), of=OF_A, items=None, edit_plan=None, **hidden):
        entries = plan(manifest, items, months, of)
        if edit_plan:
            edit_plan(entries)
        self.log, self.months, self.of = Log(entries), months, of
        self.records = evidence(self.log, COVERED if manifest else None, months, of, **hidden)
        self.registrations = [(1, 0), (1, 1), (1, 2)]
        size, root = len(self.log.entries), c.root(self.log.leaves())
        self.checkpoint_text = c.checkpoint_text(self.log.origin, size, root)
        self.checkpoint_key, self.cosignatures = KEYS["log"], ""
        self.head = dict(fmt="zegel-evidence/v1", origin=self.log.origin, scope_bytes=scope(months, of), export_entry=6,
                         export_position=0, snapshot_entry=self.log.snapshot)
        self.statement = dict(origin=self.log.origin, export=EXPORT, key=KEYS["officer"].public, created_at_ms=1710000100000)
        self.statement_key, self.statement_context, self.statement_bytes = KEYS["officer"], c.EXPORT, None
        self.attachments = {c.sha256(PHOTO).hex(): PHOTO}
        self.trust = f"root {c.vkey(ORIGIN, 1, KEYS['root'].public)}\n"
        self.demands, self.parts_of = {}, 1

    def is_in_scope(self, entry, position):
        return is_in_scope(self.log.batches[entry][position], self.months, self.of)

    def event(self, *at):
        return next(one for one in self.records if one.get("at") == at)

    def named(self, name, number=0):
        return [one for one in self.records if one["name"] == name][number]

    def parts(self):
        note = f"{self.checkpoint_text}\n{c.log_line(self.checkpoint_text, ORIGIN, self.checkpoint_key)}{self.cosignatures}"
        head = {"name": "header", "fields": self.head | {"checkpoint": note.encode()}}
        encoded = [encode(one) for one in [head, *self.records]]
        cut = -(-len(encoded) // self.parts_of)
        return [b"".join(encoded[at:at + cut]) for at in range(0, len(encoded), cut)]

    def files(self):
        parts = self.parts()
        digest = c.sha256(*[c.sha256(part) for part in parts])
        statement = m.export_statement(**dict(parts=len(parts), parts_sha256=digest) | self.statement)
        signed = self.statement_bytes or m.signed(statement, self.statement_key.sign(self.statement_context, statement))
        payload = {f"data/evidence-{at:04}": part for at, part in enumerate(parts, 1)}
        payload |= {"data/export-statement": signed} | {f"data/attachments/{name}": data for name, data in self.attachments.items()}
        return bag(payload)

    def given(self, files=None):
        files = self.files() if files is None else files
        return {"trust": self.trust, "demands": self.demands,
                "files": {path: {"text": data.decode()} if "/" not in path else {"base64": c.b64(data)} for path, data in files.items()}}


def listing(files):
    return "".join(f"{c.sha256(files[path]).hex()}  {path}\n" for path in sorted(files)).encode()


def bag(payload):
    """BagIt 1.0 around the payload."""
    octets = sum(len(data) for data in payload.values())
    tags = {"bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
            "bag-info.txt": f"Payload-Oxum: {octets}.{len(payload)}\n".encode(), "manifest-sha256.txt": listing(payload)}
    return payload | tags | {"tagmanifest-sha256.txt": listing(tags)}


def clone(value):
    return copy.deepcopy(value)
