//! trust.toml as a value: its text and the policy that it states, which always agree.
//!
//! ```toml
//! domain = "0"                     # optional: the domain that the file is for
//! mode = "enforce"                 # observe, tofu or enforce
//!
//! [time]                           # optional, and each line too
//! stamp_age_max = "5s"
//! stamp_ahead_max = "1s"
//!
//! [anchors]                        # may sign certificates and revocations
//! fleet = "did:key:z6Mk…"
//!
//! [roles.operator]
//! publish = ["robot1/cmd_vel", "*/heartbeat"]
//! serve = []
//! call = ["robot1/**"]
//!
//! [grants.alice]                   # a key that is known directly, by its nickname
//! key = "did:key:z6Mk…"
//! roles = ["operator"]
//! scope = ["robot1/**"]            # optional: everything
//! not_before = 2026-01-01T00:00:00Z   # optional
//! expires = 2027-01-01T00:00:00Z   # optional
//!
//! [revoked]                        # refused from this instant on
//! "did:key:z6Mk…" = 2026-11-21T14:00:00Z
//!
//! [topics."robot1/cmd_vel"]        # all entries that match apply, the strictest wins
//! max_size = "64 KiB"
//! max_age = "200ms"
//! max_rate = 50                    # messages a second of one signer
//! role = "operator"                # needed to publish here, in every mode
//! second_signer = "supervisor"     # a holder of this role must approve each message, too
//! ```
//!
//! Nothing in the file is passed over: what is not understood is a problem, and all problems are told at once. A file with
//! a problem states no policy at all.

use std::fmt;
use std::str::FromStr;

use toml_edit::{Document, DocumentMut};

use super::trust_policy::{TrustMode, TrustPolicy};
use super::trust_reading;
use crate::name::Domain;

/// The greatest length of trust.toml, in bytes.
pub const TRUST_FILE_LEN_MAX: usize = 1024 * 1024;

/// trust.toml, understood.
#[derive(Clone, Debug)]
pub struct TrustFile {
    pub(super) document: DocumentMut,
    policy: TrustPolicy,
}

impl TrustFile {
    /// A file that states a mode and nothing else, with comments that say what goes where.
    pub fn new(mode: TrustMode, domain: Option<&Domain>) -> Self {
        let mut document = DocumentMut::new();
        if let Some(domain) = domain {
            document.insert("domain", toml_edit::value(domain.as_str()));
        }
        document.insert("mode", toml_edit::value(mode.as_str()));
        if let Some((mut first, _)) = document.iter_mut().next() {
            first.leaf_decor_mut().set_prefix(NEW_FILE);
        }
        let policy = TrustPolicy::in_mode(mode).for_domain(domain.cloned());
        Self { document, policy }
    }

    /// Reads the text of trust.toml.
    ///
    /// # Errors
    ///
    /// [`TrustFileError`] with everything that is wrong.
    pub fn parse(text: &str) -> Result<Self, TrustFileError> {
        if text.len() > TRUST_FILE_LEN_MAX {
            let message = format!("expected at most {TRUST_FILE_LEN_MAX} bytes, found {}", text.len());
            return Err(TrustFileError::new(text, vec![(0, message)]));
        }
        let document = Document::parse(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            let start = error.span().map_or(0, |span| span.start);
            TrustFileError::new(text, vec![(start, format!("expected TOML, found {message}"))])
        })?;
        let policy = trust_reading::read(&document).map_err(|problems| TrustFileError::new(text, problems))?;
        Ok(Self {
            document: document.into_mut(),
            policy,
        })
    }

    /// The policy that it states.
    pub const fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// The policy that it states.
    pub fn into_policy(self) -> TrustPolicy {
        self.policy
    }
}

/// The text.
impl fmt::Display for TrustFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.document.fmt(f)
    }
}

impl FromStr for TrustFile {
    type Err = TrustFileError;

    fn from_str(text: &str) -> Result<Self, TrustFileError> {
        Self::parse(text)
    }
}

const NEW_FILE: &str = "\
# Whom this node believes. Modes: observe (deliver and mark), tofu (trust the first key seen under a name), enforce
# (a key needs a role that permits what it does).
";

/// Everything that is wrong with a trust.toml. Never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustFileError {
    /// The problems, in the order of the text.
    pub problems: Vec<TrustFileProblem>,
}

/// One thing that is wrong with a trust.toml.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustFileProblem {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl TrustFileError {
    /// Problems at places in the text, in bytes from its beginning.
    fn new(text: &str, mut problems: Vec<(usize, String)>) -> Self {
        problems.sort();
        let problems = problems.into_iter().map(|(at, message)| {
            let before = text.get(..at).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            TrustFileProblem {
                line: 1 + before.matches('\n').count(),
                column: 1 + before.chars().count() - before.get(..line_start).unwrap_or("").chars().count(),
                message,
            }
        });
        Self {
            problems: problems.collect(),
        }
    }
}

impl fmt::Display for TrustFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl fmt::Display for TrustFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for TrustFileError {}

#[cfg(test)]
mod tests;
