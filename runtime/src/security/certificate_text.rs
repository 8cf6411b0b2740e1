//! The text of a certificate, line by line: writing it, and reading it with no judgement of what it says.
//!
//! Reading takes some spellings that writing never makes, such as a leading zero. Whoever reads compares with what would be
//! written.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificate::{CertificateError, CertificateTerms, DELEGATE_MAX};
use super::key::PublicKey;
use super::time_text::{parse_utc, utc_text};

/// The lines of a certificate.
pub(super) const LINES: usize = 11;

const FIRST_LINE: &str = "nuncio certificate v1";

pub(super) fn signed_text(terms: &CertificateTerms, issuer: PublicKey) -> String {
    format!(
        "{FIRST_LINE}\nsubject: {}\nissuer: {issuer}\nnickname: {}\ndomain: {}\nroles: {}\nscope: {}\ndelegate: {}\n\
         not-before: {}\nnot-after: {}\n",
        terms.subject,
        terms.nickname,
        terms.domain,
        list_text(&terms.roles),
        list_text(&terms.scope),
        terms.delegate,
        utc_text(terms.not_before_ns),
        utc_text(terms.not_after_ns),
    )
}

pub(super) fn signature_line(signature: &[u8; 64]) -> String {
    format!("signature: {}\n", STANDARD.encode(signature))
}

fn list_text<T: fmt::Display>(items: &BTreeSet<T>) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// What is written: the terms, the issuer and the signature, of which nothing is known yet.
type Read = (CertificateTerms, PublicKey, [u8; 64]);

/// Reads the lines in their order, with all the freedom that the comparison with the canonical text takes away again.
pub(super) fn read_lines(text: &str) -> Result<Read, CertificateError> {
    let mut lines = text.split('\n').zip(1..);
    let mut line = |name: &'static str| {
        let (line, number) = lines.next().unwrap_or(("", LINES + 1));
        line.strip_prefix(name).ok_or_else(|| CertificateError::Line {
            number,
            expected: name,
            found: line.chars().take(80).collect(),
        })
    };
    if !line(FIRST_LINE)?.is_empty() {
        return Err(CertificateError::NotCanonical);
    }
    let (subject, issuer) = (value(line("subject: ")?)?, value(line("issuer: ")?)?);
    let terms = CertificateTerms {
        subject,
        nickname: value(line("nickname: ")?)?,
        domain: value(line("domain: ")?)?,
        roles: list(line("roles: ")?)?,
        scope: list(line("scope: ")?)?,
        delegate: delegate(line("delegate: ")?)?,
        not_before_ns: instant(line("not-before: ")?)?,
        not_after_ns: instant(line("not-after: ")?)?,
    };
    let signature = STANDARD.decode(line("signature: ")?).ok();
    let Some(signature) = signature.and_then(|bytes| bytes.try_into().ok()) else {
        return Err(value_error("a signature is 64 bytes in base64"));
    };
    Ok((terms, issuer, signature))
}

fn value<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, CertificateError> {
    text.parse().map_err(|error: T::Err| value_error(error))
}

fn list<T: FromStr<Err: fmt::Display> + Ord>(text: &str) -> Result<BTreeSet<T>, CertificateError> {
    text.split(", ").map(value).collect()
}

fn delegate(text: &str) -> Result<u8, CertificateError> {
    text.parse().map_err(|_| {
        value_error(format!(
            "`delegate` is a number from 0 to {DELEGATE_MAX}, found {text:?}"
        ))
    })
}

fn instant(text: &str) -> Result<i64, CertificateError> {
    parse_utc(text).ok_or_else(|| value_error(format!("an instant is written `2026-11-21T14:00:00Z`, found {text:?}")))
}

fn value_error(message: impl fmt::Display) -> CertificateError {
    CertificateError::Value {
        message: message.to_string(),
    }
}
