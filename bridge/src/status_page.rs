//! The status page: what goes on at the border, over HTTP, for a person with a browser.
//!
//! `/` is one file with everything in it; it asks for `/status.json` each second. The page itself says nothing of this
//! bridge; the report is for those with one of the bridge's tokens, where it has any, and shows each role what it may see.
//!
//! # Invariants
//!
//! - The page's content security policy lets nothing run but the script that it was built with, and nothing be asked but
//!   this bridge.
//! - Where this machine alone reaches it, the report is for those who ask for this machine: a site whose name suddenly points
//!   here, and whose pages may therefore read what is here, gets none.
//! - A connection carries one request, so that those that idle take no places.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::Ready;
use crate::border::Border;
use crate::front::{Front, FrontError, FrontOptions};
use crate::visit::{Visit, turned_away};

const PAGE: &str = include_str!("status_page/page.html");

/// How many connections there may be at a time.
const CONNECTIONS_MAX: usize = 64;

/// How the page is served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusPageOptions {
    /// Where it listens, and with which certificates.
    pub front: FrontOptions,
}

impl StatusPageOptions {
    /// At this address, for 64 connections at a time.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            front: FrontOptions {
                connections_max: CONNECTIONS_MAX,
                ..FrontOptions::at(address)
            },
        }
    }
}

impl Default for StatusPageOptions {
    /// On port 8080 of this machine.
    fn default() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 8080).into())
    }
}

/// What requests are answered from.
#[derive(Clone)]
struct Shown {
    border: Border,
    policy: Arc<HeaderValue>,
    /// Nobody else reaches it.
    is_for_this_machine: bool,
}

/// Serves until it is dropped. `ready` is called once browsers can come.
///
/// # Errors
///
/// [`StatusPageError`] when the address or the certificates are not to be had.
pub async fn serve(
    border: Border,
    options: StatusPageOptions,
    ready: impl FnOnce(Ready),
) -> Result<(), StatusPageError> {
    let front = Front::bind(&options.front, &["http/1.1"]).await;
    let front = front.map_err(StatusPageError::Front)?;
    let scheme = if front.is_tls() { "https" } else { "http" };
    let address = format!("{scheme}://{}/", front.address());
    let policy = HeaderValue::from_str(&policy(PAGE)).map_err(io::Error::other);
    let shown = Shown {
        border,
        policy: Arc::new(policy.map_err(StatusPageError::Serve)?),
        is_for_this_machine: front.address().ip().is_loopback(),
    };
    let router = Router::new()
        .route("/", get(page))
        .route("/status.json", get(report))
        .with_state(shown);
    ready(Ready {
        face: "status",
        address,
    });
    axum::serve(front, router).await.map_err(StatusPageError::Serve)
}

async fn page(State(shown): State<Shown>) -> Response {
    let mut response = Html(PAGE).into_response();
    let policy = HeaderValue::clone(&shown.policy);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    guarded(response)
}

async fn report(State(shown): State<Shown>, visit: Visit) -> Response {
    if shown.is_for_this_machine && !visit.asks_for_this_machine() {
        let text = "this page is for this machine alone; ask for it as http://localhost or by its address\n";
        return guarded((StatusCode::FORBIDDEN, text).into_response());
    }
    guarded(match visit.role(&shown.border) {
        Ok(role) => Json(shown.border.report_for(&role, None)).into_response(),
        Err(refused) => turned_away(&refused),
    })
}

/// With what every answer has: it is kept nowhere, is what it says that it is, and ends its connection.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Lets the page's own script and style work, by their hashes, and nothing else.
fn policy(page: &str) -> String {
    let hash = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let inner = page.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
        let inner = inner.map_or("", |(inner, _)| inner);
        STANDARD.encode(Sha256::digest(inner.as_bytes()))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style"),
    )
}

/// Why the page is not served.
#[derive(Debug)]
#[non_exhaustive]
pub enum StatusPageError {
    /// It cannot listen.
    Front(FrontError),
    /// It has stopped serving.
    Serve(io::Error),
}

impl fmt::Display for StatusPageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Front(error) => error.fmt(f),
            Self::Serve(error) => write!(f, "the status page is not served any more: {error}"),
        }
    }
}

impl std::error::Error for StatusPageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_script_and_the_style_of_the_page_and_nothing_at_large() {
        let policy = policy(PAGE);
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        // The hash of nothing, which would stand there if the page had none.
        assert!(!policy.contains("47DEQpj8HBSa"), "{policy}");
        assert!(!PAGE.contains("innerHTML") && !PAGE.contains("http://") && !PAGE.contains("https://"));
    }
}
