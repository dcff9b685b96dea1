"""Verifies a clone of a backup made by ubos-sync: what the newest manifest names must be there.

Reads the branches `ubos/manifest` and `ubos/logs`, here or as branches of the remote `origin`; needs
git and nothing else. Ends with 1 if something is missing, has another size, or has a hole.
"""

import base64
import collections
import json
import re
import subprocess
import sys

troubles = []


def trouble(words):
    troubles.append(words)
    print("missing or damaged:", words.encode("unicode_escape").decode(), flush=True)


def git(*args):
    return subprocess.run(["git", *args], check=True, stdout=subprocess.PIPE).stdout


def commit(name):
    """The commit that a branch or an object's name stands for; None without one."""
    for place in ("refs/heads/", "refs/remotes/origin/", ""):
        asked = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", place + name + "^{commit}"],
            stdout=subprocess.PIPE,
        )
        if asked.returncode == 0:
            return asked.stdout.decode().strip()
    return None


def tree(of):
    """All blobs of a commit: path -> (mode, object, size). Their headers are read for it."""
    found = {}
    for line in git("ls-tree", "-r", "-l", "-z", "--full-tree", of).split(b"\0"):
        if line:
            head, path = line.split(b"\t", 1)
            mode, kind, name, size = head.split()
            found[path] = (mode, name, int(size) if kind == b"blob" else None)
    return found


def contents(names):
    """The contents of many blobs, with one process."""
    reader = subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for name in names:
        reader.stdin.write(name + b"\n")
        reader.stdin.flush()
        head = reader.stdout.readline().split()
        if len(head) != 3:
            raise SystemExit("git cannot read " + name.decode())
        content = reader.stdout.read(int(head[2]))
        reader.stdout.read(1)
        yield content
    reader.stdin.close()
    reader.wait()


def entries(manifest):
    """Every entry of a manifest with its path."""
    files = tree(manifest)
    lists = [path for path in files if path.startswith(b"tree/") and path.rsplit(b"/", 1)[1] == b"entries"]
    for path, content in zip(lists, contents(files[path][1] for path in lists)):
        names = [name[1:] for name in path.split(b"/")[1:-1]]
        for line in content.splitlines():
            if line:
                entry = json.loads(line)
                exact = entry.get("name_b64")
                name = base64.b64decode(exact) if exact else entry["name"].encode()
                yield b"/".join(names + [name]), entry


def logs(of):
    """What is kept of each log: path -> {generation: bytes without a hole}."""
    found = collections.defaultdict(dict)
    pieces = collections.defaultdict(list)
    lists = {}
    form = re.compile(rb"((?:=[^/]+/)+)(\d{6})/(?:(index\.json)|(?:sealed/\d{16}|tail)/(\d{16}))")
    for path, (_, name, size) in tree(of).items():
        match = form.fullmatch(path)
        if match:
            log = b"/".join(part[1:] for part in match[1].split(b"/")[:-1])
            which = (log, int(match[2]))
            if match[3]:
                lists[which] = name
            else:
                pieces[which].append((int(match[4]), size))
    for which, content in zip(lists, contents(lists.values())):
        log, generation = which
        at = 0
        for start, size in sorted(pieces[which]):
            if start != at:
                trouble("log %s, generation %d: nothing between %d and %d" % (log.decode(errors="replace"), generation, at, start))
            at = start + size
        size = json.loads(content)["size"]
        if at != size:
            trouble("log %s, generation %d: ends at %d of %d" % (log.decode(errors="replace"), generation, at, size))
        found[log][generation] = at
    return found


def main():
    manifest = commit("ubos/manifest")
    if manifest is None:
        raise SystemExit("there is no branch `ubos/manifest` here: nothing was backed up yet")
    about = json.loads(git("cat-file", "blob", manifest + ":about.json"))
    snapshot = commit(about["snapshot"])
    if snapshot is None:
        raise SystemExit("the snapshot %s is missing" % about["snapshot"])
    snapshot = tree(snapshot)
    branches = {}
    if about.get("branch"):
        branch = commit(about["branch"])
        branches = tree(branch) if branch else trouble("the commit " + about["branch"]) or {}
    kept_logs = {}
    if about.get("logs"):
        name = commit(about["logs"])
        kept_logs = logs(name) if name else trouble("the commit " + about["logs"]) or {}

    count = collections.Counter()
    for path, entry in entries(manifest):
        kept = entry.get("kept")
        if kept is None:
            continue
        shown = path.decode(errors="replace")
        if isinstance(kept, dict) and "nowhere" in kept:
            count["gap: " + kept["nowhere"]] += 1
            continue
        count["kept"] += 1
        if isinstance(kept, dict) and "log" in kept:
            here = kept_logs.get(path, {}).get(kept["log"]["generation"])
            if here is None or here < entry["size"]:
                trouble("%s: %s of %d bytes of its log" % (shown, here, entry["size"]))
            continue
        blob = (snapshot if kept == "snapshot" else branches).get(path)
        if blob is None or blob[2] is None:
            trouble("%s: there is nothing" % shown)
        elif (blob[0] == b"120000") != (entry["kind"] == "symlink"):
            trouble("%s: it is no %s" % (shown, entry["kind"]))
        elif entry["kind"] == "file" and blob[2] != entry["size"]:
            trouble("%s: %d bytes instead of %d" % (shown, blob[2], entry["size"]))

    total = about["files"]
    if sum(count.values()) != total:
        trouble("the manifest names %d files, and lists %d" % (total, sum(count.values())))
    print("snapshot", about["snapshot"], "of", about["made"])
    for what in sorted(count):
        print("%8d  %s" % (count[what], what))
    if troubles:
        raise SystemExit("%d things are missing or damaged" % len(troubles))
    print("everything that is said to be kept is here")


if sys.version_info < (3, 6):
    raise SystemExit("Python 3.6 or later is needed")
main()
