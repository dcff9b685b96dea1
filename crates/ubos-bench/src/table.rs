//! The results as a Markdown page.

use std::fmt::Write as _;
use std::time::Duration;

use crate::corpus::{At, Corpus};
use crate::latency::TARGETS;
use crate::peers::Tool;
use crate::results::{Figure, Results, Subject, median, memory_target, targets};
use crate::rows::Row;

const ABSENT: &str = "–";

/// The whole page. `machine` is its description, a line each.
pub(crate) fn page(results: &Results, machine: &[String], remarks: &[String]) -> String {
    let mut page = String::from("# Benchmarks\n\n");
    page.push_str(
        "Written by `scripts/bench --write docs/benchmarks.md`. Times are \
         wall / CPU in\nseconds, CPU of both sides together; each is the median of the rounds, \
         which were run in turn. The far side\nis reached through a throw-away sshd on the \
         loopback address, which has no latency. rsync and unison run with\ntheir usual options \
         and are not asked to sync to disk.\n\n",
    );
    for line in machine.iter().chain(remarks) {
        push(&mut page, format_args!("- {line}\n"));
    }
    page.push_str(&corpora(results));
    page.push_str(&floors(results));
    page.push_str(&times(results));
    page.push_str(&memory(results));
    page.push_str(&state(results));
    page.push_str(&latencies(results));
    page
}

fn corpora(results: &Results) -> String {
    let mut text =
        String::from("\n## Corpora\n\n| corpus | files | folders | MB |\n|---|---:|---:|---:|\n");
    for (corpus, tally) in &results.tallies {
        let megabytes = tally.bytes as f64 / 1e6;
        push(
            &mut text,
            format_args!(
                "| {} | {} | {} | {megabytes:.0} |\n",
                corpus.letter(),
                tally.files,
                tally.folders
            ),
        );
    }
    text
}

fn floors(results: &Results) -> String {
    let mut text = String::from(
        "\n## Floor\n\nSSHF: `ssh HOST true`. WALK2: a bare stat walk of both trees, two threads, \
         one tree after the other. \
         `tar` and `cat` write to the\nother side's file system.\n\n\
         | corpus | SSHF | WALK2 | `tar` through ssh | `cat` through ssh |\n|---|---|---|---|---|\n",
    );
    for corpus in results.tallies.keys() {
        let cell = |row, subject| figure(results.figure(*corpus, row, subject));
        push(
            &mut text,
            format_args!(
                "| {} | {} | {} | {} | {} |\n",
                corpus.letter(),
                cell(Row::Noop, Subject::SshFloor),
                cell(Row::Noop, Subject::WalkFloor),
                cell(Row::First, Subject::TarFloor),
                cell(Row::First, Subject::CatFloor),
            ),
        );
    }
    text
}

fn times(results: &Results) -> String {
    let mut text = String::from(
        "\n## Syncs\n\nRatios are wall time of ubos-sync over that of the other: below 1 it is \
         faster. The floor is SSHF + WALK2, for a first\nsync `tar` (one large file: `cat`) \
         through ssh. rsync needs two calls for a two-way sync; *one way* is the first of them,\n\
         and is what the targets mean. It starts from the side that changed, and deletes only where a folder was \
         renamed.\n\n\
         | corpus | row | ubos-sync | rsync one way | rsync both ways | unison | ÷ floor | ÷ rsync both | ÷ unison | target | result |\n\
         |---|---|---|---|---|---|---:|---:|---:|---|---|\n",
    );
    for (corpus, row) in results.rows() {
        let get = |subject| results.figure(corpus, row, subject);
        let ours = get(Subject::UbosSync);
        let against = |other: Option<f64>| ratio(ours, other);
        let wall = |subject| get(subject).map(|figure| figure.wall.as_secs_f64());
        let (target, verdict) = verdict(results, corpus, row);
        push(
            &mut text,
            format_args!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {target} | {verdict} |\n",
                corpus.letter(),
                row.title(),
                figure(ours),
                figure(get(Subject::RsyncOneWay)),
                figure(get(Subject::RsyncBothWays)),
                figure(get(Subject::Unison)),
                against(floor(results, corpus, row)),
                against(wall(Subject::RsyncBothWays)),
                against(wall(Subject::Unison)),
            ),
        );
    }
    text
}

fn latencies(results: &Results) -> String {
    if results.latencies.is_empty() {
        return String::new();
    }
    let [usual, worst] = TARGETS.map(|target| target.as_millis());
    let mut text = String::from(
        "\n## Latency of `watch`\n\nFrom the closing of a file to its new content on the other side, at random \
         moments, over one connection that stays open.\n\n\
         | corpus | way | edits | median | 90 % | worst | target | result |\n\
         |---|---|---:|---:|---:|---:|---|---|\n",
    );
    for ((corpus, from), times) in &results.latencies {
        let mut times = times.clone();
        times.sort_unstable();
        let part = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1);
        let [middle, most, last] = [50, 90, 100].map(|percent| part(percent).copied());
        let cell = |time: Option<Duration>| {
            time.map_or(ABSENT.to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
        };
        let holds = middle <= Some(TARGETS[0]) && last <= Some(TARGETS[1]);
        let way = match from {
            At::Here => "near → far",
            At::There => "far → near",
        };
        push(
            &mut text,
            format_args!(
                "| {} | {way} | {} | {} | {} | {} | median ≤ {usual} ms, worst ≤ {worst} ms | {} |\n",
                corpus.letter(),
                times.len(),
                cell(middle),
                cell(most),
                cell(last),
                met(holds),
            ),
        );
    }
    text
}

fn memory(results: &Results) -> String {
    if results.peaks.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## Peak memory of a no-op\n\nThe largest resident set of the processes of one name, \
         ssh and shells left out.\n\n| corpus | tool | near side, MiB | far side, MiB | target | result |\n\
         |---|---|---|---|---|---|\n",
    );
    for ((corpus, tool), peaks) in &results.peaks {
        let mut worst = 0;
        let mut side = |remote| {
            let largest = peaks
                .iter()
                .filter(|peak| peak.remote == remote && peak.name.starts_with(tool.name()))
                .map(|peak| peak.kib)
                .max();
            worst = worst.max(largest.unwrap_or(0));
            largest.map_or(ABSENT.to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0))
        };
        let (near, far) = (side(false), side(true));
        let (target, result) = match memory_target(*corpus).filter(|_| *tool == Tool::UbosSync) {
            Some(limit) => (format!("≤ {limit} each"), met(worst <= limit * 1024)),
            None => (String::new(), ""),
        };
        push(
            &mut text,
            format_args!(
                "| {} | {} | {near} | {far} | {target} | {result} |\n",
                corpus.letter(),
                tool.name()
            ),
        );
    }
    text
}

fn state(results: &Results) -> String {
    if results.state.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## State written by one run of ubos-sync\n\nNew or changed bytes below \
         `.ubos-sync/state`, both sides together, median.\n\n| corpus | row | bytes |\n|---|---|---:|\n",
    );
    for ((corpus, row), written) in &results.state {
        if let Some(bytes) = median(written.clone()) {
            push(&mut text, format_args!("| {} | {} | {bytes} |\n", corpus.letter(), row.title()));
        }
    }
    text
}

/// The least time that the row could take on this machine, in seconds.
fn floor(results: &Results, corpus: Corpus, row: Row) -> Option<f64> {
    let wall = |row, subject| {
        results.figure(corpus, row, subject).map(|figure: Figure| figure.wall.as_secs_f64())
    };
    match row {
        Row::First => wall(row, Subject::CatFloor).or_else(|| wall(row, Subject::TarFloor)),
        _ => Some(wall(Row::Noop, Subject::SshFloor)? + wall(Row::Noop, Subject::WalkFloor)?),
    }
}

fn verdict(results: &Results, corpus: Corpus, row: Row) -> (String, String) {
    let ours = results.figure(corpus, row, Subject::UbosSync).map(|ours| ours.wall.as_secs_f64());
    let mut texts = Vec::new();
    let mut verdicts = Vec::new();
    for target in targets(corpus, row) {
        let bound = target.bound(results, corpus);
        texts.push(match bound {
            Some(bound) => format!("{} = {bound:.3}", target.text),
            None => target.text.to_owned(),
        });
        verdicts.push(match ours.zip(bound) {
            Some((ours, bound)) => met(ours <= bound),
            None => "not measured",
        });
    }
    (texts.join("; "), verdicts.join("; "))
}

fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "**missed**" }
}

fn ratio(ours: Option<Figure>, other: Option<f64>) -> String {
    match ours.zip(other) {
        Some((ours, other)) if other > 0.0 => format!("{:.2}", ours.wall.as_secs_f64() / other),
        _ => ABSENT.to_owned(),
    }
}

fn figure(figure: Option<Figure>) -> String {
    let Some(figure) = figure else { return ABSENT.to_owned() };
    let cpu = figure.cpu.map_or(ABSENT.to_owned(), seconds);
    let once = if figure.rounds == 1 { " ¹" } else { "" };
    format!("{} / {cpu}{once}", seconds(figure.wall))
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.3}") } else { format!("{seconds:.1}") }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sample;

    fn results(ours: u64) -> Results {
        let mut results = Results::default();
        let mut add = |subject, milliseconds| {
            let sample = Sample { wall: Duration::from_millis(milliseconds), cpu: None };
            results.add(Corpus::V, Row::Noop, subject, sample);
        };
        add(Subject::UbosSync, ours);
        add(Subject::SshFloor, 100);
        add(Subject::RsyncBothWays, 200);
        results
    }

    #[test]
    fn a_target_is_met_up_to_its_bound() {
        assert!(times(&results(105)).contains("| ≤ 1.05 × SSHF = 0.105 | met |"));
        assert!(times(&results(106)).contains("**missed**"));
    }

    #[test]
    fn a_tool_that_did_not_run_is_a_dash() {
        let text = times(&results(100));
        let row = text.lines().last().expect("the table has a row");
        assert!(row.contains("| 0.50 | – |"), "{row}");
    }
}
