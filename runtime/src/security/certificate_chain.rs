//! Chains of certificates: from the key that signs messages up to one that an anchor certified, narrowing all the way.
//!
//! Everything that needs neither a policy nor a clock is checked when a chain is made: the form and signature of each
//! certificate, that each is issued by the subject of the next, and that none gives more than its issuer has. So the
//! roles, scope and time of the whole chain are those of its leaf. Whether an anchor stands at the end, whether a key
//! was revoked and what time it is are questions for [`decision`](super::decision).

use std::fmt;
use std::str::FromStr;

use super::certificate::{Certificate, CertificateError, CertificateTerms};
use super::certificate_text::LINES;
use super::key::PublicKey;
use super::time_text::utc_text;

/// The most certificates in a chain.
pub const CHAIN_LEN_MAX: usize = 3;

/// One to three certificates, leaf first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateChain {
    leaf: Certificate,
    /// The certificates of the issuers, nearest first.
    above: Vec<Certificate>,
}

impl CertificateChain {
    /// Joins certificates, leaf first.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] when they are none or too many, when one is not issued by the next one's subject, or when
    /// one gives more than its issuer has.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, CertificateError> {
        let found = certificates.len();
        let mut certificates = certificates.into_iter();
        let Some(leaf) = certificates.next().filter(|_| found <= CHAIN_LEN_MAX) else {
            return Err(CertificateError::ChainLength { found });
        };
        let above: Vec<_> = certificates.collect();
        let mut child = &leaf;
        for (position, parent) in (1..).zip(&above) {
            check_link(position, child, parent)?;
            child = parent;
        }
        Ok(Self { leaf, above })
    }

    /// Reads the text of `identity.cert`: certificates one after the other, leaf first. Costs a signature's
    /// check and the enrolment of two keys for each, so do it once and keep the chain.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] names the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let lines: Vec<&str> = text.split_inclusive('\n').take(LINES * CHAIN_LEN_MAX + 1).collect();
        let found = lines.len().div_ceil(LINES);
        if !(1..=CHAIN_LEN_MAX).contains(&found) {
            return Err(CertificateError::ChainLength { found });
        }
        let certificates = lines.chunks(LINES).map(|lines| Certificate::parse(&lines.concat()));
        Self::new(certificates.collect::<Result<_, _>>()?)
    }

    /// The certificate of the key that signs messages. Its roles, scope and time are those of the whole chain.
    pub const fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// All certificates, leaf first.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.leaf).chain(&self.above)
    }

    /// The key that must be an anchor: the issuer of the last certificate.
    pub fn anchor(&self) -> PublicKey {
        self.above.last().unwrap_or(&self.leaf).issuer()
    }

    /// Every key that the chain rests on: the subjects from the leaf upwards, and the anchor.
    pub fn keys(&self) -> impl Iterator<Item = PublicKey> {
        let subjects = self.certificates().map(|certificate| certificate.terms().subject);
        subjects.chain(std::iter::once(self.anchor()))
    }

    /// The text, as [`parse`](Self::parse) reads it.
    pub fn to_text(&self) -> String {
        self.certificates().map(Certificate::to_text).collect()
    }
}

impl fmt::Display for CertificateChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl FromStr for CertificateChain {
    type Err = CertificateError;

    fn from_str(text: &str) -> Result<Self, CertificateError> {
        Self::parse(text)
    }
}

fn check_link(position: usize, child: &Certificate, parent: &Certificate) -> Result<(), CertificateError> {
    if child.issuer() != parent.terms().subject {
        return Err(CertificateError::NotLinked {
            position,
            issuer: child.issuer(),
            subject: parent.terms().subject,
        });
    }
    match widening(child.terms(), parent.terms()) {
        None => Ok(()),
        Some(what) => Err(CertificateError::Widens { position, what }),
    }
}

/// The first thing that the child has and the parent cannot give.
fn widening(child: &CertificateTerms, parent: &CertificateTerms) -> Option<String> {
    if child.domain != parent.domain {
        return Some(format!("domain {} where it has {}", child.domain, parent.domain));
    }
    if child.delegate >= parent.delegate {
        return Some(format!(
            "`delegate: {}` where less than its own {} is allowed",
            child.delegate, parent.delegate
        ));
    }
    if let Some(role) = child.roles.difference(&parent.roles).next() {
        return Some(format!("the role {role}"));
    }
    let uncovered = |pattern: &_| !parent.scope.iter().any(|wider| wider.includes(pattern));
    if let Some(pattern) = child.scope.iter().find(|pattern| uncovered(pattern)) {
        return Some(format!("the scope {pattern}"));
    }
    if child.not_before_ns < parent.not_before_ns || child.not_after_ns > parent.not_after_ns {
        return Some(format!(
            "the time from {} to {}, where it has that from {} to {}",
            utc_text(child.not_before_ns),
            utc_text(child.not_after_ns),
            utc_text(parent.not_before_ns),
            utc_text(parent.not_after_ns)
        ));
    }
    None
}

#[cfg(test)]
mod tests;
