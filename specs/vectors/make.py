#!/usr/bin/env python3
"""Writes the vectors, or with --check says which files are not what it would write.

Independent of the Rust: made from the specification with the standard library and `cryptography`. The same on every
machine: all seeds are fixed, and Ed25519 signs deterministically. See README.md.
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

from maker import bundle_cases, canonical, cases, core, registry, sealing, signing  # noqa: E402


def wanted():
    for family in (canonical, core, signing, registry, sealing, bundle_cases):
        family.make()
    return cases.printed()


def found():
    files = (path for path in HERE.rglob("*.json") if path.parent.name != "maker")
    return {path.relative_to(HERE).as_posix(): path.read_text(encoding="utf-8") for path in files}


def write(files):
    for name in found().keys() - files.keys():
        (HERE / name).unlink()
    for name, text in files.items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(text, encoding="utf-8")
    print(f"{len(files)} vectors written", file=sys.stderr)


def check(files):
    have = found()
    differ = sorted(name for name in files.keys() | have.keys() if files.get(name) != have.get(name))
    print("\n".join(differ), end="\n" if differ else "")
    return 1 if differ else 0


def main(arguments):
    if arguments not in ([], ["--check"]):
        print("usage: make.py [--check]", file=sys.stderr)
        return 3
    files = wanted()
    return check(files) if arguments else write(files) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
