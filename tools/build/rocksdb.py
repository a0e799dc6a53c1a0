#!/usr/bin/env python3
"""Build RocksDB once, as a unity build, into a cache that every cargo profile shares.

The crate `librocksdb-sys` compiles its 340 C++ files one by one, in every profile: half an hour on two
cores, each time. Grouping the same unchanged sources (at most 8 files of one directory to a unit) takes some six
minutes, once. The archive is keyed by the crate's version, the compiler and the flags, so that it is never
stale. On success the folder with `librocksdb.a` is printed on stdout; everything else goes to stderr.

Usage: rocksdb.py SOURCE CACHE     SOURCE is the unpacked crate librocksdb-sys, CACHE any folder
Exit: 0 built or found; 1 could not be built (use the crate's own build instead).
"""
import hashlib, os, platform, shutil, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

FILES_PER_UNIT_MAX = 8
# These define macros or file-local names that break their neighbours, so each is a unit by itself.
ALONE = {"db/c.cc", "util/crc32c.cc", "util/xxhash.cc", "tools/ldb_cmd.cc"}
DEFINES = ["NDEBUG", "HAVE_ALIGNED_NEW", "HAVE_UINT128_EXTENSION", "OS_LINUX", "ROCKSDB_PLATFORM_POSIX",
           "ROCKSDB_LIB_IO_POSIX", "ROCKSDB_SCHED_GETCPU_PRESENT", "ROCKSDB_AUXV_GETAUXVAL_PRESENT",
           "ROCKSDB_FALLOCATE_PRESENT", "ROCKSDB_RANGESYNC_PRESENT"]
FLAGS = ["-O2", "-fPIC", "-std=c++20", "-w", "-ffunction-sections", "-fdata-sections", "-include", "cstdint"]
# Hardware CRC32C: the software one costs 0.3-0.6 microseconds an event.
X86_FLAGS = {"sse4_2": "-msse4.2", "pclmulqdq": "-mpclmul"}


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def compiler_flags(source):
    flags = FLAGS + [f"-D{name}" for name in DEFINES]
    flags += [f"-I{source / 'rocksdb' / 'include'}", f"-I{source / 'rocksdb'}", f"-I{source}"]
    if platform.machine() == "x86_64":
        cpu = Path("/proc/cpuinfo").read_text().split()
        flags += [flag for name, flag in X86_FLAGS.items() if name in cpu]
    return flags


def units(source):
    names = (source / "rocksdb_lib_sources.txt").read_text().split()
    names = [name for name in names if name != "util/build_version.cc"]
    grouped = [[name] for name in names if name in ALONE]
    rest = sorted((name for name in names if name not in ALONE), key=os.path.dirname)
    for _, files in groupby(rest, key=os.path.dirname):
        files = list(files)
        grouped += [files[at:at + FILES_PER_UNIT_MAX] for at in range(0, len(files), FILES_PER_UNIT_MAX)]
    paths = [[source / "rocksdb" / name for name in unit] for unit in grouped]
    # The biggest first, so that no long unit is left for the end.
    paths.sort(key=lambda unit: -sum(path.stat().st_size for path in unit))
    return paths + [[source / "build_version.cc"]]


def compile_unit(compiler, flags, unit, folder):
    """Object files of one unit. A unit that does not compile is split in two, down to single files."""
    name = hashlib.sha256("\n".join(map(str, unit)).encode()).hexdigest()[:16]
    code, target = folder / f"{name}.cc", folder / f"{name}.o"
    code.write_text("".join(f'#include "{path}"\n' for path in unit))
    run = subprocess.run([compiler, *flags, "-c", str(code), "-o", str(target)], capture_output=True, text=True)
    if run.returncode == 0:
        return [target]
    if len(unit) == 1:
        raise RuntimeError(f"{unit[0]} does not compile:\n{run.stderr[:2000]}")
    half = len(unit) // 2
    return compile_unit(compiler, flags, unit[:half], folder) + compile_unit(compiler, flags, unit[half:], folder)


def build(compiler, flags, source, target):
    work = target.with_name(target.name + f".building-{os.getpid()}")
    work.mkdir(parents=True)
    everything, objects, started = units(source), [], time.monotonic()
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done, made in enumerate(pool.map(lambda unit: compile_unit(compiler, flags, unit, work), everything), 1):
                objects += made
                say(f"\rRocksDB: {done}/{len(everything)} units, {time.monotonic() - started:.0f} s", end="")
        say("")
        subprocess.run(["ar", "crs", str(work / "librocksdb.a"), *map(str, objects)], check=True)
        for path in work.iterdir():
            if path.suffix in (".cc", ".o"):
                path.unlink()
        work.rename(target)  # whole or not at all: a build that was cut short is never taken for an archive
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    source, cache = Path(sys.argv[1]), Path(sys.argv[2])
    compiler = shutil.which("clang++")
    if compiler is None:
        say("RocksDB: no clang++ found; the crate's own build will be used (half an hour)")
        return 1
    flags = compiler_flags(source)
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    relative = [flag.replace(str(source), "") for flag in flags]
    key = hashlib.sha256("\n".join([version, *relative]).encode()).hexdigest()[:12]
    target = cache / f"{source.name}-{key}"
    if not (target / "librocksdb.a").exists():
        say("RocksDB: building once for all profiles, some six minutes on two cores")
        try:
            build(compiler, flags, source, target)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as reason:
            say(f"\nRocksDB: the unity build failed, the crate's own build will be used (half an hour): {reason}")
            return 1
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
