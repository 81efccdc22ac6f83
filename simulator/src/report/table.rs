//! The report as people read it.

use super::{PhaseFigures, Report, Spread, Times};

/// The widest line, for whoever has a terminal of the usual width and for the guide.
const WIDTH: usize = 100;

pub(super) fn text(report: &Report) -> String {
    let mut text = format!(
        "{}\n{} nodes, {}, {} of virtual time, seed {}\n",
        report.name,
        report.nodes,
        counted(report.topics as u64, "topic"),
        span(report.total.to_us),
        report.seed,
    );
    let rows: Vec<&PhaseFigures> = if report.phases.len() > 1 {
        report.phases.iter().chain([&report.total]).collect()
    } else {
        vec![&report.total]
    };
    text.push_str("\nHow long it took          from     posts      p50      p99     last  back again  lacking\n");
    for row in &rows {
        let Times { p50_us, p99_us, last_us, .. } = row.news;
        text.push_str(&format!(
            "  {:<20} {:>9} {:>9} {:>8} {:>8} {:>8} {:>11} {:>8}\n",
            clipped(&row.name, 20),
            span(row.from_us),
            row.posts,
            perhaps(p50_us),
            perhaps(p99_us),
            perhaps(last_us),
            perhaps(row.caught_up.last_us),
            row.lacking,
        ));
    }
    text.push_str(
        "\nWhat a node had to do     bytes, least – median – most     sent   rounds   blocks     lost   events\n",
    );
    for row in &rows {
        let Spread { min, median, max } = row.bytes;
        text.push_str(&format!(
            "  {:<20} {:>9} – {:>8} – {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
            clipped(&row.name, 20),
            bytes(min),
            bytes(median),
            bytes(max),
            short(row.messages.median),
            short(row.rounds.median),
            short(row.blocks.median),
            short(row.lost),
            short(row.happened),
        ));
    }
    text.push_str(
        "\n  p50, p99, last: from a post (if its writer was offline, from the writer's return) until half, 99 % and all of\n  \
         those who were there then have it. back again: until the slowest of those who came later, or came back, had everything.\n  \
         sent (announcements), rounds and blocks (fetched): of the median node. lost, events: of all.\n",
    );
    text.push_str(&format!("\nStored at the end: {} a node (median).", bytes(report.stored.median)));
    if report.files_opened + report.files_failed > 0 {
        text.push_str(&format!(" Files opened: {}, failed: {}.", report.files_opened, report.files_failed));
    }
    if report.hostile_acts + report.demerits > 0 {
        text.push_str(&format!(" Hostile acts: {}. Demerits: {}.", report.hostile_acts, report.demerits));
    }
    text.push_str("\n\nExpected\n");
    for expectation in &report.expectations {
        let mark = if expectation.met { "yes" } else { "NO " };
        text.push_str(&format!("  {mark}  {:<18} {}: {}\n", expectation.key, expectation.wanted, expectation.got));
    }
    for remark in &report.remarks {
        text.push_str(&wrapped(remark));
    }
    text.push_str(&format!("\nTrace {}: whoever runs this again gets the same.\n", report.trace));
    text
}

fn perhaps(micros: Option<u64>) -> String {
    micros.map_or_else(|| "–".to_owned(), span)
}

/// A span of time in three figures or so.
pub(crate) fn span(micros: u64) -> String {
    let seconds = micros as f64 / 1e6;
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.001 => format!("{micros} µs"),
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s if s < 5940.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

/// A number of bytes in three figures or so.
pub(crate) fn bytes(count: u64) -> String {
    scaled(count, &[" B", " kB", " MB", " GB", " TB"])
}

/// A count in three figures or so.
pub(crate) fn short(count: u64) -> String {
    if count < 100_000 { count.to_string() } else { scaled(count, &["", "k", "M", "G", "T"]) }
}

fn scaled(count: u64, units: &[&str]) -> String {
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{}", units[unit])
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn wrapped(text: &str) -> String {
    let mut lines = String::from("\n ");
    let mut width = 1;
    for word in text.split_whitespace() {
        if width + word.chars().count() + 1 > WIDTH {
            lines.push_str("\n ");
            width = 1;
        }
        lines.push(' ');
        lines.push_str(word);
        width += word.chars().count() + 1;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        let spans =
            [0, 400, 5_500, 84_000, 999_600, 1_000_000, 59_960_000, 601_000_000, 7_200_000_000, 604_800_000_000];
        let shown: Vec<String> = spans.into_iter().map(span).collect();
        assert_eq!(
            shown,
            ["0 s", "400 µs", "5.5 ms", "84 ms", "1.00 s", "1.00 s", "60.0 s", "10 min", "2.0 h", "7.0 d"]
        );
        assert_eq!([0, 999, 1000, 12_345, 999_600].map(bytes), ["0 B", "999 B", "1.00 kB", "12.3 kB", "1.00 MB"]);
        assert_eq!([99_999, 1_234_567].map(short), ["99999", "1.23M"]);
    }
}
