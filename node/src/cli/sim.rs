//! `tidings sim`: what would happen to a network if…

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use tidings_simulator::{Options, Progress, READY, Report, RunError, Scenario, ScenarioError, ready, scenario};

use crate::exit::{Exit, Failure};
use crate::output::{Out, Style};

/// Simulate a network: how soon news arrive, what it costs, what a fault does
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings sim --list\n  tidings sim comment-site\n  \
    tidings sim lossy --nodes 200 --set 'link.loss=30 %'\n  \
    tidings sim my.toml --seed 7 --html run.html --trace run.log\n  \
    tidings sim comment-site --show > my.toml     a file to begin with\n\n\
    A scenario is a TOML file: nodes, connections, who writes what, what goes wrong, and what\n\
    must hold at the end; docs/guide/simulate.md explains every key. The same file and seed\n\
    give the same output to the byte. Nothing touches the network or the data folder.\n\n\
    Exit code 1 if something that the scenario expects does not hold.")]
pub(super) struct Args {
    /// The scenario's file, or the name of a ready one
    #[arg(required_unless_present = "list")]
    scenario: Option<PathBuf>,
    /// What decides all that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// This many nodes: the largest group gets more or fewer
    #[arg(long, value_name = "COUNT")]
    nodes: Option<usize>,
    /// Change a key of the scenario, as in 'link.loss=30 %' or 'event.1.for=2 min'; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = change)]
    set: Vec<(String, String)>,
    /// Write all that happens to a file, one line each; - is standard output
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a page to look at: the run as a film, curves and tables
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// List the ready scenarios
    #[arg(long, conflicts_with_all = ["scenario", "show"])]
    list: bool,
    /// Print the scenario's text and do not run it
    #[arg(long)]
    show: bool,
}

pub(super) fn run(args: Args, out: &mut Out) -> Result<(), Failure> {
    let Some(path) = &args.scenario else { return list(out) };
    let text = read(path)?;
    if args.show {
        return out.line(text.trim_end());
    }
    let bad = |error: ScenarioError| refused(path, error);
    let mut scenario = Scenario::parse_with(&text, &args.set).map_err(bad)?;
    if let Some(nodes) = args.nodes {
        scenario = scenario.resized(nodes).map_err(bad)?;
    }
    // Made before the run, so that a path that cannot be written is known before minutes have passed.
    let page = args.html.as_deref().map(create).transpose()?;
    let log = args.trace.as_deref().map(Log::create).transpose()?;
    let options = Options { trace: log.as_ref().map(Log::sink), film: page.is_some(), ..Options::default() };
    out.flush()?;
    let begun = Instant::now();
    let bar = bar();
    let result = tidings_simulator::run(&scenario, args.seed, options, &mut |progress| show(&bar, &progress, begun));
    bar.finish_and_clear();
    let report = result.map_err(|error| match error {
        RunError::Scenario(error) => refused(path, error),
        other => Failure::new(Exit::Failed, other),
    })?;
    if let Some(log) = log {
        log.finish()?;
    }
    if let (Some((mut file, path)), Some(html)) = (page, report.to_html()) {
        let written = file.write_all(html.as_bytes()).and_then(|()| file.flush());
        written.map_err(|error| Failure::io("write", &path, &error))?;
    }
    tell(&report, out)?;
    eprintln!("{}", speed(&report, begun.elapsed()));
    let failed = report.expectations.iter().filter(|expectation| !expectation.met).count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "one expectation of the scenario was not met")),
        _ => Err(Failure::new(Exit::Failed, format!("{failed} expectations of the scenario were not met"))),
    }
}

fn list(out: &mut Out) -> Result<(), Failure> {
    for ready in READY {
        let scenario = Scenario::parse(ready.text).map_err(|error| Failure::new(Exit::Failed, error))?;
        if out.is_json() {
            out.json(&json!({ "name": ready.name, "title": scenario.name, "nodes": scenario.nodes() }))?;
        } else {
            let name = out.style(Style::Bold, format!("{:<16}", ready.name));
            out.line(format!("{name} {}", scenario.name))?;
        }
    }
    Ok(())
}

/// A file of that path, else a ready scenario of that name.
fn read(path: &Path) -> Result<String, Failure> {
    let name = path.to_str().unwrap_or_default();
    if !path.exists()
        && let Some(ready) = ready(name)
    {
        return Ok(ready.text.to_owned());
    }
    let failed = |error: io::Error| {
        let failure = Failure::io("read", path, &error);
        let names: Vec<&str> = READY.iter().map(|ready| ready.name).collect();
        if failure.exit == Exit::NotFound {
            failure.hint(format!("give a file, or one of {}", names.join(", ")))
        } else {
            failure
        }
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > scenario::MAX_FILE as u64 {
        return Err(Failure::new(Exit::Usage, format!("{} is too large for a scenario", path.display())));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn refused(path: &Path, error: ScenarioError) -> Failure {
    let place = if error.line.is_some() { format!("{}, ", path.display()) } else { String::new() };
    let failure = Failure::new(Exit::Usage, format!("{place}{error}"));
    match error.hint {
        Some(hint) => failure.hint(hint),
        None => failure.hint("docs/guide/simulate.md explains every key"),
    }
}

fn change(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as in 'link.loss=30 %'")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn create(path: &Path) -> Result<(BufWriter<File>, PathBuf), Failure> {
    let file = File::create(path).map_err(|error| Failure::io("write", path, &error))?;
    Ok((BufWriter::new(file), path.to_owned()))
}

/// The readable log on its way to a file. A line that cannot be written ends the log, and is told at the end.
struct Log {
    path: PathBuf,
    shared: Arc<Mutex<Written>>,
}

/// Where lines go, and whether that has worked so far.
type Written = (Box<dyn Write + Send>, io::Result<()>);

impl Log {
    fn create(path: &Path) -> Result<Log, Failure> {
        let writer: Box<dyn Write + Send> =
            if path.as_os_str() == "-" { Box::new(BufWriter::new(io::stdout())) } else { Box::new(create(path)?.0) };
        Ok(Log { path: path.to_owned(), shared: Arc::new(Mutex::new((writer, Ok(())))) })
    }

    fn sink(&self) -> Box<dyn FnMut(&str) + Send> {
        let shared = self.shared.clone();
        Box::new(move |line| {
            let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (writer, state) = &mut *guard;
            if state.is_ok() {
                *state = writer.write_all(line.as_bytes()).and_then(|()| writer.write_all(b"\n"));
            }
        })
    }

    fn finish(self) -> Result<(), Failure> {
        let mut guard = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (writer, state) = &mut *guard;
        let state = std::mem::replace(state, Ok(())).and_then(|()| writer.flush());
        match state {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io("write", &self.path, &error)),
            _ => Ok(()),
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % of virtual time  {msg}");
    ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &Progress, begun: Instant) {
    let part = progress.at.as_secs_f64() / progress.of.as_secs_f64().max(1e-6);
    bar.set_position((part * 1000.0).min(1000.0) as u64);
    let elapsed = begun.elapsed();
    let rate = progress.happened as f64 / elapsed.as_secs_f64().max(1e-3);
    let rest = Duration::from_secs_f64(elapsed.as_secs_f64() * (1.0 - part).max(0.0) / part.max(0.001));
    let rest = if part < 1.0 { format!("about {} left", HumanDuration(rest)) } else { "until all agree".to_owned() };
    bar.set_message(format!("{rate:.0} events/s, {} copies to arrive, {rest}", progress.lacking));
}

fn tell(report: &Report, out: &mut Out) -> Result<(), Failure> {
    if out.is_json() {
        return out.json(report);
    }
    for line in report.to_text().lines() {
        let styled = match line.trim_start() {
            text if text.starts_with("yes ") => out.style(Style::Good, line),
            text if text.starts_with("NO ") => out.style(Style::Bad, line),
            _ => line.to_owned(),
        };
        out.line(styled)?;
    }
    out.flush()
}

/// Of this machine, so it is no part of the report.
fn speed(report: &Report, took: Duration) -> String {
    let rate = report.total.happened as f64 / took.as_secs_f64().max(1e-3);
    let memory = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()
    });
    let memory = memory.map_or_else(String::new, |kib| format!(", {} MB of memory at most", kib * 1024 / 1_000_000));
    format!("Simulated in {:.1} s: {rate:.0} events/s{memory}.", took.as_secs_f64())
}
