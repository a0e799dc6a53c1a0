"""Headers, commitments, trees, snapshot rows: the families header, body, tree, batch-root and snapshot."""

from . import crypto as c, messages as m
from .cases import add
from .crypto import fixed

CONVERSATION, CUSTODIAN, ROOT = fixed("conversation"), fixed("custodian"), fixed("body root")
K = m.KINDS


def make():
    headers()
    bodies()
    trees()
    roots()
    snapshots()


def headers():
    captured = dict(conversation=CONVERSATION, custodian=CUSTODIAN, month=202405, conversation_seq=7, body_root=ROOT)

    def stream(kind, ident=bytes(32), month=0):
        return [kind, ident.hex(), month]

    def good(name, kind, streams, **fields):
        add("header", f"{name}-good", "As it must be; the streams in which it stands.",
            {"header": m.header(K[kind], **fields).hex()}, {"kind": kind, "streams": streams})

    def bad(name, kind, about, *error, **fields):
        add("header", name, about, {"header": m.header(K[kind], **fields).hex()}, error=list(error))

    in_month = [stream(m.CONVERSATION, CONVERSATION, 202405), stream(m.CUSTODIAN, CUSTODIAN, 202405)]
    good("chat", "MESSAGE_CREATED", in_month, **captured)
    good("chat-with-blob", "MESSAGE_CREATED", in_month, **captured, blobs=[fixed("blob")])
    good("chat-in-unknown-month", "MESSAGE_CREATED",
         [stream(m.CONVERSATION, CONVERSATION), stream(m.CUSTODIAN, CUSTODIAN)], **captured | {"month": 0})
    good("capture", "READOUT_MANIFEST", in_month, **captured)
    good("capture-of-a-custodian", "READOUT_OPENED", [stream(m.CUSTODIAN, CUSTODIAN, 202405)], custodian=CUSTODIAN,
         month=202405, body_root=ROOT)
    good("registry", "POLICY_SET", [stream(m.REGISTRY)], public=m.policy_set("capture_mode", "export"))
    good("custodian", "CUSTODIAN_REGISTERED", [stream(m.CUSTODIAN, CUSTODIAN), stream(m.REGISTER)], custodian=CUSTODIAN,
         body_root=ROOT)
    good("conversation", "CONVERSATION_REGISTERED", [stream(m.CONVERSATION, CONVERSATION), stream(m.REGISTER)],
         conversation=CONVERSATION, body_root=ROOT)
    good("records", "HOLD_PLACED", [stream(m.RECORDS)], body_root=ROOT)
    good("access", "CONTENT_READ", [stream(m.ACCESS)], body_root=ROOT)

    there, empty = "must be there", "must be empty"
    bad("registry-with-body-root", "POLICY_SET", "The registry is public.", "Content", "public", body_root=ROOT)
    bad("chat-in-public", "MESSAGE_CREATED", "Chat is sealed.", "Content", "sealed", public=b"hello", **
        {k: v for k, v in captured.items() if k != "body_root"})
    bad("records-in-public", "HOLD_PLACED", "A hold is confidential.", "Content", "sealed", public=b"x")
    bad("register-in-public", "CUSTODIAN_REGISTERED", "Who a custodian is, is sealed.", "Content", "sealed",
        custodian=CUSTODIAN, public=b"x")
    bad("chat-without-custodian", "MESSAGE_CREATED", "Captured from somebody.", "Field", "custodian", there,
        **captured | {"custodian": b""})
    bad("chat-without-conversation", "MESSAGE_CREATED", "Said somewhere.", "Field", "conversation", there,
        **captured | {"conversation": b""})
    bad("capture-without-custodian", "GATEWAY_HEARTBEAT", "Captured from somebody.", "Field", "custodian", there,
        **captured | {"custodian": b""})
    bad("capture-with-blob", "READOUT_MANIFEST", "Only chat has attachments.", "Field", "blobs", empty, **captured,
        blobs=[fixed("blob")])
    bad("capture-with-seq-and-no-conversation", "READOUT_OPENED", "Nothing is counted there.", "Field",
        "conversation_seq", empty, custodian=CUSTODIAN, month=202405, conversation_seq=1, body_root=ROOT)
    bad("records-with-conversation", "HOLD_PLACED", "A later reader must not see whom it touched.", "Field",
        "conversation", empty, conversation=CONVERSATION, body_root=ROOT)
    bad("records-with-custodian", "EXPORT_CREATED", "Nor whose chats.", "Field", "custodian", empty, custodian=CUSTODIAN,
        body_root=ROOT)
    bad("records-with-month", "CLASS_ASSIGNED", "Nor when.", "Field", "month", empty, month=202405, body_root=ROOT)
    bad("records-with-seq", "CLASS_ASSIGNED", "Nor in which order.", "Field", "conversation_seq", empty,
        conversation_seq=1, body_root=ROOT)
    bad("records-with-blob", "CASE_OPENED", "Only chat has attachments.", "Field", "blobs", empty, blobs=[fixed("blob")],
        body_root=ROOT)
    bad("access-with-conversation", "CONTENT_READ", "A secret enquiry must not show.", "Field", "conversation", empty,
        conversation=CONVERSATION, body_root=ROOT)
    bad("registry-with-month", "POLICY_SET", "Fixed streams have month 0.", "Field", "month", empty, month=202405, public=b"x")
    bad("registry-with-custodian", "POLICY_SET", "The registry names no custodian.", "Field", "custodian", empty,
        custodian=CUSTODIAN, public=b"x")
    bad("custodian-with-conversation", "CUSTODIAN_REGISTERED", "It registers a custodian.", "Field", "conversation", empty,
        conversation=CONVERSATION, custodian=CUSTODIAN, body_root=ROOT)
    bad("custodian-without-id", "CUSTODIAN_CHANGED", "It names a custodian.", "Field", "custodian", there, body_root=ROOT)
    bad("conversation-with-custodian", "CONVERSATION_REGISTERED", "It registers a conversation.", "Field", "custodian",
        empty, conversation=CONVERSATION, custodian=CUSTODIAN, body_root=ROOT)
    bad("conversation-without-id", "CONVERSATION_LINKED", "It names a conversation.", "Field", "conversation", there,
        body_root=ROOT)
    bad("registration-with-month", "CONVERSATION_REGISTERED", "Registrations stand under month 0.", "Field", "month",
        empty, conversation=CONVERSATION, month=202405, body_root=ROOT)


# Slots of a chat message, in the order of the layout.
TEXT, ATTACHMENTS, SENDER, DETAIL = 11, 9, 1, 8
NONE, UNKNOWN = (m.NONE, b""), (m.UNKNOWN, b"")


def chat_slots(words):
    slots = [NONE] * 12
    slots[0] = (m.VALUE, b"binding")
    slots[SENDER] = (m.VALUE, "Zoë".encode())
    slots[5] = UNKNOWN
    slots[ATTACHMENTS] = (m.LIST, [b"first", b"second"])
    slots[TEXT] = (m.LIST, words) if words else NONE
    return slots


def bodies():
    seed, words = fixed("body seed"), [b"een ", b"twee ", b"drie ", b"vier ", b"vijf"]
    slots = chat_slots(words)
    root = c.body_root(seed, slots)

    def opened(name, about, some_seed, some_slots, wanted, error=None, layout="MESSAGE_CREATED"):
        values = {"root": wanted.hex(), "covered": []}
        given = {"layout": layout, "root": wanted.hex(), "opened": m.body(some_seed, some_slots).hex()}
        add("body", name, about, given, values, error)

    opened("opened-good", "Slots, two lists, padding to 2 and to 8.", seed, slots, root)
    for count in (1, 2, 3, 4, 1023, 1024):
        some = chat_slots([b"w%d " % at for at in range(count)])
        if count < 1000:
            opened(f"opened-list-of-{count}-good", "Padding to the next power of two.", seed, some, c.body_root(seed, some))
        else:
            root_only = c.body_root(seed, some)
            opened(f"opened-list-of-{count}-good", "At the limit.", seed, some, root_only)
    opened("opened-without-lists-good", "No list at all.", seed, chat_slots([])[:9] + [NONE, NONE, NONE],
           c.body_root(seed, chat_slots([])[:9] + [NONE, NONE, NONE]))
    records = [(m.VALUE, b"binding"), (m.VALUE, b"subject"), NONE, NONE, (m.LIST, [b"i"]), NONE, NONE, NONE]
    opened("opened-records-good", "The layout of records.", seed, records, c.body_root(seed, records), layout="HOLD_PLACED")

    def changed(at, slot):
        return [slot if number == at else one for number, one in enumerate(slots)]

    wrong = ["WrongRoot"]
    opened("opened-other-seed", "All salts follow from the seed.", fixed("other seed"), slots, root, wrong)
    opened("opened-slot-changed", "Another sender.", seed, changed(SENDER, (m.VALUE, b"Zoe")), root, wrong)
    opened("opened-none-for-unknown", "There was none is not: it cannot be shown.", seed, changed(5, NONE), root, wrong)
    opened("opened-empty-for-none", "An empty value is not: there was none.", seed, changed(2, (m.VALUE, b"")), root, wrong)
    opened("opened-word-dropped", "A word less.", seed, changed(TEXT, (m.LIST, words[:4])), root, wrong)
    opened("opened-words-swapped", "The order of the words is bound.", seed,
           changed(TEXT, (m.LIST, [words[1], words[0], *words[2:]])), root, wrong)
    opened("opened-words-joined", "The cuts between words are bound.", seed,
           changed(TEXT, (m.LIST, [words[0] + words[1], *words[2:]])), root, wrong)
    opened("opened-empty-word-added", "Padding is not an empty word.", seed, changed(TEXT, (m.LIST, [*words, b""])), root, wrong)
    opened("opened-slots-swapped", "The place gives the meaning.", seed, [slots[0], slots[2], slots[1], *slots[3:]], root, wrong)
    opened("opened-slot-too-few", "Eleven slots.", seed, slots[:-1], root, ["SlotCount", 11, 12])
    opened("opened-slot-too-many", "Thirteen slots.", seed, [*slots, NONE], root, ["SlotCount", 13, 12])
    listed = changed(SENDER, (m.LIST, [b"Zo", b"e"]))
    opened("opened-list-where-a-value-stands", "Committed so, and still not the layout.", seed, listed,
           c.body_root(seed, listed), ["SlotForm", SENDER])
    valued = changed(TEXT, (m.VALUE, b"een twee"))
    opened("opened-value-where-a-list-stands", "Committed so, and still not the layout.", seed, valued,
           c.body_root(seed, valued), ["SlotForm", TEXT])

    def redacted(name, about, shown, error=None, covered=(), wanted=root, **more):
        given = {"layout": "MESSAGE_CREATED", "root": wanted.hex(), "redacted": c.redacted_bytes(shown).hex()}
        add("body", name, about, given, {"root": wanted.hex(), "covered": [list(one) for one in covered]}, error, **more)

    def whole():
        return c.shown_body(seed, slots)

    redacted("redacted-nothing-good", "Open in the form of a redacted body.", whole())
    redacted("redacted-slot-good", "The sender is covered.", c.cover(whole(), SENDER), covered=[(SENDER, None)])
    redacted("redacted-item-good", "The third word is covered.", c.cover(whole(), TEXT, 2), covered=[(TEXT, 2)])
    redacted("redacted-list-good", "All words are covered, as one slot.", c.cover(whole(), TEXT), covered=[(TEXT, None)])
    redacted("redacted-absent-slot-good", "A slot that is none, covered: nobody sees that it is none.",
             c.cover(whole(), 2), covered=[(2, None)])
    shown = whole()
    for at in range(8):
        c.cover(shown, TEXT, at)
    redacted("redacted-padding-good", "Every leaf of the text: its length is hidden but for its power of two.", shown,
             covered=[(TEXT, at) for at in range(8)])
    redacted("redacted-binding", "Slot 0 is never covered.", c.cover(whole(), 0), ["BindingCovered"])
    shown = whole()
    shown[SENDER]["value"] = b"Bob"
    redacted("redacted-value-changed", "Another sender under the same salt.", shown, wrong)
    shown = whole()
    shown[1]["salt"], shown[2]["salt"] = shown[2]["salt"], shown[1]["salt"]
    redacted("redacted-salts-swapped", "Salts belong to their slots.", shown, wrong)
    shown = c.cover(whole(), SENDER)
    shown[SENDER]["leaf"] = fixed("no leaf")
    redacted("redacted-leaf-of-nothing", "A leaf that was never committed.", shown, wrong)
    shown = c.cover(whole(), TEXT, 2)
    shown[TEXT]["items"][2]["leaf"] = fixed("no leaf")
    redacted("redacted-item-leaf-of-nothing", "A leaf that was never committed.", shown, wrong)
    shown = whole()
    shown[TEXT]["items"][2], shown[TEXT]["items"][3] = shown[TEXT]["items"][3], shown[TEXT]["items"][2]
    redacted("redacted-items-swapped", "The order of the words is bound.", shown, wrong)
    shown = whole()
    shown[TEXT]["items"] = shown[TEXT]["items"][:4]
    redacted("redacted-list-cut-in-half", "Four words of eight leaves.", shown, wrong)
    shown = c.cover(whole(), TEXT, 0)
    shown[SENDER], shown[TEXT] = shown[TEXT], shown[SENDER]
    redacted("redacted-list-where-a-value-stands", "Not the layout.", shown, ["SlotForm", SENDER])
    redacted("redacted-slot-too-few", "Eleven slots.", whole()[:-1], ["SlotCount", 11, 12])

    def committed(name, about, states, error=None, covered=(), hidden=(), **more):
        """A source that committed a list of its own making: (state, value) per leaf."""
        shown = whole()
        shown[TEXT]["items"] = [{"salt": fixed(f"salt {at}", 16), "state": state, "value": value}
                                for at, (state, value) in enumerate(states)]
        wanted = c.shown_root(shown)
        for at in hidden:
            c.cover(shown, TEXT, at)
        redacted(name, about, shown, error, covered, wanted, **more)

    word, padding = (m.VALUE, b"w "), (m.NONE, b"")
    after = ["ItemAfterPadding", TEXT]
    committed("list-item-after-padding", "Committed so by its source: text hides behind padding.",
              [word, padding, word, padding], after)
    committed("list-covered-leaf-after-padding", "Nor may a covered leaf follow open padding.",
              [word, word, padding, word], after, hidden=[3])
    committed("list-begins-with-padding", "Padding, then a word.", [padding, word], after)
    committed("list-with-more-padding-than-needed", "One word in four leaves: its whole form cannot be opened, so this "
              "must not either.", [word, padding, padding, padding], ["WrongPadding", TEXT])
    committed("list-of-padding-only", "No item at all: the whole form of this is SLOT_NONE.", [padding, padding],
              ["WrongPadding", TEXT])


def leaves(count):
    return [c.log_leaf(at.to_bytes(8, "big")) for at in range(count)]


def hexes(hashes):
    return [one.hex() for one in hashes]


def trees():
    published = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    for size in (0, 1, 2, 3, 7, 8):
        add("tree", f"root-of-{size}-good", "RFC 6962 2.1, leaves as published by transparency-dev.",
            {"root_of": published[:size]}, {"root": c.root([c.log_leaf(bytes.fromhex(one)) for one in published[:size]]).hex()})

    def inclusion(name, about, leaf, index, size, proof, root, error=None):
        given = {"inclusion": {"leaf": leaf.hex(), "index": index, "size": size, "proof": hexes(proof), "root": root.hex()}}
        add("tree", name, about, given, {}, error)

    all_of = leaves(13)
    root = c.root(all_of)
    for index in (0, 7, 8, 12):
        inclusion(f"inclusion-of-{index}-in-13-good", "RFC 6962 2.1.1.", all_of[index], index, 13, c.path(index, all_of), root)
    inclusion("inclusion-in-1-good", "No hash is needed.", all_of[0], 0, 1, [], all_of[0])
    proof = c.path(8, all_of)
    wrong = ["WrongRoot"]
    inclusion("inclusion-hash-too-many", "A surplus hash.", all_of[8], 8, 13, [*proof, root], root, ["WrongLength", 5, 4])
    inclusion("inclusion-hash-too-few", "A missing hash.", all_of[8], 8, 13, proof[:-1], root, ["WrongLength", 3, 4])
    inclusion("inclusion-at-another-index", "The leaf of 8 as 9.", all_of[8], 9, 13, proof, root, wrong)
    inclusion("inclusion-of-another-leaf", "The leaf of 9 with the proof of 8.", all_of[9], 8, 13, proof, root, wrong)
    inclusion("inclusion-hashes-swapped", "Lowest first.", all_of[8], 8, 13, [proof[1], proof[0], *proof[2:]], root, wrong)
    inclusion("inclusion-outside-the-tree", "Index 13 of 13.", all_of[8], 13, 13, proof, root, ["OutsideTree", 13, 13])
    inclusion("inclusion-in-an-empty-tree", "Nothing is in it.", all_of[0], 0, 0, [], c.root([]), ["OutsideTree", 0, 0])
    inclusion("inclusion-in-another-size", "The last leaf of 13 has 3 hashes, of 12 it is none.", all_of[12], 12, 12,
              c.path(12, all_of), root, ["OutsideTree", 12, 12])
    inclusion("inclusion-length-of-another-size", "Leaf 12 of 14 has a sibling.", all_of[12], 12, 14, c.path(12, all_of),
              root, ["WrongLength", 2, 3])

    def consistency(name, about, old, new, old_root, new_root, proof, error=None):
        given = {"consistency": {"from": old, "old": old_root.hex(), "to": new, "new": new_root.hex(), "proof": hexes(proof)}}
        add("tree", name, about, given, {}, error)

    for old, new in [(1, 13), (6, 13), (8, 13), (12, 13), (13, 13)]:
        proof = c.consistency(old, all_of[:new])
        consistency(f"consistency-{old}-to-{new}-good", "RFC 6962 2.1.2.", old, new, c.root(all_of[:old]), root, proof)
    proof, old = c.consistency(6, all_of), c.root(all_of[:6])
    length = len(proof)
    consistency("consistency-hash-too-many", "A surplus hash.", 6, 13, old, root, [*proof, root],
                ["WrongLength", length + 1, length])
    consistency("consistency-hash-too-few", "A missing hash.", 6, 13, old, root, proof[1:], ["WrongLength", length - 1, length])
    consistency("consistency-old-root-other", "The old log said something else: it was rewritten.", 6, 13, fixed("root"),
                root, proof, wrong)
    consistency("consistency-new-root-other", "Not a continuation.", 6, 13, old, fixed("root"), proof, wrong)
    consistency("consistency-same-size-other-root", "Two logs of one size.", 13, 13, fixed("root"), root, [], wrong)
    consistency("consistency-same-size-with-hash", "Nothing to prove.", 13, 13, root, root, [root], ["WrongLength", 1, 0])
    consistency("consistency-backwards", "The log shrank.", 13, 6, root, old, proof, ["WrongSizes", 13, 6])
    consistency("consistency-from-nothing", "Size 0 proves nothing.", 0, 13, c.root([]), root, [], ["WrongSizes", 0, 13])

    def subset(name, about, shown, error=None, size=13, tail=None, root_hash=root):
        """Shown as (index, gap, leaf); the gaps are honest where they are None."""
        steps, at = [], 0
        for index, gap, leaf in shown:
            honest = c.gap(all_of, at, index) if gap is None else gap
            steps.append({"index": index, "gap": hexes(honest), "leaf": leaf.hex()})
            at = index + 1
        tail = c.gap(all_of, at, 13) if tail is None else tail
        add("tree", name, about, {"subset": {"size": size, "shown": steps, "tail": hexes(tail), "root": root_hash.hex()}}, {}, error)

    def honest(*indexes):
        return [(index, None, all_of[index]) for index in indexes]

    subset("subset-good", "Three of thirteen.", honest(2, 3, 9))
    subset("subset-all-good", "All of them.", honest(*range(13)))
    subset("subset-none-good", "None of them: the gap is the tree.", [])
    subset("subset-last-good", "Only the last.", honest(12))
    gap = c.gap(all_of, 0, 5)
    subset("subset-gap-hash-too-many", "A surplus hash.", [(5, [*gap, root], all_of[5])], ["WrongLength", 3, 2])
    subset("subset-gap-hash-too-few", "A missing hash.", [(5, gap[:1], all_of[5])], ["WrongLength", 1, 2])
    subset("subset-gap-hashes-swapped", "Left to right.", [(5, gap[::-1], all_of[5])], wrong)
    subset("subset-gap-of-leaves", "Leaves where their subtree belongs.", [(5, all_of[:5], all_of[5])], ["WrongLength", 5, 2])
    subset("subset-tail-cut", "Nothing for what comes after.", honest(5), ["WrongLength", 0, 3], tail=[])
    subset("subset-tail-surplus", "More than there is.", honest(12), ["WrongLength", 1, 0], tail=[root])
    subset("subset-leaf-twice", "Each once.", honest(5) + [(5, [], all_of[5])], ["NotAscending", 5, 6])
    subset("subset-descending", "Ascending.", honest(5) + [(3, [], all_of[3])], ["NotAscending", 3, 6])
    subset("subset-outside-the-tree", "Index 13 of 13.", [(13, [], all_of[5])], ["OutsideTree", 13, 13])
    subset("subset-leaf-at-another-index", "The leaf of 5 as 6.", [(6, c.gap(all_of, 0, 6), all_of[5])], wrong)
    subset("subset-leaf-left-out", "5 and 7 in the place of 5 and 6.", [(5, None, all_of[5]), (6, [], all_of[7])], wrong)
    subset("subset-of-another-size", "Twelve, with the hashes of thirteen.", honest(5), ["WrongLength", 3, 2], size=12)


def sealed_leaf(ciphertext, wrap):
    return c.leaf(c.SEALED, c.sha256(ciphertext), c.sha256(wrap)) if ciphertext or wrap else c.leaf(c.SEALED)


def roots():
    heads = [m.header(K["POLICY_SET"], public=m.policy_set("a", "b")), m.header(K["HOLD_PLACED"], body_root=ROOT), b"\x00"]
    bodies = [(b"", b""), (b"ciphertext", m.key_wrap(fixed("dossier"), fixed("wrapped", 48)))]
    add("batch-root", "events-root-good", "Leaves of headers, tag 0xC0.", {"headers": hexes(heads)},
        {"root": c.root([c.leaf(c.EVENT, one) for one in heads]).hex()})
    add("batch-root", "sealed-root-good", "A public event, then a sealed one, tag 0xC1.",
        {"bodies": [{"ciphertext": a.hex(), "wrap": b.hex()} for a, b in bodies]},
        {"root": c.root([sealed_leaf(*one) for one in bodies]).hex()})
    add("batch-root", "sealed-root-ignores-message-row-good", "The row of a message is hashed nowhere, so it can be erased.",
        {"bodies": [{"ciphertext": a.hex(), "wrap": b.hex(), "message_row": fixed("row", 48).hex()} for a, b in bodies]},
        {"root": c.root([sealed_leaf(*one) for one in bodies]).hex()})


def months_digest(months):
    data = b"".join(number.to_bytes(4, "big") + count.to_bytes(8, "big") + root for number, count, root in months)
    return c.leaf(c.MONTHS, data)


def row_leaf(stream, ident, months):
    return c.leaf(c.ROW, bytes([stream]), ident, months_digest(months))


def stream_leaf(entry, position, header):
    return c.leaf(c.STREAM, entry.to_bytes(8, "big"), position.to_bytes(4, "big"), c.leaf(c.EVENT, header))


def snapshots():
    head = m.header(K["HOLD_PLACED"], body_root=ROOT)
    add("snapshot", "stream-leaf-good", "Where an event stands, and its event leaf.",
        {"stream_leaf": {"entry": 2**40 + 5, "position": 4095, "header": head.hex()}},
        {"leaf": stream_leaf(2**40 + 5, 4095, head).hex()})
    # Sorted as the snapshot is: by type of stream, then id.
    ids = sorted(fixed(f"row {at}") for at in range(5))
    rows = [(m.CONVERSATION, one, [(0, 1, fixed("a")), (202401, 3, fixed("b")), (202403, 2**33, fixed("c"))]) for one in ids]
    rows.append((m.REGISTRY, bytes(32), [(0, 12, fixed("d"))]))
    table = [row_leaf(*one) for one in rows]

    def shown(name, about, indexes, error=None, change=lambda row: row, absent=None, tail=None):
        steps, at = [], 0
        for index in indexes:
            stream, ident, months = change(rows[index])
            steps.append({"index": index, "gap": hexes(c.gap(table, at, index)), "stream": stream, "id": ident.hex(),
                          "months": [[number, count, root.hex()] for number, count, root in months]})
            at = index + 1
        rest = c.gap(table, at, len(table)) if tail is None else tail
        given = {"rows": {"ids": len(table), "root": c.root(table).hex(), "shown": steps, "tail": hexes(rest)}}
        if absent:
            given["rows"]["absent"] = absent.hex()
        add("snapshot", name, about, given, {}, error)

    shown("rows-good", "Two rows of six.", [1, 5])
    wrong = ["WrongRoot"]
    shown("row-month-hidden", "A month is left out of the row.", [1], wrong, lambda r: (r[0], r[1], r[2][:-1]))
    shown("row-month-count-other", "A message less.", [1], wrong,
          lambda r: (r[0], r[1], [(n, k - 1, h) for n, k, h in r[2][1:]]))
    shown("row-months-swapped", "Months are hashed in order.", [1], wrong,
          lambda r: (r[0], r[1], [r[2][1], r[2][0], r[2][2]]))
    shown("row-of-another-stream", "The type is hashed.", [1], wrong, lambda r: (m.CUSTODIAN, r[1], r[2]))
    shown("row-of-another-id", "The id is hashed.", [1], wrong, lambda r: (r[0], fixed("stranger"), r[2]))
    between = (int.from_bytes(ids[2], "big") + 1).to_bytes(32, "big")
    shown("absent-id-good", "Its two neighbours stand side by side.", [2, 3], absent=between)
    shown("absent-id-with-a-row-between", "The rows shown are no neighbours.", [2, 4], ["NotNeighbours"], absent=between)
    shown("absent-id-outside-its-neighbours", "It sorts elsewhere.", [0, 1], ["NotNeighbours"], absent=between)
    shown("absent-id-is-there", "It is one of the rows shown.", [2, 3], ["NotNeighbours"], absent=ids[2])
