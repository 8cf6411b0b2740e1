//! Trust policies, grants and certificates in plain words. This module reads no clock and prints nothing.

use std::fmt::Display;

use nuncio::TrustPolicy;
use nuncio::security::certificate::Certificate;
use nuncio::security::role::{Action, Role};
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_policy::{Grant, TrustMode};

use crate::answers::trust::PolicyRow;
use crate::instant::validity;
use crate::render::short_key;

/// One thing that a policy says.
#[derive(Debug)]
pub(crate) struct PolicyEntry {
    /// `role`, `grant`, `anchor`, `topic` or `revoked`.
    pub(crate) kind: &'static str,
    /// Its name, or its key where it has none.
    pub(crate) name: String,
    /// What it says.
    pub(crate) words: String,
    /// The same for programs.
    pub(crate) row: PolicyRow,
}

/// Everything that a policy says, in the order of its file.
pub(crate) fn policy_entries(policy: &TrustPolicy, now_ns: i64) -> Vec<PolicyEntry> {
    let entry = |kind, name: String, words: String, row| PolicyEntry { kind, name, words, row };
    let anchors = policy.anchors().map(|(nickname, key)| {
        let row = PolicyRow::Anchor {
            name: nickname.to_string(),
            key: key.to_string(),
        };
        entry("anchor", nickname.to_string(), key.to_string(), row)
    });
    let roles = policy.roles().map(|(name, role)| {
        let patterns = |action| list(role.patterns(action));
        let row = PolicyRow::Role {
            name: name.to_string(),
            publish: patterns(Action::Publish),
            serve: patterns(Action::Serve),
            call: patterns(Action::Call),
        };
        entry("role", name.to_string(), role_words(role), row)
    });
    let grants = policy.grants().map(|grant| {
        let row = PolicyRow::Grant {
            name: grant.nickname.to_string(),
            key: grant.key.to_string(),
            roles: list(&grant.roles),
            scope: list(&grant.scope),
            not_before: grant.not_before_ns.map(utc_text),
            expires: grant.expires_ns.map(utc_text),
        };
        let words = format!("{} {}", short_key(&grant.key), given_words(grant, now_ns));
        entry("grant", grant.nickname.to_string(), words, row)
    });
    let topics = policy.topics().map(|(pattern, limits)| {
        let words = limits.in_words();
        let row = PolicyRow::Topic {
            name: pattern.to_string(),
            limits: words.clone(),
        };
        entry("topic", pattern.to_string(), words, row)
    });
    let revoked = policy.revocations().map(|(key, at_ns)| {
        let since = utc_text(at_ns);
        let row = PolicyRow::Revoked {
            key: key.to_string(),
            since: since.clone(),
        };
        entry("revoked", key.to_string(), format!("refused since {since}"), row)
    });
    anchors
        .chain(roles)
        .chain(grants)
        .chain(topics)
        .chain(revoked)
        .collect()
}

/// What a mode means.
pub(crate) const fn mode_words(mode: TrustMode) -> &'static str {
    match mode {
        TrustMode::Observe => "everything that verifies is delivered and marked",
        TrustMode::Tofu => "the first key seen under a name is trusted, a changed one is refused",
        TrustMode::Enforce => "a key needs a role that permits what it does",
        _ => "this program does not know this mode",
    }
}

/// A grant in one line.
pub(crate) fn grant_words(grant: &Grant, now_ns: i64) -> String {
    format!(
        "{} ({}): {}",
        grant.nickname,
        short_key(&grant.key),
        given_words(grant, now_ns)
    )
}

/// A certificate in one line.
pub(crate) fn certificate_words(certificate: &Certificate) -> String {
    let terms = certificate.terms();
    let below = match terms.delegate {
        0 => String::new(),
        below => format!(", may certify {below} below it"),
    };
    format!(
        "{} ({}): {} on {}, in domain {}, {}{below}, signed by {}",
        terms.nickname,
        short_key(&terms.subject),
        list(&terms.roles).join(", "),
        list(&terms.scope).join(", "),
        terms.domain,
        validity(Some(terms.not_before_ns), Some(terms.not_after_ns)),
        short_key(&certificate.issuer()),
    )
}

/// The texts of some names or patterns.
pub(crate) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn given_words(grant: &Grant, now_ns: i64) -> String {
    let state = if grant.expires_ns.is_some_and(|expires_ns| expires_ns <= now_ns) {
        " (EXPIRED)"
    } else if now_ns > 0 && grant.not_before_ns.is_some_and(|begins_ns| begins_ns > now_ns) {
        " (not yet)"
    } else {
        ""
    };
    format!(
        "{} on {}, {}{state}",
        list(&grant.roles).join(", "),
        list(&grant.scope).join(", "),
        validity(grant.not_before_ns, grant.expires_ns)
    )
}

fn role_words(role: &Role) -> String {
    let may = |action: Action| {
        let patterns = list(role.patterns(action));
        (!patterns.is_empty()).then(|| format!("{action} {}", patterns.join(", ")))
    };
    let may: Vec<String> = Action::ALL.into_iter().filter_map(may).collect();
    match may.as_slice() {
        [] => "may do nothing".to_owned(),
        may => format!("may {}", may.join("; ")),
    }
}
