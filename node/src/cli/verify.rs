//! `tidings verify`: entry files, checked with no node and no network.

use std::path::PathBuf;

use tidings_ledger::archive::{ArchiveError, verify_path};

use super::place::Place;
use super::show::name;
use crate::exit::{Exit, Failure};
use crate::output::{Out, Style, count, sanitise_line};

/// Check entry files, such as ipfs get makes them, offline
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ipfs get -o lobby bafybei… && tidings verify lobby\n\n\
    Checks every signature, every name, every attached file, and computes the CID of the folder\n\
    that the entries make: if it is the one you asked for, nothing is missing. Exit code 4 if\n\
    something is wrong.")]
pub(super) struct Args {
    /// An entry file, or a folder of them
    path: PathBuf,
}

pub(super) fn run(args: Args, _: &Place, out: &mut Out) -> Result<(), Failure> {
    let report = verify_path(&args.path).map_err(|error| match error {
        ArchiveError::Path { path, error } => Failure::io("read", &path, &error),
        other => Failure::new(Exit::Failed, other),
    })?;
    if out.is_json() {
        out.json(&report)?;
    } else {
        for problem in &report.problems {
            let what = out.style(Style::Bad, sanitise_line(&problem.what));
            out.line(format!("{}: {what}", sanitise_line(&problem.place)))?;
        }
        for topic in &report.topics {
            let shown = name(topic.name.as_deref().unwrap_or(&topic.id));
            out.line(format!(
                "{}  {} entries, folder {}",
                out.style(Style::Bold, shown),
                count(topic.entries),
                topic.folder
            ))?;
        }
        if let Some(catalog) = &report.catalog {
            out.line(format!("Catalog of these topics: {catalog}"))?;
        }
        let (good, bad) = (count(report.good), count(report.bad));
        out.line(format!(
            "{good} good, {bad} wrong; {} attached files, {} missing",
            report.attachments, report.missing
        ))?;
    }
    if !report.is_good() {
        return Err(Failure::new(Exit::Refused, format!("{} things are wrong", count(report.bad))));
    }
    if report.good == 0 {
        return Err(Failure::new(Exit::NotFound, format!("there is no entry file at {}", args.path.display())));
    }
    Ok(())
}
