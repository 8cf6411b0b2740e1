//! The code that one host gives to another: one word that a person can copy, with a sum that finds slips.
//!
//! ```text
//! nuncio-link-1-<base58 of:>
//!   4   when it ends, seconds since 1970, big endian
//!   2 2 the port of the invitation, and that of the router
//!   32  BLAKE3 of the inviter's TLS certificate
//!   16  the secret
//!   name, domain, hosts with a space between them: each text with its length in two bytes before it
//!   4   the first bytes of BLAKE3 of all that
//! ```

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use nuncio::Domain;

use super::addresses::{before_port, is_host};
use super::host_name::HostName;

/// What a code begins with: how it is recognised, and its version.
const PREFIX: &str = "nuncio-link-1-";

/// The longest code that is read.
const TEXT_LEN_MAX: usize = 8192;

/// The most hosts in a code: all of them, at their longest, are within what is read.
pub(crate) const HOSTS_MAX: usize = 16;

/// The bytes of a secret.
pub(crate) const SECRET_LEN: usize = 16;

const SUM_LEN: usize = 4;

/// What is good once. It is never printed but in a code.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Secret([u8; SECRET_LEN]);

impl Secret {
    /// One from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// The operating system's own.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_LEN];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a host has to know to join another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LinkCode {
    /// When it ends by the inviter's clock, in seconds since 1970.
    pub(crate) ends_s: u32,
    /// The port of the invitation.
    pub(crate) door: u16,
    /// The port of the router.
    pub(crate) port: u16,
    /// BLAKE3 of the inviter's certificate.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) secret: Secret,
    /// What the inviter calls itself.
    pub(crate) name: HostName,
    pub(crate) domain: Domain,
    /// At which names and addresses the inviter is reached.
    pub(crate) hosts: Vec<String>,
}

impl LinkCode {
    /// The router's endpoint at one of the hosts.
    pub(crate) fn endpoint(&self, host: &str) -> String {
        format!("tls/{}:{}", before_port(host), self.port)
    }

    /// The address of the invitation at one of the hosts.
    pub(crate) fn door_at(&self, host: &str) -> String {
        format!("{}:{}", before_port(host), self.door)
    }

    fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        content.extend(self.ends_s.to_be_bytes());
        content.extend(self.door.to_be_bytes());
        content.extend(self.port.to_be_bytes());
        content.extend(self.fingerprint);
        content.extend(self.secret.as_bytes());
        let mut text = |text: &str| {
            // A text that is too long for that would not be read again.
            content.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
            content.extend(text.as_bytes());
        };
        text(self.name.as_str());
        text(self.domain.as_str());
        text(&self.hosts.join(" "));
        content
    }
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut content = self.content();
        let sum = sum(&content);
        content.extend(sum);
        write!(f, "{PREFIX}{}", bs58::encode(content).into_string())
    }
}

impl FromStr for LinkCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        let Some(encoded) = text.strip_prefix(PREFIX) else {
            return Err(CodeError::OtherText);
        };
        if text.len() > TEXT_LEN_MAX {
            return Err(CodeError::Damaged);
        }
        let content = bs58::decode(encoded).into_vec().map_err(|_| CodeError::Damaged)?;
        let at = content.len().checked_sub(SUM_LEN).ok_or(CodeError::Damaged)?;
        let (content, found) = content.split_at(at);
        if sum(content) != found {
            return Err(CodeError::Damaged);
        }
        read(content).ok_or(CodeError::Damaged)
    }
}

fn sum(content: &[u8]) -> [u8; SUM_LEN] {
    let [first, second, third, fourth, ..] = *blake3::hash(content).as_bytes();
    [first, second, third, fourth]
}

fn read(mut content: &[u8]) -> Option<LinkCode> {
    let code = LinkCode {
        ends_s: u32::from_be_bytes(take(&mut content)?),
        door: u16::from_be_bytes(take(&mut content)?),
        port: u16::from_be_bytes(take(&mut content)?),
        fingerprint: take(&mut content)?,
        secret: Secret(take(&mut content)?),
        name: take_text(&mut content)?.parse().ok()?,
        domain: Domain::parse(take_text(&mut content)?).ok()?,
        hosts: take_text(&mut content)?.split_whitespace().map(str::to_owned).collect(),
    };
    let has_hosts = (1..=HOSTS_MAX).contains(&code.hosts.len()) && code.hosts.iter().all(|host| is_host(host));
    (content.is_empty() && has_hosts).then_some(code)
}

fn take<const LEN: usize>(content: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, rest) = content.split_first_chunk()?;
    *content = rest;
    Some(*taken)
}

fn take_text<'a>(content: &mut &'a [u8]) -> Option<&'a str> {
    let len = u16::from_be_bytes(take(content)?);
    let (taken, rest) = content.split_at_checked(usize::from(len))?;
    *content = rest;
    str::from_utf8(taken).ok()
}

/// Why a text is no code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CodeError {
    /// It is something else.
    OtherText,
    /// It is a code that was cut off or changed on the way.
    Damaged,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherText => write!(
                f,
                "expected the code that `nuncio link invite` prints on the other host, which begins with {PREFIX}, found \
                 something else"
            ),
            Self::Damaged => f.write_str(
                "the code was cut off or changed on its way; copy the whole line that `nuncio link invite` prints",
            ),
        }
    }
}

impl Error for CodeError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code() -> LinkCode {
        LinkCode {
            ends_s: 1_795_000_000,
            door: 40001,
            port: 7447,
            fingerprint: [7; 32],
            secret: Secret([9; SECRET_LEN]),
            name: "robot7".parse().unwrap(),
            domain: Domain::parse("lab").unwrap(),
            hosts: vec![
                "192.168.1.5".to_owned(),
                "robot7.local".to_owned(),
                "fe80::1".to_owned(),
            ],
        }
    }

    #[test]
    fn a_code_is_one_word_and_is_read_as_it_was_written() {
        let text = code().to_string();
        assert!(
            text.starts_with(PREFIX) && !text.contains(char::is_whitespace),
            "{text}"
        );
        assert_eq!(text.parse(), Ok(code()));
        assert_eq!(format!("  {text}\n").parse(), Ok(code()));
    }

    #[test]
    fn each_letter_that_is_wrong_or_missing_is_found() {
        let text = code().to_string();
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'2' { "3" } else { "2" };
            let mut changed = text.clone();
            changed.replace_range(at..=at, other);
            assert!(changed.parse::<LinkCode>().is_err(), "{changed}");
            assert!(text[..at].parse::<LinkCode>().is_err(), "cut at {at}");
        }
    }

    #[test]
    fn another_text_is_told_apart_from_a_damaged_code() {
        assert_eq!("tls/robot7:7447".parse::<LinkCode>(), Err(CodeError::OtherText));
        assert_eq!(PREFIX.parse::<LinkCode>(), Err(CodeError::Damaged));
        let long = format!("{PREFIX}{}", "z".repeat(100_000));
        assert_eq!(long.parse::<LinkCode>(), Err(CodeError::Damaged));
    }

    #[test]
    fn the_secret_is_in_no_debug_text() {
        assert!(!format!("{:?}", code()).contains("9, 9"));
    }

    proptest! {
        #[test]
        fn whatever_has_the_right_sum_is_read_without_a_panic(content: Vec<u8>) {
            let mut content = content;
            let sum = sum(&content);
            content.extend(sum);
            let _ = format!("{PREFIX}{}", bs58::encode(content).into_string()).parse::<LinkCode>();
        }
    }
}
