"""A case: what is given, and what must come of it."""

import json

ALL = {}


def add(family, name, about, given, values=None, error=None, rust_today=None):
    """One file. With `error` (variant, then its fields) it is to be refused, else accepted with exactly these values.

    `rust_today` is a disagreement that is known: what the Rust does until it is mended, as [values] or an error.
    """
    path = f"{family}/{name}.json"
    assert path not in ALL, path
    case = {"family": family, "about": about, "given": given}
    if error is None:
        case |= {"expect": "accept", "values": values or {}}
    else:
        case |= {"expect": "refuse", "error": error}
    if rust_today is not None:
        case["rust_today"] = rust_today
    ALL[path] = case


def printed():
    """Path to text, of every case."""
    return {path: json.dumps(case, indent=1, ensure_ascii=False) + "\n" for path, case in ALL.items()}
