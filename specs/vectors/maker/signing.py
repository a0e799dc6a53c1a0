"""Signatures, batch statements, notes, checkpoints and trust files."""

import base64
import json
import pathlib

from . import crypto as c, messages as m
from .cases import add
from .crypto import Key, fixed

ORIGIN, OTHER = "chat.example.nl/minbzk", "chat.example.nl/minez"
LOG, SOURCE, STRANGER = Key("log"), Key("source"), Key("stranger")
ROOT = fixed("checkpoint root")


def make():
    signatures()
    batches()
    notes()
    checkpoints()
    trust()


def signatures():
    data = m.key_possession(ORIGIN, fixed("actor"), SOURCE.public)
    good = SOURCE.sign(c.POSSESSION, data)

    def case(name, about, signature, error=None, key=SOURCE.public, context=c.POSSESSION, signed=data, **more):
        given = {"key": key.hex(), "context": context, "bytes": signed.hex(), "signature": signature.hex()}
        add("signature", name, about, given, {}, error, **more)

    bad = ["BadSignature"]
    case("signature-good", "Over context, newline, bytes.", good)
    case("signature-of-another-context", "A proof of possession as a batch.", good, bad, context=c.BATCH)
    case("signature-without-context", "Over the bytes alone.", SOURCE.raw(data), bad)
    case("signature-without-newline", "Context and bytes without what separates them.",
         SOURCE.raw(c.POSSESSION.encode() + data), bad)
    case("signature-of-other-bytes", "One bit.", good, bad, signed=data[:-1] + bytes([data[-1] ^ 1]))
    case("signature-by-another-key", "Somebody else signed.", STRANGER.sign(c.POSSESSION, data), bad)
    case("signature-of-63-bytes", "Cut.", good[:-1], bad)
    case("signature-empty", "None.", b"", bad)
    case("signature-of-zeros", "64 zero bytes.", bytes(64), bad)
    larger = (int.from_bytes(good[32:], "little") + c.ORDER).to_bytes(32, "little")
    case("signature-s-above-the-order", "S plus the order: the same number in another coat (RFC 8032 5.1.7).",
         good[:32] + larger, bad)
    message = c.POSSESSION.encode() + b"\n" + data
    identity = b"\x01" + bytes(31)
    s = c.challenge(identity, SOURCE.public, message) * SOURCE.scalar() % c.ORDER
    case("signature-r-of-small-order", "R is the identity; the equation holds, strict verification refuses.",
         identity + s.to_bytes(32, "little"), bad)
    for number, (small, key, s) in enumerate(c.mixed(message), 1):
        case(f"signature-r-of-small-order-under-a-mixed-key-{number}",
             "The key is a good one plus a point of small order, R is of small order; the equation holds, strict verification refuses.",
             small + s.to_bytes(32, "little"), bad, key=key)
    # S·B = R + k·A with A the identity: this R and S fit every message.
    for_all = SOURCE.public + (SOURCE.scalar() % c.ORDER).to_bytes(32, "little")
    case("key-of-small-order", "Under the identity as key one signature fits every message.", for_all, ["BadKey"],
         key=identity)
    case("key-of-zeros", "Zeros encode a point of order 4.", for_all, ["BadKey"], key=bytes(32))
    case("key-that-is-no-point", "y = 2 has no x.", good, ["BadKey"], key=b"\x02" + bytes(31))
    case("key-of-31-bytes", "Cut.", good, ["BadKey"], key=SOURCE.public[:31])


def statement(**change):
    fields = dict(origin=ORIGIN, source=fixed("actor"), key=SOURCE.public, batch_seq=0, count=2, events_root=fixed("events"),
                  sealed_root=fixed("sealed"), previous=b"", created_at_ms=1700000000000)
    return m.statement(**fields | change)


def batches():
    def case(name, about, batch, error=None, origin=ORIGIN):
        values = {"source": fixed("actor").hex(), "key": SOURCE.public.hex(), "hash": c.sha256(statement()).hex(),
                  "events_root": fixed("events").hex(), "sealed_root": fixed("sealed").hex()}
        add("batch", name, about, {"batch": batch.hex(), "origin": origin}, values, error)

    def by(key, encoded, context=c.BATCH):
        return m.signed(encoded, key.sign(context, encoded))

    bad = ["Signature", "BadSignature"]
    case("batch-good", "A first batch.", by(SOURCE, statement()))
    case("batch-signature-by-another-key", "The key that it names did not sign.", by(STRANGER, statement()), bad)
    case("batch-signature-of-an-export", "Signed as an export.", by(SOURCE, statement(), c.EXPORT), bad)
    case("batch-statement-changed-after-signing", "Three events.",
         m.signed(statement(count=3), SOURCE.sign(c.BATCH, statement())), bad)
    case("batch-of-another-log", "Good, and for another log.", by(SOURCE, statement(origin=OTHER)),
         ["OtherOrigin", OTHER, ORIGIN])
    case("batch-statement-not-canonical", "Signed by its key, and not the one encoding.",
         by(SOURCE, statement() + b"\x78\x01"), ["Canonical", "NotCanonical"])
    case("batch-statement-without-events", "Signed by its key, and of nothing.", by(SOURCE, statement(count=0)),
         ["Canonical", "Grammar", "Missing", "count"])
    case("batch-key-that-is-no-point", "A key that nobody can have.", by(SOURCE, statement(key=b"\x02" + bytes(31))),
         ["Signature", "BadKey"])


def notes():
    text = "A note.\n\nWith a blank line in its text.\n"
    line = c.log_line(text, ORIGIN, LOG)
    witness = Key("witness")
    cosigned = c.cosignature_line(text, "witness.example", witness, 1700000000)
    log_key, witness_key = c.vkey(ORIGIN, 1, LOG.public), c.vkey("witness.example", 4, witness.public)

    def case(name, about, note, error=None, vkey=log_key, values=None, **more):
        given = {"note": note, "vkey": vkey} if isinstance(note, str) else {"note_hex": note.hex(), "vkey": vkey}
        add("note", name, about, given, values, error, **more)

    case("note-good", "Signed by the log; its text has a blank line.", f"{text}\n{line}")
    case("note-with-unknown-signature-good", "Lines of keys that are not known are passed over.",
         f"{text}\n{c.log_line(text, 'stranger.example', STRANGER)}{line}")
    case("note-cosigned-good", "The time is in what is signed.", f"{text}\n{line}{cosigned}", vkey=witness_key,
         values={"time_s": 1700000000})
    case("note-cosigned-at-another-time", "Signed for 1700000000, stated as a minute later.",
         f"{text}\n{line}{c.cosignature_line(text, 'witness.example', witness, 1700000000, 1700000060)}",
         ["BadSignature"], vkey=witness_key)
    case("note-cosignature-without-time", "64 bytes where 72 belong.",
         f"{text}\n{c.signature_line('witness.example', 4, witness.public, witness.raw(text.encode()))}",
         ["BadSignature"], vkey=witness_key)
    case("note-cosigned-over-another-text", "The witness saw something else.",
         f"{text}\n{c.cosignature_line('Other.' + chr(10), 'witness.example', witness, 1700000000)}", ["BadSignature"],
         vkey=witness_key)
    case("note-text-changed", "One letter.", f"{text.replace('A', 'B', 1)}\n{line}", ["BadSignature"])
    case("note-signed-by-another-key-under-the-name", "The name is the log's, the key id is another's.",
         f"{text}\n{c.log_line(text, ORIGIN, STRANGER)}", ["Unsigned"])
    forged = c.signature_line(ORIGIN, 1, LOG.public, STRANGER.raw(text.encode()))
    case("note-signed-by-another-key-under-the-id", "Name and key id are the log's, the signature is not.",
         f"{text}\n{forged}", ["BadSignature"])
    case("note-of-another-name", "The right key under another name.", f"{text}\n{c.log_line(text, OTHER, LOG)}", ["Unsigned"])
    case("note-without-signature", "Text only.", text.replace("\n\n", "\n"), ["NoSignatures"])
    case("note-without-blank-line", "Text, then a signature.", f"A note.\n{line}", ["NoSignatures"])
    case("note-without-last-newline", "Cut by a byte.", f"{text}\n{line}"[:-1], ["NoSignatures"])
    case("note-with-line-after-signatures", "A line that is no signature.", f"{text}\n{line}more\n", ["Malformed", 2])
    case("note-with-two-blank-lines", "The last blank line divides; the text then ends in a blank line.",
         f"{text}\n\n{line}", ["BadSignature"])
    case("note-with-crlf", "Carriage returns.", f"{text}\n{line}".replace("\n", "\r\n"), ["NotText"])
    case("note-with-tab", "A control character.", f"A\tnote.\n\n{line}", ["NotText"])
    case("note-not-utf8", "Latin-1.", f"{text}é\n\n{line}".encode("latin-1", "replace"), ["NotText"])
    case("note-with-hyphen-for-dash", "A hyphen is no em dash.", f"{text}\n{line.replace('—', '-')}", ["Malformed", 1])
    case("note-signature-without-padding", "Base64 has its padding.", f"{text}\n{line.replace('=', '')}", ["Malformed", 1])
    case("note-signature-in-url-alphabet", "Base64 has the standard alphabet.",
         f"{text}\n— {ORIGIN} {c.b64(bytes([251, 255] * 34)).replace('+', '-').replace('/', '_')}\n", ["Malformed", 1])
    case("note-signature-of-key-id-only", "A key id and nothing.", f"{text}\n— {ORIGIN} {c.b64(bytes(4))}\n", ["Malformed", 1])
    case("note-signature-name-with-plus", "Names have no plus.", f"{text}\n— a+b {c.b64(bytes(68))}\n{line}", ["Malformed", 1])
    case("note-signature-name-with-unicode-space", "Names have no Unicode spaces (c2sp.org/signed-note).",
         f"{text}\n— a\u2003b {c.b64(bytes(68))}\n{line}", ["Malformed", 1])
    case("note-with-64-signatures-good", "At the limit.",
         text + "\n" + "".join(c.signature_line(f"w{at}", 4, STRANGER.public, bytes(72)) for at in range(63)) + line)
    case("note-with-65-signatures", "Above it.",
         text + "\n" + "".join(c.signature_line(f"w{at}", 4, STRANGER.public, bytes(72)) for at in range(64)) + line,
         ["TooManySignatures", 65])
    wrong_id = log_key.replace(log_key.split("+")[1], "00000000")
    for name, about, key in [
        ("vkey-with-another-id", "Its id is not its own.", wrong_id),
        ("vkey-with-upper-case-id", "Printed otherwise.", "+".join([ORIGIN, log_key.split("+")[1].upper(), log_key.split("+", 2)[2]])),
        ("vkey-with-unknown-type", "Type 0x07.", c.vkey(ORIGIN, 7, LOG.public)),
        ("vkey-without-name", "No name.", c.vkey("", 1, LOG.public)),
        ("vkey-of-31-bytes", "A short key.", c.vkey(ORIGIN, 1, LOG.public[:31])),
        ("vkey-cut", "Two parts.", log_key.rsplit("+", 1)[0]),
    ]:
        case(name, about, f"{text}\n{line}", ["BadVerifierKey"], vkey=key)
    case("vkey-of-the-specification-good", "The example of c2sp.org/signed-note.",
         "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYj"
         "OBH3mFXmRKuwHjG1Yu72IneyaQM=\n", vkey="example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")


def checkpoints():
    def case(name, about, note, error=None, size=7, **more):
        given = {"note": note, "origin": ORIGIN, "log_key": LOG.public.hex()}
        add("checkpoint", name, about, given, {"size": size, "root": ROOT.hex()}, error, **more)

    def signed(text):
        return f"{text}\n{c.log_line(text, ORIGIN, LOG)}"

    good = c.checkpoint_text(ORIGIN, 7, ROOT)
    case("checkpoint-good", "Three lines.", signed(good))
    case("checkpoint-of-the-largest-size-good", "2^64 - 1.", signed(c.checkpoint_text(ORIGIN, 2**64 - 1, ROOT)), size=2**64 - 1)
    malformed = ["Malformed"]
    for defect, line in [("leading-zero", "07"), ("plus", "+7"), ("space", " 7"), ("trailing-space", "7 "), ("empty", ""),
                         ("minus", "-7"), ("hex", "0x7"), ("above-64-bits", str(2**64)), ("arabic-digits", "٧")]:
        case(f"checkpoint-size-with-{defect}", "Decimal, as it is printed.", signed(good.replace("\n7\n", f"\n{line}\n")), malformed)
    case("checkpoint-with-extension-line", "Monitors cannot audit it.", signed(good + "extension\n"), malformed)
    case("checkpoint-with-blank-third-line", "An empty line more.", signed(good + "\n"), malformed)
    case("checkpoint-without-root", "Two lines.", signed(f"{ORIGIN}\n7\n"), malformed)
    case("checkpoint-root-of-31-bytes", "SHA-256 has 32.", signed(f"{ORIGIN}\n7\n{c.b64(ROOT[:31])}\n"), malformed)
    case("checkpoint-root-without-padding", "Base64 has its padding.", signed(good.replace("=", "")), malformed)
    loose = c.b64(ROOT)[:-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    loose += alphabet[alphabet.index(c.b64(ROOT)[-2]) + 1] + "="
    case("checkpoint-root-with-loose-bits", "The last letter has bits that encode nothing.", signed(f"{ORIGIN}\n7\n{loose}\n"), malformed)
    case("checkpoint-with-crlf", "Carriage returns.", signed(good).replace("\n", "\r\n"), ["Note", "NotText"])
    text = c.checkpoint_text(OTHER, 7, ROOT)
    case("checkpoint-of-another-log", "The log's key signed for another origin.", f"{text}\n{c.log_line(text, ORIGIN, LOG)}",
         ["OtherOrigin", OTHER, ORIGIN])
    case("checkpoint-by-another-key", "Another key under the log's name.", f"{good}\n{c.log_line(good, ORIGIN, STRANGER)}",
         ["Note", "Unsigned"])
    case("checkpoint-signature-by-another-key", "The log's name and key id, another's signature.",
         f"{good}\n{c.signature_line(ORIGIN, 1, LOG.public, STRANGER.raw(good.encode()))}", ["Note", "BadSignature"])
    case("checkpoint-size-changed-after-signing", "Eight entries.", signed(good).replace("\n7\n", "\n8\n"), ["Note", "BadSignature"])
    case("checkpoint-signed-as-cosignature", "The log's key, with type 0x04.",
         f"{good}\n{c.cosignature_line(good, ORIGIN, LOG, 1700000000)}", ["Note", "Unsigned"])


def lattice(text):
    """An ML-DSA-44 key and what it signed: kept, since its signatures are randomised."""
    kept = json.loads((pathlib.Path(__file__).parent / "ml_dsa_44.txt").read_text())
    key, signature = (base64.b64decode(kept[name]) for name in ("public", "signature"))
    origin, size, root = text.split("\n")[:3]
    name = b"later.example"
    message = (b"subtree/v1\n\0" + bytes([len(name)]) + name + (1700000000).to_bytes(8, "big") + bytes([len(origin)])
               + origin.encode() + bytes(8) + int(size).to_bytes(8, "big") + base64.b64decode(root))
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except ImportError:
        return {"public": key, "signature": signature}
    MLDSA44PublicKey.from_public_bytes(key).verify(signature, message)
    return {"public": key, "signature": signature}


def trust():
    names = ["alfa", "bravo", "charlie"]
    witnesses = {name: Key("witness " + name) for name in names}
    root = f"root {c.vkey(ORIGIN, 1, Key('root').public)}\n"
    lines = {name: f"witness {name} {c.vkey(name + '.example', 4, key.public)}\n" for name, key in witnesses.items()}
    all_three = "".join(lines.values())
    auditor = lines["alfa"].replace("witness", "auditor", 1)
    text = c.checkpoint_text(ORIGIN, 7, ROOT)

    def cosigned(*by):
        return f"{text}\n{c.log_line(text, ORIGIN, LOG)}" + "".join(
            c.cosignature_line(text, name + ".example", witnesses[name], 1700000000) for name in by)

    def case(name, about, trust_file, error=None, note=None, quorum=None, vouched=(), count=0, **more):
        given = {"trust": trust_file}
        values = {"origin": ORIGIN, "root_key": Key("root").public.hex(), "witnesses": count}
        if note is not None:
            given |= {"checkpoint": note, "log_key": LOG.public.hex()}
            values |= {"quorum": quorum, "vouched": list(vouched)}
        add("trust", name, about, given, values, error, **more)

    two = root + all_three + "group two 2 alfa bravo charlie\nquorum two\n"
    case("trust-root-only-good", "The least there can be.", root)
    case("trust-full-good", "Comments, tabs, a pinned log key, addresses.",
         f"# for the enquiry\n\n{root}log\t{c.vkey(ORIGIN, 1, LOG.public)} https://log.example\n  # indented\n{two[len(root):]}", count=3)
    case("trust-quorum-none-good", "No quorum is demanded.", root + all_three + "quorum none\n", count=3, note=cosigned(), quorum=True)
    case("trust-quorum-met-good", "Two of three.", two, note=cosigned("alfa", "charlie"), quorum=True,
         vouched=[["alfa", False, 1700000000], ["charlie", False, 1700000000]], count=3)
    case("trust-quorum-missed-good", "One of three: accepted as a checkpoint, and no quorum.", two, note=cosigned("bravo"),
         quorum=False, vouched=[["bravo", False, 1700000000]], count=3)
    case("trust-auditor-good", "An auditor is told apart.", root + auditor + "quorum alfa\n", note=cosigned("alfa"),
         quorum=True, vouched=[["alfa", True, 1700000000]], count=1)
    nested = root + all_three + "group inner any bravo charlie\ngroup outer all alfa inner\nquorum outer\n"
    case("trust-nested-groups-good", "A group in a group.", nested, note=cosigned("alfa", "bravo"), quorum=True,
         vouched=[["alfa", False, 1700000000], ["bravo", False, 1700000000]], count=3)
    case("trust-nested-groups-missed-good", "Both of the inner group, and not the one that must.", nested,
         note=cosigned("bravo", "charlie"), quorum=False,
         vouched=[["bravo", False, 1700000000], ["charlie", False, 1700000000]], count=3)
    forged = c.signature_line("bravo.example", 4, witnesses["bravo"].public, (1700000000).to_bytes(8, "big") + bytes(64))
    case("trust-cosignature-forged", "One by a known witness is wrong: the note is refused whole.", two,
         ["Note", "BadSignature"], note=cosigned("alfa", "charlie") + forged)
    later = lattice(text)
    known = root + f"witness later {c.vkey('later.example', 6, later['public'])}\n"
    signed = f"{text}\n{c.log_line(text, ORIGIN, LOG)}"
    by_lattice = lambda name, time_s=1700000000: c.signature_line(  # noqa: E731
        name, 6, later["public"], time_s.to_bytes(8, "big") + later["signature"])
    case("trust-ml-dsa-44-good", "A cosignature of type 6, made by another implementation of FIPS 204.", known,
         note=signed + by_lattice("later.example"), quorum=True, vouched=[["later", False, 1700000000]], count=1)
    case("trust-ml-dsa-44-at-another-time", "Signed for 1700000000, stated as a minute later.", known,
         ["Note", "BadSignature"], note=signed + by_lattice("later.example", 1700000060))
    larger = c.checkpoint_text(ORIGIN, 8, ROOT)
    case("trust-ml-dsa-44-over-another-size", "The cosignature is of size 7, the checkpoint of 8.", known,
         ["Note", "BadSignature"],
         note=f"{larger}\n{c.log_line(larger, ORIGIN, LOG)}" + by_lattice("later.example"))
    case("trust-without-root", "Nothing to begin from.", all_three, ["Roots", 0])
    case("trust-empty", "Nothing.", "", ["Roots", 0])
    case("trust-two-roots", "Which one?", root + f"root {c.vkey(ORIGIN, 1, STRANGER.public)}\n", ["Roots", 2])
    case("trust-name-twice", "Two witnesses of one name.",
         root + lines["alfa"] + lines["bravo"].replace("witness bravo", "witness alfa"), ["Name", 3, "taken"])
    case("trust-name-none", "none is a word of the language.", root + lines["alfa"].replace("witness alfa", "witness none"),
         ["Name", 2, "taken"])
    case("trust-group-of-a-witness-name", "A group with the name of a witness.", root + all_three + "group alfa any bravo\n",
         ["Name", 5, "taken"])
    case("trust-key-twice", "One key under two names would count twice.",
         root + lines["alfa"] + lines["alfa"].replace("witness alfa", "witness delta"), ["Name", 3, "taken"])
    case("trust-key-twice-under-another-key-name", "The name of a cosignature's key is not signed, so it is one key.",
         root + lines["alfa"] + f"witness delta {c.vkey('delta.example', 4, witnesses['alfa'].public)}\n", ["Name", 3, "taken"])
    case("trust-quorum-undefined", "A quorum of nobody.", root + "quorum two\n", ["Name", 2, "not defined before"])
    case("trust-quorum-before-its-group", "Defined before it is used.", root + all_three + "quorum two\ngroup two 2 alfa bravo\n",
         ["Name", 5, "not defined before"])
    case("trust-quorum-twice", "Which one?", two + "quorum alfa\n", ["Quorum", 7])
    case("trust-member-undefined", "A member that is nobody.", root + all_three + "group two 2 alfa delta\n",
         ["Name", 5, "not defined before"])
    case("trust-member-of-itself", "A group in itself.", root + all_three + "group two 1 two\n", ["Name", 5, "not defined before"])
    case("trust-member-of-two-groups", "It would count twice.", two + "group more any alfa\n",
         ["Name", 7, "a member of two groups"])
    case("trust-member-twice-in-a-group", "It would count twice.", root + all_three + "group two 2 alfa alfa\n",
         ["Name", 5, "a member of two groups"])
    for threshold, defect in [("4", "above-members"), ("0", "zero"), ("-1", "minus"), ("+2", "plus"), ("02", "leading-zero"), ("most", "word")]:
        case(f"trust-threshold-{defect}", "A number from 1 to the members, any or all.",
             root + all_three + f"group two {threshold} alfa bravo charlie\n", ["Quorum", 5])
    case("trust-group-of-nobody", "No members.", root + "group two all\n", ["Quorum", 2])
    case("trust-unknown-word", "A word that is none of the language.", root + "allow everything\n", ["UnknownLine", 2])
    case("trust-word-too-many", "A root has no address.", root.replace("\n", " https://x\n"), ["UnknownLine", 1])
    case("trust-comment-behind-a-line", "Comments have a line of their own.", root.replace("\n", " # root\n"), ["UnknownLine", 1])
    case("trust-root-of-witness-type", "A cosignature key as root.", f"root {c.vkey(ORIGIN, 4, LOG.public)}\n", ["Key", 1])
    case("trust-witness-of-log-type", "A log key as witness.", root + f"witness alfa {c.vkey('alfa.example', 1, LOG.public)}\n", ["Key", 2])
    case("trust-key-with-another-id", "Mistyped.", root[:-3] + ("A" if root[-3] != "A" else "B") + root[-2:], ["Key", 1])
    case("trust-with-crlf", "Carriage returns are no octets of the language.", root.replace("\n", "\r\n"), ["NotText"])
    case("trust-above-64-KiB", "At most 65,536 bytes.", root + "#" * 65536, ["NotText"])
    case("trust-log-of-another-origin", "The log's key is pinned under another name than the root's.",
         root + f"log {c.vkey(OTHER, 1, LOG.public)}\n", ["Name", 2, "not the origin"])
