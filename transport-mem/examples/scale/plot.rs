//! Draws the tables of a page as log-log plots, in SVG: the page's figures are the only source.

use std::fmt::Write as _;

/// Width and height of a plot, and the margins left for its scales.
const SIZE: (f64, f64) = (720.0, 380.0);
const MARGIN: (f64, f64) = (70.0, 50.0);

const COLOURS: [&str; 5] = ["#1b6ca8", "#c8553d", "#4f7942", "#7b4b94", "#8a6d1f"];

/// A plot: which table by the heading of its first column, which of its columns, and what the scale says.
struct Plot {
    file: &'static str,
    first: &'static str,
    title: &'static str,
    columns: &'static [&'static str],
    unit: &'static str,
}

const PLOTS: [Plot; 3] = [
    Plot {
        file: "scaling-time.svg",
        first: "nodes",
        title: "Time until all nodes have a post",
        columns: &["all have a post after (median)", "the last one after"],
        unit: "ms",
    },
    Plot {
        file: "scaling-bytes.svg",
        first: "nodes",
        title: "Bytes that a node sends",
        columns: &["sent per node and post", "by the busiest node", "an hour of silence: sent per node"],
        unit: "bytes",
    },
    Plot {
        file: "scaling-topics.svg",
        first: "topics",
        title: "Bytes, by the number of topics",
        columns: &[
            "folder nodes fetched",
            "one more post: heard",
            "an hour of silence, mirror: sent",
            "an hour of silence, follower of all: sent",
        ],
        unit: "bytes",
    },
];

/// Draws all plots of the page into the folder.
pub(crate) fn draw(page: &str, folder: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(page).map_err(|error| format!("{page}: {error}"))?;
    for plot in &PLOTS {
        let rows = table(&text, plot.first).ok_or_else(|| format!("{page} has no table of {}", plot.first))?;
        let svg = svg(plot, &rows)?;
        let path = format!("{folder}/{}", plot.file);
        std::fs::write(&path, svg).map_err(|error| format!("{path}: {error}"))?;
        println!("{path}");
    }
    Ok(())
}

/// The first table whose first column has this heading: the headings, then its rows.
fn table(text: &str, first: &str) -> Option<Vec<Vec<String>>> {
    let cells = |line: &str| line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    let head: Vec<String> = cells(lines.next()?);
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    Some(std::iter::once(head).chain(rows).collect())
}

/// Points of each column, by the first one.
fn series(plot: &Plot, rows: &[Vec<String>]) -> Result<Vec<Vec<(f64, f64)>>, String> {
    let (head, rows) = rows.split_first().ok_or("an empty table")?;
    let column = |name: &&str| {
        let at = head.iter().position(|cell| cell == name).ok_or_else(|| format!("no column {name}"))?;
        rows.iter().map(|row| Ok((value(&row[0])?, value(&row[at])?.max(0.1)))).collect()
    };
    plot.columns.iter().map(column).collect()
}

/// A number with a unit, in bytes or milliseconds.
fn value(cell: &str) -> Result<f64, String> {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let number: f64 = number.replace(',', "").parse().map_err(|_| format!("{cell} is not a number"))?;
    let times = match unit {
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => 1.0,
    };
    Ok(number * times)
}

/// A logarithmic scale: from a range of whole decades to places on the picture.
struct Scale {
    decades: (f64, f64),
    places: (f64, f64),
}

impl Scale {
    fn over(values: impl Iterator<Item = f64> + Clone, places: (f64, f64)) -> Scale {
        let least = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let most = values.fold(0.0, f64::max).log10().ceil();
        Scale { decades: (least, most.max(least + 1.0)), places }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value.log10() - self.decades.0) / (self.decades.1 - self.decades.0);
        self.places.0 + part * (self.places.1 - self.places.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        (self.decades.0 as i32..=self.decades.1 as i32).map(|decade| 10f64.powi(decade))
    }
}

fn svg(plot: &Plot, rows: &[Vec<String>]) -> Result<String, String> {
    let series = series(plot, rows)?;
    let points = || series.iter().flatten();
    let across = Scale::over(points().map(|point| point.0), (MARGIN.0, SIZE.0 - 20.0));
    let up = Scale::over(points().map(|point| point.1), (SIZE.1 - MARGIN.1, 40.0));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n<text x=\"{2}\" y=\"22\" font-size=\"15\">{3}</text>\n",
        SIZE.0, SIZE.1, MARGIN.0, plot.title
    );
    axes(&mut out, plot, &across, &up);
    for (at, (points, name)) in series.iter().zip(plot.columns).enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let places: Vec<String> =
            points.iter().map(|(x, y)| format!("{:.1},{:.1}", across.place(*x), up.place(*y))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            places.join(" ")
        );
        for (x, y) in points {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                across.place(*x),
                up.place(*y)
            );
        }
        let y = 42.0 + 16.0 * at as f64;
        let _ = writeln!(out, "<text x=\"{}\" y=\"{y}\" fill=\"{colour}\">{name}</text>", MARGIN.0 + 12.0);
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn axes(out: &mut String, plot: &Plot, across: &Scale, up: &Scale) {
    for tick in across.ticks() {
        let x = across.place(tick);
        let (top, bottom) = (up.places.1, up.places.0);
        let _ = writeln!(out, "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e4e4e4\"/>");
        let _ =
            writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", bottom + 18.0, short(tick));
    }
    for tick in up.ticks() {
        let y = up.place(tick);
        let (left, right) = across.places;
        let _ = writeln!(out, "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#e4e4e4\"/>");
        let _ =
            writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", left - 8.0, y + 4.0, short(tick));
    }
    let (x, y) = (across.places.1, up.places.0 + 36.0);
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>", plot.first);
    let _ = writeln!(out, "<text x=\"{}\" y=\"{y}\">{}</text>", across.places.0, plot.unit);
}

/// A power of ten, as it stands at a scale.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.0} G", value / 1e9),
        value if value >= 1e6 => format!("{:.0} M", value / 1e6),
        value if value >= 1e3 => format!("{:.0} k", value / 1e3),
        value => format!("{value}"),
    }
}
