//! What the commands below `trust` print as JSON.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

/// A grant as it is now in trust.toml.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GrantAdded<'a> {
    /// What the key is called.
    pub(crate) nickname: &'a str,
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// The roles that it holds.
    pub(crate) roles: Vec<String>,
    /// The names to which they are confined.
    pub(crate) scope: Vec<String>,
}

/// Something that was taken out of trust.toml.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustRemoved<'a> {
    /// `grant` or `anchor`.
    pub(crate) removed: &'static str,
    /// The nickname that it had.
    pub(crate) nickname: &'a str,
}

/// One thing that a policy says.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PolicyRow {
    /// A key that may sign certificates and revocations.
    Anchor {
        /// Its nickname.
        name: String,
        /// The key, `did:key:…`.
        key: String,
    },
    /// What its holders may do, as patterns of names.
    Role {
        /// Its name.
        name: String,
        /// The topics that they may publish on.
        publish: Vec<String>,
        /// The services and actions that they may serve.
        serve: Vec<String>,
        /// The services and actions that they may call.
        call: Vec<String>,
    },
    /// A key that is known directly.
    Grant {
        /// Its nickname.
        name: String,
        /// The key, `did:key:…`.
        key: String,
        /// The roles that it holds.
        roles: Vec<String>,
        /// The names to which they are confined.
        scope: Vec<String>,
        /// When it begins (UTC).
        not_before: Option<String>,
        /// When it ends (UTC).
        expires: Option<String>,
    },
    /// Limits of topics.
    Topic {
        /// The pattern of their names.
        name: String,
        /// The limits, in words.
        limits: String,
    },
    /// A key that is refused.
    Revoked {
        /// The key, `did:key:…`.
        key: String,
        /// Since when (UTC).
        since: String,
    },
}

/// A certificate that was signed.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CertificateSigned {
    /// The key that it is for.
    pub(crate) subject: String,
    /// The key that has signed it.
    pub(crate) issuer: String,
    /// The anchor that it leads to.
    pub(crate) anchor: String,
    /// How many certificates the chain has.
    pub(crate) certificates: usize,
    /// The file that it was written into; null without `--out`.
    pub(crate) path: Option<String>,
    /// The chain itself; null with `--out`.
    pub(crate) text: Option<String>,
}

/// What was made for enforcement.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustMade<'a> {
    /// The new trust.toml.
    pub(crate) trust_file: &'a str,
    /// `enforce`, `tofu` or `observe`.
    pub(crate) mode: &'static str,
    /// This user's key, `did:key:…`.
    pub(crate) key: String,
    /// What it is called.
    pub(crate) nickname: &'a str,
    /// The role that it holds.
    pub(crate) role: &'static str,
    /// The anchor's key; null with `--no-anchor`.
    pub(crate) anchor: Option<String>,
    /// The file of the anchor's private key; null with `--no-anchor`.
    pub(crate) anchor_file: Option<&'a str>,
}

/// What trust.toml says.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PolicyShown<'a> {
    /// The file.
    pub(crate) file: String,
    /// Always `policy`.
    pub(crate) what: &'static str,
    /// `enforce`, `tofu` or `observe`.
    pub(crate) mode: &'static str,
    /// The domain that it is for; null for every one.
    pub(crate) domain: Option<&'a str>,
    /// All that it says.
    pub(crate) entries: Vec<PolicyRow>,
}

/// A signed list of revocations.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RevocationsShown<'a> {
    /// The file; null if it is the keystore's own.
    pub(crate) file: Option<String>,
    /// Always `revocations`.
    pub(crate) what: &'static str,
    /// The anchor that has signed it.
    pub(crate) anchor: String,
    /// The list's number; a higher one replaces it.
    pub(crate) serial: u64,
    /// The keys.
    pub(crate) revoked: Vec<RevokedKey<'a>>,
    /// Whether it has effect here.
    pub(crate) holds: bool,
    /// Why not.
    pub(crate) problem: Option<String>,
}

/// A key of a list of revocations.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RevokedKey<'a> {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// Since when it is refused (UTC).
    pub(crate) since: String,
    /// Why, in the anchor's words.
    pub(crate) reason: &'a str,
}

/// A chain of certificates.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct CertificatesShown {
    /// The file.
    pub(crate) file: String,
    /// Always `certificates`.
    pub(crate) what: &'static str,
    /// The key that they are for.
    pub(crate) subject: String,
    /// The anchor that they lead to.
    pub(crate) anchor: String,
    /// Each in words, the key's own first.
    pub(crate) certificates: Vec<String>,
    /// Whether they hold here and now.
    pub(crate) holds: bool,
    /// Why not.
    pub(crate) problem: Option<String>,
}

/// A file that cannot be read as what it is.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct FileVerdict<'a> {
    /// The file.
    pub(crate) file: String,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// Why not.
    pub(crate) problem: Option<&'a str>,
}

/// A file with a key.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyFileShown {
    /// The file.
    pub(crate) file: String,
    /// What it is, or why it cannot be read.
    pub(crate) what: String,
    /// The key; null if it is encrypted or cannot be read.
    pub(crate) key: Option<String>,
}

/// Something that is wrong in trust.toml.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustFileProblem<'a> {
    /// The file.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1.
    pub(crate) column: usize,
    /// What is wrong and what would be right.
    pub(crate) message: &'a str,
}

/// Whether a key may do something, and why.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustChecked<'a> {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// `publish`, `serve` or `call`.
    pub(crate) action: &'static str,
    /// The topic, service or action.
    pub(crate) topic: &'a str,
    /// The domain.
    pub(crate) domain: &'a str,
    /// `enforce`, `tofu` or `observe`.
    pub(crate) mode: &'static str,
    /// The instant that was asked about (UTC).
    pub(crate) at: String,
    /// `permit` or `refuse`.
    pub(crate) found: &'static str,
    /// The reason of a refusal, such as `NotPermitted`. In the modes that ask for no role, what `enforce` would say.
    pub(crate) reason: Option<String>,
    /// The same in words.
    pub(crate) detail: Option<String>,
    /// The roles that permit it.
    pub(crate) roles: Vec<String>,
    /// The limits that hold, in words.
    pub(crate) limits: Option<String>,
    /// Until when this holds (UTC); null if nothing known changes it.
    pub(crate) holds_until: Option<String>,
    /// The rules, in the order in which they were looked at.
    pub(crate) steps: Vec<TrustStep<'a>>,
}

/// One rule of a decision.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustStep<'a> {
    /// The rule.
    pub(crate) rule: &'a str,
    /// What followed from it: `permits`, `refuses` or `passed`.
    pub(crate) outcome: &'static str,
    /// Why.
    pub(crate) detail: &'a str,
}

/// A row of a table of expectations.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustTestRow<'a> {
    /// The row's number, from 1.
    pub(crate) row: usize,
    /// Who, as the table says it.
    pub(crate) key: &'a str,
    /// `publish`, `serve` or `call`, as the table says it.
    pub(crate) action: &'a str,
    /// The topic, as the table says it.
    pub(crate) topic: &'a str,
    /// What the table expects.
    pub(crate) expected: &'a str,
    /// `permit`, `refuse`, or `error` where the row cannot be asked.
    pub(crate) found: &'static str,
    /// The reason of a refusal, or what is wrong with the row.
    pub(crate) reason: Option<&'a str>,
    /// Whether it is as expected.
    pub(crate) ok: bool,
}

/// All rows together: the last line.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustTestEnd {
    /// How many rows the table has.
    pub(crate) rows: usize,
    /// How many are not as expected.
    pub(crate) failed: usize,
    /// Whether there are rows and all are as expected.
    pub(crate) ok: bool,
}

/// Where trust.toml was written to, with `--out`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustWritten {
    /// The file.
    pub(crate) path: String,
}

/// The text of trust.toml.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TrustText {
    /// The text.
    pub(crate) text: String,
}

/// A router's configuration that was written, with `--zenoh`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RouterExported<'a> {
    /// The configuration's file.
    pub(crate) config: String,
    /// The keys that it lets in.
    pub(crate) members: Vec<RouterMember<'a>>,
    /// What should be known of it.
    pub(crate) remarks: Vec<String>,
}

/// A key that a router lets in.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RouterMember<'a> {
    /// What the key is called.
    pub(crate) nickname: &'a str,
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// The names that it may publish on.
    pub(crate) publishes: &'a BTreeSet<String>,
    /// Until when (UTC); null without end.
    pub(crate) until: Option<String>,
    /// The file of its certificate.
    pub(crate) certificate: Option<String>,
}
