"""Sealed bodies, wraps and blobs, made with `cryptography` and HChaCha20 by hand (specs/sealing.md)."""

import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import crypto as c, messages as m
from .cases import add
from .core import chat_slots
from .crypto import fixed

ORIGIN = "chat.example.nl/minbzk"
SEGMENT = 64 * 1024


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha 2.2: the ChaCha20 rounds without the last addition; first and last row."""
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8L", key), *struct.unpack("<4L", nonce)]

    def quarter(a, b, d, e):
        for x, y, z, shift in ((a, b, e, 16), (d, e, b, 12), (a, b, e, 8), (d, e, b, 7)):
            state[x] = state[x] + state[y] & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << shift | mixed >> 32 - shift) & 0xFFFFFFFF

    for _ in range(10):
        for at in range(4):
            quarter(at, at + 4, at + 8, at + 12)
        for at in range(4):
            quarter(at, (at + 1) % 4 + 4, (at + 2) % 4 + 8, (at + 3) % 4 + 12)
    return struct.pack("<8L", *state[:4], *state[12:])


def xchacha(key, nonce, plaintext, aad):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plaintext, aad or None)


def padme(length):
    exponent = length.bit_length() - 1
    mask = (1 << exponent - exponent.bit_length()) - 1
    return length + mask & ~mask


def size_class(length):
    return max(256, padme(4 + length))


def plaintext(body, stated=None, size=None, filler=b"\x00"):
    stated = len(body) if stated is None else stated
    padding = (size or size_class(len(body))) - 4 - len(body)
    return stated.to_bytes(4, "big") + body + filler * padding


def seal(key, header, some_plaintext):
    return xchacha(key, bytes(24), some_plaintext, header)


def wrap_key(dossier_key, origin, body_root):
    info = b"zegel wrap v1\n" + origin.encode() + b"\n" + body_root
    return HKDF(SHA256(), 32, None, info).derive(dossier_key)


def wrap(dossier_key, origin, body_root, event_key):
    return ChaCha20Poly1305(wrap_key(dossier_key, origin, body_root)).encrypt(bytes(12), event_key, None)


def blob(key, content, flag_of_last=1, order=None):
    segments = [content[at:at + SEGMENT] for at in range(0, len(content), SEGMENT)] or [b""]
    out = []
    for at, segment in enumerate(segments):
        last = flag_of_last if at == len(segments) - 1 else 0
        out.append(xchacha(key, bytes(15) + at.to_bytes(8, "big") + bytes([last]), segment, b""))
    return b"".join(out[at] for at in order or range(len(out)))


def make():
    # draft-irtf-cfrg-xchacha 2.2.1: the script is checked before what it makes is.
    assert hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927")).hex() == \
        "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    bodies()
    wraps()
    blobs()


def bodies():
    key, slots, seed = fixed("event key"), chat_slots([b"een ", b"twee"]), fixed("body seed")
    body, root = m.body(seed, slots), c.body_root(seed, slots)
    header = m.header(40, fixed("conversation"), fixed("custodian"), 202405, 7, body_root=root)

    def case(name, about, ciphertext, error=None, some_key=key, some_header=header, body_bytes=body):
        given = {"open_body": {"event_key": some_key.hex(), "header": some_header.hex(), "ciphertext": ciphertext.hex()}}
        add("sealing", name, about, given, {"body": body_bytes.hex()}, error)

    good = seal(key, header, plaintext(body))
    case("body-good", "Padded to its size class.", good)
    exact = m.body(seed, [(m.VALUE, b"x" * 210)])
    assert size_class(len(exact)) == 4 + len(exact) == 256
    case("body-of-the-smallest-class-without-padding-good", "252 bytes: no zero is needed.",
         seal(key, header, plaintext(exact)), body_bytes=exact)
    large = m.body(seed, [(m.VALUE, b"x" * 20000)])
    case("body-of-a-larger-class-good", "The next size that Padmé allows.", seal(key, header, plaintext(large)), body_bytes=large)
    case("body-under-another-key", "Another event's key.", good, ["Undecryptable"], some_key=fixed("other event key"))
    case("body-under-another-header", "The header is bound: another month.", good, ["Undecryptable"],
         some_header=m.header(40, fixed("conversation"), fixed("custodian"), 202406, 7, body_root=root))
    case("body-sealed-without-header", "No associated data.", seal(key, b"", plaintext(body)), ["Undecryptable"])
    case("body-ciphertext-flipped", "One bit.", good[:9] + bytes([good[9] ^ 1]) + good[10:], ["Undecryptable"])
    case("body-ciphertext-cut", "A byte less.", good[:-1], ["Undecryptable"])
    case("body-ciphertext-empty", "Nothing.", b"", ["Undecryptable"])
    case("body-padding-not-zero", "Something is hidden in the padding.", seal(key, header, plaintext(body)[:-1] + b"\x01"), ["Padding"])
    case("body-length-too-large", "It claims more than there is.", seal(key, header, plaintext(body, stated=2**32 - 1)), ["Length"])
    case("body-length-one-too-large", "It takes a zero of the padding: not canonical.",
         seal(key, header, plaintext(body, stated=len(body) + 1)), ["Canonical"])
    case("body-length-too-small", "Its last byte stands in the padding.", seal(key, header, plaintext(body, stated=len(body) - 1)), ["Padding"])
    case("body-without-length", "Three bytes.", seal(key, header, bytes(3)), ["Length"])
    case("body-of-another-class", "Padded further than its class.", seal(key, header, plaintext(body, size=512)), ["SizeClass"])
    case("body-not-padded", "Its length shows.", seal(key, header, plaintext(body, size=4 + len(body))), ["SizeClass"])
    case("body-not-canonical", "Sealed well, and with a field that is not known.",
         seal(key, header, plaintext(body + b"\x78\x01")), ["Canonical"])
    other = chat_slots([b"een ", b"drie"])
    case("body-of-another-root", "Sealed well, and not what the header commits to.",
         seal(key, header, plaintext(m.body(seed, other))), ["Commitment"])


def wraps():
    dossier, key, root = fixed("dossier key"), fixed("event key"), fixed("body root")
    good = wrap(dossier, ORIGIN, root, key)

    def case(name, about, wrapped, error=None, **change):
        given = {"dossier_key": dossier.hex(), "origin": ORIGIN, "body_root": root.hex(), "wrapped": wrapped.hex()} | change
        add("sealing", name, about, {"unwrap": given}, {"event_key": key.hex()}, error)

    case("wrap-good", "HKDF, then ChaCha20-Poly1305.", good)
    bad = ["Undecryptable"]
    case("wrap-under-another-dossier", "Another conversation's key.", good, bad, dossier_key=fixed("other dossier key").hex())
    case("wrap-of-another-log", "The origin is bound.", good, bad, origin="chat.example.nl/minez")
    case("wrap-of-another-body", "The body root is bound.", good, bad, body_root=fixed("other root").hex())
    case("wrap-flipped", "One bit.", bytes([good[0] ^ 1]) + good[1:], bad)
    case("wrap-cut", "47 bytes.", good[:-1], bad)
    plain = ChaCha20Poly1305(dossier).encrypt(bytes(12), key, None)
    case("wrap-under-the-dossier-key-itself", "Not derived: one nonce for all.", plain, bad)


def blobs():
    key, content = fixed("blob key"), fixed("photo", SEGMENT + 100)

    def case(name, about, ciphertext, error=None, some_key=key, some=content):
        given = {"open_blob": {"key": some_key.hex(), "ciphertext_base64": c.b64(ciphertext)}}
        add("sealing", name, about, given, {"sha256": c.sha256(some).hex(), "size": len(some)}, error)

    small = content[:100]
    case("blob-good", "Two segments.", blob(key, content))
    case("blob-of-one-segment-good", "One segment, the last.", blob(key, small), some=small)
    case("blob-of-whole-segments-good", "The last segment is full.", blob(key, content[:SEGMENT]), some=content[:SEGMENT])
    case("blob-empty-good", "An empty file has one empty segment.", blob(key, b""), some=b"")
    whole, tagged = blob(key, content), SEGMENT + 16
    bad = ["Undecryptable"]
    case("blob-under-another-key", "Another blob's key.", blob(key, small), bad, some_key=fixed("other blob key"))
    case("blob-segments-swapped", "The number is in the nonce.", blob(key, content, order=[1, 0]), bad)
    case("blob-tail-cut", "The last segment is missing; the one before is not marked as last.", whole[:tagged], bad)
    case("blob-tail-cut-in-a-segment", "Cut in the last segment.", whole[:-1], bad)
    case("blob-last-not-marked", "No segment is the last.", blob(key, small, flag_of_last=0), bad)
    case("blob-with-segment-after-the-last", "More after the end.", blob(key, content[:SEGMENT]) + blob(key, small), bad)
    case("blob-of-no-bytes", "Not even a tag.", b"", bad)
