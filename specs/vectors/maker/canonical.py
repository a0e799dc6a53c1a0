"""Canonical form and grammar: what parse takes, and what it refuses (specs/encoding.md)."""

from . import crypto, messages as m
from .cases import add
from .crypto import fixed
from .wire import always, data, each, long_varint, number, tag, varint

ORIGIN = "chat.example.nl/minbzk"
H = [fixed(f"hash {at}") for at in range(8)]


def good(message, name, encoded, about="As it must be."):
    add("canonical", f"{name}-good", about, {"message": message, "bytes": encoded.hex()})


def refused(message, name, encoded, about, *error, **more):
    add("canonical", name, about, {"message": message, "bytes": encoded.hex()}, error=list(error), **more)


def grammar(message, name, encoded, about, *error, **more):
    refused(message, name, encoded, about, "Grammar", *error, **more)


def make():
    encodings()
    headers()
    bodies()
    batches()
    sealing()
    governance()
    evidence()


def encodings():
    """Every way in which protobuf says one thing twice, on the smallest message: covers, ids, root."""
    name = "IndexSnapshot"
    covers, ids, root = number(1, 6), number(2, 3), data(3, H[0])
    good(name, "snapshot", covers + ids + root)
    good(name, "snapshot-largest-numbers", number(1, 2**64 - 1) + number(2, 2**64 - 1) + root)

    def other(defect, encoded, about):
        refused(name, "snapshot-" + defect, encoded, about, "NotCanonical")

    other("non-minimal-varint", tag(1, 0) + long_varint(6, 2) + ids + root, "6 in two bytes.")
    other("longest-varint", tag(1, 0) + long_varint(6, 10) + ids + root, "6 in ten bytes.")
    other("non-minimal-tag", long_varint(1 << 3, 2) + varint(6) + ids + root, "The tag of covers in two bytes.")
    other("non-minimal-length", covers + ids + tag(3, 2) + long_varint(32, 2) + H[0], "The length of root in two bytes.")
    other("unknown-field", covers + ids + root + number(15, 1), "Field 15 is not known.")
    other("unknown-field-before", number(4, 1) + covers + ids + root, "An unknown field before the first.")
    other("unknown-empty-field", covers + ids + root + always(4, b""), "An unknown field without content.")
    other("fields-out-of-order", ids + covers + root, "ids before covers.")
    other("field-twice", covers + covers + ids + root, "covers twice, with the same value.")
    other("field-twice-other-value", number(1, 7) + covers + ids + root, "covers twice; protobuf lets the last win.")
    other("root-twice", covers + ids + data(3, H[1]) + root, "root twice; protobuf lets the last win.")
    def junk(defect, encoded, about):
        refused(name, "snapshot-" + defect, encoded, about, "Undecodable")

    junk("number-above-64-bits", tag(1, 0) + b"\xff" * 9 + b"\x7f" + ids + root, "More bits than a uint64 has.")
    junk("trailing-byte", covers + ids + root + b"\x00", "A zero byte at the end: a tag of field 0.")
    junk("cut-short", (covers + ids + root)[:-1], "The last byte is missing.")
    junk("varint-without-end", tag(1, 0) + b"\xff" * 10, "A varint that never ends.")
    junk("varint-of-eleven-bytes", tag(1, 0) + long_varint(6, 11) + ids + root, "6 in eleven bytes.")
    junk("wrong-wire-type", covers + ids + tag(3, 0) + varint(1), "root as a number.")
    junk("fixed64-for-varint", tag(1, 1) + (6).to_bytes(8, "little") + ids + root, "covers as eight fixed bytes.")
    junk("length-beyond-the-end", covers + ids + tag(3, 2) + varint(33) + H[0], "root claims one byte more than there is.")
    junk("group", covers + ids + root + tag(4, 3), "A group begins and does not end.")

    grammar(name, "snapshot-covers-nothing", ids + root, "covers is at least 1.", "Missing", "covers")
    refused(name, "snapshot-default-spelled-out", covers + tag(2, 0) + b"\x00" + root, "ids is 0 and written.",
            "NotCanonical")
    grammar(name, "snapshot-no-rows", covers + root, "A log has at least the registry's row.", "Missing", "ids")
    grammar(name, "snapshot-root-too-short", covers + ids + data(3, H[0][:31]), "31 bytes.", "Length", "root")
    grammar(name, "snapshot-root-too-long", covers + ids + data(3, H[0] + b"\x00"), "33 bytes.", "Length", "root")
    grammar(name, "snapshot-empty", b"", "No bytes: every field at its default.", "Missing", "covers")


def headers():
    name = "EventHeader"
    chat = dict(conversation=H[0], custodian=H[1], month=202405, conversation_seq=9)
    good(name, "header-chat", m.header(40, **chat, body_root=H[2]))
    good(name, "header-with-64-blobs", m.header(40, **chat, blobs=[H[3]] * 64, body_root=H[2]))
    good(name, "header-with-empty-public", m.header(5, public=b""),
         "An empty public message is a value: the oneof is there. Whether its kind allows it is asked later.")
    grammar(name, "header-kind-missing", m.header(0, **chat, body_root=H[2]), "Kind 0 is never written.", "Missing", "kind")
    grammar(name, "header-kind-unknown", m.header(39, **chat, body_root=H[2]), "39 is no kind.", "Value", "kind")
    grammar(name, "header-kind-above-all", m.header(123, **chat, body_root=H[2]), "123 is no kind.", "Value", "kind")
    refused(name, "header-kind-beyond-32-bits", number(1, 2**32 + 40) + m.header(0, **chat, body_root=H[2]),
            "Decoders cut enums to 32 bits: this would read as MESSAGE_CREATED.", "NotCanonical")
    grammar(name, "header-conversation-of-31-bytes", m.header(40, **chat | {"conversation": H[0][:31]}, body_root=H[2]),
            "An id has 32 bytes.", "Length", "conversation")
    grammar(name, "header-custodian-of-16-bytes", m.header(40, **chat | {"custodian": H[1][:16]}, body_root=H[2]),
            "An id has 32 bytes.", "Length", "custodian")
    for number_of_month, defect in [(202413, "month-13"), (202400, "month-00"), (196912, "month-before-1970"),
                                    (1000001, "month-of-year-10000"), (296901, "month-after-the-last"),
                                    (5, "month-without-year")]:
        grammar(name, f"header-{defect}", m.header(40, **chat | {"month": number_of_month}, body_root=H[2]),
                "Months of events run from 197001 to 296812, so that a row holds all of an id; 0 is unknown.", "Value",
                "month")
    good(name, "header-first-month", m.header(40, **chat | {"month": 197001}, body_root=H[2]))
    good(name, "header-last-month", m.header(40, **chat | {"month": 296812}, body_root=H[2]))
    refused(name, "header-month-beyond-32-bits", number(1, 40) + data(2, H[0]) + data(3, H[1])
            + number(4, 2**32 + 202405) + number(5, 9) + always(7, H[2]), "A uint32 with a bit too many.", "NotCanonical")
    grammar(name, "header-with-65-blobs", m.header(40, **chat, blobs=[H[3]] * 65, body_root=H[2]), "At most 64.",
            "TooMany", "blobs")
    grammar(name, "header-blob-of-20-bytes", m.header(40, **chat, blobs=[H[3], H[4][:20]], body_root=H[2]),
            "SHA-1 is no SHA-256.", "Length", "blobs")
    grammar(name, "header-without-content", m.header(40, **chat), "Neither body root nor public.", "Missing", "content")
    refused(name, "header-with-both-contents", m.header(40, **chat, body_root=H[2], public=b"x"),
            "Body root and public: protobuf lets the last win.", "NotCanonical")
    refused(name, "header-with-both-contents-reversed", m.header(40, **chat, public=b"x") + always(7, H[2]),
            "Public, then body root.", "NotCanonical")
    grammar(name, "header-body-root-empty", m.header(40, **chat, body_root=b""), "A root has 32 bytes.", "Length", "body_root")
    good(name, "header-public-of-32-KiB", m.header(10, public=b"x" * 32768))
    grammar(name, "header-public-above-32-KiB", m.header(10, public=b"x" * 32769), "At most 32 KiB.", "TooMany", "public")


def bodies():
    name, seed = "Body", fixed("seed")
    none = (m.NONE, b"")
    good(name, "body", m.body(seed, [(m.VALUE, b"one"), none, (m.UNKNOWN, b""), (m.LIST, [b"a", b""]), (m.VALUE, b"")]),
         "All four states; a value and an item may be empty.")
    grammar(name, "body-without-seed", m.body(b"", [none]), "Salts follow from the seed.", "Length", "seed")
    grammar(name, "body-seed-of-16-bytes", m.body(seed[:16], [none]), "32 bytes.", "Length", "seed")
    grammar(name, "body-slot-state-unknown", data(1, seed) + each(2, [number(1, 4)]), "State 4.", "Value", "state")
    grammar(name, "body-value-beside-none", m.body(seed, [(m.NONE, b"x")]), "Absent, and yet a value.", "Surplus", "value")
    grammar(name, "body-value-beside-unknown", m.body(seed, [(m.UNKNOWN, b"x")]), "Unknown, and yet a value.",
            "Surplus", "value")
    grammar(name, "body-value-beside-list", data(1, seed) + each(2, [m.slot(m.LIST, b"x", [b"a"])]),
            "A list with a value.", "Surplus", "value")
    grammar(name, "body-items-beside-value", data(1, seed) + each(2, [m.slot(m.VALUE, b"x", [b"a"])]),
            "A value with items.", "Surplus", "items")
    grammar(name, "body-empty-list", m.body(seed, [(m.LIST, [])]), "A list without items is SLOT_NONE.", "Missing", "items")
    good(name, "body-list-of-1024", m.body(seed, [(m.LIST, [b"w"] * 1024)]))
    grammar(name, "body-list-of-1025", m.body(seed, [(m.LIST, [b"w"] * 1025)]), "At most 1,024.", "TooMany", "items")
    refused(name, "body-slot-fields-out-of-order", data(1, seed) + each(2, [data(2, b"x") + number(1, m.VALUE)]),
            "Inner messages are canonical too.", "NotCanonical")
    refused(name, "body-slot-unknown-field", data(1, seed) + each(2, [m.slot(m.VALUE, b"x") + number(9, 1)]),
            "An unknown field in an inner message.", "NotCanonical")

    name = "Binding"
    binding = dict(origin=ORIGIN, source=H[0], kind=40, conversation=H[1], custodian=H[2], conversation_seq=3,
                   occurred_at_ms=1714557600000, precision=2, clock=1, channel=1, proof_class=3)
    good(name, "binding", m.binding(**binding))
    good(name, "binding-ambiguous-time", m.binding(**binding, ambiguous_time=1))

    def changed(defect, about, *error, **change):
        grammar(name, "binding-" + defect, m.binding(**binding | change), about, *error)

    changed("time-without-clock", "A time that no clock gave.", "Surplus", "occurred_at_ms", clock=0)
    changed("clock-without-time", "A clock that gave no time.", "Surplus", "occurred_at_ms", occurred_at_ms=0)
    changed("clock-unknown-value", "Clock 5.", "Value", "clock", clock=5)
    changed("channel-unknown-value", "Channel 7.", "Value", "channel", channel=7)
    changed("precision-unknown-value", "Precision 6.", "Value", "precision", precision=6)
    changed("proof-class-unknown-value", "Proof class 5.", "Value", "proof_class", proof_class=5)
    changed("origin-with-space", "Key names have no spaces (C2SP).", "Value", "origin", origin="chat.example.nl minbzk")
    changed("origin-with-no-break-space", "Nor any Unicode space.", "Value", "origin", origin="chat\u00a0example")
    changed("origin-with-plus", "Nor a plus.", "Value", "origin", origin="chat.example.nl+minbzk")
    changed("origin-with-newline", "Nor a line feed.", "Value", "origin", origin="chat\nminbzk")
    changed("origin-empty", "Nor are they empty.", "Missing", "origin", origin="")
    changed("origin-of-256-bytes", "At most 255 bytes.", "TooMany", "origin", origin="o" * 256)
    changed("source-empty", "32 bytes.", "Length", "source", source=b"")
    refused(name, "binding-origin-not-utf8", always(1, b"\xff\xfe") + m.binding(**binding | {"origin": ""}),
            "Strings are UTF-8.", "Undecodable")
    refused(name, "binding-bool-of-two", m.binding(**binding) + tag(12, 0) + varint(2), "true is 1.", "NotCanonical")

    name = "Attachment"
    present = dict(name="foto.jpg", media_type="image/jpeg", size=5, sha256=H[0], state=1, blob=0, key=H[1])
    good(name, "attachment", m.attachment(**present))
    good(name, "attachment-left-out", m.attachment(name="foto.jpg", state=2))
    grammar(name, "attachment-without-state", m.attachment(**present | {"state": 0}), "Its state is stated.", "Missing", "state")
    grammar(name, "attachment-state-unknown", m.attachment(**present | {"state": 4}), "State 4.", "Value", "state")
    grammar(name, "attachment-missing-with-hash", m.attachment(name="x", sha256=H[0], state=3), "Nobody hashed it.",
            "Surplus", "sha256")
    grammar(name, "attachment-present-without-hash", m.attachment(**present | {"sha256": b""}), "What is there is hashed.",
            "Length", "sha256")
    grammar(name, "attachment-key-of-16-bytes", m.attachment(**present | {"key": H[1][:16]}), "32 bytes or none.",
            "Length", "key")


def batches():
    name = "BatchStatement"
    first = dict(origin=ORIGIN, source=H[0], key=H[1], batch_seq=0, count=1, events_root=H[2], sealed_root=H[3],
                 previous=b"", created_at_ms=1700000000000)
    later = first | {"batch_seq": 1, "previous": H[4]}
    good(name, "statement-first", m.statement(**first))
    good(name, "statement-later", m.statement(**later))
    good(name, "statement-of-4096-events", m.statement(**first | {"count": 4096}))

    def changed(defect, about, base, *error, **change):
        grammar(name, "statement-" + defect, m.statement(**base | change), about, *error)

    changed("batch-0-with-previous", "Batch 0 follows nothing.", first, "Surplus", "previous", previous=H[4])
    changed("batch-1-without-previous", "Batch 1 follows batch 0.", later, "Surplus", "previous", previous=b"")
    changed("without-events", "At least one event.", first, "Missing", "count", count=0)
    changed("of-4097-events", "At most 4,096 events.", first, "TooMany", "count", count=4097)
    changed("key-of-33-bytes", "32 bytes.", first, "Length", "key", key=H[1] + b"\x00")
    changed("without-events-root", "32 bytes.", first, "Length", "events_root", events_root=b"")
    changed("sealed-root-of-31-bytes", "32 bytes.", first, "Length", "sealed_root", sealed_root=H[3][:31])
    changed("previous-of-20-bytes", "32 bytes.", later, "Length", "previous", previous=H[4][:20])
    changed("without-time", "The source has a clock.", first, "Missing", "created_at_ms", created_at_ms=0)
    changed("origin-with-space", "Contexts have spaces, so that origins must not.", first, "Value", "origin",
            origin="zegel batch v1")

    signature, snapshot = fixed("signature", 64), m.snapshot(1, 3, H[0])
    statement = m.statement(**first)
    batch = m.signed(statement, signature)
    good("SignedBatch", "signed-batch", batch)
    grammar("SignedBatch", "signed-batch-signature-of-63-bytes", m.signed(statement, signature[:63]), "64 bytes.",
            "Length", "signature")
    grammar("SignedBatch", "signed-batch-without-statement", m.signed(b"", signature), "Nothing was signed.",
            "Missing", "statement")
    grammar("SignedBatch", "signed-batch-statement-above-1024-bytes", m.signed(b"x" * 1025, signature), "At most 1,024.",
            "TooMany", "statement")
    good("Entry", "entry-with-batch", m.entry(1, batch=batch))
    good("Entry", "entry-with-snapshot", m.entry(1, index_snapshot=snapshot))
    grammar("Entry", "entry-without-content", m.entry(1), "Neither batch nor snapshot.", "Missing", "content")
    refused("Entry", "entry-with-both-contents", m.entry(1, batch, snapshot), "Batch and snapshot.", "NotCanonical")
    grammar("Entry", "entry-without-time", m.entry(0, batch), "At least 1: so no entry begins with a tag.",
            "Missing", "received_at_ms")
    refused("Entry", "entry-batch-in-two-halves", number(1, 1) + always(2, data(1, statement)) + always(2, data(2, signature)),
            "Protobuf merges a message that comes twice.", "NotCanonical")


def sealing():
    good("KeyWrap", "wrap", m.key_wrap(H[0], fixed("wrapped", 48)))
    grammar("KeyWrap", "wrap-of-47-bytes", m.key_wrap(H[0], fixed("wrapped", 47)), "48 bytes.", "Length", "wrapped")
    grammar("KeyWrap", "wrap-without-dossier", m.key_wrap(b"", fixed("wrapped", 48)), "32 bytes.", "Length", "dossier")
    name = "DossierEnvelope"
    ids = sorted(fixed(f"archive key {at}") for at in range(17))
    recipients = [m.recipient(one, b"sealed") for one in ids]
    base = dict(origin=ORIGIN, source=H[0], conversation=H[1], month=202405, nonce=fixed("nonce", 16))

    def envelope(defect, some, about, *error, **change):
        encoded = m.envelope(**base | change, recipients=some)
        grammar(name, "envelope-" + defect, encoded, about, *error)

    good(name, "envelope", m.envelope(**base, recipients=recipients[:2]))
    good(name, "envelope-of-governance", m.envelope(**base | {"conversation": b"", "month": 0}, recipients=recipients[:16]))
    envelope("to-one-recipient", recipients[:1], "The loss of one key must not lose the archive.", "Missing", "recipients")
    envelope("to-nobody", [], "At least two.", "Missing", "recipients")
    envelope("to-17-recipients", recipients, "At most 16.", "TooMany", "recipients")
    envelope("recipients-unsorted", recipients[1::-1], "Ascending by archive key.", "Order", "recipients")
    envelope("recipient-twice", [recipients[0]] * 2, "Two copies for one key are one recipient.", "Order", "recipients")
    envelope("nonce-of-12-bytes", recipients[:2], "16 bytes.", "Length", "nonce", nonce=fixed("nonce", 12))
    envelope("recipient-without-key", [m.recipient(ids[0], b""), recipients[1]], "A key was sealed.", "Missing", "sealed")
    envelope("month-13", recipients[:2], "As in the header.", "Value", "month", month=202413)


def governance():
    key, proof = H[0], fixed("proof", 64)
    created = dict(origin=ORIGIN, root_actor=H[0], root_key=H[1], log_key=H[2], recovery_actor=H[3], recovery_key=H[4],
                   ministry="Ministerie van Voorbeelden")
    good("LogCreated", "log-created", m.log_created(**created))
    grammar("LogCreated", "log-created-without-recovery-key", m.log_created(**created | {"recovery_key": b""}),
            "A stolen root must be replaceable.", "Length", "recovery_key")
    grammar("LogCreated", "log-created-without-ministry", m.log_created(**created | {"ministry": ""}), "It has a name.",
            "Missing", "ministry")
    good("ActorRegistered", "actor", m.actor_registered(H[0], m.SOURCE, "gateway"))
    for role, defect in [(m.ROOT, "second-root"), (m.RECOVERY, "second-recovery")]:
        grammar("ActorRegistered", f"actor-is-a-{defect}", m.actor_registered(H[0], role, "x"), "Named by genesis only.",
                "Value", "role")
    grammar("ActorRegistered", "actor-without-role", m.actor_registered(H[0], 0, "x"), "One role.", "Missing", "role")
    grammar("ActorRegistered", "actor-role-unknown", m.actor_registered(H[0], 10, "x"), "Role 10.", "Value", "role")
    good("KeyAdded", "key-added", m.key_added(H[1], key, proof))
    grammar("KeyAdded", "key-added-without-proof", m.key_added(H[1], key, b""), "Possession is proven.", "Length", "proof")
    good("KeyRevoked", "key-revoked", m.key_revoked(key, 1, 0))
    grammar("KeyRevoked", "key-revoked-without-reason", m.key_revoked(key, 0, 0), "A reason.", "Missing", "reason")
    grammar("KeyRevoked", "key-revoked-reason-unknown", m.key_revoked(key, 4, 0), "Reason 4.", "Value", "reason")
    grammar("ArchiveKeyAdded", "archive-key-of-32-bytes", m.archive_key_added(1, key, "x"), "X-Wing has 1,216.",
            "Length", "public_key")
    good("GroundsListPublished", "grounds-list", m.list_published("woo-2022", [m.list_item("5.1.2e", "privacy")]))
    grammar("GroundsListPublished", "grounds-list-empty", m.list_published("woo-2022", []), "At least one.",
            "Missing", "items")
    scope = m.scope(m.CONVERSATION, H[1], 202401, 202412)
    subject = dict(export=H[0], case="WOO-1", scope_bytes=scope, recipient_name="Enquêtecommissie", nonce="n", manifest=b"")
    good("ExportSubject", "export-subject", m.export_subject(**subject))
    grammar("ExportSubject", "export-subject-without-recipient", m.export_subject(**subject | {"recipient_name": ""}),
            "Somebody gets it.", "Missing", "recipient")
    for months, defect in [((202412, 202401), "backwards"), ((202401, 0), "without-end"), ((0, 202401), "without-begin")]:
        grammar("Scope", f"scope-{defect}", m.scope(m.CONVERSATION, H[1], *months), "Both months or none, ascending.",
                "Value", "to_month")
    grammar("Scope", "scope-of-a-fixed-stream", m.scope(m.RECORDS, bytes(32)), "A conversation or a custodian.",
            "Value", "stream")
    grammar("Scope", "scope-without-stream", m.scope(0, H[1]), "A conversation or a custodian.", "Missing", "stream")
    good("Scope", "scope-of-every-month", m.scope(m.CUSTODIAN, H[1]))
    name = "RedactionItem"
    good(name, "redaction-of-items", m.redaction_item(3, 1, 11, 1020, 4))
    good(name, "redaction-of-an-event", m.redaction_item(3, 1, 0))
    grammar(name, "redaction-beyond-the-list", m.redaction_item(3, 1, 11, 1021, 4), "Lists have at most 1,024 items.",
            "TooMany", "first_item")
    grammar(name, "redaction-counts-overflow", m.redaction_item(3, 1, 11, 2**32 - 1, 2**32 - 1),
            "The sum does not fit 32 bits.", "TooMany", "first_item")
    grammar(name, "redaction-item-without-count", m.redaction_item(3, 1, 11, 2, 0), "The slot as a whole has no first item.",
            "Surplus", "first_item")
    grammar(name, "redaction-of-items-of-slot-0", m.redaction_item(3, 1, 0, 0, 1), "Slot 0 stands for the event.",
            "Surplus", "item_count")
    grammar(name, "redaction-without-ground", m.redaction_item(3, 1, 11, grounds=()), "Every covered part says why.",
            "Missing", "grounds")
    grammar(name, "redaction-with-nine-grounds", m.redaction_item(3, 1, 11, grounds=["5.1"] * 9), "At most 8.",
            "TooMany", "grounds")
    grammar(name, "redaction-ground-empty", m.redaction_item(3, 1, 11, grounds=[""]), "A code.", "Missing", "ground")
    grammar(name, "redaction-position-4096", m.redaction_item(3, 4096, 11), "Positions run from 0 to 4,095.",
            "TooMany", "position")
    grammar("RedactionSubject", "redaction-part-beyond-parts", m.redaction_subject(H[0], 2, 2, "B-1"),
            "Parts count from 0.", "Value", "part")
    good("RedactionSubject", "redaction-subject", m.redaction_subject(H[0], 1, 2, "B-1"))
    export = dict(origin=ORIGIN, export=H[0], key=H[1], parts=1, parts_sha256=H[2], created_at_ms=1700000000000)
    good("ExportStatement", "export-statement", m.export_statement(**export))
    grammar("ExportStatement", "export-statement-without-parts", m.export_statement(**export | {"parts": 0}),
            "At least one.", "Missing", "parts")
    grammar("ExportStatement", "export-statement-of-10000-parts", m.export_statement(**export | {"parts": 10000}),
            "At most 9,999.", "TooMany", "parts")
    good("ManifestRun", "manifest-run", m.manifest_run(0, 5, 1, 0))
    grammar("ManifestRun", "manifest-run-of-nothing", m.manifest_run(0, 0, 1, 0), "At least one record.", "Missing", "count")
    grammar("ManifestRun", "manifest-run-fate-unknown", m.manifest_run(0, 5, 8, 0), "Fate 8.", "Value", "fate")


def evidence():
    name, salt = "EvidenceRecord", fixed("salt", 16)
    head = m.header(40, H[0], H[1], 202405, 1, body_root=H[2])

    def event(**more):
        return m.record("event", m.evidence_event([H[5]], 1, head, **more))

    def shown(**fields):
        return event(redacted_body=m.redacted([m.shown(**fields)]))

    item = m.shown(salt=salt, state=m.VALUE, value=b"w")
    good(name, "record-event-withheld", event())
    good(name, "record-event-redacted", event(redacted_body=m.redacted(
        [m.shown(salt=salt, state=m.VALUE, value=b"x"), m.shown(leaf=H[3]),
         m.shown(salt=salt, state=m.LIST, items=[item, m.shown(leaf=H[4])])])))
    good("RedactedBody", "redacted-body", m.redacted([m.shown(salt=salt, state=m.VALUE, value=b"x"), m.shown(leaf=H[3])]))
    grammar("RedactedBody", "redacted-body-slot-open-and-covered", m.redacted([m.shown(salt=salt, leaf=H[3], state=m.NONE)]),
            "A salt and a leaf.", "Length", "leaf")
    refused(name, "record-event-opened-and-redacted", event(opened=m.body(H[6], []), redacted_body=b""),
            "One of the two.", "NotCanonical")
    for defect, about, error, fields in [
        ("slot-open-and-covered", "A salt and a leaf.", ("Length", "leaf"), dict(salt=salt, leaf=H[3], state=m.NONE)),
        ("slot-neither-open-nor-covered", "Neither salt nor leaf.", ("Length", "leaf"), dict()),
        ("slot-covered-with-value", "A value beside a leaf is bound by nothing.", ("Surplus", "value"),
         dict(leaf=H[3], value=b"x")),
        ("slot-covered-with-state", "A state beside a leaf is bound by nothing.", ("Surplus", "value"),
         dict(leaf=H[3], state=m.NONE)),
        ("slot-covered-with-items", "Items beside a leaf are bound by nothing.", ("Surplus", "items"),
         dict(leaf=H[3], items=[item])),
        ("slot-salt-of-8-bytes", "16 bytes.", ("Length", "salt"), dict(salt=salt[:8], state=m.NONE)),
        ("slot-leaf-of-31-bytes", "32 bytes.", ("Length", "leaf"), dict(leaf=H[3][:31])),
        ("slot-none-with-value", "Absent, and yet a value.", ("Surplus", "value"),
         dict(salt=salt, state=m.NONE, value=b"x")),
        ("list-of-three-leaves", "A power of two.", ("Length", "items"), dict(salt=salt, state=m.LIST, items=[item] * 3)),
        ("list-of-no-leaves", "At least one.", ("Missing", "items"), dict(salt=salt, state=m.LIST)),
        ("list-of-2048-leaves", "At most 1,024.", ("TooMany", "items"), dict(salt=salt, state=m.LIST, items=[item] * 2048)),
        ("item-is-a-list", "Lists are flat.", ("Value", "state"),
         dict(salt=salt, state=m.LIST, items=[m.shown(salt=salt, state=m.LIST)])),
        ("item-unknown", "An item is a value or padding.", ("Value", "state"),
         dict(salt=salt, state=m.LIST, items=[m.shown(salt=salt)])),
    ]:
        grammar(name, "record-" + defect, shown(**fields), about, *error)
    refused(name, "record-item-with-items", shown(salt=salt, state=m.LIST, items=[item + each(5, [item])]),
            "Items have no items.", "NotCanonical")
    grammar(name, "record-gap-of-129-hashes", m.record("log_end", m.gap_only([H[0]] * 129)), "At most 128.", "TooMany", "gap")
    grammar(name, "record-gap-hash-of-31-bytes", m.record("log_end", m.gap_only([H[0][:31]])), "32 bytes.", "Length", "gap")
    good(name, "record-log-end-without-hashes", m.record("log_end", b""))
    grammar(name, "record-of-nothing", b"", "No record.", "Missing", "record")
    refused(name, "record-of-two", m.record("log_end", b"") + m.record("rows_end", b""), "One at a time.", "NotCanonical")
    grammar(name, "record-entry-without-bytes", m.record("entry", m.evidence_entry([], 0, b"")), "An entry.",
            "Missing", "entry")
    grammar(name, "record-entry-above-65535-bytes", m.record("entry", m.evidence_entry([], 0, b"x" * 65536)),
            "C2SP gives an entry two bytes of length.", "TooMany", "entry")

    def row(months, **more):
        fields = dict(stream=m.CONVERSATION, ident=H[0]) | more
        return m.record("row", m.evidence_row([], 0, fields["stream"], fields["ident"], months))

    good(name, "record-row", row([m.month(0, 1, H[1]), m.month(202405, 2, H[2])]))
    grammar(name, "record-row-months-unsorted", row([m.month(202405, 1, H[1]), m.month(202404, 2, H[2])]), "Ascending.",
            "Order", "months")
    grammar(name, "record-row-month-twice", row([m.month(202405, 1, H[1]), m.month(202405, 2, H[2])]), "Each once.",
            "Order", "months")
    grammar(name, "record-row-month-empty", row([m.month(202405, 0, H[1])]), "Months without events are left out.",
            "Missing", "count")
    grammar(name, "record-row-without-months", row([]), "At least one.", "Missing", "months")
    grammar(name, "record-row-without-id", row([m.month(0, 1, H[1])], ident=b""), "32 bytes.", "Length", "id")
    grammar(name, "record-row-stream-unknown", row([m.month(0, 1, H[1])], stream=7), "Stream 7.", "Value", "stream")

    def neighbour(**more):
        fields = dict(stream=m.CUSTODIAN, ident=H[0], months=H[1]) | more
        return m.record("neighbour", m.evidence_neighbour([H[2]], 3, fields["stream"], fields["ident"], fields["months"]))

    good(name, "record-neighbour", neighbour())
    grammar(name, "record-neighbour-of-a-fixed-stream", neighbour(stream=m.REGISTRY), "Fixed streams are shown as rows.", "Value", "stream")
    grammar(name, "record-neighbour-without-stream", neighbour(stream=0), "A stream.", "Missing", "stream")
    grammar(name, "record-neighbour-with-short-digest", neighbour(months=H[1][:31]), "32 bytes.", "Length", "months")
    grammar(name, "record-neighbour-without-id", neighbour(ident=b""), "32 bytes.", "Length", "id")
    head_fields = dict(fmt="zegel-evidence/v1", origin=ORIGIN, scope_bytes=m.scope(m.CONVERSATION, H[0]), export_entry=5,
                       export_position=0, snapshot_entry=6, checkpoint=b"note")
    good(name, "record-header", m.record("header", m.evidence_header(**head_fields)))
    grammar(name, "record-header-without-checkpoint",
            m.record("header", m.evidence_header(**head_fields | {"checkpoint": b""})), "A note.", "Missing", "checkpoint")
