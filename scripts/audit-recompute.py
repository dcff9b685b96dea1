#!/usr/bin/env python3
"""Computes the main figures of `ubos-sync audit` again, from the JSON Lines of the log alone.

    scripts/audit-recompute.py .ubos-sync/log --since 7d
    ubos-sync audit --json > report.json; scripts/audit-recompute.py .ubos-sync/log --compare report.json

Written apart from the program on purpose: it goes through time moment by moment where the program
computes with intervals, and knows the log by its documentation only. With --compare it takes window
and territories from the report, prints each figure that differs, and ends with 1 if any does.
Hashes are checked if the Python module `blake3` is there; the numbers and the chain always are.
"""
import argparse
import collections
import datetime
import glob
import json
import math
import os
import sys

LIMIT = 600
OUTER = {"no-default-route", "name-not-resolved", "refused", "timed-out", "no-route"}


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def read(folder):
    """All records, and the first fault of the chain."""
    try:
        from blake3 import blake3
    except ImportError:
        blake3 = None
    records, fault, last = [], None, ("0" * 64, 0)
    for name in sorted(glob.glob(os.path.join(folder, "audit-*.jsonl"))):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                records.append(record)
                plain = {key: value for key, value in record.items() if key != "hash"}
                whole = record["seq"] == last[1] + 1 and record["prev"] == last[0]
                if whole and blake3 is not None:
                    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                    whole = blake3(text.encode()).hexdigest() == record["hash"]
                if not whole and fault is None:
                    fault = record["seq"]
                last = (record["hash"], record["seq"])
    head = os.path.join(folder, "head")
    if fault is None and os.path.exists(head):
        with open(head, encoding="utf-8") as file:
            if json.load(file)["seq"] > last[1]:
                fault = last[1] + 1
    return records, fault


def percentile(values, percent):
    """The smallest value that so many in a hundred are not above."""
    values = sorted(values)
    for index, value in enumerate(values):
        if (index + 1) * 100 >= percent * len(values):
            return value
    return None


def complete(run):
    return whole(run) and exit_code(run) in (0, 3, 4)


def whole(run):
    return run.get("whole", run.get("command") == "bidirectional")


def exit_code(run):
    if "exit" in run:
        return run["exit"]
    for code, counts in ((4, ["guards"]), (3, ["conflicts", "held"]), (7, ["skipped"])):
        if any(run.get(count) for count in counts):
            return code
    return 0


def uptime(records, runs, failures, here, since, until):
    """Raw and program, moment by moment, in 200,000 steps."""
    begin = max(since, seconds(records[0]["time"]))
    starters = collections.Counter(run["from"] for run in runs)
    starters[here] += len(failures)
    starter = max(sorted(starters), key=lambda name: (starters[name], name))
    asleep = []
    for record in records:
        if record["event"] == "awake" and record.get("on") == starter:
            end = seconds(record["to"])
            asleep.append((max(end - record["slept_seconds"], seconds(record["from"])), end))
    ends = [seconds(run["time"]) for run in runs if complete(run)]
    attempts = sorted([seconds(run["time"]) - run.get("seconds", 0) for run in runs]
                      + [seconds(failed["started"]) for failed in failures])
    excused = []
    for failed in failures:
        if (failed.get("cause") or failed["kind"]) in OUTER:
            end = seconds(failed["time"])
            later = [begun for begun in attempts if begun > end]
            excused.append((seconds(failed["started"]), min([end + LIMIT, until] + later[:1])))

    fresh = sorted(end for end in ends + [wake for _, wake in asleep] if end < until)
    earlier = [end for end in ends if end <= begin]
    at = max(earlier) if earlier else begin
    fresh = [time for time in fresh if time > at]
    counts = collections.Counter()
    step = max(0.001, (until - begin) / 200000)
    moment, index = begin + step / 2, 0
    while moment < until:
        while index < len(fresh) and fresh[index] <= moment:
            at, index = fresh[index], index + 1
        if not any(start <= moment < end for start, end in asleep):
            is_down = moment - at > LIMIT
            is_excused = any(start <= moment < end for start, end in excused)
            counts["awake"] += 1
            counts["down"] += is_down
            counts["fair"] += not is_excused
            counts["fair_down"] += is_down and not is_excused
        moment += step
    share = lambda down, of: 1 - counts[down] / counts[of] if counts[of] else None
    return share("down", "awake"), share("fair_down", "fair")


def put_back(records, here):
    """The records of versions that came back: announced, and not skipped here later in the same run."""
    skipped = {(r["run"], r["path"]): r["seq"] for r in records
               if r["event"] == "skipped" and r.get("on") == here}
    return [r for r in records
            if r["event"] == "restored" and skipped.get((r["run"], r["path"]), 0) < r["seq"]]


def figures(folder, here, peer, since, until):
    records, fault = read(folder)
    inside = lambda record: since <= seconds(record["time"]) < until
    runs = [r for r in records if r["event"] == "run" and peer in (r.get("from"), r.get("to"))]
    failures = [r for r in records if r["event"] == "run-failed" and r.get("to") in ("", peer)]
    recent = [run for run in runs if inside(run)]
    exits = collections.Counter(str(exit_code(run)) for run in recent)
    exits.update(str(failed["exit"]) for failed in failures if inside(failed))
    out = {
        "record.records": fault - 1 if fault else len(records),
        "record.whole": fault is None,
        "record.in_window": sum(map(inside, records)),
        "runs.by_exit": dict(exits),
        "runs.failures": dict(collections.Counter(
            f.get("cause") or f["kind"] for f in failures if inside(f))),
        "runs.wire_bytes": sum(run.get("wire_bytes", 0) for run in recent),
        "runs.lost": sum(inside(r) for r in records if r["event"] == "peer-lost" and r["from"] == peer),
    }
    for key in ("files_to", "bytes_to"):
        sums = collections.Counter()
        for run in recent:
            for name, count in run.get(key, {}).items():
                sums[name] += count
        out["runs." + key] = dict(sums)
    lengths = [run["seconds"] for run in recent if "seconds" in run]
    waits, covered = [], None
    for run in runs:
        end = seconds(run["time"])
        if run.get("oldest_change") is not None and covered is not None and inside(run):
            waits.append(round(min(run["oldest_change"], end - covered), 3))
        if whole(run) and exit_code(run) == 0:
            covered = end - run.get("seconds", 0)
    for name, values in (("seconds", lengths), ("oldest_change", waits)):
        for percent in (50, 95, 99):
            out[f"runs.{name}.p{percent}"] = percentile(values, percent)
    # After a run that was cut off the next one may tell something again.
    opened, closed, is_open = 0, collections.Counter(), set()
    for record in records:
        if record["event"] == "opened" and record["path"] not in is_open:
            is_open.add(record["path"])
            opened += inside(record)
        elif record["event"] == "closed" and record["path"] in is_open:
            is_open.remove(record["path"])
            closed[record["by"]] += inside(record)
    out["conflicts.opened"] = opened
    out["conflicts.closed"] = {by: count for by, count in closed.items() if count}
    for event in ("held", "skipped"):
        paths = {(r["reason"], r["path"]) for r in records if r["event"] == event and inside(r)}
        out[event] = dict(collections.Counter(reason for reason, _ in paths))
    scrubs = [r for r in records if r["event"] == "scrub" and inside(r)]
    out["backups.scrubs.times"] = len(scrubs)
    for key in ("files", "bytes", "damaged"):
        out["backups.scrubs." + key] = sum(scrub[key] for scrub in scrubs)
    out["backups.findings"] = dict(collections.Counter(
        r["in"] for r in records if r["event"] == "damaged" and inside(r)))
    out["backups.pruned"] = sum(inside(r) for r in records if r["event"] == "pruned")
    came_back = put_back(records, here)
    for reason, runs_key, paths_key in (("restored", "restores", "restored"), ("undone", "undos", "undone")):
        these = [r for r in came_back if r["reason"] == reason and inside(r)]
        out["put_back." + runs_key] = len({r["run"] for r in these})
        out["put_back." + paths_key] = len(these)
    if records:
        raw, program = uptime(records, runs, failures, here, since, until)
        out["uptime.raw"], out["uptime.program"] = raw, program
    return out


def said(report, key):
    """What the report says of a figure of this script."""
    if key == "record.whole":
        return report["record"]["fault"] is None
    if key in ("held", "skipped"):
        return {reason: row["paths"] for reason, row in report[key].items()}
    for part in key.split("."):
        report = report[part]
    return report


def same(key, ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        # Moments are counted one by one here: a few of 200,000 may fall on the other side.
        return math.isclose(ours, theirs, abs_tol=0.0005 if key.startswith("uptime") else 0.0011)
    return ours == theirs


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("log", help="the folder with audit-*.jsonl")
    parser.add_argument("--compare", metavar="FILE", help="what `ubos-sync audit --json` printed")
    parser.add_argument("--since", default="7d", help="without --compare: so many days (7d)")
    parser.add_argument("--here", help="without --compare: this territory")
    parser.add_argument("--peer", help="without --compare: the other one")
    args = parser.parse_args()
    if args.compare:
        with open(args.compare, encoding="utf-8") as file:
            report = json.load(file)
        window = seconds(report["since"]), seconds(report["until"])
        found = figures(args.log, report["here"], report["peer"], *window)
        wrong = [key for key, value in found.items() if not same(key, value, said(report, key))]
        for key in wrong:
            print(f"{key}: the log says {found[key]}, the report {said(report, key)}")
        print(f"{len(found) - len(wrong)} of {len(found)} figures confirmed")
        return 1 if wrong else 0
    if not (args.here and args.peer):
        parser.error("--here and --peer are needed without --compare")
    until = datetime.datetime.now(datetime.timezone.utc).timestamp()
    since = until - float(args.since.rstrip("d")) * 86400
    print(json.dumps(figures(args.log, args.here, args.peer, since, until), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
