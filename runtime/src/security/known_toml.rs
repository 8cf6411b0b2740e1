//! The text of `known.toml`: what it says, and changing it without touching what people wrote into it.
//!
//! Nothing in the file is passed over: a line that is not understood is an error, because a pin that is not read
//! would let the next key in.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::key::{PublicKey, PublicKeyError};
use super::pins::{MAX_PINS, PinError};
use crate::private_file::{self, Others};

/// What `known.toml` says: for each kind, by domain, by name.
#[derive(Debug, Default)]
pub(super) struct Held {
    nodes: Tables,
    topics: Tables,
}

type Tables = BTreeMap<String, BTreeMap<String, PublicKey>>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Node,
    Topic,
}

impl Kind {
    const fn table(self) -> &'static str {
        match self {
            Self::Node => NODES,
            Self::Topic => TOPICS,
        }
    }
}

impl Held {
    const fn tables(&self, kind: Kind) -> &Tables {
        match kind {
            Kind::Node => &self.nodes,
            Kind::Topic => &self.topics,
        }
    }

    const fn tables_mut(&mut self, kind: Kind) -> &mut Tables {
        match kind {
            Kind::Node => &mut self.nodes,
            Kind::Topic => &mut self.topics,
        }
    }

    pub(super) fn get(&self, kind: Kind, domain: &str, name: &str) -> Option<PublicKey> {
        self.tables(kind).get(domain)?.get(name).copied()
    }

    /// Adds a pin where there is none and returns the one that is there then.
    pub(super) fn insert(
        &mut self,
        kind: Kind,
        domain: &str,
        name: &str,
        key: PublicKey,
    ) -> Result<PublicKey, PinError> {
        if let Some(first) = self.get(kind, domain, name) {
            return Ok(first);
        }
        let tables = self.tables_mut(kind);
        if tables.values().map(BTreeMap::len).sum::<usize>() >= MAX_PINS {
            return Err(PinError::Full { table: kind.table() });
        }
        tables
            .entry(domain.to_owned())
            .or_default()
            .insert(name.to_owned(), key);
        Ok(key)
    }

    pub(super) fn remove(&mut self, kind: Kind, domain: &str, name: &str) -> Option<PublicKey> {
        self.tables_mut(kind).get_mut(domain)?.remove(name)
    }

    /// All pins of one kind, as domain, name and key, in order.
    pub(super) fn listed(&self, kind: Kind) -> impl Iterator<Item = (&str, &str, PublicKey)> {
        self.tables(kind).iter().flat_map(|(domain, names)| {
            names
                .iter()
                .map(move |(name, key)| (domain.as_str(), name.as_str(), *key))
        })
    }
}

/// The file as it was read, ready to be changed. Whoever changes it holds the keystore's lock since before the reading.
#[derive(Debug)]
pub(super) struct KnownToml {
    path: PathBuf,
    held: Held,
    document: DocumentMut,
}

impl KnownToml {
    /// Reads the file at `path`; where there is none, it says nothing.
    pub(super) fn read(path: &Path) -> Result<Self, PinError> {
        let content = private_file::read(path, Others::Read, MAX_FILE_BYTES).map_err(PinError::File)?;
        let content = content.as_deref().map_or(NEW_FILE.as_bytes(), Vec::as_slice);
        let broken = |at: usize, problem| {
            let before = content.get(..at).unwrap_or(content);
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            PinError::Broken {
                path: path.to_owned(),
                line,
                problem,
            }
        };
        let text = str::from_utf8(content).map_err(|error| {
            broken(
                error.valid_up_to(),
                PinProblem::Syntax("text that is not UTF-8".to_owned()),
            )
        })?;
        let document = Document::parse(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            broken(start(error.span()), PinProblem::Syntax(message))
        })?;
        let held = understand(&document).map_err(|(span, problem)| broken(start(span), problem))?;
        Ok(Self {
            path: path.to_owned(),
            held,
            document: document.into_mut(),
        })
    }

    /// The pin of a name, if it has one.
    pub(super) fn get(&self, kind: Kind, domain: &str, name: &str) -> Option<PublicKey> {
        self.held.get(kind, domain, name)
    }

    /// Changes a pin that is there, in the file too.
    pub(super) fn change(&mut self, kind: Kind, domain: &str, name: &str, key: PublicKey) -> Result<(), PinError> {
        self.held.remove(kind, domain, name);
        self.held.insert(kind, domain, name, key)?;
        let domains = self.document.get_mut(kind.table()).and_then(Item::as_table_like_mut);
        let names = domains
            .and_then(|domains| domains.get_mut(domain))
            .and_then(Item::as_table_like_mut);
        if let Some(place) = names.and_then(|names| names.get_mut(name)) {
            *place = toml_edit::value(key.to_string());
        }
        self.store()
    }

    /// What the file says.
    pub(super) fn into_held(self) -> Held {
        self.held
    }

    /// Adds a pin where there is none, in the file too, and returns the one that is there then.
    pub(super) fn insert(
        &mut self,
        kind: Kind,
        domain: &str,
        name: &str,
        key: PublicKey,
    ) -> Result<PublicKey, PinError> {
        let pinned = self.held.insert(kind, domain, name, key)?;
        // Comments that stand alone in a file count as its end; they are meant as its beginning.
        let heading = match self.document.trailing().as_str() {
            Some(text) if self.document.is_empty() && !text.is_empty() => format!("{text}\n"),
            _ => String::new(),
        };
        let domains = self.document.entry(kind.table()).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        // New tables are written in the way of those around them.
        let names = if domains.is_inline_table() {
            Item::Value(Value::InlineTable(InlineTable::new()))
        } else {
            let mut table = Table::new();
            if !heading.is_empty() {
                table.decor_mut().set_prefix(heading.as_str());
            }
            Item::Table(table)
        };
        let names = domains
            .as_table_like_mut()
            .map(|domains| domains.entry(domain).or_insert(names));
        if let Some(names) = names.and_then(Item::as_table_like_mut)
            && !names.contains_key(name)
        {
            names.insert(name, toml_edit::value(key.to_string()));
            if !heading.is_empty() {
                self.document.set_trailing("");
            }
            self.store()?;
        }
        Ok(pinned)
    }

    /// Removes a pin, in the file too, and returns it.
    pub(super) fn remove(&mut self, kind: Kind, domain: &str, name: &str) -> Result<Option<PublicKey>, PinError> {
        let forgotten = self.held.remove(kind, domain, name);
        if forgotten.is_some() {
            let domains = self.document.get_mut(kind.table()).and_then(Item::as_table_like_mut);
            let names = domains
                .and_then(|domains| domains.get_mut(domain))
                .and_then(Item::as_table_like_mut);
            let _removed = names.and_then(|names| names.remove(name));
            self.store()?;
        }
        Ok(forgotten)
    }

    fn store(&self) -> Result<(), PinError> {
        private_file::replace(&self.path, self.document.to_string().as_bytes()).map_err(|error| PinError::NotStored {
            path: self.path.clone(),
            error,
        })
    }
}

const NODES: &str = "nodes";
const TOPICS: &str = "topics";

/// Twice [`MAX_PINS`] of the longest names, fully escaped, and room for people's comments.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

const NEW_FILE: &str = "\
# The keys first seen under a node name or on an exclusive topic. Nuncio adds lines here and refuses other keys for
# the same name. Remove a line to let the next key in.
";

fn start(span: Option<Range<usize>>) -> usize {
    span.map_or(0, |span| span.start)
}

/// A part of the text and what is wrong with it.
type Misunderstood = (Option<Range<usize>>, PinProblem);

fn understand(document: &Document<&str>) -> Result<Held, Misunderstood> {
    let mut held = Held::default();
    for (name, item) in document.iter() {
        let span = || {
            item.span()
                .or_else(|| document.key(name).and_then(toml_edit::Key::span))
        };
        let kind = match name {
            NODES => Kind::Node,
            TOPICS => Kind::Topic,
            other => return Err((span(), PinProblem::UnknownTable(other.to_owned()))),
        };
        let Some(domains) = item.as_table_like() else {
            return Err((span(), PinProblem::NotATable(name.to_owned())));
        };
        for (domain, item) in domains.iter() {
            let Some(names) = item.as_table_like() else {
                return Err((item.span(), PinProblem::NotATable(format!("{name}.{domain:?}"))));
            };
            understand_names(&mut held, kind, domain, names)?;
        }
    }
    Ok(held)
}

fn understand_names(held: &mut Held, kind: Kind, domain: &str, names: &dyn TableLike) -> Result<(), Misunderstood> {
    for (name, item) in names.iter() {
        let Some(text) = item.as_str() else {
            return Err((item.span(), PinProblem::NotAString(name.to_owned())));
        };
        let key = PublicKey::parse(text).map_err(|error| (item.span(), PinProblem::Key(error)))?;
        held.insert(kind, domain, name, key)
            .map_err(|_| (item.span(), PinProblem::TooMany))?;
    }
    Ok(())
}

/// What is not understood in `known.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PinProblem {
    /// It is not TOML.
    Syntax(String),
    /// A table or value other than `nodes` and `topics`.
    UnknownTable(String),
    /// A value where a table must be.
    NotATable(String),
    /// Something else than a text where a key must be.
    NotAString(String),
    /// A text that is not a public key.
    Key(PublicKeyError),
    /// More than [`MAX_PINS`] of one kind.
    TooMany,
}

impl fmt::Display for PinProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "expected TOML, found {message}"),
            Self::UnknownTable(name) => {
                write!(
                    f,
                    "expected `[nodes.\"<domain>\"]` or `[topics.\"<domain>\"]`, found {name:?}"
                )
            }
            Self::NotATable(name) => write!(f, "expected `{name}` to be a table of names and keys, found a value"),
            Self::NotAString(name) => write!(f, "expected {name:?} to have a key `\"did:key:z6Mk…\"`, found no text"),
            Self::Key(error) => error.fmt(f),
            Self::TooMany => write!(f, "expected at most {MAX_PINS} pins of one kind, found more"),
        }
    }
}
