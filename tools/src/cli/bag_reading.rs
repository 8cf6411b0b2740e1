//! What the parts of `bag` accept that read recordings.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use nuncio::{TopicName, TopicPattern};

use super::{ShownArgs, rate, seconds, seconds_or_zero, topic};

/// What is done with a recording that is there.
#[derive(Debug, Subcommand)]
pub(crate) enum BagReading {
    /// Show what is in a recording: topics, types, signers, rates, losses, seals
    ///
    /// What is said of messages and signers is proved by the signatures. Recordings of ROS 2 are read, too: nothing in them
    /// is signed, and it is said so. Whether anything was left out is for `bag verify` to say.
    #[command(after_help = "Examples:\n  \
        nuncio bag info run1\n  \
        nuncio bag info run1 --json | jq '.topics[] | [.topic, .messages]'")]
    Info(BagInfo),
    /// Print the messages of a recording, each with who signed it
    ///
    /// Only what somebody has signed is shown. The messages of a recording of ROS 2 are shown after `bag convert` has signed
    /// them with this user's key, as their importer. Exit code 3: something was not shown.
    #[command(after_help = "Examples:\n  \
        nuncio bag cat run1\n  \
        nuncio bag cat run1 /odom --start 10 --until 20 --json\n  \
        nuncio bag cat run1 /imu --field linear_acceleration.x")]
    Cat(BagCat),
    /// Play a recording: its messages again, in the order and at the pace in which they were received
    ///
    /// They are signed with this user's key, as replay, on behalf of who signed them at first. Subscribers that take live
    /// messages only refuse them; `topic echo --replay` and others that ask for it take them. On a terminal: space pauses and
    /// goes on, enter plays the next message while it is paused, q ends.
    #[command(after_help = "Examples:\n  \
        nuncio bag play run1 --rate 2 --clock\n  \
        nuncio bag play run1 /odom --remap /odom:=/odom_recorded --start 10 --until 20\n  \
        nuncio bag play run1 --step")]
    Play(BagPlay),
    /// Take a recording of ROS 2 over, signed by this user as its importer; or export what a bag proves
    ///
    /// --to nuncio takes over a rosbag2 folder or an MCAP file (CDR and ros2msg). All others export the messages that
    /// somebody has signed: as a plain rosbag2 folder, or the fields as a file for each topic. In CSV and Parquet a column is
    /// a field by its path; arrays and lists are JSON text; `_received_ns`, `_stamp_ns`, `_signer`, `_node` and `_number` come
    /// first. Exit code 3: something was left out.
    #[command(after_help = "Examples:\n  \
        nuncio bag convert old_rosbag2 -o run7\n  \
        nuncio bag convert run1 /odom --to parquet -o tables\n  \
        nuncio bag convert run1 --to rosbag2 -o plain")]
    Convert(BagConvert),
}

#[derive(Debug, Args)]
pub(crate) struct BagInfo {
    /// The bag's folder, or one of its files
    #[arg(value_name = "BAG")]
    pub(crate) bag: PathBuf,
}

/// A recording, and which messages of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct BagPart {
    /// The bag's folder, or one of its files
    #[arg(value_name = "BAG")]
    pub(crate) bag: PathBuf,
    /// Topics, or patterns such as '/robot1/**'; without them all
    #[arg(value_name = "TOPIC", value_parser = TopicPattern::parse)]
    pub(crate) named: Vec<TopicPattern>,
    /// The same, as an option (repeatable)
    #[arg(long = "topics", value_name = "TOPIC", value_parser = TopicPattern::parse)]
    pub(crate) topics: Vec<TopicPattern>,
    /// Not these topics, or patterns (repeatable)
    #[arg(short = 'x', long, value_name = "TOPIC", value_parser = TopicPattern::parse)]
    pub(crate) exclude: Vec<TopicPattern>,
    /// From so many seconds after the beginning on
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds_or_zero, default_value = "0")]
    pub(crate) start: Duration,
    /// Until so many seconds after the beginning
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) until: Option<Duration>,
}

impl BagPart {
    /// What of it is asked for.
    pub(crate) fn part(&self) -> nuncio_bridge::bag::BagPart {
        nuncio_bridge::bag::BagPart {
            topics: self.named.iter().chain(&self.topics).cloned().collect(),
            exclude: self.exclude.clone(),
            start: self.start,
            until: self.until,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BagCat {
    #[command(flatten)]
    pub(crate) part: BagPart,
    /// End after N messages
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    #[command(flatten)]
    pub(crate) shown: ShownArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BagPlay {
    #[command(flatten)]
    pub(crate) part: BagPart,
    /// How fast: 2 is twice as fast as it was recorded
    #[arg(short, long, value_name = "FACTOR", value_parser = factor, default_value = "1")]
    pub(crate) rate: f64,
    /// Begin again at the end, until Ctrl-C
    #[arg(short = 'l', long = "loop")]
    pub(crate) repeat: bool,
    /// Play a topic under another name (repeatable)
    #[arg(short = 'm', long, value_name = "FROM:=TO", value_parser = renaming)]
    pub(crate) remap: Vec<(TopicName, TopicName)>,
    /// Publish the time that is played on /clock, so many times a second; 40 unless a number is given
    #[arg(
        long,
        value_name = "HZ",
        value_parser = rate,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "40"
    )]
    pub(crate) clock: Option<f64>,
    /// One message at a time: space or enter plays the next one
    #[arg(long)]
    pub(crate) step: bool,
    /// Begin paused; space goes on
    #[arg(short, long)]
    pub(crate) pause: bool,
    /// How long to wait for subscribers first
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_zero, default_value = "1")]
    pub(crate) wait: Duration,
}

/// `/a:=/b`
fn renaming(text: &str) -> Result<(TopicName, TopicName), String> {
    let (from, to) = text
        .split_once(":=")
        .ok_or("expected two topics, such as /odom:=/odom_recorded")?;
    let name = |text: &str| topic(text).map_err(|error| error.to_string());
    Ok((name(from)?, name(to)?))
}

/// A number behind `--clock` is its own, as ROS 2 users write it; whatever else comes there, such as the bag, is not.
pub(super) fn join_clock(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let (mut joined, mut words) = (Vec::<OsString>::new(), words.peekable());
    while let Some(mut word) = words.next() {
        let is_play = joined.iter().any(|word| word == "bag") && joined.iter().any(|word| word == "play");
        let is_number = |next: &OsString| next.to_str().is_some_and(|next| next.parse::<f64>().is_ok());
        if is_play
            && word == "--clock"
            && let Some(number) = words.next_if(is_number)
        {
            word.push("=");
            word.push(number);
        }
        joined.push(word);
    }
    joined
}

/// What a recording is made into.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ConvertTo {
    /// A bag with proof, signed by this user as the importer
    Nuncio,
    /// A rosbag2 folder without the proof
    Rosbag2,
    /// A table of text for each topic
    Csv,
    /// JSON Lines for each topic
    Jsonl,
    /// A typed table for each topic
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct BagConvert {
    #[command(flatten)]
    pub(crate) part: BagPart,
    /// What to make of it
    #[arg(long, value_name = "WHAT", default_value = "nuncio")]
    pub(crate) to: ConvertTo,
    /// The folder to make
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.001..=1e6).contains(&factor) => Ok(factor),
        _ => Err("expected how many times as fast, from 0.001 to 1000000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        verb: BagReading,
    }

    fn play(line: &str) -> BagPlay {
        let words = format!("bag play {line}");
        let words = join_clock(words.split(' ').map(OsString::from));
        match Line::try_parse_from(words).unwrap().verb {
            BagReading::Play(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_option_does_not_take_the_bag_that_stands_behind_it() {
        for line in [
            "--topics /a --topics /b --clock run1",
            "--clock --topics /a run1 /b",
            "run1 --topics /a /b --clock",
            "-x /c --remap /a:=/d --clock run1 /a /b",
        ] {
            let args = play(line);
            assert_eq!(args.part.bag.to_str(), Some("run1"), "{line}");
            assert_eq!((args.part.part().topics.len(), args.clock), (2, Some(40.0)), "{line}");
        }
    }

    #[test]
    fn a_number_behind_clock_is_its_rate() {
        assert_eq!(play("--clock 100 run1").clock, Some(100.0));
        assert_eq!(play("--clock=0.5 run1").clock, Some(0.5));
        assert_eq!(play("run1 --clock 7 /a").clock, Some(7.0));
        assert_eq!(play("run1").clock, None);
    }
}
