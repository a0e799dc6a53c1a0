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
    blobs()


def bodies():
    key, dossier, slots, seed = fixed("event key"), fixed("dossier key"), chat_slots([b"een ", b"twee"]), fixed("body seed")

    def header_of(some_slots, month=202405):
        root = c.body_root(seed, some_slots)
        return root, m.header(40, fixed("conversation"), fixed("custodian"), month, 7, body_root=root)

    body = m.body(seed, slots)
    root, header = header_of(slots)
    good_wrap = wrap(dossier, ORIGIN, root, key)

    def case(name, about, ciphertext, error=None, some_header=header, some_wrap=good_wrap, opened=body, **change):
        given = {"dossier_key": dossier.hex(), "origin": ORIGIN, "header": some_header.hex(), "wrapped": some_wrap.hex(),
                 "ciphertext": ciphertext.hex()} | change
        add("sealing", name, about, {"open": given}, {"body": opened.hex()}, error)

    def sealed(name, about, words):
        some_slots = chat_slots(words)
        some_body, (some_root, some_header) = m.body(seed, some_slots), header_of(some_slots)
        case(name, about, seal(key, some_header, plaintext(some_body)), None, some_header,
             wrap(dossier, ORIGIN, some_root, key), some_body)

    good = seal(key, header, plaintext(body))
    case("body-good", "Padded to its size class.", good)
    sealed("body-of-one-word-good", "Padded to 256.", [b"w"])
    sealed("body-that-fills-its-class-good", "No zero is needed.", words_for(seed, 256))
    sealed("body-one-byte-above-its-class-good", "The next class.", words_for(seed, 257))
    sealed("body-of-a-larger-class-good", "A size that Padmé rounds by hundreds.", [b"w" * 20000])
    lost = ["Ciphertext"]
    case("body-under-another-event-key", "The wrap holds another event's key.", good, lost,
         some_wrap=wrap(dossier, ORIGIN, root, fixed("other event key")))
    case("body-under-another-header", "The header is bound: another month.", good, lost, some_header=header_of(slots, 202406)[1])
    case("body-sealed-without-header", "No associated data.", seal(key, b"", plaintext(body)), lost)
    case("body-sealed-with-another-nonce", "The nonce is fixed.", xchacha(key, bytes(23) + b"\x01", plaintext(body), header), lost)
    case("body-ciphertext-flipped", "One bit.", good[:9] + bytes([good[9] ^ 1]) + good[10:], lost)
    case("body-ciphertext-cut", "A byte less.", good[:-1], lost)
    case("body-ciphertext-empty", "Nothing.", b"", lost)

    def inside(name, about, some_plaintext, *error):
        case(name, about, seal(key, header, some_plaintext), list(error))

    inside("body-padding-not-zero", "Something is hidden in the padding.", plaintext(body)[:-1] + b"\x01", "Padding", len(body))
    inside("body-length-too-large", "It claims more than there is.", plaintext(body, stated=2**32 - 1), "Padding", 2**32 - 1)
    inside("body-length-one-too-large", "It takes a zero of the padding.", plaintext(body, stated=len(body) + 1),
           "Canonical", "Undecodable")
    inside("body-length-too-small", "Its last byte stands in the padding.", plaintext(body[:-2] + body[-2:], stated=len(body) - 3),
           "Padding", len(body) - 3)
    inside("body-without-length", "Three bytes.", bytes(3), "Padding", 0)
    inside("body-in-a-larger-class", "Padded further than its class.", plaintext(body, size=512), "Padding", len(body))
    inside("body-not-padded", "Its length shows.", plaintext(body, size=4 + len(body)), "Padding", len(body))
    inside("body-not-canonical", "Sealed well, and with a field that is not known.", plaintext(body + b"\x78\x01"),
           "Canonical", "NotCanonical")
    inside("body-of-another-root", "Sealed well, and not what the header commits to.",
           plaintext(m.body(seed, chat_slots([b"een ", b"drie"]))), "Commitment", "WrongRoot")
    wraps(case, good, dossier, key, root, good_wrap)


def words_for(seed, size):
    """Words of a body that has exactly this size with its length before it."""
    choices = ([b"w" * one, b"w" * other] for one in range(1, 200) for other in (1, 2, 3))
    return next(words for words in choices if 4 + len(m.body(seed, chat_slots(words))) == size)


def wraps(case, good, dossier, key, root, good_wrap):
    lost = ["Wrap"]
    case("wrap-under-another-dossier", "Another conversation's key.", good, lost, dossier_key=fixed("other dossier key").hex())
    case("wrap-of-another-log", "The origin is bound.", good, lost, origin="chat.example.nl/minez")
    case("wrap-of-another-body", "The body root is bound.", good, lost, some_wrap=wrap(dossier, ORIGIN, fixed("other root"), key))
    case("wrap-flipped", "One bit.", good, lost, some_wrap=bytes([good_wrap[0] ^ 1]) + good_wrap[1:])
    case("wrap-cut", "47 bytes.", good, ["Canonical", "Grammar", "Length", "wrapped"], some_wrap=good_wrap[:-1])
    plain = ChaCha20Poly1305(dossier).encrypt(bytes(12), key, None)
    case("wrap-under-the-dossier-key-itself", "Not derived: one nonce for all.", good, lost, some_wrap=plain)


def blobs():
    key, content = fixed("blob key"), fixed("photo", SEGMENT + 100)

    def case(name, about, ciphertext, error=None, some_key=key, some=content):
        """Nothing of what opened before a segment that does not is to be used."""
        given = {"open_blob": {"key": some_key.hex(), "ciphertext_base64": c.b64(ciphertext)}}
        add("sealing", name, about, given, {"sha256": c.sha256(some).hex(), "size": len(some)}, error)

    small = content[:100]
    case("blob-good", "Two segments.", blob(key, content))
    case("blob-of-one-segment-good", "One segment, the last.", blob(key, small), some=small)
    case("blob-of-whole-segments-good", "The last segment is full.", blob(key, content[:SEGMENT]), some=content[:SEGMENT])
    case("blob-empty-good", "An empty file has one empty segment.", blob(key, b""), some=b"")
    whole, tagged = blob(key, content), SEGMENT + 16
    case("blob-under-another-key", "Another blob's key.", blob(key, small), ["Segment", 0], some_key=fixed("other blob key"))
    case("blob-segments-swapped", "The number is in the nonce.", blob(key, content, order=[1, 0]), ["Segment", 0])
    case("blob-tail-cut", "The last segment is missing; the one before is not marked as last.", whole[:tagged], ["Segment", 0])
    case("blob-tail-cut-in-a-segment", "Cut in the last segment.", whole[:-1], ["Segment", 1])
    case("blob-last-not-marked", "No segment is the last.", blob(key, small, flag_of_last=0), ["Segment", 0])
    case("blob-with-segment-after-the-last", "More after the end.", blob(key, content[:SEGMENT]) + blob(key, small), ["Segment", 0])
    case("blob-of-no-bytes", "Not even a tag.", b"", ["Segment", 0])
