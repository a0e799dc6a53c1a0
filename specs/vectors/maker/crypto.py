"""Hashes, trees, body commitments, signatures and notes, from format.md, RFC 6962 and C2SP: by their definitions."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import messages

ORDER = 2**252 + 27742317777372353535851937790883648493
SLOT, ITEM, LIST, BODY, EVENT, SEALED, STREAM, ROW, MONTHS, LISTED = 0xB0, 0xB1, 0xB2, 0xB3, 0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def fixed(name, length=32):
    """Bytes that look random and are always the same."""
    return hashlib.shake_256(b"zegel vectors v1 " + name.encode()).digest(length)


def leaf(tag, *parts):
    return sha256(b"\x00", bytes([tag]), *parts)


def log_leaf(entry):
    return sha256(b"\x00", entry)


def node(left, right):
    return sha256(b"\x01", left, right)


# RFC 6962 2.1, by recursion.


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [root(leaves[k:])]
    return path(index - k, leaves[k:]) + [root(leaves[:k])]


def consistency(old, leaves, whole=True):
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return consistency(old, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(old - k, leaves[k:], False) + [root(leaves[:k])]


def gap(leaves, start, end):
    """Roots of the maximal complete subtrees that cover start..end, left to right."""
    hashes = []
    while start < end:
        width = 1
        while start % (2 * width) == 0 and start + 2 * width <= end:
            width *= 2
        hashes.append(root(leaves[start:start + width]))
        start += width
    return hashes


# Bodies.


def salt(seed, index):
    pair = sha256(b"\x02", seed, (index // 2).to_bytes(4, "big"))
    return pair[16:] if index % 2 else pair[:16]


def shown_body(seed, slots):
    """Every slot open, as dictionaries that can be covered: salt, state, value, items."""
    next_salt, out = len(slots), []
    for index, (state, content) in enumerate(slots):
        one = {"salt": salt(seed, index), "state": state, "value": b"", "items": []}
        if state == messages.LIST:
            length = 1
            while length < len(content):
                length *= 2
            for at in range(length):
                is_item = at < len(content)
                one["items"].append({"salt": salt(seed, next_salt), "state": messages.VALUE if is_item else messages.NONE,
                                     "value": content[at] if is_item else b""})
                next_salt += 1
        else:
            one["value"] = content
        out.append(one)
    return out


def item_leaf(one):
    return one.get("leaf") or leaf(ITEM, one["salt"], bytes([one["state"]]), one["value"])


def slot_leaf(one):
    if one.get("leaf"):
        return one["leaf"]
    value = one["value"]
    if one["state"] == messages.LIST:
        value = leaf(LIST, *[item_leaf(item) for item in one["items"]])
    return leaf(SLOT, one["salt"], bytes([one["state"]]), value)


def shown_root(shown):
    return leaf(BODY, *[slot_leaf(one) for one in shown])


def body_root(seed, slots):
    return shown_root(shown_body(seed, slots))


def cover(shown, slot, item=None):
    """Covers a slot or an item, in place."""
    if item is None:
        shown[slot] = {"leaf": slot_leaf(shown[slot])}
    else:
        items = shown[slot]["items"]
        items[item] = {"leaf": item_leaf(items[item])}
    return shown


def redacted_bytes(shown):
    def one(part):
        items = [one(item) for item in part.get("items", [])]
        return messages.shown(part.get("salt", b""), part.get("leaf", b""), part.get("state", 0), part.get("value", b""),
                              items)
    return messages.redacted([one(part) for part in shown])


# Signatures.


class Key:
    """An Ed25519 key with a name that is its seed."""

    def __init__(self, name):
        self.seed = fixed("key " + name)
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def raw(self, message):
        return self.private.sign(message)

    def sign(self, context, data):
        return self.raw(context.encode() + b"\n" + data)

    def scalar(self):
        bits = bytearray(hashlib.sha512(self.seed).digest()[:32])
        bits[0] &= 248
        bits[31] = bits[31] & 63 | 64
        return int.from_bytes(bits, "little")


BATCH, EXPORT, POSSESSION = "zegel batch v1", "zegel export v1", "zegel key v1"


def challenge(big_r, public, message):
    return int.from_bytes(hashlib.sha512(big_r + public + message).digest(), "little") % ORDER


# Points of small order, and keys that hold one: RFC 8032 5.1, by its formulas.

PRIME = 2**255 - 19
CURVE = -121665 * pow(121666, -1, PRIME) % PRIME


def plus(one, other):
    (x1, y1), (x2, y2) = one, other
    both = CURVE * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + both, -1, PRIME) % PRIME, (y1 * y2 + x1 * x2) * pow(1 - both, -1, PRIME) % PRIME)


def times(number, point):
    total = (0, 1)
    for bit in bin(number)[2:]:
        total = plus(total, total)
        if bit == "1":
            total = plus(total, point)
    return total


def encoded(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decoded(data):
    number = int.from_bytes(data, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(CURVE * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    assert (x * x - square) % PRIME == 0
    return (PRIME - x if x & 1 != sign else x, y)


def mixed(message):
    """For each point R of small order: R, a key that is not of small order, and the S with which the equation holds."""
    eighth = decoded(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))
    found = {}
    for number in range(64):
        key = Key(f"mixed {number}")
        for share in range(1, 8):
            public = encoded(plus(decoded(key.public), times(share, eighth)))
            for small in range(8):
                big_r = encoded(times(small, eighth))
                k = challenge(big_r, public, message)
                if (k * share + small) % 8 == 0:
                    found.setdefault(small, (big_r, public, k * key.scalar() % ORDER))
    assert len({big_r for big_r, _, _ in found.values()}) == 8
    return [found[small] for small in range(8)]


# Signed notes.


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, kind, public):
    return sha256(name.encode(), b"\n", bytes([kind]), public)[:4]


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(bytes([kind]) + public)}"


def signature_line(name, kind, public, signature):
    return f"— {name} {b64(key_id(name, kind, public) + signature)}\n"


def log_line(text, name, key):
    return signature_line(name, 1, key.public, key.raw(text.encode()))


def cosignature_line(text, name, key, time_s, stated=None):
    """Signed for one time, stated for another if that is given."""
    signature = key.raw(f"cosignature/v1\ntime {time_s}\n{text}".encode())
    return signature_line(name, 4, key.public, (time_s if stated is None else stated).to_bytes(8, "big") + signature)


def checkpoint_text(origin, size, root_hash):
    return f"{origin}\n{size}\n{b64(root_hash)}\n"
