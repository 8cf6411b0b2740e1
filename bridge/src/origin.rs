//! Which pages of browsers may use the bridge by themselves. Pure.
//!
//! A browser lets any page open a WebSocket to any address, this machine's included, and says in `Origin` whose page it is. So
//! where no token is demanded, a page of another site could drive a robot through a bridge that nobody but this machine
//! reaches. A page does not have the user's token, and other programs than browsers send no origin.
//!
//! # Invariants
//!
//! - A name in the address of a page says nothing of where the page comes from: whoever owns the name may let it point here.
//!   Only addresses, `localhost` and files are taken for pages of this machine.
//! - `null` is nobody: any page can make a frame that has this origin.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Foxglove's own app, for which its face is there.
pub const FOXGLOVE_APP: &str = "https://app.foxglove.dev";

/// The longest origin: a scheme, a host name of 253 letters, and a port.
const LEN_MAX: usize = 300;

/// Whose page it is, as browsers say it: `https://dash.example.com`, `http://10.0.0.5:8000`, `null`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin(String);

impl Origin {
    /// The text, in small letters, without the port that its scheme has anyhow.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Foxglove's own app.
    pub(crate) fn is_foxglove(&self) -> bool {
        self.0 == FOXGLOVE_APP
    }

    /// Whether it is a page of the browser's own machine, or comes from the very address, given as `Host`, where the bridge is.
    pub(crate) fn is_at_home(&self, host: Option<&str>) -> bool {
        if self.0 == "file://" {
            return true;
        }
        let Some((_, authority)) = self.0.split_once("://") else {
            return false;
        };
        let page = host_in(authority);
        if page == "localhost" || page.ends_with(".localhost") {
            return true;
        }
        let Ok(page) = page.parse::<IpAddr>() else {
            return false;
        };
        page.is_loopback() || host.and_then(|host| host_in(host).parse().ok()) == Some(page)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The host in `host:port`, without the brackets of an address of IPv6.
pub(crate) fn host_in(authority: &str) -> &str {
    let end = match authority.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().unwrap_or(rest),
        None => authority.rfind(':').unwrap_or(authority.len()),
    };
    authority.get(..end).unwrap_or(authority)
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let wrong = || OriginError {
            text: text.chars().take(LEN_MAX).collect(),
        };
        if text.len() > LEN_MAX {
            return Err(wrong());
        }
        let lower = text.trim().to_ascii_lowercase();
        if lower == "null" || lower == "file://" {
            return Ok(Self(lower));
        }
        let (scheme, authority) = lower.split_once("://").ok_or_else(wrong)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let is_plain = |text: &str, also: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
            !text.is_empty() && text.chars().all(fits)
        };
        if !is_plain(scheme, "+-.") || !is_plain(authority, "-._:[]") {
            return Err(wrong());
        }
        let usual = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let authority = match usual.is_empty() {
            true => authority,
            false => authority.strip_suffix(usual).unwrap_or(authority),
        };
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

/// What is no origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginError {
    /// What was found, or its beginning.
    pub text: String,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no origin: expected what browsers send, a scheme and a host, and a port if there is one, such as \
             https://dash.example.com or http://10.0.0.5:8000, without a path",
            self.text
        )
    }
}

impl std::error::Error for OriginError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn pages_of_this_machine_and_of_the_bridges_own_address_are_at_home() {
        for (page, host) in [
            ("http://localhost:5173", None),
            ("http://LocalHost", None),
            ("http://dash.localhost", Some("localhost:9090")),
            ("https://127.0.0.1:8443", Some("127.0.0.1:9090")),
            ("http://127.9.9.9", None),
            ("http://[::1]:3000", None),
            ("file://", None),
            ("http://10.0.0.5:8000", Some("10.0.0.5:9090")),
            ("http://10.0.0.5", Some("10.0.0.5")),
            ("http://[fd00::5]:80", Some("[fd00::5]:9090")),
        ] {
            assert!(origin(page).is_at_home(host), "{page} {host:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_not_whatever_they_call_themselves() {
        for (page, host) in [
            ("https://evil.example", Some("127.0.0.1:9090")),
            // Its owner may let this name point to 127.0.0.1.
            ("http://evil.example:9090", Some("evil.example:9090")),
            ("http://robot.local:8000", Some("robot.local:9090")),
            ("http://localhost.evil.example", None),
            ("http://127.0.0.1.evil.example", None),
            ("http://notlocalhost", None),
            ("http://10.0.0.6", Some("10.0.0.5:9090")),
            ("http://10.0.0.6", None),
            ("null", Some("localhost")),
            ("app://localhost.evil", None),
        ] {
            assert!(!origin(page).is_at_home(host), "{page} {host:?}");
        }
    }

    #[test]
    fn an_origin_is_read_as_browsers_send_it() {
        assert_eq!(
            origin("HTTPS://Dash.Example.com:443/").as_str(),
            "https://dash.example.com"
        );
        assert_eq!(origin("http://a:8080").as_str(), "http://a:8080");
        assert_eq!(origin("app://lichtblick").as_str(), "app://lichtblick");
        assert!(origin("https://app.foxglove.dev").is_foxglove());
        for wrong in [
            "",
            "*",
            "example.com",
            "https://",
            "https://a/b",
            "https://a b",
            "://a",
            "https://a?b",
            "https://u@a",
        ] {
            let error = wrong.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains("https://dash.example.com"), "{wrong}: {error}");
        }
        let long = format!("https://{}", "a".repeat(100_000)).parse::<Origin>();
        assert!(long.is_err_and(|error| error.to_string().len() < 1000));
    }
}
