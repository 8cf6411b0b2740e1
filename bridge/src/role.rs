//! Roles of clients: what one who is let in may do, and how much of it. Pure.

use std::fmt;
use std::sync::Arc;

use nuncio::{TopicName, TopicPattern};

use crate::border_error::BorderError;

/// The shortest token that is taken, in characters.
const TOKEN_LEN_MIN: usize = 16;

/// How much one client may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RoleLimits {
    /// Messages that it publishes and calls that it makes, a second.
    pub in_per_second: u32,
    /// The largest message that it may publish, in bytes of its encoding.
    pub message_len_max: usize,
    /// How many topics it may be subscribed to at a time, and as many services it may offer.
    pub taps_max: usize,
    /// How many messages of a topic wait for it at most, whatever it asks for.
    pub queue_max: usize,
    /// How many bytes of them wait at most, all topics together.
    pub queue_bytes_max: usize,
}

impl Default for RoleLimits {
    fn default() -> Self {
        Self {
            in_per_second: 10_000,
            message_len_max: 8 << 20,
            taps_max: 1024,
            queue_max: 1024,
            queue_bytes_max: 64 << 20,
        }
    }
}

/// What a client may do: names on Nuncio's side, by direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientRole {
    /// Its name.
    pub name: String,
    /// Topics that it may publish on.
    pub publish: Vec<TopicPattern>,
    /// Topics that it may subscribe to.
    pub subscribe: Vec<TopicPattern>,
    /// Services that it may call, actions and parameters among them.
    pub call: Vec<TopicPattern>,
    /// Services that it may offer.
    pub serve: Vec<TopicPattern>,
    /// Names of nodes that it may take, with a key of its own: see [`browser`](crate::browser).
    pub nodes: Vec<TopicPattern>,
    /// How much.
    pub limits: RoleLimits,
}

/// What a client does with a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    Publish,
    Subscribe,
    Call,
    Serve,
    /// Be a node with this name.
    Be,
}

impl Act {
    const fn words(self) -> &'static str {
        match self {
            Self::Publish => "publish on",
            Self::Subscribe => "subscribe to",
            Self::Call => "call",
            Self::Serve => "serve",
            Self::Be => "be the node",
        }
    }
}

impl ClientRole {
    /// A role that may do everything that the routes let through.
    pub fn everything(name: &str) -> Self {
        let all: Vec<TopicPattern> = TopicPattern::parse("**").into_iter().collect();
        Self {
            name: name.to_owned(),
            publish: all.clone(),
            subscribe: all.clone(),
            call: all.clone(),
            serve: all.clone(),
            nodes: all,
            limits: RoleLimits::default(),
        }
    }

    /// Whether no topic is kept from it.
    pub(crate) fn sees_everything(&self) -> bool {
        self.subscribe.iter().any(|pattern| pattern.as_str() == "**")
    }

    pub(crate) fn may(&self, act: Act, name: &TopicName) -> bool {
        let patterns = match act {
            Act::Publish => &self.publish,
            Act::Subscribe => &self.subscribe,
            Act::Call => &self.call,
            Act::Serve => &self.serve,
            Act::Be => &self.nodes,
        };
        patterns.iter().any(|pattern| pattern.matches(name))
    }

    pub(crate) fn check(&self, act: Act, name: &TopicName) -> Result<(), BorderError> {
        match self.may(act, name) {
            true => Ok(()),
            false => Err(BorderError::NotPermitted {
                role: self.name.clone(),
                act: act.words(),
                name: name.as_str().to_owned(),
            }),
        }
    }
}

/// A token, of which only the hash is kept, and the role that it gives.
#[derive(Clone)]
pub struct Token {
    hash: blake3::Hash,
    /// The role.
    pub role: Arc<ClientRole>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("role", &self.role.name)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// A token and its role.
    pub fn new(secret: &str, role: Arc<ClientRole>) -> Self {
        Self {
            hash: blake3::hash(secret.as_bytes()),
            role,
        }
    }

    /// A token as it stands in a file or a variable, blanks around it apart.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when it is too short to be a secret.
    pub fn read(text: &str, role: Arc<ClientRole>) -> Result<Self, TokenError> {
        let secret = text.trim();
        match secret.len() >= TOKEN_LEN_MIN {
            true => Ok(Self::new(secret, role)),
            false => Err(TokenError { len: secret.len() }),
        }
    }

    /// Whether this is the token. The hashes are compared in constant time.
    pub(crate) fn is(&self, secret: &str) -> bool {
        self.hash == blake3::hash(secret.as_bytes())
    }
}

/// A token that is too short to be a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenError {
    /// How many bytes it has.
    pub len: usize,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the token has {} characters, at least {TOKEN_LEN_MIN} are needed; `openssl rand -hex 16` makes one",
            self.len
        )
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn a_role_may_what_its_patterns_say_and_the_refusal_says_what_not() {
        let mut role = ClientRole::everything("viewer");
        role.publish.clear();
        let name = TopicName::parse("/cmd_vel").unwrap();
        assert!(role.may(Act::Subscribe, &name));
        let refused = role.check(Act::Publish, &name).unwrap_err().to_string();
        assert!(refused.contains("viewer may not publish on /cmd_vel"), "{refused}");
    }

    #[test]
    fn a_token_is_known_by_its_text_alone_and_never_shown() {
        let token = Token::new("s3cret", Arc::new(ClientRole::everything("operator")));
        assert!(token.is("s3cret"));
        assert!(!token.is("s3cret "));
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
