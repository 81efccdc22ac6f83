#!/usr/bin/env python3
"""Puts bugs into a copy of the ledger, one at a time, and sees that a test tells.

    run.py                 every mutant of mutants.toml against the test that kills it
    run.py NAME…           only these
    run.py --search NAME…  these against every test: which of them tell?
    run.py --table         prints docs/mutations.md

All mutants are compiled together, each behind `if mutant(N)`, and chosen at run time by a variable of the environment; so
there is one build, in a folder of its own outside of the check-out ($TIDINGS_MUTATIONS, else in the cache folder), without
RocksDB and libp2p. Every test must pass without a mutant, and fail, panic or not end with it.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

try:
    import tomllib
except ModuleNotFoundError:
    sys.exit("tests/mutations/run.py needs Python 3.11 or newer")

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).with_name("mutants.toml")
PAGE = ROOT / "docs" / "mutations.md"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tidings"
SCRATCH = pathlib.Path(os.environ.get("TIDINGS_MUTATIONS") or CACHE / "mutations")
VARIABLE = "TIDINGS_MUTANT"

# What is copied: the ledger, and the crates whose tests are named.
CRATES = ["ledger", "transport-mem", "tests"]
# Seconds that a test may take: with a mutant it may never end, and that tells, too.
LIMIT = 90
# The same while the test is looked for.
SEARCH_LIMIT = 12
BUILD_LIMIT = 1500
KEYS = {"name", "what", "file", "original", "mutant", "statement", "killed_by"}

# Not optimised as much as usual: the build costs more than the tests.
PROFILE = """
[profile.dev]
opt-level = 1
debug = false
incremental = true

[profile.dev.package."*"]
opt-level = 2
debug-assertions = false
overflow-checks = false
"""

MODULE = """
/// Which mutant is chosen; 0 is none.
static MUTANT: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
    std::env::var("TIDINGS_MUTANT").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
});

#[inline]
pub(crate) fn mutant(number: u32) -> bool {
    *MUTANT == number
}
"""


def main():
    parser = argparse.ArgumentParser(description="Puts bugs into a copy of the ledger and sees that a test tells.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--search", action="store_true", help="run every test against the mutants named")
    parser.add_argument("--only", metavar="REGEX", default="", help="with --search: try these tests only")
    parser.add_argument("--table", action="store_true", help="print docs/mutations.md and do nothing else")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()

    mutants = load()
    if arguments.table:
        return print(page(mutants), end="")
    for name in arguments.names:
        if name not in {mutant["name"] for mutant in mutants}:
            fail(f"there is no mutant {name} in {LIST.name}")
    copy(mutants)
    programs = build(mutants)
    chosen = [mutant for mutant in mutants if not arguments.names or mutant["name"] in arguments.names]
    if arguments.search:
        return search(chosen, programs, arguments.jobs, arguments.only)
    score(chosen, programs, arguments.jobs)
    if not arguments.names and (not PAGE.exists() or PAGE.read_text() != page(mutants)):
        fail(f"docs/{PAGE.name} is not what {LIST.name} says; write it anew: tests/mutations/run.py --table > docs/{PAGE.name}")


def load():
    """Reads the list; numbers are given in its order."""
    mutants = tomllib.loads(LIST.read_text())["mutant"]
    names = set()
    for number, mutant in enumerate(mutants, 1):
        mutant["number"] = number
        name = mutant.get("name", f"number {number}")
        unknown = set(mutant) - KEYS - {"number"}
        if unknown or not KEYS - {"statement"} <= set(mutant):
            fail(f"mutant {name}: unknown keys {sorted(unknown)}, or one of {sorted(KEYS)} is missing")
        if name in names:
            fail(f"two mutants are called {name}")
        names.add(name)
        if mutant["killed_by"] != "?" and ": " not in mutant["killed_by"]:
            fail(f"mutant {name}: killed_by is to be \"TARGET: TEST\", as in \"tests/crashes: a_full_disk\"")
    return mutants


def copy(mutants):
    """Brings the scratch copy up to date. Files that are as they were are left alone, so that little is built again."""
    source = SCRATCH / "source"
    wanted = {}
    for crate in CRATES:
        for path in (ROOT / crate).rglob("*"):
            inside = path.relative_to(ROOT)
            if path.is_file() and not any(part in {"target", "node_modules", "__pycache__"} for part in inside.parts):
                wanted[inside] = path.read_bytes()
    for inside in ["docs/spec/vectors", "docs/guide"]:
        for path in (ROOT / inside).rglob("*"):
            if path.is_file():
                wanted[path.relative_to(ROOT)] = path.read_bytes()
    wanted[pathlib.Path("Cargo.lock")] = (ROOT / "Cargo.lock").read_bytes()
    wanted[pathlib.Path("Cargo.toml")] = workspace().encode()
    tests = pathlib.Path("tests/Cargo.toml")
    wanted[tests] = slim(wanted[tests].decode()).encode()
    for file, text in mutated(mutants, wanted).items():
        wanted[file] = text.encode()
    library = pathlib.Path("ledger/src/lib.rs")
    wanted[library] += b"\nmod mutants;\n"
    wanted[pathlib.Path("ledger/src/mutants.rs")] = MODULE.encode()
    for path in source.rglob("*") if source.exists() else []:
        if path.is_file() and path.relative_to(source) not in wanted:
            path.unlink()
    for inside, content in wanted.items():
        path = source / inside
        # Cargo brings its own lock file up to date; ours is only where it begins.
        if inside.name == "Cargo.lock" and path.exists():
            continue
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def workspace():
    """The workspace's manifest with the copied crates only."""
    text = (ROOT / "Cargo.toml").read_text()
    text = re.sub(r"(?m)^members = \[.*?\]", f"members = {json.dumps(CRATES)}", text, flags=re.S)
    text = re.sub(r"(?m)^exclude = .*$", "", text)
    text = re.sub(r"(?ms)^\[profile\..*?(?=^\[(?!profile\.)|\Z)", "", text)
    return text + PROFILE


def slim(manifest):
    """The tests' manifest without what needs other crates of ours."""
    keep = {f"tidings-{crate}" for crate in CRATES}
    lines = manifest.splitlines(keepends=True)
    return "".join(line for line in lines if not (found := re.match(r"(tidings-[\w-]+) *=", line)) or found[1] in keep)


def mutated(mutants, files):
    """The files with every mutant in its place, behind its number."""
    places = {}
    for mutant in mutants:
        file = pathlib.Path(mutant["file"])
        if file not in files:
            fail(f"mutant {mutant['name']}: there is no {file}")
        text = files[file].decode()
        times = text.count(mutant["original"])
        if times != 1:
            fail(
                f"mutant {mutant['name']}: its original stands {times} times in {file}, and has to stand there once:\n"
                f"    {mutant['original']}\n  The code has changed: bring {LIST.name} up to date, or drop the mutant."
            )
        start = text.index(mutant["original"])
        places.setdefault(file, {}).setdefault((start, start + len(mutant["original"])), []).append(mutant)
    changed = {}
    for file, spans in places.items():
        text = files[file].decode()
        last = len(text)
        for (start, end), group in sorted(spans.items(), reverse=True):
            if end > last:
                fail(f"mutants {', '.join(mutant['name'] for mutant in group)}: they overlap another one in {file}")
            text = text[:start] + switch(group, text[start:end]) + text[end:]
            last = start
        changed[file] = text
    return changed


def switch(group, original):
    """The original, and every mutant of it."""
    code = "".join(f"if crate::mutants::mutant({m['number']}) {{ {m['mutant']} }} else " for m in group)
    code = f"{code}{{ {original} }}"
    return code if group[0].get("statement") else f"({code})"


def build(mutants):
    """Builds all tests; gives each program by its target, "ledger" or "tests/crashes"."""
    started = time.monotonic()
    environment = {**os.environ, "CARGO_TARGET_DIR": str(SCRATCH / "target"), "RUSTFLAGS": "-Awarnings", "CARGO_INCREMENTAL": "1"}
    environment.pop(VARIABLE, None)
    command = ["cargo", "test", "--offline", "--quiet", "--no-run", "--message-format=json", "--no-default-features"]
    command += ["-p", "tidings-ledger", "-p", "tidings-tests", "--lib"]
    for target in sorted({target_of(mutant)[0] for mutant in mutants if mutant["killed_by"] != "?"} | {"tests/simulated"}):
        if "/" in target:
            command += ["--test", target.split("/")[1]]
    print("building a copy with every mutant in it (the first time takes some minutes)…", flush=True)
    try:
        done = subprocess.run(command, cwd=SCRATCH / "source", env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=BUILD_LIMIT)
    except subprocess.TimeoutExpired:
        fail(f"the copy is not built after {BUILD_LIMIT} s")
    programs = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
            print(message["message"]["rendered"], file=sys.stderr)
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            crate = pathlib.Path(message["manifest_path"]).parent.name
            kind, name = message["target"]["kind"][0], message["target"]["name"]
            programs[crate if kind == "lib" else f"{crate}/{name}"] = message["executable"]
    if done.returncode != 0:
        fail(f"the copy with the mutants does not build\n{done.stderr[-2000:]}")
    print(f"built in {time.monotonic() - started:.0f} s", flush=True)
    return programs


def score(mutants, programs, jobs):
    """Runs each mutant's test, without it and with it."""
    unnamed = [mutant["name"] for mutant in mutants if mutant["killed_by"] == "?"]
    if unnamed:
        fail(f"no test is named for {', '.join(unnamed)}; find one: tests/mutations/run.py --search {unnamed[0]}")
    started = time.monotonic()
    tests = sorted({target_of(mutant) for mutant in mutants})
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for (target, test), (outcome, output) in zip(tests, pool.map(lambda test: run(programs, test, 0), tests)):
            if outcome != "passed":
                fail(f"without any mutant, the test \"{target}: {test}\" {outcome}\n{output[-2000:]}")
        results = list(pool.map(lambda mutant: run(programs, target_of(mutant), mutant["number"]), mutants))
    survivors = []
    for mutant, (outcome, _) in zip(mutants, results):
        if outcome == "passed":
            survivors.append(mutant)
        print(f"  {'SURVIVES' if outcome == 'passed' else 'killed  '}  {mutant['name']:<40} {mutant['killed_by']} {'' if outcome in ('passed', 'failed') else f'({outcome})'}")
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants are killed, in {time.monotonic() - started:.0f} s after the build")
    for mutant in survivors:
        print(f"\n{mutant['name']}: {mutant['what']}, and the test \"{mutant['killed_by']}\" passes all the same.\n  {mutant['file']}: {mutant['original']}\n  → {mutant['mutant'] or '(left out)'}", file=sys.stderr)
    if survivors:
        fail(f"{len(survivors)} mutants survive: a test is missing, or has become weaker")


def search(mutants, programs, jobs, only):
    """Which tests tell of each mutant? The ledger's own first; the first three that tell will do."""
    tests = []
    for target, program in sorted(programs.items()):
        listed = subprocess.run([program, "--list", "--format=terse"], stdout=subprocess.PIPE, text=True, check=True).stdout
        tests += [(target, line.removesuffix(": test")) for line in listed.splitlines() if line.endswith(": test")]
    tests = [(target, test) for target, test in tests if re.search(only, f"{target}: {test}")]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        sound = pool.map(lambda test: run(programs, test, 0, SEARCH_LIMIT)[0] == "passed", tests)
        tests = [test for test, passes in zip(tests, sound) if passes]
    print(f"{len(tests)} tests pass within {SEARCH_LIMIT} s without a mutant; these are tried", flush=True)
    for mutant in mutants:
        killers = []

        def attempt(test):
            if len(killers) < 3:
                outcome, _ = run(programs, test, mutant["number"], SEARCH_LIMIT)
                if outcome != "passed":
                    killers.append((test, outcome))

        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            list(pool.map(attempt, tests))
        print(f"{mutant['name']}: {'no test tells' if not killers else 'told by'}", flush=True)
        for (target, test), outcome in killers:
            print(f"    {outcome:<13} {target}: {test}", flush=True)


def run(programs, named, number, limit=LIMIT):
    """Runs one test with one mutant; says what came of it."""
    target, test = named
    if target not in programs:
        fail(f"there is no test target {target}; there are {', '.join(sorted(programs))}")
    folder = SCRATCH / "source" / target.split("/")[0]
    environment = {**os.environ, VARIABLE: str(number), "CARGO_MANIFEST_DIR": str(folder), "RUST_BACKTRACE": "0", "PROPTEST_FAILURE_PERSISTENCE": "off"}
    command = [programs[target], "--exact", test, "--test-threads=1"]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return "does not end", ""
    if done.returncode == 0 and "\nrunning 0 tests" in f"\n{done.stdout}":
        fail(f"there is no test {test} in {target}")
    return ("passed" if done.returncode == 0 else "failed" if done.returncode == 101 else "died"), done.stdout


def target_of(mutant):
    target, test = mutant["killed_by"].split(": ", 1)
    return target, test


def page(mutants):
    """The scoreboard."""
    rows = "".join(f"| {m['name']} | {m['what']} | `{m['file'].removeprefix('ledger/src/')}` | `{m['killed_by']}` |\n" for m in mutants)
    return PAGE_HEAD.format(count=len(mutants)) + rows


PAGE_HEAD = """\
# Bugs on purpose

A test that has never failed may not be able to. So {count} bugs, each one edit of the ledger's source, are kept in
`tests/mutations/mutants.toml`, and `make mutants` (and CI) puts every one of them in and sees that the test that is named for it fails.
If one survives, a test has become weaker, and the build fails. If the code has changed so that a bug no longer fits, that is
said, too.

All of them are compiled at once into a copy of the ledger, each behind a number that is chosen when the test runs, so there is one build.

Score: **{count} of {count} killed.** This page is made from the list: `tests/mutations/run.py --table > docs/mutations.md`.

| bug | what goes wrong | where in `ledger/src/` | the test that tells |
|---|---|---|---|
"""


def fail(message):
    print(f"mutants: {message}", file=sys.stderr)
    # From whatever thread: nothing here needs a farewell.
    sys.stdout.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
