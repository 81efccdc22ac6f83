//! The command line: one file per command, one tree that says what each is for.

mod called;
mod complete;
mod config;
mod export;
mod id;
pub(crate) mod import;
mod init;
mod place;
mod read;
mod serve;
mod show;
mod sim;
mod status;
mod topics;
mod verify;
pub(crate) mod watch;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::{Exit, Failure};
use crate::output::Out;
use place::Place;

const ABOUT: &str = "Comments and messages that many machines keep the same, with no server in charge";

const AFTER: &str = "\
A topic is a page of the web (https://example.org/article) or a room (lobby). Every comment
is signed by its author and held by everyone who follows the topic. Commands talk to the
running node if there is one, and work on the data folder themselves if not.

Examples:
  tidings serve                             start a node; page at http://127.0.0.1:4280
  tidings post https://example.org/article 'Well said.'
  tidings read https://example.org/article  the discussion, as a tree
  tidings watch lobby                       new messages as they arrive
  tidings follow https://example.org/other  hold a discussion from now on

Exit codes:
  0 done            1 failed            2 wrong flags or settings
  3 not found       4 refused, invalid  5 no running node, or it does not answer
  6 the data folder is in use, foreign or damaged  7 the port is taken";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, about = ABOUT, after_help = AFTER, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// The data folder: keys, token, settings, ledger
    #[arg(long, value_name = "DIR", env = "TIDINGS_DATA", global = true, help_heading = "Everywhere")]
    data: Option<PathBuf>,
    /// Settings to use instead of config.toml in the data folder
    #[arg(long, value_name = "FILE", env = "TIDINGS_CONFIG", global = true, help_heading = "Everywhere")]
    config: Option<PathBuf>,
    /// Write JSON, one value a line, for programs; errors, too
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Init(init::Args),
    Id(id::Args),
    Topics(topics::Topics),
    Follow(topics::Follow),
    Unfollow(topics::Unfollow),
    Post(write::Post),
    Reply(write::Reply),
    Edit(write::Edit),
    Redact(write::Redact),
    React(write::React),
    Read(read::Args),
    Watch(watch::Args),
    Import(import::Args),
    Export(export::Args),
    Verify(verify::Args),
    Demo(crate::demo::Args),
    Bench(crate::bench::Args),
    Sim(sim::Args),
    Peers(status::Peers),
    Status(status::Status),
    #[command(subcommand)]
    Config(config::Command),
    Completions(complete::Completions),
    Man(complete::Man),
}

/// Reads the command line, does what it says, and turns the result into an exit code.
pub(crate) fn run() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    let mut out = Out::new(global.json);
    let result = runtime()
        .and_then(|runtime| runtime.block_on(dispatch(command, &Place::new(&global), &mut out)))
        .and_then(|()| out.flush());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What was said before the failure comes before it.
            let _ = out.flush();
            report(&failure, global.json)
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))
}

async fn dispatch(command: Command, place: &Place, out: &mut Out) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(args, place, out).await,
        Command::Init(args) => init::run(args, place, out),
        Command::Id(args) => id::run(args, place, out),
        Command::Topics(args) => topics::list(args, place, out).await,
        Command::Follow(args) => topics::follow(args, place, out).await,
        Command::Unfollow(args) => topics::unfollow(args, place, out).await,
        Command::Post(args) => write::post(args, place, out).await,
        Command::Reply(args) => write::reply(args, place, out).await,
        Command::Edit(args) => write::edit(args, place, out).await,
        Command::Redact(args) => write::redact(args, place, out).await,
        Command::React(args) => write::react(args, place, out).await,
        Command::Read(args) => read::run(args, place, out).await,
        Command::Watch(args) => watch::run(args, place, out).await,
        Command::Import(args) => import::run(args, place, out).await,
        Command::Export(args) => export::run(args, place, out).await,
        Command::Verify(args) => verify::run(args, place, out),
        Command::Bench(args) => crate::bench::run(args, out).await,
        Command::Sim(args) => sim::run(args, out),
        Command::Demo(args) => crate::demo::run(args, out).await,
        Command::Peers(args) => status::peers(args, place, out).await,
        Command::Status(args) => status::status(args, place, out).await,
        Command::Config(command) => config::run(command, place, out),
        Command::Completions(args) => complete::completions(args, out),
        Command::Man(args) => complete::man(args, out),
    }
}

fn report(failure: &Failure, json: bool) -> ExitCode {
    if json {
        eprintln!("{}", failure.to_json());
    } else {
        eprintln!("tidings: {failure}");
    }
    ExitCode::from(failure.exit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_of_commands_is_sound_and_every_command_is_explained() {
        let mut root = Cli::command();
        root.build();
        root.clone().debug_assert();
        for command in root.get_subcommands() {
            assert!(command.get_about().is_some(), "{} has no explanation", command.get_name());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{} has no example", command.get_name());
            let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 98).collect();
            assert!(long.is_empty(), "{} wraps: {long:?}", command.get_name());
        }
    }
}
