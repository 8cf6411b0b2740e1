//! What `topic approve` accepts.

use nuncio::{MessageId, TopicName};

#[derive(Debug, clap::Args)]
pub(crate) struct TopicApprove {
    /// The topic, such as /robot1/cmd_vel
    #[arg(value_parser = super::topic)]
    pub(crate) topic: TopicName,
    /// Approve every message without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Approve the message with this id when it comes, without asking, and end
    #[arg(long, value_name = "ID", conflicts_with_all = ["yes", "times"])]
    pub(crate) id: Option<MessageId>,
    /// End after N answers
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    /// Show long arrays and texts whole
    #[arg(short, long)]
    pub(crate) full_length: bool,
}
