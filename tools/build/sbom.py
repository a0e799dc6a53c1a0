"""The bill of materials of the commands, as CycloneDX 1.5: what Cargo.lock and cargo say is linked, and nothing else.

Usage: sbom.py [PACKAGE…]      none named: zegel-verifier, zegel-ledger, zegel-tools. One file each, <package>.cdx.json, in
the folder `sbom` below the build output. The same commit gives the same bytes: no time and no random number stands in it.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = "x86_64-unknown-linux-gnu"


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def checksums():
    """SHA-256 of each crate, as Cargo.lock has it."""
    text = (ROOT / "Cargo.lock").read_text()
    found = {}
    for block in text.split("[[package]]")[1:]:
        field = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.M))
        found[field["name"], field["version"]] = field.get("checksum")
    return found


def component(package, sums, kind="library"):
    name, version = package["name"], package["version"]
    made = {"type": kind, "bom-ref": f"pkg:cargo/{name}@{version}", "name": name, "version": version}
    made["purl"] = made["bom-ref"]
    if package.get("license"):
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if sums.get((name, version)):
        made["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
    return made


def normal(dependency):
    return any(kind["kind"] is None for kind in dependency["dep_kinds"])


def bill(name):
    # The features of this package alone, as it is built.
    manifest = next(p for p in json.loads(cargo("metadata", "--no-deps", "--format-version", "1"))["packages"] if p["name"] == name)
    lines = cargo("tree", "--package", name, "--edges", "normal", "--prefix", "none", "--target", TARGET, "--locked",
                  "--format", "{p}").splitlines()
    linked = {tuple(line.split()[:2]) for line in lines if line}
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET))
    packages = {p["id"]: p for p in metadata["packages"]}
    wanted = {i for i, p in packages.items() if (p["name"], "v" + p["version"]) in linked}
    sums = checksums()
    order = sorted(wanted, key=lambda i: (packages[i]["name"], packages[i]["version"]))
    reference = {i: component(packages[i], sums)["bom-ref"] for i in wanted}
    nodes = {n["id"]: n for n in metadata["resolve"]["nodes"]}
    below = lambda i: sorted(reference[d["pkg"]] for d in nodes[i]["deps"] if d["pkg"] in wanted and normal(d))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(manifest, sums, "application")},
        "components": [component(packages[i], sums) for i in order if packages[i]["name"] != name],
        "dependencies": [{"ref": reference[i], "dependsOn": below(i)} for i in order],
    }


def main():
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ["zegel-verifier", "zegel-ledger", "zegel-tools"]:
        text = json.dumps(bill(name), indent=2, sort_keys=True) + "\n"
        path = folder / f"{name}.cdx.json"
        path.write_text(text)
        print(f"{path}  {hashlib.sha256(text.encode()).hexdigest()}")


main()
