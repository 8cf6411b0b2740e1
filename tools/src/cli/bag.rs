//! What `bag` accepts.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use nuncio::{PublicKey, TopicPattern};
use nuncio_bridge::bag::Compression;

use super::bag_reading::BagReading;
use super::{seconds, seconds_or_zero};

/// Record topics with the proof of who said what, and verify recordings
///
/// A recording is MCAP in a folder, as rosbag2 has it: Foxglove, `mcap` and ROS 2 read it.
#[derive(Debug, Subcommand)]
pub(crate) enum BagCommand {
    /// Record topics until Ctrl-C
    ///
    /// Topics that come later are recorded, too, and no schema files are needed. Only what was verified is recorded. While it
    /// runs it serves ~/pause, ~/resume, ~/split_bagfile and ~/snapshot (std_srvs/srv/Trigger).
    ///
    /// Where there is no more room (--max-disk, --min-free, or a full disk) it ends as it does by Ctrl-C, with a valid
    /// recording, and exit code 2.
    ///
    /// --timeout: how long to record; without limit by default.
    #[command(after_help = "Examples:\n  \
        nuncio bag record -o run1 -a\n  \
        nuncio bag record -o run2 /chatter '/robot1/**' --max-size 1GB --max-files 10\n  \
        nuncio bag record -o crash -a --snapshot --pre 30 --post 10")]
    Record(BagRecord),
    /// Verify a recording, with public keys only: that nothing was altered, added, left out, reordered or dated back
    ///
    /// Exit code 0: everything is as it was recorded. Exit code 2: it is not, and each place is told.
    #[command(after_help = "Examples:\n  \
        nuncio bag verify run1 --recorder recorder7\n  \
        nuncio bag verify run1 --json | jq '.faults[]'")]
    Verify(BagVerify),
    /// Cut a time out of a recording: an extract, which says so
    Slice(BagSlice),
    /// Take topics or signers out of a recording: an extract, which says so
    Filter(BagFilter),
    /// Put recordings together in the order in which they were received: an extract, which says so
    Merge(BagMerge),
    #[command(flatten)]
    Reading(BagReading),
}

/// Where an extract goes, and how.
#[derive(Debug, Args)]
pub(crate) struct BagExtract {
    /// The folder to make
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How to compress: none, lz4 or zstd
    #[arg(long, value_name = "HOW", default_value_t = Compression::Zstd)]
    pub(crate) compression: Compression,
    /// Take also from a recording that does not verify
    #[arg(long)]
    pub(crate) unverified: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BagSlice {
    /// The bag's folder, or one of its files
    #[arg(value_name = "BAG")]
    pub(crate) bag: PathBuf,
    /// From so many seconds after the beginning on
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_zero, default_value = "0")]
    pub(crate) start: Duration,
    /// Until so many seconds after the beginning
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) end: Option<Duration>,
    #[command(flatten)]
    pub(crate) extract: BagExtract,
}

#[derive(Debug, Args)]
pub(crate) struct BagFilter {
    /// The bag's folder, or one of its files
    #[arg(value_name = "BAG")]
    pub(crate) bag: PathBuf,
    /// Topics, or patterns such as '/robot1/**'; without them all
    #[arg(value_name = "TOPIC", value_parser = TopicPattern::parse)]
    pub(crate) topics: Vec<TopicPattern>,
    /// Not the topics whose name matches this regular expression
    #[arg(short = 'x', long, value_name = "REGEX")]
    pub(crate) exclude: Option<String>,
    /// What this key has signed (repeatable)
    #[arg(long = "signer", value_name = "KEY", value_parser = PublicKey::parse)]
    pub(crate) signers: Vec<PublicKey>,
    #[command(flatten)]
    pub(crate) extract: BagExtract,
}

#[derive(Debug, Args)]
pub(crate) struct BagMerge {
    /// The bags
    #[arg(value_name = "BAG", required = true, num_args = 2..)]
    pub(crate) bags: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) extract: BagExtract,
}

#[derive(Debug, Args)]
pub(crate) struct BagRecord {
    /// The folder to make; by default `bag_` and the time
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Topics, or patterns such as '/robot1/**'
    #[arg(value_name = "TOPIC", value_parser = TopicPattern::parse, required_unless_present_any = ["all", "regex", "types", "services"])]
    pub(crate) topics: Vec<TopicPattern>,
    /// All topics
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Topics whose name matches this regular expression
    #[arg(short = 'e', long, value_name = "REGEX")]
    pub(crate) regex: Option<String>,
    /// Not the topics whose name matches this regular expression
    #[arg(short = 'x', long, value_name = "REGEX")]
    pub(crate) exclude: Option<String>,
    /// Topics of this type (repeatable)
    #[arg(long, value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// The calls of all services that tell of them (service introspection)
    #[arg(long)]
    pub(crate) services: bool,
    /// Hidden topics, too
    #[arg(long)]
    pub(crate) include_hidden_topics: bool,
    /// How to compress: none, lz4 or zstd
    #[arg(long, value_name = "HOW", default_value_t = Compression::Zstd)]
    pub(crate) compression: Compression,
    /// Begin a new file when one has this size, such as 500MB
    #[arg(short = 'b', long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Begin a new file after so many seconds
    #[arg(short = 'd', long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_duration: Option<Duration>,
    /// Keep so many files: the oldest is deleted
    #[arg(long, value_name = "N")]
    pub(crate) max_files: Option<NonZeroU64>,
    /// Stop when the recording has this size
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_disk: Option<u64>,
    /// Stop when so little is left on the disk; 0: when nothing is
    #[arg(long, value_name = "SIZE", value_parser = size_or_zero, default_value = "256MiB")]
    pub(crate) min_free: u64,
    /// How much may wait in memory to be written
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "256MB")]
    pub(crate) max_cache_size: u64,
    /// Keep the last seconds in memory, and write them when ~/snapshot is called
    #[arg(long)]
    pub(crate) snapshot: bool,
    /// How many seconds before a snapshot are written
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30", requires = "snapshot")]
    pub(crate) pre: Duration,
    /// How many seconds after a snapshot are written
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_zero, default_value = "0", requires = "snapshot")]
    pub(crate) post: Duration,
    /// Begin paused
    #[arg(long)]
    pub(crate) start_paused: bool,
    /// Wait for the disk after each second, so that a power cut costs no more than a kill does
    #[arg(long)]
    pub(crate) sync: bool,
    /// Record also what is played back from a recording
    #[arg(long)]
    pub(crate) accept_replay: bool,
    /// The recorder's name among nodes
    #[arg(long, value_name = "NAME")]
    pub(crate) node_name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BagVerify {
    /// The bag's folder, or one of its files
    #[arg(value_name = "BAG")]
    pub(crate) bag: PathBuf,
    /// Who has to have recorded it, by key or by name: anybody can seal a recording anew, with a key of his own
    #[arg(long, value_name = "KEY")]
    pub(crate) recorder: Option<String>,
    /// Names of keys, and those that are revoked, by this trust.toml; by default that of the keystore
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

/// `500MB` or `2GiB` in bytes.
fn size(text: &str) -> Result<u64, String> {
    match size_or_zero(text)? {
        0 => Err("expected a size above 0".to_owned()),
        size => Ok(size),
    }
}

fn size_or_zero(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size, such as 500MB or 2GiB".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("500MB"), Ok(500_000_000));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("17"), Ok(17));
        assert_eq!(size_or_zero("0"), Ok(0));
        for text in ["", "MB", "-1", "1.5GB", "0", "7 PB", "99999999999TB"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }
}
