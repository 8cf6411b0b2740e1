//! What `trace` accepts.

use nuncio::MessageId;

/// What the exit codes mean.
pub(crate) const TRACE_EXIT_CODES: &str = "\
Exit codes:
  0  the whole chain is there and holds
  1  the message is not there
  2  failed, or bad arguments
  3  a part of the chain is missing, or was refused";

#[derive(Debug, clap::Args)]
pub(crate) struct Trace {
    /// The message's id, as `topic pub` and `topic echo --verbose` print it
    pub(crate) id: MessageId,
    /// Follow what the message has led to as well
    #[arg(short, long)]
    pub(crate) effects: bool,
}
