//! The tables of `bridge.toml` as they stand in the file, and how each becomes what it means.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nuncio::TopicPattern;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Ros2Config;
use super::lines::Place;
use crate::role::{ClientRole, RoleLimits, Token};
use crate::rules::{Face, Route};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) clients_max: Option<usize>,
    #[serde(default)]
    pub(super) allow_origins: Vec<String>,
    #[serde(default, rename = "route")]
    pub(super) routes: Vec<RouteEntry>,
    #[serde(default, rename = "role")]
    pub(super) roles: BTreeMap<String, RoleEntry>,
    #[serde(default, rename = "token")]
    pub(super) tokens: Vec<TokenEntry>,
    pub(super) tls: Option<TlsEntry>,
    pub(super) ros2: Option<Ros2Config>,
    pub(super) foxglove: Option<FoxgloveEntry>,
    pub(super) rosbridge: Option<FaceEntry>,
    pub(super) grpc: Option<FaceEntry>,
    pub(super) status: Option<FaceEntry>,
}

/// One text, or a list of them.
pub(super) struct OneOrMore(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternsVisitor)
    }
}

struct PatternsVisitor;

impl<'de> Visitor<'de> for PatternsVisitor {
    type Value = OneOrMore;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern such as \"/camera/**\", or a list of patterns")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMore, E> {
        Ok(OneOrMore(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMore, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMore)
    }
}

/// An address to listen on.
pub(super) struct Address(pub(super) SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse().map_err(|_| {
            de::Error::custom(format!(
                "`{text}` is no address to listen on: expected one with a port, such as \"127.0.0.1:8765\", \"[::1]:8765\", or \
                 \"0.0.0.0:8765\" for all networks"
            ))
        });
        parsed.map(Self)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteEntry {
    pub(super) topics: OneOrMore,
    #[serde(default)]
    pub(super) direction: Ways,
    pub(super) faces: Option<Vec<Face>>,
    pub(super) rename: Option<Rename>,
    pub(super) rate_max: Option<f64>,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ways {
    In,
    Out,
    #[default]
    Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleEntry {
    #[serde(default)]
    pub(super) publish: Vec<String>,
    #[serde(default)]
    pub(super) subscribe: Vec<String>,
    #[serde(default)]
    pub(super) call: Vec<String>,
    #[serde(default)]
    pub(super) serve: Vec<String>,
    pub(super) in_per_second: Option<u32>,
    pub(super) message_len_max: Option<usize>,
    pub(super) subscriptions_max: Option<usize>,
    pub(super) queue_max: Option<usize>,
    pub(super) queue_bytes_max: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    pub(super) file: Option<PathBuf>,
    pub(super) env: Option<String>,
    pub(super) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsEntry {
    pub(super) certificates: PathBuf,
    pub(super) key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaceEntry {
    pub(super) address: Address,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FoxgloveEntry {
    pub(super) address: Address,
    #[serde(default)]
    pub(super) json: bool,
}

pub(super) fn read_route(entry: &RouteEntry, at: &Place<'_>, routes: &mut Vec<Route>, problems: &mut Vec<String>) {
    let min_interval = match entry.rate_max {
        None => Some(Duration::ZERO),
        Some(rate) if rate > 0.0 && rate.is_finite() => Duration::try_from_secs_f64(1.0 / rate).ok(),
        Some(_) => None,
    };
    let Some(min_interval) = min_interval else {
        problems.push(format!(
            "{}: rate_max is a number of messages a second above 0; leave it out for any",
            at.of("rate_max")
        ));
        return;
    };
    let rename = entry
        .rename
        .as_ref()
        .map(|rename| (rename.from.clone(), rename.to.clone()));
    if let Some((from, to)) = &rename
        && !(from.starts_with('/') && to.starts_with('/'))
    {
        problems.push(format!(
            "{}: both names of `rename` begin with a slash",
            at.of("rename")
        ));
    }
    for text in &entry.topics.0 {
        match TopicPattern::parse(text) {
            Ok(pattern) => routes.push(Route {
                inward: entry.direction != Ways::Out,
                outward: entry.direction != Ways::In,
                faces: entry.faces.clone().unwrap_or_else(|| Face::ALL.to_vec()),
                rename: rename.clone(),
                min_interval,
                ..Route::both_ways(pattern)
            }),
            Err(error) => problems.push(format!("{}: {error}", at.of("topics"))),
        }
    }
}

pub(super) fn read_role(name: &str, entry: &RoleEntry, at: &Place<'_>, problems: &mut Vec<String>) -> ClientRole {
    let mut patterns = |texts: &[String], act: &str| {
        let parsed = texts.iter().map(|text| TopicPattern::parse(text));
        let mut kept = Vec::new();
        for pattern in parsed {
            match pattern {
                Ok(pattern) => kept.push(pattern),
                Err(error) => problems.push(format!("{}, {act}: {error}", at.of(act))),
            }
        }
        kept
    };
    let limits = RoleLimits::default();
    ClientRole {
        name: name.to_owned(),
        publish: patterns(&entry.publish, "publish"),
        subscribe: patterns(&entry.subscribe, "subscribe"),
        call: patterns(&entry.call, "call"),
        serve: patterns(&entry.serve, "serve"),
        limits: RoleLimits {
            in_per_second: entry.in_per_second.unwrap_or(limits.in_per_second),
            message_len_max: entry.message_len_max.unwrap_or(limits.message_len_max),
            taps_max: entry.subscriptions_max.unwrap_or(limits.taps_max),
            queue_max: entry.queue_max.unwrap_or(limits.queue_max).max(1),
            queue_bytes_max: entry.queue_bytes_max.unwrap_or(limits.queue_bytes_max),
        },
    }
}

pub(super) fn read_token(
    entry: &TokenEntry,
    dir: &Path,
    roles: &BTreeMap<String, Arc<ClientRole>>,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<Token, String> {
    let role = roles.get(&entry.role).ok_or_else(|| {
        let known: Vec<&str> = roles.keys().map(String::as_str).collect();
        format!("there is no [role.{}]; there are: {}", entry.role, known.join(", "))
    })?;
    let secret = match (&entry.file, &entry.env) {
        (Some(file), None) => {
            let path = dir.join(file);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        (None, Some(name)) => env(name).ok_or_else(|| format!("the variable {name} is not set"))?,
        _ => return Err("it has either `file` or `env`".to_owned()),
    };
    Token::read(&secret, Arc::clone(role)).map_err(|error| error.to_string())
}
