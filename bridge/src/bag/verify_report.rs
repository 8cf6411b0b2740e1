//! What verification has found out.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::fault::Fault;
use super::seal::Source;

/// How many faults are told one by one; further ones are counted.
pub const FAULTS_MAX: usize = 1000;

/// What verification has found out. Its JSON is the contract of `bag verify --json`.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct VerifyReport {
    /// Nothing is wrong.
    pub ok: bool,
    /// Messages whose signature holds.
    pub messages: u64,
    /// Who has signed them.
    pub signers: BTreeMap<String, SignerReport>,
    /// Messages that never came, by their numbers; the seals say the same.
    pub gaps: u64,
    /// What is wrong, in the order of the files.
    pub faults: Vec<Fault>,
    /// How many things are wrong, those included that are not listed.
    pub fault_count: u64,
    /// Whether the recorder has ended the bag. If not, it was killed, or the end was cut off: nobody can tell.
    pub closed: bool,
    /// Messages behind the last seal: each is proved by its signature, and nothing proves that there were no others.
    pub unsealed: u64,
    /// Messages that were left out on purpose.
    pub skipped: u64,
    /// Seals that hold.
    pub seals: u64,
    /// The key that seals.
    pub recorder: String,
    /// What people call it, by the trust file.
    pub recorder_nickname: Option<String>,
    /// Whether it is the one that it has to be. If not, nobody has said which one that is, or it is a fault: anybody can seal a
    /// bag anew, with a key of his own.
    pub recorder_pinned: bool,
    /// The node that has recorded.
    pub recorder_node: String,
    /// The bag's id.
    pub bag: String,
    /// Files that were read.
    pub files: u64,
    /// The bags that this one is an extract of: what is here is proved, what is not here may have been there.
    pub extract_of: Vec<Source>,
    /// What is no fault and yet should be known.
    pub notes: Vec<String>,
}

/// What is known of one signer.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct SignerReport {
    /// The nodes that it runs, proved by the writers, which are derived from them.
    pub nodes: BTreeSet<String>,
    /// What people call the key, by the trust file.
    pub nickname: Option<String>,
    /// `known` by the trust file, `unknown`, or `revoked`.
    pub trust: &'static str,
    /// Messages that it has signed.
    pub messages: u64,
    /// On which topics, and how many on each.
    pub topics: BTreeMap<String, u64>,
    /// Messages of it that never came.
    pub gaps: u64,
}

impl VerifyReport {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// As JSON, on one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
