//! What the HTTP request of a client says of who comes: a token, and whose page it is, if it is a browser's; and the answer
//! when that is not enough.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::border::Border;
use crate::border_error::BorderError;
use crate::origin::host_in;
use crate::role::ClientRole;
use crate::rules::Face;

/// Who comes.
pub(crate) struct Visit {
    token: Option<String>,
    origin: Option<String>,
    host: Option<String>,
}

/// What a query may have that is looked at.
#[derive(Default, Deserialize)]
struct Asked {
    token: Option<String>,
}

impl Visit {
    fn of(headers: &HeaderMap, asked: Asked) -> Self {
        // What is no text is something all the same: it must not pass for nothing.
        let text = |name: HeaderName| Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned());
        let bearer = text(header::AUTHORIZATION).and_then(|value| bearer(&value).map(ToOwned::to_owned));
        Self {
            token: bearer.or(asked.token),
            origin: text(header::ORIGIN),
            host: text(header::HOST),
        }
    }

    /// The role that it has here.
    pub(crate) fn role(&self, border: &Border) -> Result<Arc<ClientRole>, BorderError> {
        border.authenticate(self.token.as_deref())
    }

    /// Whether it may come in, and in which role; none when it brings no token and may still do so.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when it is a page of another site, or brings a wrong token.
    pub(crate) fn enter(&self, border: &Border, face: Face) -> Result<Option<Arc<ClientRole>>, BorderError> {
        self.check_page(border, face)?;
        match self.role(border) {
            Ok(role) => Ok(Some(role)),
            Err(_) if self.token.is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it may come in, if it is a page.
    pub(crate) fn check_page(&self, border: &Border, face: Face) -> Result<(), BorderError> {
        border.check_page(face, self.origin.as_deref(), self.host.as_deref())
    }

    /// Whether it has asked for this machine by an address or as `localhost`, which no other site can make its own name of.
    pub(crate) fn asks_for_this_machine(&self) -> bool {
        let host = self.host.as_deref().map(host_in);
        host.is_none_or(|host| host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok())
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let asked = Query::<Asked>::try_from_uri(&parts.uri).map(|Query(asked)| asked);
        Ok(Self::of(&parts.headers, asked.unwrap_or_default()))
    }
}

/// The token behind the word `Bearer`.
pub(crate) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Tells somebody why he is turned away, and what to do.
pub(crate) fn turned_away(error: &BorderError) -> Response {
    let text = format!("{error}\n");
    match error {
        BorderError::Login(_) => {
            let header = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            (StatusCode::UNAUTHORIZED, [header], text).into_response()
        }
        BorderError::Page { .. } => (StatusCode::FORBIDDEN, text).into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, text).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(name: HeaderName, value: &'static [u8]) -> Visit {
        let value = HeaderValue::from_bytes(value);
        let headers: HeaderMap = value.into_iter().map(|value| (name.clone(), value)).collect();
        Visit::of(&headers, Asked::default())
    }

    #[test]
    fn a_token_stands_behind_the_word_bearer() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }

    #[test]
    fn an_origin_that_is_no_text_is_an_origin() {
        assert!(visit(header::ORIGIN, b"\xff\xfe").origin.is_some());
        assert!(visit(header::HOST, b"a").origin.is_none());
    }

    #[test]
    fn names_that_others_own_are_not_asked_for_as_this_machine() {
        for host in [
            &b"localhost:8080"[..],
            b"127.0.0.1:8080",
            b"[::1]:8080",
            b"10.0.0.5",
            b"LOCALHOST",
        ] {
            assert!(visit(header::HOST, host).asks_for_this_machine(), "{host:?}");
        }
        for host in [&b"evil.example:8080"[..], b"localhost.evil.example", b"\xff"] {
            assert!(!visit(header::HOST, host).asks_for_this_machine(), "{host:?}");
        }
    }
}
