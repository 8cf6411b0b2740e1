//! Certificates: one key says which roles another key holds, where, and how long, in signed text that people can read.
//!
//! ```text
//! nuncio certificate v1
//! subject: did:key:z6Mk…
//! issuer: did:key:z6Mk…
//! nickname: robot1
//! domain: 0
//! roles: operator, sensor
//! scope: */heartbeat, robot1/**
//! delegate: 1
//! not-before: 2026-11-21T14:00:00Z
//! not-after: 2027-11-21T14:00:00Z
//! signature: <base64>
//! ```
//!
//! # Invariants
//!
//! - There is one text for each certificate: lines in this order, lists sorted and without repetition, `\n` at every
//!   line's end. Text that would be written in another way than it was read is refused.
//! - The signature covers everything before its line. Its first line keeps it apart from all that is signed elsewhere.
//! - Holding a [`Certificate`] proves that its issuer signed it. Whether anybody should believe the issuer is not known
//!   here: see [`certificate_chain`](super::certificate_chain).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::certificate_text::{read_lines, signature_line, signed_text};
use super::key::{EnrolledKey, Identity, PublicKey, WeakKey};
use super::role::{Nickname, RoleName};
use super::time_text::{SECOND_NS, utc_text};
use super::topic_pattern::TopicPattern;
use crate::name::Domain;

/// The greatest length of a certificate's text, in bytes.
pub const CERTIFICATE_LEN_MAX: usize = 4096;

/// The most patterns in a scope.
pub const SCOPE_LEN_MAX: usize = 16;

/// The most certificates that may hang below one: a chain has at most three.
pub const DELEGATE_MAX: u8 = 2;

/// What a certificate says of its subject.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateTerms {
    /// The key that it is for.
    pub subject: PublicKey,
    /// What people call the key.
    pub nickname: Nickname,
    /// The domain that it holds in.
    pub domain: Domain,
    /// The roles that the subject holds. What a role permits is for each receiver's trust.toml to say.
    pub roles: BTreeSet<RoleName>,
    /// The topics and services that the roles hold for.
    pub scope: BTreeSet<TopicPattern>,
    /// How many further certificates may hang below this one.
    pub delegate: u8,
    /// The first instant at which it holds, in nanoseconds since 1970. Written in whole seconds.
    pub not_before_ns: i64,
    /// The first instant at which it holds no more, in nanoseconds since 1970. Written in whole seconds.
    pub not_after_ns: i64,
}

/// A certificate whose signature holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    terms: CertificateTerms,
    issuer: PublicKey,
    signature: [u8; 64],
}

impl Certificate {
    /// Signs the terms. Times are rounded down to whole seconds.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] when the terms make no certificate: no roles, no scope, no time, too much text, or a key
    /// that cannot be a subject.
    pub fn issue(issuer: &Identity, terms: CertificateTerms) -> Result<Self, CertificateError> {
        let whole = |time_ns: i64| time_ns.div_euclid(SECOND_NS).saturating_mul(SECOND_NS);
        let terms = CertificateTerms {
            not_before_ns: whole(terms.not_before_ns),
            not_after_ns: whole(terms.not_after_ns),
            ..terms
        };
        check_terms(&terms)?;
        EnrolledKey::enrol(terms.subject).map_err(CertificateError::WeakKey)?;
        let issuer_key = issuer.public_key();
        let signature = issuer.sign(signed_text(&terms, issuer_key).as_bytes());
        let certificate = Self {
            terms,
            issuer: issuer_key,
            signature,
        };
        check_len(certificate.to_text().len())?;
        Ok(certificate)
    }

    /// Reads a certificate and checks everything about it that needs no clock and no policy: its form, its keys and its
    /// signature.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] names the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        check_len(text.len())?;
        let (terms, issuer, signature) = read_lines(text)?;
        let certificate = Self {
            terms,
            issuer,
            signature,
        };
        check_terms(&certificate.terms)?;
        let signed = signed_text(&certificate.terms, certificate.issuer);
        if format!("{signed}{}", signature_line(&certificate.signature)) != text {
            return Err(CertificateError::NotCanonical);
        }
        EnrolledKey::enrol(certificate.terms.subject).map_err(CertificateError::WeakKey)?;
        let issuer = EnrolledKey::enrol(certificate.issuer).map_err(CertificateError::WeakKey)?;
        if issuer.verify(signed.as_bytes(), &certificate.signature) {
            Ok(certificate)
        } else {
            Err(CertificateError::BadSignature {
                issuer: certificate.issuer,
            })
        }
    }

    /// What it says.
    pub const fn terms(&self) -> &CertificateTerms {
        &self.terms
    }

    /// The key that signed it.
    pub const fn issuer(&self) -> PublicKey {
        self.issuer
    }

    /// The text, as [`parse`](Self::parse) reads it.
    pub fn to_text(&self) -> String {
        let mut text = signed_text(&self.terms, self.issuer);
        text.push_str(&signature_line(&self.signature));
        text
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl FromStr for Certificate {
    type Err = CertificateError;

    fn from_str(text: &str) -> Result<Self, CertificateError> {
        Self::parse(text)
    }
}

fn check_len(found: usize) -> Result<(), CertificateError> {
    if found > CERTIFICATE_LEN_MAX {
        return Err(CertificateError::TooLong { found });
    }
    Ok(())
}

fn check_terms(terms: &CertificateTerms) -> Result<(), CertificateError> {
    if terms.roles.is_empty() {
        return Err(CertificateError::Empty { list: "roles" });
    }
    if terms.scope.is_empty() {
        return Err(CertificateError::Empty { list: "scope" });
    }
    if terms.scope.len() > SCOPE_LEN_MAX {
        return Err(CertificateError::ScopeTooLong {
            found: terms.scope.len(),
        });
    }
    if terms.delegate > DELEGATE_MAX {
        return Err(CertificateError::DelegatesTooFar { found: terms.delegate });
    }
    if terms.not_before_ns < 0 || terms.not_after_ns <= terms.not_before_ns {
        return Err(CertificateError::NoTime {
            not_before_ns: terms.not_before_ns,
            not_after_ns: terms.not_after_ns,
        });
    }
    Ok(())
}

/// Why a text or a set of terms is no certificate, or several are no chain.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CertificateError {
    /// More text than a certificate may have.
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Another line than the one that is due.
    Line {
        /// Its number, from 1.
        number: usize,
        /// How it begins.
        expected: &'static str,
        /// What stands there, cut to 80 characters.
        found: String,
    },
    /// A value that is not what its line is for.
    Value {
        /// What is expected and what was found.
        message: String,
    },
    /// The same content is written in another way.
    NotCanonical,
    /// No roles, or no scope.
    Empty {
        /// Which of the two.
        list: &'static str,
    },
    /// More patterns than a scope may have.
    ScopeTooLong {
        /// Patterns found.
        found: usize,
    },
    /// More delegation than a chain is long.
    DelegatesTooFar {
        /// The number found.
        found: u8,
    },
    /// It ends before it begins, or begins before 1970.
    NoTime {
        /// When it begins.
        not_before_ns: i64,
        /// When it ends.
        not_after_ns: i64,
    },
    /// A key that cannot be believed by anybody.
    WeakKey(WeakKey),
    /// The issuer did not sign this.
    BadSignature {
        /// The issuer that is named.
        issuer: PublicKey,
    },
    /// No certificate, or more than a chain may have.
    ChainLength {
        /// Certificates found.
        found: usize,
    },
    /// A certificate whose issuer is not the subject of the next one.
    NotLinked {
        /// Its place in the chain, from 1 at the leaf.
        position: usize,
        /// The issuer that it names.
        issuer: PublicKey,
        /// The subject of the next one.
        subject: PublicKey,
    },
    /// A certificate that gives more than its issuer has.
    Widens {
        /// Its place in the chain, from 1 at the leaf.
        position: usize,
        /// What it gives.
        what: String,
    },
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found } => {
                write!(f, "a certificate has at most {CERTIFICATE_LEN_MAX} bytes, found {found}")
            }
            Self::Line {
                number,
                expected,
                found,
            } => write!(f, "line {number} begins with {expected:?}, found {found:?}"),
            Self::Value { message } => f.write_str(message),
            Self::NotCanonical => f.write_str(
                "a certificate is written in one way only (sorted lists, no spaces or lines added, `\\n` at the end of each \
                 line); copy the whole text as it was issued",
            ),
            Self::Empty { list } => write!(f, "a certificate has at least one entry in `{list}`, found none"),
            Self::ScopeTooLong { found } => {
                write!(f, "a scope has at most {SCOPE_LEN_MAX} patterns, found {found}")
            }
            Self::DelegatesTooFar { found } => {
                write!(f, "`delegate` is at most {DELEGATE_MAX}, because a chain has at most three certificates, found {found}")
            }
            Self::NoTime {
                not_before_ns,
                not_after_ns,
            } => write!(
                f,
                "a certificate ends after it begins, and begins after 1970, found not-before {} and not-after {}",
                utc_text(*not_before_ns),
                utc_text(*not_after_ns)
            ),
            Self::WeakKey(error) => error.fmt(f),
            Self::BadSignature { issuer } => {
                write!(f, "the signature is not one of {issuer} for this text; have the certificate issued again")
            }
            Self::ChainLength { found } => write!(f, "a chain has one to three certificates, found {found}"),
            Self::NotLinked {
                position,
                issuer,
                subject,
            } => write!(
                f,
                "certificate {position} of the chain was issued by {issuer}, but the next one is for {subject}; put each \
                 issuer's own certificate behind what it issued"
            ),
            Self::Widens { position, what } => write!(
                f,
                "certificate {position} of the chain gives more than its issuer has: {what}; have it issued again within \
                 the issuer's own bounds"
            ),
        }
    }
}

impl std::error::Error for CertificateError {}

#[cfg(test)]
pub(in crate::security) mod tests;
