//! What the border refuses, as gRPC has words for it. Pure.

use tonic::{Code, Status};

use crate::border_error::BorderError;

/// The status of a request that the border refuses.
pub(super) fn status(error: BorderError) -> Status {
    let code = match error {
        BorderError::Login(_) => Code::Unauthenticated,
        BorderError::NoRoute { .. } | BorderError::NotPermitted { .. } | BorderError::Page { .. } => {
            Code::PermissionDenied
        }
        BorderError::NobodyThere { .. } | BorderError::UnknownType { .. } => Code::NotFound,
        BorderError::Name(_) | BorderError::OtherType { .. } | BorderError::Message(_) => Code::InvalidArgument,
        BorderError::TooMuch(_) => Code::ResourceExhausted,
        BorderError::Call(_) | BorderError::Node(_) => Code::Unavailable,
    };
    let text = match &error {
        // The border's own words name ways to give a token that gRPC does not have.
        BorderError::Login(problem) => {
            format!("{problem}; give one of the bridge's tokens as metadata: `authorization: Bearer TOKEN`")
        }
        other => other.to_string(),
    };
    Status::new(code, shortened(text))
}

/// A status travels in a header, of which most clients take 8 KiB.
fn shortened(mut text: String) -> String {
    const LEN_MAX: usize = 2000;
    if text.len() > LEN_MAX {
        let end = (0..=LEN_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_has_the_code_that_clients_act_on() {
        let cases = [
            (BorderError::Login("no token"), Code::Unauthenticated),
            (
                BorderError::NoRoute {
                    name: "/x".into(),
                    direction: "in",
                },
                Code::PermissionDenied,
            ),
            (BorderError::Message("bad".into()), Code::InvalidArgument),
            (BorderError::TooMuch("much".into()), Code::ResourceExhausted),
        ];
        for (error, code) in cases {
            assert_eq!(status(error).code(), code);
        }
        let login = status(BorderError::Login("no token"));
        assert!(login.message().contains("authorization: Bearer"), "{login}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = status(BorderError::Message("ä".repeat(5000)));
        assert!(cut.message().len() < 2010 && cut.message().ends_with('…'));
    }
}
