"""Protobuf by hand: only what the canonical form of zegel.v1 needs.

A message is the concatenation of its fields in ascending order. Each function gives one field; a default gives nothing.
Whoever wants a message that is not canonical concatenates in another order, or writes the bytes.
"""


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def long_varint(number, length):
    """The same number in more bytes than it needs."""
    return bytes([number >> 7 * at & 0x7F | 0x80 for at in range(length - 1)]) + bytes([number >> 7 * (length - 1)])


def tag(field, wire_type):
    return varint(field << 3 | wire_type)


def number(field, value):
    """uint32, uint64, bool, enum: nothing for zero."""
    return tag(field, 0) + varint(value) if value else b""


def always(field, value):
    """Bytes, or a message that is there even when it is empty: oneofs, messages, items of lists."""
    value = value.encode() if isinstance(value, str) else value
    return tag(field, 2) + varint(len(value)) + value


def data(field, value):
    """bytes or string: nothing when empty."""
    return always(field, value) if value else b""


def each(field, values):
    """A repeated field of bytes, strings or messages."""
    return b"".join(always(field, value) for value in values)


def delimited(record):
    """A record behind its length."""
    return varint(len(record)) + record
