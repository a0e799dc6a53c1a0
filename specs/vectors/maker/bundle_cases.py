"""Whole bundles: good ones, and one for each way in which a bundle can be other than what was sealed."""

from . import bundle as b, crypto as c, messages as m
from .bundle import ACTORS, CONVERSATION_A, CONVERSATION_B, CUSTODIAN, ITEMS, KEYS, Bundle, Log, chat
from .cases import add
from .crypto import fixed
from .wire import data, delimited, long_varint




def good(name, about, bundle, finds=(), files=None):
    """Counts over the events of the scope; and findings that must be among those of the report."""
    shown = [one for one in bundle.records if one["name"] == "event" and bundle.is_in_scope(*one["at"])]
    units = [(*one["at"], at, item) for one in shown if "redacted" in one for at, slot in enumerate(one["redacted"])
             for item in ([None] if "leaf" in slot else [at for at, item in enumerate(slot["items"]) if "leaf" in item])]
    closed = [one for one in shown if "redacted" not in one and "opened" not in one]
    withheld = [one for one in closed if one["at"] not in bundle.registrations]
    values = {"events": len(shown), "opened": sum("opened" in one for one in shown), "withheld": len(closed),
              "redacted": sum("redacted" in one for one in shown), "covered_units": len(units) + len(withheld),
              "attachments": len(bundle.attachments)}
    given = bundle.given(files) | {"findings": list(finds)}
    add("bundle", f"{name}-good", about, given, values)


def bad(name, about, refusal, bundle, files=None, **more):
    add("bundle", name, about, bundle.given(files), error=[refusal], **more)


def edited(edit, **options):
    """A bundle with an edit of its records, or of itself."""
    bundle = Bundle(**options)
    edit(bundle)
    return bundle


def planned(edit, **options):
    return Bundle(edit_plan=edit, **options)


def make():
    goods()
    absence()
    hiding()
    log_and_authors()
    bodies()
    redaction()
    endings()
    eyes()
    export()
    trust_and_checkpoint()
    framing_and_bag()


def cosigned(bundle, *names, forged=False):
    keys = {name: c.Key("witness " + name) for name in ("alfa", "bravo")}
    bundle.trust += "".join(f"witness {name} {c.vkey(name + '.example', 4, key.public)}\n" for name, key in keys.items())
    bundle.trust += "group both all alfa bravo\nquorum both\n"
    for name in names:
        line = c.cosignature_line(bundle.checkpoint_text, name + ".example", keys[name], 1710000050)
        if forged:
            line = c.signature_line(name + ".example", 4, keys[name].public, (1710000050).to_bytes(8, "big") + bytes(64))
        bundle.cosignatures += line


def goods():
    good("bundle", "One conversation, all months, nothing covered, one attachment.", Bundle())
    good("bundle-redacted", "A slot, a word and a whole message are covered, under one manifest.", Bundle(manifest=True), ["COVERED", "WITHHELD"])
    good("bundle-of-one-month", "Only 202402, and month 0 as always.",
         edited(lambda x: x.attachments.clear(), months=(202402, 202402)), ["PERIOD_LIMITED"])
    good("bundle-of-a-custodian", "All that was captured of one person: two conversations.", Bundle(of=(m.CUSTODIAN, CUSTODIAN)))
    good("bundle-of-no-known-time", "A message of which no clock gave the time stands under month 0.", planned(timeless))
    good("bundle-in-three-parts", "The same records over three files.", edited(lambda x: setattr(x, "parts_of", 3)))
    good("bundle-without-its-attachment", "Named and not there: a finding, not a refusal.",
         edited(lambda x: x.attachments.clear()), ["ATTACHMENT_NOT_INCLUDED"])
    good("bundle-as-demanded", "The nonce and the size that were asked for.",
         edited(lambda x: x.demands.update(nonce="nonce-1", min_entries=7)))
    good("bundle-cosigned", "Both witnesses of the quorum.", edited(lambda x: cosigned(x, "alfa", "bravo")))
    good("bundle-with-closed-registration", "The registration stays closed: it needs no manifest.",
         edited(lambda x: x.event(1, 1).pop("opened")), ["REGISTRATION_CLOSED"])
    good("bundle-with-closed-registration-of-another-id", "The custodian's registration comes along, and stays closed.",
         edited(lambda x: x.event(1, 0).pop("opened"), others=True))
    good("bundle-with-a-repeated-seed", "A source took the same seed for two messages.", planned(same_seed), ["SALT_REPEATED"])
    good("bundle-with-closed-hold", "An act of records that is not needed stays closed.", edited(lambda x: x.event(5, 0).pop("opened")))


def same_seed(plan):
    for at in (0, 3):
        plan[2]["events"][at]["seed"] = fixed("one seed for all")


def timeless(plan):
    plan[4]["events"][0] |= {"month": 0, "time": {"channel": 1, "proof_class": 3}}


def nowhere(stream, ident):
    """Export of an id that has nothing, as of the snapshot."""
    return dict(of=(stream, ident))


def absence():
    """An id without a row, a period without a message."""
    def absent(**options):
        return edited(lambda x: x.attachments.clear(), **options)

    below, above = bytes(31) + b"\x01", b"\xff" * 32
    between = sorted([CONVERSATION_A, CONVERSATION_B])[0][:31] + bytes([sorted([CONVERSATION_A, CONVERSATION_B])[0][31] ^ 1])
    good("absent-conversation-first", "It would be the first row of all.", absent(**nowhere(m.CONVERSATION, below)), ["ABSENT"])
    good("absent-conversation-between", "It would stand between two conversations, or beside one.",
         absent(**nowhere(m.CONVERSATION, between)), ["ABSENT"])
    good("absent-conversation-last", "The row after its place is a custodian's.", absent(**nowhere(m.CONVERSATION, above)), ["ABSENT"])
    good("absent-custodian-first", "The row before its place is a conversation's.", absent(**nowhere(m.CUSTODIAN, below)), ["ABSENT"])
    good("absent-custodian-last", "The row after its place is the registry's.", absent(**nowhere(m.CUSTODIAN, above)), ["ABSENT"])
    good("absent-in-a-period", "Of an id that has nothing, no period has anything.",
         absent(months=(202401, 202402), **nowhere(m.CUSTODIAN, above)), ["ABSENT"])
    good("nothing-in-the-period", "The row has months before it, and none in it.",
         edited(lambda x: x.attachments.clear(), months=(202403, 202406)), ["NOTHING_IN_PERIOD", "PERIOD_LIMITED"])

    def never(plan):
        plan[1]["events"].append(b.registered("CUSTODIAN_REGISTERED", "Bram", custodian=fixed("custodian without a chat")))
    good("nothing-of-a-custodian", "Registered, and nothing captured in any month.",
         edited(lambda x: x.attachments.clear(), edit_plan=never, of=(m.CUSTODIAN, fixed("custodian without a chat"))), ["NOTHING_IN_PERIOD"])

    def beside(neighbours, of=(m.CUSTODIAN, above)):
        def edit(x):
            x.attachments.clear()
            x.records[x.records.index(next(one for one in x.records if one["name"] in ("row", "neighbour"))):] = \
                b.row_records(x.log, of, neighbours(x.log))
        return dict(edit=edit, of=of)

    def case(name, about, refusal, neighbours, of=(m.CUSTODIAN, above)):
        options = beside(neighbours, of)
        bad(name, about, refusal, edited(options.pop("edit"), **options))

    case("absent-without-neighbours", "Nothing says what stands beside its place.", "ROW_MISSING", lambda log: [])
    case("absent-with-a-row-between", "The neighbour before is another than the one beside.", "ROW_MISSING", lambda log: [0])
    case("absent-with-one-neighbour", "The one after it is not shown.", "ROW_MISSING",
         lambda log: b.beside(log, (m.CONVERSATION, above))[:1], (m.CONVERSATION, above))
    case("absent-with-a-neighbour-too-many", "Two before its place.", "ROW_SURPLUS", lambda log: [0, 1, 2])
    case("neighbour-beside-its-own-row", "The id has a row; a neighbour has no business.", "ROW_SURPLUS", lambda log: [0],
         (m.CUSTODIAN, CUSTODIAN))

    def hidden_row(x):
        x.attachments.clear()
        other = [row[1] for row in x.log.table].index(CONVERSATION_B)
        x.records[x.records.index(x.named("row")):] = b.row_records(x.log, (m.CONVERSATION, between), [other])
    bad("absent-although-its-events-are-shown", "Its row is hidden, its events are not.", "ROW_MISSING",
        edited(hidden_row))

    def row_hidden(x):
        keys = [(stream, ident) for stream, ident, _ in x.log.table]
        at = keys.index((m.CUSTODIAN, CUSTODIAN))
        x.records[x.records.index(x.named("row")):] = b.row_records(x.log, (m.CUSTODIAN, above), [at - 1])
        x.attachments.clear()
    of_custodian = dict(of=(m.CUSTODIAN, CUSTODIAN))
    shown = [(1, 0), *((2, at) for at in range(4)), (3, 0), (4, 0), (4, 1)]
    bad("absent-although-it-has-a-row", "Everything of the custodian is hidden, its row too; the neighbours are not adjacent.",
        "ROW_MISSING", edited(row_hidden, hide=shown, **of_custodian))

    def other_digest(x):
        x.attachments.clear()
        x.named("neighbour")["months"] = []
    bad("neighbour-with-other-months", "A digest that is not the row's.", "SNAPSHOT_ROOT", edited(other_digest, of=(m.CUSTODIAN, above)))

    def as_row(x):
        x.attachments.clear()
        x.named("neighbour")["name"] = "row"
    bad("neighbour-shown-as-a-row", "More of a stranger than an id.", "ROW_SURPLUS", edited(as_row, of=(m.CUSTODIAN, above)))


def hiding():
    """An officer who shows less than there is, and signs it."""
    bad("event-dropped", "A message is left out; its hash is not there either.", "EVENT",
        edited(lambda x: x.records.remove(x.event(2, 2))))
    bad("event-hidden-under-a-gap", "A message is left out under an honest gap hash: its number is missing.", "SEQ_GAP",
        Bundle(hide=[(2, 2)]))
    bad("last-event-of-the-batch-hidden", "The next message shows the gap.", "SEQ_GAP", Bundle(hide=[(2, 3)]))
    bad("last-entry-of-the-conversation-hidden", "Nothing comes after it: only the month's count and root tell.", "MONTH_ROOT",
        Bundle(hide=[(4, 0)]))
    bad("month-hidden", "All of 202402 is left out.", "MONTH_HIDDEN", Bundle(hide=[(2, 3), (4, 0)]))
    bad("registration-hidden", "The registration of the conversation is left out.", "UNREGISTERED", Bundle(hide=[(1, 1)]))

    def without_month(x):
        x.named("row")["months"].pop()
    bad("month-hidden-with-its-row", "202402 is left out of the row as well.", "SNAPSHOT_ROOT",
        edited(without_month, hide=[(2, 3), (4, 0)]))

    def all_gone(x):
        x.named("row")["months"] = x.named("row")["months"][:2]
    bad("month-surplus", "Events of 202402 are shown, and the row has no such month.", "MONTH_SURPLUS", edited(all_gone))
    bad("hold-hidden", "An act of records is left out: records are whole in every bundle.", "MONTH_ROOT", Bundle(hide=[(5, 0)]))

    def lower(x):
        number, count, root = x.named("row")["months"][2]
        x.named("row")["months"][2] = (number, count - 1, root)
    bad("month-count-other", "One message less, says the row.", "MONTH_ROOT", edited(lower))
    bad("row-missing", "The row of records is left out, under an honest gap.", "ROW_MISSING", edited(drop_last_row))
    bad("row-surplus", "The row of another conversation is shown.", "ROW_SURPLUS", edited(surplus_row))

    def tail(x):
        x.named("log_end")["gap"] = []
    bad("log-tail-cut", "No hash for what comes after the snapshot.", "ENTRY", edited(tail))

    def gap_hash(x):
        x.event(2, 2)["gap"].append(fixed("surplus"))
    bad("event-gap-hash-surplus", "A hash more than the gap needs.", "EVENT", edited(gap_hash))

    def entry_gap(x):
        x.named("entry", 3)["gap"].append(fixed("surplus"))
    bad("entry-gap-hash-surplus", "A hash more than the gap needs.", "ENTRY", edited(entry_gap))

    def other_gap(x):
        x.named("entry", 3)["gap"][0] = fixed("other")
    bad("entry-gap-hash-other", "What lies between was something else.", "LOG_ROOT", edited(other_gap))

    def event_gap(x):
        x.event(2, 2)["gap"][0] = fixed("other")
    bad("event-gap-hash-other", "What lies between was something else.", "BATCH_ROOT", edited(event_gap))

    def batch_tail(x):
        next(one for one in x.records if one.get("of") == 4)["gap"] = []
    bad("batch-tail-cut", "No hash for what comes after.", "EVENT", edited(batch_tail))


def drop_last_row(x):
    rows = [c_row for c_row in x.records if c_row["name"] == "row"]
    x.records.remove(rows[-1])
    leaves = [b.row_leaf(*row) for row in x.log.table]
    x.named("rows_end")["gap"] = c.gap(leaves, rows[-2]["index"] + 1, len(leaves))


def surplus_row(x):
    at = [row[1] for row in x.log.table].index(CONVERSATION_B)
    leaves = [b.row_leaf(*row) for row in x.log.table]
    rows = [one for one in x.records if one["name"] == "row"] + [
        {"name": "row", "index": at, "stream": m.CONVERSATION, "id": CONVERSATION_B, "months": list(x.log.table[at][2])}]
    rows.sort(key=lambda row: row["index"])
    start = 0
    for row in rows:
        row["gap"] = c.gap(leaves, start, row["index"])
        start = row["index"] + 1
    first = x.records.index(x.named("row"))
    x.records[first:] = [*rows, {"name": "rows_end", "gap": c.gap(leaves, start, len(leaves))}]


def log_and_authors():
    """A log that should not have been: a ledger that takes what it must refuse."""
    def seq(plan):
        plan[4]["events"][0] = chat(CONVERSATION_A, 4, 202402, ["tot ", "straks"])
    bad("sequence-gap", "The source itself skips a number.", "SEQ_GAP", planned(seq))

    def again(plan):
        plan[4]["events"][0] = chat(CONVERSATION_A, 2, 202402, ["tot ", "straks"])
    bad("sequence-number-twice", "The source gives a number again.", "SEQ_GAP", planned(again))

    def shown_twice(x):
        x.records.insert(x.records.index(x.event(2, 2)), b.clone(x.event(2, 0)))
    bad("event-twice", "A message is shown twice.", "EVENT", edited(shown_twice))

    def revoked(plan):
        revoke = b.public("KEY_REVOKED", m.key_revoked(KEYS["source"].public, 1, 0))
        plan[3] = {"by": "root", "events": [revoke]}
    bad("key-revoked-before", "The source's key was revoked one entry earlier.", "AUTHORITY", planned(revoked))

    def same_entry(plan):
        plan[3] = {"by": "root", "events": [b.key_added("source", "new")]}
        plan[2], plan[3] = plan[3], plan[2] | {"key": "new"}
        plan[2], plan[3] = plan[3], plan[2]
    bad("key-used-before-it-is-added", "The key is added one entry later.", "AUTHORITY", planned(same_entry))

    def retired(plan):
        plan[3] = {"by": "root", "events": [b.public("KEY_RETIRED", m.key_retired(KEYS["source"].public))]}
    bad("key-retired-before", "The source's key was retired one entry earlier.", "AUTHORITY", planned(retired))
    bad("batch-under-another-source", "The source's key signs for another source.", "AUTHORITY",
        planned(lambda plan: plan[2].update(statement={"source": ACTORS["source 2"]})))
    bad("batch-by-an-unknown-key", "A key that nobody registered.", "AUTHORITY", planned(lambda plan: plan[2].update(key="stranger")))
    bad("batch-by-the-log-key", "The ledger writes messages itself.", "AUTHORITY", planned(lambda plan: plan[2].update(key="log")))
    bad("batch-signed-by-another-key", "The key that it names did not sign.", "BATCH_SIGNATURE",
        planned(lambda plan: plan[2].update(signer="stranger")))
    bad("batch-signed-as-an-export", "Signed in another context.", "BATCH_SIGNATURE",
        planned(lambda plan: plan[2].update(context=c.EXPORT)))
    bad("batch-of-another-log", "A good batch of another log, replayed.", "BATCH_ORIGIN",
        planned(lambda plan: plan[2].update(statement={"origin": "chat.example.nl/minez"})))
    bad("batch-does-not-follow", "It names another statement before it.", "BATCH_CHAIN",
        planned(lambda plan: plan[6].update(statement={"previous": fixed("other statement")})))
    bad("batch-number-again", "A fork: the number of the batch before.", "BATCH_CHAIN",
        planned(lambda plan: plan[6].update(statement={"batch_seq": 1, "previous": fixed("other statement")})))
    bad("batch-counts-more", "The statement counts an event that is not there.", "EVENT",
        planned(lambda plan: plan[2].update(statement={"count": 5})))
    bad("officer-writes-a-message", "No officer invents messages.", "AUTHORITY", planned(lambda plan: plan[4].update(by="officer")))
    bad("approver-makes-the-export", "No role but an officer's.", "AUTHORITY", planned(lambda plan: plan[6].update(by="approver")))

    def self_made(plan):
        plan[5] = {"by": "officer", "events": [b.key_added("officer", "new")]}
    bad("officer-adds-a-key", "Only the root adds keys.", "AUTHORITY", planned(self_made))

    def no_proof(plan):
        plan[3] = {"by": "root", "events": [b.public("KEY_ADDED", m.key_added(ACTORS["source"], KEYS["new"].public, bytes(64)))]}
    bad("key-without-possession", "Nobody proved to have it.", "REGISTRY", planned(no_proof))
    bad("genesis-twice", "A log is created once.", "REGISTRY",
        planned(lambda plan: plan.__setitem__(3, {"by": "root", "events": [b.clone(plan[0]["events"][0])]})))
    bad("genesis-not-first", "Another event stands before the creation.", "GENESIS",
        planned(lambda plan: plan[0]["events"].insert(0, plan[0]["events"].pop(1))))
    bad("genesis-hidden", "The walk begins at entry 1.", "GENESIS", Bundle(hide_entries=[0]))
    bad("received-at-goes-back", "The ledger's clock went back.", "RECEIVED_AT",
        planned(lambda plan: plan[4].update(received_at_ms=1709000000000)))

    def conversation_in_records(plan):
        plan[5]["events"][0]["conversation"] = CONVERSATION_A
    bad("hold-names-its-conversation", "A hold must not show whom it touches.", "HEADER", planned(conversation_in_records))

    def public_chat(plan):
        plan[4]["events"][0] = {"kind": 40, "conversation": CONVERSATION_A, "custodian": CUSTODIAN, "month": 202402,
                                "conversation_seq": 3, "public": b"in the clear"}
    bad("message-in-public", "A message in the clear.", "HEADER", planned(public_chat))

    def unknown_kind(x):
        x.event(4, 0)["header"] = b"\x08\x27" + x.event(4, 0)["header"][2:]
    bad("kind-unknown", "A kind that this version does not know.", "CANONICAL", edited(unknown_kind))
    bad("snapshot-of-the-future", "It covers itself.", "SNAPSHOT", planned(lambda plan: plan[7].update(covers=8)))
    bad("snapshot-covers-less", "It covers fewer entries than are shown.", "SNAPSHOT", planned(lambda plan: plan[7].update(covers=6)))
    another = b.plan()
    another[2]["events"].pop()
    other = Log(another)

    def foreign(x):
        x.named("entry", 6)["entry"] = other.entries[7]
        assert x.named("entry", 6)["index"] == x.log.snapshot
    bad("snapshot-of-another-log", "The snapshot of another log, in which a message less was taken.", "LOG_ROOT", edited(foreign))
    bad("snapshot-root-other", "The ledger's own snapshot is not what its entries say.", "SNAPSHOT_ROOT",
        planned(lambda plan: plan[7].update(root=fixed("other root"))))


    def unregistered(plan):
        plan[1]["events"][1] = b.registered("CONVERSATION_REGISTERED", "groep C", conversation=fixed("conversation c"))
    bad("conversation-never-registered", "Its id stands for nothing that was ever registered.", "UNREGISTERED",
        planned(unregistered))

    def too_late(plan):
        plan[1]["events"].pop(1)
        plan[3]["events"] = [b.registered("CONVERSATION_REGISTERED", "groep A", conversation=CONVERSATION_A)]
        plan[3]["by"] = "officer"
    bad("conversation-registered-after-its-first-message", "Ids are registered before they are used.", "UNREGISTERED",
        planned(too_late))

    def jump(plan):
        plan[6]["statement"] = {"batch_seq": 7}
    bad("batch-number-jumps-between-neighbours", "Entries 5 and 6 are both shown, so that no batch can lie between them, and "
        "the officer's number jumps.", "BATCH_CHAIN", planned(jump))


    def entry_again(x):
        at = x.records.index(x.named("entry", 5))
        x.records[at:at] = b.clone(x.records[x.records.index(x.named("entry", 4)):at])
    bad("entry-twice", "An entry with its events is shown twice.", "ENTRY", edited(entry_again))

    def announced(x):
        x.head["snapshot_entry"] = 6
    bad("snapshot-announced-elsewhere", "The header announces it one entry earlier.", "SNAPSHOT", edited(announced))

    def compromised(plan):
        revoke = b.public("KEY_REVOKED", m.key_revoked(KEYS["source"].public, 1, 4))
        plan[7:7] = [{"by": "root", "events": [revoke]}]
    good("source-compromised-later", "What was authorised at its entry stays so; the doubt is a finding.", planned(compromised),
         ["KEY_COMPROMISED"])


def bodies():
    def swap(x):
        one, other = x.event(2, 2), x.event(2, 3)
        one["opened"], other["opened"] = other["opened"], one["opened"]
    bad("bodies-swapped", "A body under another header.", "COMMITMENT", edited(swap))

    def swap_all(x):
        one, other = x.event(2, 2), x.event(2, 3)
        for part in ("header", "opened"):
            one[part], other[part] = other[part], one[part]
    bad("events-swapped", "Two messages in another order.", "SEQ_GAP", edited(swap_all))

    def word(x):
        seed, slots = x.event(2, 2)["opened"]
        x.event(2, 2)["opened"] = (seed, [*slots[:11], (m.LIST, [b"dat ", b"is ", b"gezien"])])
    bad("word-changed", "One word of a message.", "COMMITMENT", edited(word))

    def other_header(x):
        del x.event(4, 0)["opened"]
        _, slots = x.log.batches[4][0]["body"]
        x.event(4, 0)["header"] = m.header(42, CONVERSATION_A, CUSTODIAN, 202402, 3, body_root=fixed("other body"))
        assert slots
    bad("header-changed", "Another kind, and withheld, so that nothing else tells.", "BATCH_ROOT", edited(other_header))

    def bound(defect, about, **binding):
        def edit(plan):
            plan[2]["events"][2]["binding"] = binding
        bad(f"binding-{defect}", about, "BINDING", planned(edit))

    bound("of-another-log", "Sealed for another log.", origin="chat.example.nl/minez")
    bound("of-another-source", "Sealed by another source.", source=ACTORS["source 2"])
    bound("of-another-kind", "A message sealed as its deletion.", kind=42)
    bound("of-another-conversation", "Said elsewhere.", conversation=CONVERSATION_B)
    bound("of-another-custodian", "Somebody else's phone.", custodian=fixed("other custodian"))
    bound("of-another-number", "Another place in the conversation.", conversation_seq=7)
    bound("of-another-month", "A day in February under a header of January.", occurred_at_ms=b.TIMES[202402])
    bound("a-millisecond-before-the-month", "31 December, 23:59:59.999 UTC.", occurred_at_ms=1704067199999)
    bound("of-unknown-time-in-a-month", "No clock, and yet a month.", occurred_at_ms=0, clock=0)

    bound("beyond-the-calendar", "The largest number of milliseconds.", occurred_at_ms=2**64 - 1)

    def known_time(plan):
        timeless(plan)
        plan[4]["events"][0]["time"] |= {"occurred_at_ms": b.TIMES[202402], "precision": 3, "clock": 1}
    bad("binding-of-known-time-in-no-month", "A clock gave a time, and the header says that the month is not known.", "BINDING",
        planned(known_time))

    def first_millisecond(plan):
        plan[2]["events"][0]["binding"] = {"occurred_at_ms": 1704067200000}
    good("binding-first-millisecond-of-the-month", "1 January, 00:00 UTC.", planned(first_millisecond))

    def spill(x):
        x.event(0, 1)["opened"] = x.event(2, 0)["opened"]
    bad("public-event-with-body", "The registry has no bodies.", "BODY", edited(spill))

    def sealed(x):
        del x.event(4, 0)["opened"]
        x.event(4, 0)["sealed"] = b""
    bad("event-still-sealed", "Sealed evidence is the ledger's, not a bundle's.", "BODY", edited(sealed))

    def stranger(x):
        leaves = [c.leaf(c.EVENT, event["header"]) for event in x.log.batches[2]]
        event = x.log.batches[2][1]
        at = x.records.index(x.event(2, 2))
        x.records.insert(at, {"name": "event", "at": (2, 1), "gap": [], "position": 1, "header": event["header"]})
        x.event(2, 2)["gap"] = c.gap(leaves, 2, 2)
    bad("event-out-of-scope", "A message of another conversation is shown.", "OUT_OF_SCOPE", edited(stranger))


def redaction():
    covered = {"manifest": True}

    def items(*some):
        return {"manifest": True, "items": list(some)}

    bad("covered-without-manifest", "A message is withheld, and the export binds no manifest.", "MANIFEST",
        edited(lambda x: x.event(4, 0).pop("opened")))
    bad("manifest-without-cover", "Listed as covered, and open.", "MANIFEST", edited(lambda x: reopen(x, 4, 0), **covered))
    bad("manifest-item-missing", "Three parts are covered, two are listed.", "MANIFEST", Bundle(**items(*ITEMS[:2])))
    bad("manifest-item-surplus", "Three parts are covered, four are listed.", "MANIFEST",
        Bundle(**items(m.redaction_item(2, 0, 1), *ITEMS)))
    bad("manifest-of-another-item", "The third word is listed, the second is covered.", "MANIFEST",
        Bundle(**items(ITEMS[0], m.redaction_item(2, 2, 11, 2, 1), ITEMS[2])))
    bad("manifest-slot-for-item", "The whole text is listed, one word is covered.", "MANIFEST",
        Bundle(**items(ITEMS[0], m.redaction_item(2, 2, 11), ITEMS[2])))
    bad("manifest-items-descend", "Items ascend.", "MANIFEST", Bundle(**items(ITEMS[1], ITEMS[0], ITEMS[2])))
    bad("manifest-item-twice", "An item twice.", "MANIFEST", Bundle(**items(ITEMS[0], ITEMS[0], *ITEMS[1:])))
    bad("manifest-item-not-canonical", "A field that is not known.", "MANIFEST", Bundle(**items(ITEMS[0] + b"\x78\x01", *ITEMS[1:])))
    bad("manifest-closed", "What explains the cover is itself not open.", "MANIFEST",
        edited(lambda x: x.event(5, 0).pop("opened"), **covered))

    def cover_item(x):
        one = x.event(5, 0)
        one["redacted"] = c.cover(c.shown_body(*one.pop("opened")), 4, 1)
    bad("manifest-partly-covered", "An item of the manifest is covered.", "MANIFEST", edited(cover_item, **covered))

    good("manifest-of-unknown-ground", "A code that no published list has: a finding.",
         Bundle(**items(m.redaction_item(2, 2, 1, grounds=["9.9.9"]), *ITEMS[1:])), ["GROUND_UNKNOWN"])

    def part(plan):
        plan[5]["events"][0]["slots"][1] = (m.VALUE, m.redaction_subject(b.MANIFEST, 1, 2, "WOO-2024-1"))
    bad("manifest-part-missing", "The second of two parts, and no first.", "MANIFEST", planned(part, **covered))

    def half(plan):
        plan[5]["events"][0]["slots"][1] = (m.VALUE, m.redaction_subject(b.MANIFEST, 0, 2, "WOO-2024-1"))
    bad("manifest-incomplete", "The first of two parts, and no second.", "MANIFEST", planned(half, **covered))

    def other(plan):
        plan[5]["events"][0]["slots"][1] = (m.VALUE, m.redaction_subject(fixed("other manifest"), 0, 1, "WOO-2024-1"))
    bad("manifest-of-another-export", "The export binds another manifest.", "MANIFEST", planned(other, **covered))

    def shown(defect, about, change, refusal="COMMITMENT"):
        bad(defect, about, refusal, edited(lambda x: change(x.event(2, 2)["redacted"]), **covered))

    shown("redacted-salt-changed", "A salt of an open slot.", lambda slots: slots[2].update(salt=fixed("salt", 16)))
    shown("redacted-value-changed", "The value of an open slot.", lambda slots: slots[10].update(value=b"other"))
    shown("redacted-leaf-changed", "The leaf of the covered slot.", lambda slots: slots[1].update(leaf=fixed("leaf")))
    shown("redacted-segments-moved", "The first and the third word change places.",
          lambda slots: slots[11]["items"].__setitem__(slice(0, 3), slots[11]["items"][2::-1]))
    shown("redacted-binding-covered", "Slot 0 is covered.", lambda slots: c.cover(slots, 0))

    def also(x):
        c.cover(x.event(2, 2)["redacted"], 10)
    bad("covered-more-than-listed", "One slot more than the manifest lists.", "MANIFEST", edited(also, **covered))

    def uncover(x):
        slots = x.event(2, 2)["redacted"]
        slots[1] = c.shown_body(*x.log.batches[2][2]["body"])[1]
    bad("covered-less-than-listed", "The sender is open, and listed.", "MANIFEST", edited(uncover, **covered))


LIST = "chat/1\n1.1;B;;;kept\n2.3;V;1;month;a month\n2.9;V;12;month;a year"
MAY = 1715000000000


def of(*items):
    """What an approval says that it is of."""
    return dict(count=len(items), events_root=c.root([c.leaf(c.LISTED, item) for item in items]))


def ended(word="vernietigd", code="2.3", order=(0, 1, 2), before=(), listed=True, kind="DESTRUCTION_EXECUTED", approved=None):
    """A message of February that was destroyed in May: what the officer set, then proposal, approval, declaration, then the manifest.
    Step 3 proposes another message under the same id."""
    item = [m.redaction_item(4, 0, 0, grounds=["geselecteerd"])]
    other = [m.redaction_item(2, 0, 0, grounds=["geselecteerd"])]
    listed = item if listed else ()
    approved = of(*listed) if approved is None else approved
    act, said = fixed("proposal"), dict(code=code, list_version="chat/1")
    steps = [
        {"by": "officer", "events": [b.record("DESTRUCTION_PROPOSED", m.selection_subject(act, test=word, **said), listed)]},
        {"by": "approver", "events": [b.record("DESTRUCTION_APPROVED", m.selection_subject(fixed("approval"), act, **approved))]},
        {"by": "officer", "events": [b.record(kind, m.selection_subject(fixed("declaration"), act, test="vernietigd", **said), item)]},
        {"by": "officer", "events": [b.record("DESTRUCTION_PROPOSED", m.selection_subject(act, test=word, **said), other)]},
    ]

    def edit(plan):
        acts = [{"by": "officer", "events": [b.public("POLICY_SET", m.policy_set("selection_list", LIST))]}, *before,
                *[steps[step] for step in order]]
        plan[5:5] = acts
        for index in range(5, len(plan)):
            plan[index]["received_at_ms"] = MAY + index * 1000
    bundle = Bundle(manifest=True, items=[*ITEMS[:2], m.redaction_item(4, 0, 0, grounds=["vernietigd"])], edit_plan=edit)
    bundle.head["export_entry"] = 6 + 1 + len(order) + len(before)
    return bundle


def endings():
    good("ended-on-term", "A term of a month from February had passed in May; proposed, approved, declared.", ended(), ["DESTROYED"])
    good("ended-before-its-term", "The category has a term of a year.", ended(code="2.9"), ["ENDED_AGAINST_RULE"])
    good("ended-although-kept", "The category is kept for ever.", ended(code="1.1"), ["ENDED_AGAINST_RULE"])
    good("ended-as-another-end", "Proposed as weeded, declared as destroyed.", ended(word="geschoond"), ["DESTRUCTION_UNDECLARED"])
    good("ended-by-another-declaration", "Declared as weeded, withheld as destroyed.", ended(kind="WEEDING_EXECUTED"), ["DESTRUCTION_UNDECLARED"])
    good("ended-before-it-was-approved", "The approval stands after the declaration.", ended(order=(0, 2, 1)), ["DESTRUCTION_UNDECLARED"])
    good("ended-and-not-proposed", "The proposal lists nothing.", ended(listed=False), ["DESTRUCTION_UNDECLARED"])
    item, other = (m.redaction_item(entry, 0, 0, grounds=["geselecteerd"]) for entry in (4, 2))
    good("ended-and-proposed-after-the-approval", "Another message was proposed and approved; this one came under the same id.",
         ended(order=(3, 1, 0, 2), approved=of(other)), ["DESTRUCTION_UNDECLARED"])
    good("ended-in-the-second-part", "Proposed in two parts, both approved.", ended(order=(3, 0, 1, 2), approved=of(other, item)), ["DESTROYED"])
    good("ended-and-grown-since", "What came under the same id after the approval takes nothing away.", ended(order=(0, 1, 3, 2)), ["DESTROYED"])
    good("ended-by-an-approval-of-less", "The approval is of one part of two.", ended(order=(3, 0, 1, 2), approved=of(item)), ["DESTRUCTION_UNDECLARED"])
    good("ended-by-an-approval-of-the-id", "The approval names the proposal, and not what it is of.", ended(approved={}), ["DESTRUCTION_UNDECLARED"])
    hold = m.selection_subject(fixed("hold"), scopes=[m.scope(*b.OF_A)])
    good("ended-under-a-hold", "A hold on the conversation was never released.",
         ended(before=[{"by": "officer", "events": [b.record("HOLD_PLACED", hold)]}]), ["DESTROYED", "HOLD_BREACH"])
    release = m.selection_subject(fixed("release"), fixed("hold"))
    good("ended-after-a-hold", "The hold was released before.",
         ended(before=[{"by": "officer", "events": [b.record("HOLD_PLACED", hold), b.record("HOLD_RELEASED", release)]}]), ["DESTROYED"])

    def left_out(plan):
        slots = [b.NONE] * 8
        slots[5] = (m.VALUE, m.manifest_detail(fixed("read-out"), 0, 1, fixed("file"), 1))
        slots[6] = (m.LIST, [m.manifest_run(0, 1, 7, 0)])
        plan[4]["events"].append({"kind": m.KINDS["READOUT_MANIFEST"], "conversation": CONVERSATION_A, "custodian": CUSTODIAN, "month": 202402,
                                  "conversation_seq": 4, "slots": slots,
                                  "time": {"occurred_at_ms": b.TIMES[202402], "precision": 3, "clock": 1, "channel": 1, "proof_class": 3}})
    good("left-out-as-ended-and-still-here", "A read-out leaves out a message as ended, and it is shown.", planned(left_out), ["RECORD_ENDED_UNFOUNDED"])

    def policy(plan):
        plan[1]["events"].append(b.public("POLICY_SET", m.policy_set("admission", "admission_first")))
    good("captured-before-admission", "Policy demanded admission first, and nobody decided.", planned(policy), ["NOT_ADMITTED"])


def eyes():
    """Covers that a second pair of eyes saw, or did not."""
    def acts(*by):
        return [{"by": name, "events": [b.record(kind, subject, listed)]} for name, kind, subject, listed in by]

    def policy(name, value):
        return {"by": "officer", "events": [b.public("POLICY_SET", m.policy_set(name, value))]}

    def approval(manifest, said):
        return "approver", "REDACTION_APPROVED", m.selection_subject(fixed("approval"), manifest, **said), ()

    def covered(before, after, items=ITEMS):
        """The manifest between these acts."""
        def edit(plan):
            plan[6:6] = after
            plan[5:5] = before
        bundle = Bundle(manifest=True, items=items, edit_plan=edit)
        bundle.head["export_entry"] = 6 + len(before) + len(after)
        return bundle
    four = policy("four_eyes", "redaction")
    unapproved = ["MANIFEST_UNAPPROVED"]
    of_it = acts(approval(b.MANIFEST, of(*ITEMS)))
    good("approved-as-it-stands", "Policy wants four eyes: another actor approved these very items.", covered([four], of_it))
    good("approved-by-nobody", "Policy wants four eyes.", covered([four], []), unapproved)
    good("approved-before-it-was-there", "The approval of these very items stands before the manifest.", covered([four, *of_it], []), unapproved)
    good("approved-by-its-id-alone", "The approval does not say what it is of.", covered([four], acts(approval(b.MANIFEST, {}))), unapproved)
    good("approved-as-another", "The approval is of other items under this id.", covered([four], acts(approval(b.MANIFEST, of(*ITEMS[:2])))), unapproved)
    good("approved-as-a-disclosure", "An approval of an export under this id.",
         covered([four], acts(approval(b.MANIFEST, dict(code="verstrekking")))), unapproved)

    grounds = ["5.1.2e", "blijvend_gelakt"]
    forever, other = m.redaction_item(2, 2, 1, grounds=grounds), m.redaction_item(2, 0, 1)

    def for_good(approved, listed=(forever,), order=(0, 1)):
        done = acts(approval(fixed("harmless"), approved),
                    ("officer", "BODY_RESEALED", m.selection_subject(fixed("resealed"), fixed("harmless")), listed))
        return covered([policy("permanent_redaction", "on"), *[done[step] for step in order]], [], [forever, *ITEMS[1:]])
    good("covered-for-good", "Carried out as it was approved.", for_good(of(ITEMS[0])), ["PERMANENTLY_REDACTED"])
    undeclared = ["REDACTION_UNDECLARED"]
    good("covered-for-good-beyond-the-approval", "The manifest that was approved has another part.", for_good(of(other)), undeclared)
    good("covered-for-good-beside-what-was-approved", "And one part more than was approved.",
         for_good(of(ITEMS[0]), (m.redaction_item(2, 0, 1, grounds=grounds), forever)), undeclared)
    good("covered-for-good-by-the-id-alone", "The approval does not say what it is of.", for_good({}), undeclared)
    good("covered-for-good-before-it-was-approved", "Declared, then approved.", for_good(of(ITEMS[0]), order=(1, 0)), undeclared)


def reopen(x, *at):
    x.event(*at)["opened"] = x.log.batches[at[0]][at[1]]["body"]


def export():
    def statement(defect, about, **change):
        def edit(x):
            x.statement |= change
        bad(f"statement-{defect}", about, "EXPORT_STATEMENT", edited(edit))

    statement("of-another-log", "For another log.", origin="chat.example.nl/minez")
    statement("of-another-export", "For another export.", export=fixed("other export"))
    statement("of-more-parts", "A part is missing.", parts=2)
    statement("of-other-parts", "Other bytes were signed.", parts_sha256=fixed("other parts"))

    def signer(defect, about, name, context=c.EXPORT, named=None):
        def edit(x):
            x.statement["key"], x.statement_key = KEYS[named or name].public, KEYS[name]
            x.statement_context = context
        bad(f"statement-{defect}", about, "EXPORT_STATEMENT", edited(edit))

    signer("by-a-stranger", "A key that nobody registered.", "stranger")
    signer("by-another-officer", "An officer, and not the one who logged the export.", "officer 2")
    signer("by-the-source", "The source signs the export.", "source")
    signer("by-the-log", "The ledger signs the export.", "log")
    signer("forged", "It names the officer's key, another signed.", "stranger", named="officer")
    signer("signed-as-a-batch", "Signed in another context.", "officer", c.BATCH)

    def junk(x):
        x.statement_bytes = b"no statement"
    bad("statement-not-canonical", "Bytes that are none.", "EXPORT_STATEMENT", edited(junk))

    def ended(plan):
        revoke = b.public("KEY_REVOKED", m.key_revoked(KEYS["officer"].public, 1, 5))
        plan[7:7] = [{"by": "root", "events": [revoke]}]
    bad("statement-by-a-revoked-officer", "Revoked after the export was logged, before the snapshot.", "EXPORT_STATEMENT", planned(ended))

    def nowhere(x):
        x.head["export_entry"] = 5
    bad("export-event-is-a-hold", "The header points to another event.", "EXPORT_EVENT", edited(nowhere))

    def missing(x):
        x.head["export_position"] = 1
    bad("export-event-missing", "The header points to no event.", "EXPORT_EVENT", edited(missing))
    bad("export-event-closed", "Its subject is not open.", "EXPORT_EVENT", edited(lambda x: x.event(6, 0).pop("opened")))

    def narrower(x):
        x.head["scope_bytes"] = b.scope((202401, 202401))
    bad("scope-other-than-exported", "The header names fewer months than the export, and shows no more than those.", "SCOPE",
        edited(narrower, hide=[(2, 3), (4, 0)]))
    bad("nonce-other", "An older bundle, or one for somebody else.", "NONCE", edited(lambda x: x.demands.update(nonce="nonce-2")))
    bad("nonce-empty-demanded", "An empty nonce is a nonce.", "NONCE", edited(lambda x: x.demands.update(nonce="")))
    bad("as-of-too-old", "Eight entries were asked for, seven are covered.", "AS_OF", edited(lambda x: x.demands.update(min_entries=8)))

    def rogue(x):
        x.attachments[c.sha256(b"rogue").hex()] = b"rogue"
    bad("attachment-surplus", "A file that no event names.", "ATTACHMENT", edited(rogue))

    def longer(x):
        x.attachments[c.sha256(b.PHOTO).hex()] = b.PHOTO + b"\x00"
    bad("attachment-changed", "Its bytes are not its name.", "BAG", edited(longer))
    bad("attachment-of-a-withheld-event", "The event is withheld, its file is not.", "ATTACHMENT",
        edited(withhold_photo, manifest=True, items=[m.redaction_item(2, 2, 0), ITEMS[2]]))


def withhold_photo(x):
    x.event(2, 2).pop("redacted")


def trust_and_checkpoint():
    def by(defect, about, refusal, edit):
        bad(defect, about, refusal, edited(edit))

    by("checkpoint-by-another-key", "Not the key that genesis names.", "CHECKPOINT", lambda x: setattr(x, "checkpoint_key", KEYS["stranger"]))
    by("checkpoint-by-the-root", "The root signs no checkpoints.", "CHECKPOINT", lambda x: setattr(x, "checkpoint_key", KEYS["root"]))

    def text(size=9, root=None, origin=b.ORIGIN):
        def edit(x):
            x.checkpoint_text = c.checkpoint_text(origin, size, root or c.root(x.log.leaves()))
        return edit

    by("checkpoint-root-other", "Signed by the log, of something else.", "LOG_ROOT", text(root=fixed("other root")))
    by("checkpoint-of-fewer-entries", "Smaller than what is shown.", "ENTRY", text(size=7))
    by("checkpoint-of-more-entries", "Larger than the log: the hashes at the end do not fit.", "ENTRY", text(size=11))
    by("checkpoint-of-another-log", "Another origin.", "CHECKPOINT", text(origin="chat.example.nl/minez"))
    by("checkpoint-with-extension", "A line more.", "CHECKPOINT",
       lambda x: setattr(x, "checkpoint_text", x.checkpoint_text + "extension\n"))

    def root(x):
        x.trust = f"root {c.vkey(b.ORIGIN, 1, KEYS['stranger'].public)}\n"
    by("root-key-other", "A whole log by somebody else under this name.", "ROOT_KEY", root)

    def origin(x):
        x.trust = f"root {c.vkey('chat.example.nl/minez', 1, KEYS['root'].public)}\n"
    by("origin-other", "A bundle of another log than the one that is trusted.", "ORIGIN", origin)

    def pinned(x):
        x.trust += f"log {c.vkey(b.ORIGIN, 1, KEYS['stranger'].public)}\n"
    by("log-key-other", "The trust file pins another log key.", "LOG_KEY", pinned)
    by("quorum-missed", "One witness of the two that must.", "QUORUM", lambda x: cosigned(x, "alfa"))
    by("quorum-of-nobody", "No cosignature at all.", "QUORUM", lambda x: cosigned(x))
    by("cosignature-forged", "A known witness, a wrong signature.", "COSIGNATURE", lambda x: cosigned(x, "alfa", "bravo", forged=True))

    def changed_key(plan):
        proof = b.possession("new", bytes(32))
        plan[3] = {"by": "root", "events": [b.public("LOG_KEY_CHANGED", m.key_changed(KEYS["new"].public, proof))]}
    bad("checkpoint-by-the-old-log-key", "The log's key changed at entry 3.", "CHECKPOINT", planned(changed_key))

    def changed_later(plan):
        changed_key(plan)
        plan[8], plan[3] = plan[3], b.plan()[3]
    good("checkpoint-by-the-old-log-key-after-the-snapshot", "The key changed at entry 8, after the snapshot: a bundle is as of "
         "its snapshot, and the key of that moment signs for it.", planned(changed_later))
    bundle = planned(changed_key)
    bundle.checkpoint_key = KEYS["new"]
    good("checkpoint-by-the-new-log-key", "The log's key changed at entry 3.", bundle)


def framing_and_bag():
    split_parts()

    def append(*records):
        return edited(lambda x: x.records.extend(records))

    def raw(data):
        return {"name": "raw", "bytes": data}

    bad("record-after-the-end", "An end more.", "ORDER", append({"name": "rows_end", "gap": []}))
    bad("envelope-in-a-bundle", "Envelopes are the ledger's.", "ORDER",
        edited(lambda x: x.records.insert(0, raw(delimited(m.record("envelope", data(1, b"x")))))))
    bad("record-cut", "The last record is cut.", "RECORD", append(raw(b"\x05\x01")))
    record = m.record("rows_end", b"")
    bad("record-length-non-minimal", "A length in two bytes that needs one.", "RECORD", append(raw(long_varint(len(record), 2) + record)))
    bad("record-too-long", "It claims 2 GiB.", "RECORD", append(raw(b"\x80\x80\x80\x80\x08")))
    bad("record-unknown", "Field 9.", "CANONICAL", append(raw(delimited(b"\x4a\x00"))))
    bad("record-empty", "A record of no bytes.", "CANONICAL", append(raw(b"\x00")))

    def no_end(x):
        x.records.remove(x.named("rows_end"))
    bad("evidence-cut", "The rows do not end.", "ORDER", edited(no_end))

    def no_batch_end(x):
        x.records.remove(x.named("batch_end", 2))
    bad("batch-end-missing", "A batch that does not end.", "ORDER", edited(no_batch_end))

    def fmt(x):
        x.head["fmt"] = "zegel-evidence/v2"
    bad("format-of-the-future", "A version that this verifier does not know.", "FORMAT", edited(fmt))

    def bagged(defect, about, edit):
        bundle = Bundle()
        files = bundle.files()
        edit(files)
        bad(f"bag-{defect}", about, "BAG", bundle, files)

    def relist(files):
        """The manifests again, after a change of the payload."""
        payload = {path: data for path, data in files.items() if path.startswith("data/")}
        files["manifest-sha256.txt"] = b.listing(payload)
        retag(files)

    def retag(files):
        tags = {path: files[path] for path in ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")}
        files["tagmanifest-sha256.txt"] = b.listing(tags)

    bagged("payload-changed", "A byte more, and its digest as it was.",
           lambda f: f.update({"data/export-statement": f["data/export-statement"] + b"\x00"}))
    bagged("file-unlisted", "An attachment that no manifest lists.", lambda f: f.update({f"data/attachments/{c.sha256(b'x').hex()}": b"x"}))

    def stray(files):
        files["data/readme.txt"] = b"trust me"
        relist(files)
    bagged("file-of-another-name", "A file that may not be in a bundle.", stray)

    def traversal(files):
        files["data/../evidence-0001"] = b""
        relist(files)
    bagged("path-with-dots", "A path that leads elsewhere.", traversal)

    def upper(files):
        name = next(path for path in files if path.startswith("data/attachments/"))
        files[name.upper().replace("DATA/ATTACHMENTS", "data/attachments")] = files.pop(name)
        relist(files)
    bagged("attachment-in-upper-case", "Names are lower case.", upper)
    bagged("tag-manifest-missing", "No tag manifest.", lambda f: f.pop("tagmanifest-sha256.txt"))
    bagged("statement-missing", "No export statement.", lambda f: (f.pop("data/export-statement"), relist(f)))
    bagged("evidence-missing", "No evidence.", lambda f: (f.pop("data/evidence-0001"), relist(f)))
    bagged("part-number-skipped", "Parts 1 and 3.", lambda f: (f.update({"data/evidence-0003": b"x"}), relist(f)))
    bagged("tag-file-changed", "bag-info.txt is not what the tag manifest says.", lambda f: f.update({"bag-info.txt": b"Contact-Name: X\n"}))

    def twice(files):
        files["manifest-sha256.txt"] += files["manifest-sha256.txt"].splitlines(keepends=True)[0]
        retag(files)
    bagged("file-listed-twice", "A line twice.", twice)

    def version(files):
        files["bagit.txt"] = files["bagit.txt"].replace(b"1.0", b"0.97")
        retag(files)
    bagged("of-an-older-version", "BagIt 0.97.", version)

    def one_space(files):
        files["manifest-sha256.txt"] = files["manifest-sha256.txt"].replace(b"  ", b" ")
        retag(files)
    bagged("manifest-with-one-space", "Two spaces divide digest and name.", one_space)


def split_parts():
    """A part ends inside a record, and the next one goes on."""
    bundle = Bundle()
    whole = bundle.parts()[0]
    bundle.parts = lambda: [whole[:1000], whole[1000:]]
    bad("record-over-two-parts", "Parts hold whole records.", "RECORD", bundle)
    empty = Bundle()
    empty.parts = lambda: [whole, b""]
    bad("part-empty", "A part without records is a second form of the same evidence.", "RECORD", empty)
