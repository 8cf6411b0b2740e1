//! What stands on an unfinished line beside the word that is completed, and what follows from it: the topics of the bag that it
//! names, the fields of its topic's type. Of a bag only what is proved is offered.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{ArgMatches, CommandFactory};
use nuncio::graph::Graph;
use nuncio::run_time_type::RunTimeType;
use nuncio::{TopicName, TopicPattern};
use nuncio_bridge::bag::{BagItem, ProvenMessage, ProvenReader};

use crate::catalog::Catalog;
use crate::cli::{Args, GlobalArgs};
use crate::field_path::paths;

/// How long a bag is read: what comes later in it is not offered.
const LOOK_INTO_BAG: Duration = Duration::from_millis(500);

/// The most fields that are offered.
const FIELDS_MAX: usize = 500;

/// The arguments that are there already.
pub(super) struct Line {
    matches: ArgMatches,
}

impl Line {
    /// Reads what the shell has handed over, as far as it can be read.
    pub(super) fn read() -> Option<Self> {
        let words = env::args_os().skip_while(|word| word != "--").skip(1);
        let command = Args::command().ignore_errors(true);
        let matches = command.try_get_matches_from(words).ok()?;
        Some(Self { matches })
    }

    /// The arguments of the command itself.
    fn own(&self) -> &ArgMatches {
        let mut own = &self.matches;
        while let Some((_, below)) = own.subcommand() {
            own = below;
        }
        own
    }

    /// The bag that is named.
    pub(super) fn bag(&self) -> Option<PathBuf> {
        self.own().try_get_one::<PathBuf>("bag").ok().flatten().cloned()
    }

    fn topic(&self) -> Option<TopicName> {
        self.own().try_get_one::<TopicName>("topic").ok().flatten().cloned()
    }

    /// The fields of the bag's messages on the topics that are named, or on all.
    pub(super) fn fields_in(&self, bag: &Path) -> BTreeSet<String> {
        let named = self.own().try_get_many::<TopicPattern>("named").ok().flatten();
        let named: Vec<&TopicPattern> = named.into_iter().flatten().collect();
        let (mut seen, mut fields) = (BTreeSet::new(), BTreeSet::new());
        read(bag, |message| {
            let is_named = named.is_empty() || named.iter().any(|pattern| pattern.matches(message.topic()));
            if is_named
                && seen.insert(message.topic().clone())
                && let Ok(ty) = message.place.ty()
            {
                fields.extend(paths(ty.codec(), FIELDS_MAX));
            }
        });
        fields
    }

    /// The fields of the type that the topic has in a graph, as far as the type is known here.
    pub(super) fn fields_on(&self, graph: &Graph, global: &GlobalArgs) -> BTreeSet<String> {
        let topic = self.topic().and_then(|topic| graph.topics().remove(&topic));
        let (Some(topic), Ok(catalog)) = (topic, Catalog::open(&global.interfaces)) else {
            return BTreeSet::new();
        };
        let types = topic.types();
        let codecs = types
            .iter()
            .filter_map(|(name, hash)| catalog.with_hash(name, *hash)?.run_time_type().ok());
        codecs
            .flat_map(|codec: RunTimeType| paths(&codec, FIELDS_MAX))
            .collect()
    }
}

/// The topics of a bag.
pub(super) fn topics_in(bag: &Path) -> BTreeSet<String> {
    let mut topics = BTreeSet::new();
    read(bag, |message| {
        if !topics.contains(message.topic().as_str()) {
            topics.insert(message.topic().to_string());
        }
    });
    topics
}

fn read(bag: &Path, mut of: impl FnMut(&ProvenMessage)) {
    let end = Instant::now() + LOOK_INTO_BAG;
    let Ok(mut reader) = ProvenReader::open(bag) else {
        return;
    };
    while let Ok(Some(item)) = reader.next_item() {
        if let BagItem::Proven(message) = item {
            of(&message);
        }
        if Instant::now() > end {
            return;
        }
    }
}
