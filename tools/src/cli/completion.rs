//! What `completion` and `manual` accept: what makes a shell and `man` know this program.

use std::path::PathBuf;

/// Print what makes a shell complete commands, options, and the names of topics, nodes, services, types and keys
///
/// Names are those of the system that runs, as options, environment and context say; only what signed cards tell is offered.
#[derive(Debug, clap::Args)]
#[command(after_help = "Once, for bash, zsh and fish:\n  \
    echo 'source <(nuncio completion bash)' >> ~/.bashrc\n  \
    echo 'source <(nuncio completion zsh)' >> ~/.zshrc\n  \
    echo 'nuncio completion fish | source' >> ~/.config/fish/config.fish")]
pub(crate) struct Completion {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    pub(crate) shell: String,
}

/// Write the manual pages, one for each command: `man ./DIR/nuncio-topic-echo.1`
#[derive(Debug, clap::Args)]
pub(crate) struct Manual {
    /// The folder for them, such as ~/.local/share/man/man1
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}
