//! `tidings completions` and `tidings man`: made from the tree of commands itself.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::exit::{Exit, Failure};
use crate::output::Out;

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tidings completions bash > ~/.local/share/bash-completion/completions/tidings\n  \
    tidings completions zsh  > ~/.zfunc/_tidings\n  tidings completions fish > ~/.config/fish/completions/tidings.fish"
)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write all of them into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidings man | man -l -\n  tidings man ~/.local/share/man/man1")]
pub(super) struct Man {
    /// Folder to write tidings.1, tidings-post.1 … into
    folder: Option<PathBuf>,
}

pub(super) fn completions(args: Completions, out: &mut Out) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidings", &mut script);
    out.line(String::from_utf8_lossy(&script).trim_end())
}

pub(super) fn man(args: Man, out: &mut Out) -> Result<(), Failure> {
    let Some(folder) = args.folder else {
        let mut page = Vec::new();
        let failed = |error| Failure::new(Exit::Failed, format!("cannot make the page: {error}"));
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
        return out.line(String::from_utf8_lossy(&page).trim_end());
    };
    std::fs::create_dir_all(&folder).map_err(|error| Failure::io("make", &folder, &error))?;
    clap_mangen::generate_to(Cli::command(), &folder).map_err(|error| Failure::io("write to", &folder, &error))?;
    out.line(format!("written to {}", folder.display()))
}
