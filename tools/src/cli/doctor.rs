//! What `doctor` accepts.

#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// List all reasons for which messages are refused, each with what it means and what to do
    #[arg(long)]
    pub(crate) reasons: bool,
}
