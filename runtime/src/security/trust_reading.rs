//! The reading of trust.toml: from TOML to a policy, with all problems at once.
//!
//! Every key of every table is matched by name, so that a misspelt one is a problem and not a missing rule. Keys are
//! enrolled here: a weak one is refused where it is written, not when somebody uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use toml_edit::{Array, Document, Item, Key, TableLike, Value};

use super::key::{EnrolledKey, PublicKey};
use super::role::{Nickname, Role, RoleName};
use super::time_text::{instant, parse_duration, parse_instant};
use super::topic_limits::{TopicLimits, parse_size};
use super::topic_pattern::TopicPattern;
use super::trust_policy::{Grant, Rules, TrustPolicy};

/// Where something is wrong, in bytes from the beginning of the text, and what.
pub(super) type Problem = (usize, String);

/// Reads the policy that a document states.
pub(super) fn read(document: &Document<&str>) -> Result<TrustPolicy, Vec<Problem>> {
    let mut reading = Reading::default();
    reading.top(document.as_table());
    reading.check_roles();
    if reading.problems.is_empty() {
        Ok(TrustPolicy {
            rules: Arc::new(reading.rules),
            revoked: Arc::new(reading.revoked),
            ..reading.policy
        })
    } else {
        Err(reading.problems)
    }
}

#[derive(Default)]
struct Reading {
    problems: Vec<Problem>,
    policy: TrustPolicy,
    rules: Rules,
    revoked: BTreeMap<PublicKey, i64>,
    /// The roles that grants and topics name, and where.
    named_roles: Vec<(usize, RoleName)>,
}

impl Reading {
    fn problem(&mut self, at: usize, message: impl fmt::Display) {
        self.problems.push((at, message.to_string()));
    }

    fn top(&mut self, top: &dyn TableLike) {
        let mut has_mode = false;
        for (name, item) in top.iter() {
            match name {
                "domain" => self.rules.domain = self.parsed(item),
                "mode" => {
                    has_mode = true;
                    self.policy.mode = self.parsed(item).unwrap_or_default();
                }
                "time" => self.time(item),
                "anchors" => self.entries(item, Self::anchor),
                "roles" => self.entries(item, Self::role),
                "grants" => self.entries(item, Self::grant),
                "revoked" => self.entries(item, Self::revocation),
                "topics" => self.entries(item, Self::topic),
                _ => {
                    let expected = "`domain`, `mode`, `time`, `anchors`, `roles`, `grants`, `revoked` or `topics`";
                    self.unknown(top, name, item, expected);
                }
            }
        }
        if !has_mode {
            self.problem(
                0,
                "expected `mode = \"observe\"`, `\"tofu\"` or `\"enforce\"`, found no mode",
            );
        }
    }

    fn time(&mut self, item: &Item) {
        let Some(time) = self.table(item) else { return };
        for (name, item) in time.iter() {
            match name {
                "stamp_age_max" => self.policy.stamp_age_max = self.duration(item),
                "stamp_ahead_max" => self.policy.stamp_ahead_max = self.duration(item),
                _ => self.unknown(time, name, item, "`stamp_age_max` or `stamp_ahead_max`"),
            }
        }
    }

    fn anchor(&mut self, name: &str, at: usize, item: &Item) {
        if let (Some(nickname), Some(key)) = (self.label::<Nickname>(name, at), self.enrolled(item)) {
            self.rules.anchors.insert(nickname, key);
        }
    }

    fn role(&mut self, name: &str, at: usize, item: &Item) {
        let role_name = self.label::<RoleName>(name, at);
        let mut role = Role::default();
        if let Some(table) = self.table(item) {
            for (name, item) in table.iter() {
                match name {
                    "publish" => role.publish = self.patterns(item),
                    "serve" => role.serve = self.patterns(item),
                    "call" => role.call = self.patterns(item),
                    _ => self.unknown(table, name, item, "`publish`, `serve` or `call`"),
                }
            }
        }
        if let Some(name) = role_name {
            self.rules.roles.insert(name, role);
        }
    }

    fn grant(&mut self, name: &str, at: usize, item: &Item) {
        let nickname = self.label::<Nickname>(name, at);
        let Some(table) = self.table(item) else { return };
        let (mut key, mut roles, mut scope) = (None, None, None);
        let (mut not_before_ns, mut expires_ns) = (None, None);
        for (name, item) in table.iter() {
            match name {
                "key" => key = Some(self.enrolled(item)),
                "roles" => roles = Some(self.roles(item)),
                "scope" => scope = Some(self.patterns(item)),
                "not_before" => not_before_ns = self.instant(item),
                "expires" => expires_ns = self.instant(item),
                _ => self.unknown(table, name, item, "`key`, `roles`, `scope`, `not_before` or `expires`"),
            }
        }
        if key.is_none() {
            self.problem(
                at,
                format!("expected `key = \"did:key:z6Mk…\"` in the grant to {name:?}, found no key"),
            );
        }
        if roles.is_none() {
            self.problem(at, format!("expected `roles` in the grant to {name:?}, found none"));
        }
        if let (Some(begins), Some(ends)) = (not_before_ns, expires_ns)
            && ends <= begins
        {
            self.problem(
                at,
                format!("expected `expires` after `not_before` in the grant to {name:?}"),
            );
        }
        if let (Some(nickname), Some(key), Some(roles)) = (nickname, key.flatten(), roles) {
            self.rules.grants.entry(key).or_default().push(Grant {
                nickname,
                key,
                roles,
                scope: scope.unwrap_or_else(everything),
                not_before_ns,
                expires_ns,
            });
        }
    }

    fn revocation(&mut self, name: &str, at: usize, item: &Item) {
        if let (Some(key), Some(at_ns)) = (self.label::<PublicKey>(name, at), self.instant(item)) {
            self.revoked.insert(key, at_ns);
        }
    }

    fn topic(&mut self, name: &str, at: usize, item: &Item) {
        let pattern = self.label::<TopicPattern>(name, at);
        let Some(table) = self.table(item) else { return };
        let mut limits = TopicLimits::default();
        for (name, item) in table.iter() {
            match name {
                "max_size" => limits.max_size = self.size(item),
                "max_age" => limits.max_age = self.duration(item),
                "max_rate" => limits.max_rate = self.rate(item),
                "role" => limits.roles.extend(self.named_role(item)),
                "second_signer" => limits.second_signers.extend(self.named_role(item)),
                _ => {
                    let expected = "`max_size`, `max_age`, `max_rate`, `role` or `second_signer`";
                    self.unknown(table, name, item, expected);
                }
            }
        }
        if let Some(pattern) = pattern {
            self.rules.topics.push((pattern, limits));
        }
    }

    /// Roles that are named must be defined: a misspelt one would give or demand nothing that anybody has.
    fn check_roles(&mut self) {
        for (at, role) in std::mem::take(&mut self.named_roles) {
            if !self.rules.roles.contains_key(&role) {
                self.problem(
                    at,
                    format!("expected a role that is defined, found {role}; add `[roles.{role}]`"),
                );
            }
        }
    }

    fn unknown(&mut self, table: &dyn TableLike, name: &str, item: &Item, expected: &str) {
        self.problem(
            key_start(table, name, item),
            format!("expected {expected}, found `{name}`"),
        );
    }

    fn expected(&mut self, item: &Item, expected: &str) {
        self.problem(start(item), format!("expected {expected}, found {}", found(item)));
    }

    /// Reads a table of named entries of one kind.
    fn entries(&mut self, item: &Item, read: fn(&mut Self, &str, usize, &Item)) {
        let Some(table) = self.table(item) else { return };
        for (name, item) in table.iter() {
            read(self, name, key_start(table, name, item), item);
        }
    }

    fn table<'a>(&mut self, item: &'a Item) -> Option<&'a dyn TableLike> {
        let table = item.as_table_like();
        if table.is_none() {
            self.expected(item, "a table");
        }
        table
    }

    /// Reads what stands for itself as the name of an entry.
    fn label<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, at: usize) -> Option<T> {
        name.parse().map_err(|error: T::Err| self.problem(at, error)).ok()
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, item: &Item) -> Option<T> {
        let Some(text) = item.as_str() else {
            self.expected(item, "a text");
            return None;
        };
        self.label(text, start(item))
    }

    fn enrolled(&mut self, item: &Item) -> Option<PublicKey> {
        let key = self.parsed(item)?;
        match EnrolledKey::enrol(key) {
            Ok(_) => Some(key),
            Err(weak) => {
                self.problem(start(item), weak);
                None
            }
        }
    }

    fn named_role(&mut self, item: &Item) -> Option<RoleName> {
        let role: RoleName = self.parsed(item)?;
        self.named_roles.push((start(item), role.clone()));
        Some(role)
    }

    fn roles(&mut self, item: &Item) -> BTreeSet<RoleName> {
        if item.as_array().is_some_and(Array::is_empty) {
            self.problem(start(item), "expected at least one role, found none");
        }
        let roles = self.list::<RoleName>(item);
        self.named_roles.extend(roles.iter().cloned());
        roles.into_iter().map(|(_, role)| role).collect()
    }

    fn patterns(&mut self, item: &Item) -> BTreeSet<TopicPattern> {
        self.list(item).into_iter().map(|(_, pattern)| pattern).collect()
    }

    /// Reads a list of texts, each with its place.
    fn list<T: FromStr<Err: fmt::Display>>(&mut self, item: &Item) -> Vec<(usize, T)> {
        let Some(array) = item.as_array() else {
            self.expected(item, "a list of texts");
            return Vec::new();
        };
        let mut read = Vec::new();
        for value in array {
            let at = value.span().map_or_else(|| start(item), |span| span.start);
            match value.as_str() {
                Some(text) => read.extend(self.label(text, at).map(|entry| (at, entry))),
                None => self.problem(at, format!("expected a text, found {}", word(value.type_name()))),
            }
        }
        read
    }

    fn instant(&mut self, item: &Item) -> Option<i64> {
        let read = match item.as_value() {
            Some(Value::Datetime(datetime)) => instant(*datetime.value()),
            Some(Value::String(text)) => parse_instant(text.value()),
            _ => None,
        };
        if read.is_none() {
            self.expected(
                item,
                "an instant after 1970 with its offset, such as 2027-01-01T00:00:00Z",
            );
        }
        read
    }

    fn duration(&mut self, item: &Item) -> Option<Duration> {
        let read = item.as_str().and_then(parse_duration);
        if read.is_none() {
            self.expected(item, "a duration above 0, such as \"200ms\" or \"5s\"");
        }
        read
    }

    fn size(&mut self, item: &Item) -> Option<u64> {
        let read = match item.as_integer() {
            Some(bytes) => u64::try_from(bytes).ok(),
            None => item.as_str().and_then(parse_size),
        };
        if read.is_none() {
            self.expected(item, "a number of bytes, such as \"64 KiB\" or 65536");
        }
        read
    }

    fn rate(&mut self, item: &Item) -> Option<NonZeroU32> {
        let read = item.as_integer().and_then(|rate| u32::try_from(rate).ok());
        let read = read.and_then(NonZeroU32::new);
        if read.is_none() {
            self.expected(item, "a whole number of messages a second, at least 1");
        }
        read
    }
}

/// The scope of a grant that names none.
fn everything() -> BTreeSet<TopicPattern> {
    TopicPattern::parse("**").into_iter().collect()
}

fn start(item: &Item) -> usize {
    item.span().map_or(0, |span| span.start)
}

fn key_start(table: &dyn TableLike, name: &str, item: &Item) -> usize {
    let span = table.key(name).and_then(Key::span);
    span.map_or_else(|| start(item), |span| span.start)
}

/// What was found, for people: short texts and numbers as they stand there.
fn found(item: &Item) -> String {
    match item.as_value() {
        Some(Value::String(text)) => format!("{:?}", text.value().chars().take(80).collect::<String>()),
        Some(Value::Integer(number)) => number.value().to_string(),
        Some(Value::Datetime(datetime)) => datetime.value().to_string(),
        _ => word(item.type_name()).to_owned(),
    }
}

fn word(type_name: &'static str) -> &'static str {
    match type_name {
        "string" => "a text",
        "integer" | "float" => "a number",
        "boolean" => "true or false",
        "datetime" => "a date and time",
        "array" => "a list",
        "array of tables" => "a list of tables",
        _ => "a table",
    }
}
