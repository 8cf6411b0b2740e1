//! What a host is called: good as a nickname, as the name of a context and as that of a node.

use std::fmt;
use std::fs;
use std::str::FromStr;

use nuncio::NodeName;
use nuncio::security::role::Nickname;

use crate::acquaintances::ME;
use crate::contexts::ContextName;

/// The longest name.
const LEN_MAX: usize = 64;

/// The name of a host: a letter, then letters, digits and `_`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HostName {
    nickname: Nickname,
    context: ContextName,
    node: NodeName,
}

impl HostName {
    /// What the machine is called by its system, if it says so. What does not fit into a name becomes `_`.
    pub(crate) fn of_machine() -> Option<Self> {
        let told = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let told = told.or_else(|| std::env::var("HOSTNAME").ok())?;
        let first = told.trim().split('.').next()?;
        let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = first.chars().take(LEN_MAX).map(fits).collect();
        name.parse().ok()
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        self.nickname.as_str()
    }

    /// As what people call its key.
    pub(crate) fn nickname(&self) -> &Nickname {
        &self.nickname
    }

    /// As the name of a context.
    pub(crate) fn context(&self) -> &ContextName {
        &self.context
    }

    /// As the name of a node, under which tofu pins the key.
    pub(crate) fn node(&self) -> &NodeName {
        &self.node
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "expected a name of up to {LEN_MAX} characters, a letter and then letters, digits and `_`, and not `{ME}`, \
                 found {text:?}"
            )
        };
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || text.len() > LEN_MAX || text == ME {
            return Err(wrong());
        }
        Ok(Self {
            nickname: Nickname::parse(text).map_err(|_| wrong())?,
            context: text.parse().map_err(|_| wrong())?,
            node: NodeName::parse(&format!("/{text}")).map_err(|_| wrong())?,
        })
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
