//! How one host remembers the key of another: under its name, and with no more rights than a person says.
//!
//! The key is pinned to the node name `/NAME`, as if it had been seen there first. With `--role` it gets a grant in trust.toml,
//! too. A name that another key has is never given away. Mode `enforce` asks no pins: there a key without a role has a name
//! here and nothing else.

use nuncio::security::role::RoleName;
use nuncio::security::topic_pattern::TopicPattern;
use nuncio::security::trust_policy::Grant;
use nuncio::{Domain, PublicKey, TrustMode, clock};
use schemars::JsonSchema;
use serde::Serialize;

use super::host_name::HostName;
use super::message::Refused;
use crate::acquaintances::WhoError;
use crate::commands::CommandError;
use crate::trust_home::{NoTrustFile, TrustHome, check_roles};

/// What was written down of another host's key.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Remembered {
    /// The node name that it is pinned to in known.toml.
    pinned: String,
    /// The roles of its grant in trust.toml.
    roles: Vec<String>,
    /// Whether what it says is refused until it has a role: the mode is `enforce`, and it has none by a grant.
    needs_role: bool,
}

impl Remembered {
    /// In words.
    pub(crate) fn in_words(&self, name: &HostName) -> String {
        let mut words = format!("pinned to {} in known.toml", self.pinned);
        if !self.roles.is_empty() {
            words.push_str(&format!(" and granted {} in trust.toml", self.roles.join(", ")));
        }
        if self.needs_role {
            words.push_str(&format!(
                ", and refused here until it has a role (`nuncio trust add {name} --role ROLE` gives it one)"
            ));
        }
        words
    }
}

/// Sees that roles can be given here.
///
/// # Errors
///
/// [`NoTrustFile`] and [`UnknownRole`](crate::trust_home::UnknownRole).
pub(crate) fn check_given_roles(home: &TrustHome, roles: &[RoleName]) -> Result<(), CommandError> {
    if !roles.is_empty() && home.file.is_none() {
        let path = home.keystore.trust_path().unwrap_or_default();
        return Err(NoTrustFile { path }.into());
    }
    Ok(check_roles(&home.policy, roles)?)
}

/// Whether the key may be remembered under the name.
///
/// # Errors
///
/// [`Refused`] when it may not.
pub(crate) fn may_be_remembered(
    home: &TrustHome,
    own: &HostName,
    (name, key): (&HostName, PublicKey),
) -> Result<(), Refused> {
    if home.acquaintances.own() == Some(key) || name == own {
        return Err(Refused::Oneself);
    }
    if home
        .policy
        .revoked_at(key)
        .is_some_and(|at_ns| at_ns <= clock::now_ns())
    {
        return Err(Refused::BadKey);
    }
    match home.find(name.as_str()) {
        Ok(known) if known == key => Ok(()),
        Err(WhoError::Unknown { .. }) => Ok(()),
        Ok(_) | Err(_) => Err(Refused::NameTaken),
    }
}

/// Remembers the key under the name.
///
/// # Errors
///
/// Whatever keeps a file from being written, and [`NameTaken`] when another key has the name by now.
pub(crate) fn remember(
    home: &TrustHome,
    domain: &Domain,
    (name, key): (&HostName, PublicKey),
    roles: &[RoleName],
) -> Result<Remembered, CommandError> {
    let node = name.node().as_str();
    if home.keystore.pins()?.pin_node(domain.as_str(), node, key)? != key {
        return Err(NameTaken { name: name.clone() }.into());
    }
    let mut policy = home.policy.clone();
    if !roles.is_empty() {
        let everything = TopicPattern::parse("**")?;
        let file = home.change_file(|file| {
            let there = file.policy().grants().find(|grant| grant.nickname == *name.nickname());
            let mut grant = match there {
                Some(there) if there.key != key => return Err(NameTaken { name: name.clone() }.into()),
                Some(there) => there.clone(),
                None => Grant {
                    nickname: name.nickname().clone(),
                    key,
                    roles: [].into(),
                    scope: [everything].into(),
                    not_before_ns: None,
                    expires_ns: None,
                },
            };
            grant.roles.extend(roles.iter().cloned());
            Ok(file.put_grant(&grant)?)
        })?;
        policy = file.into_policy();
    }
    let granted = policy.grants().filter(|grant| grant.key == key);
    let roles: Vec<_> = granted
        .flat_map(|grant| grant.roles.iter().map(ToString::to_string))
        .collect();
    Ok(Remembered {
        pinned: node.to_owned(),
        needs_role: home.policy.mode == TrustMode::Enforce && roles.is_empty(),
        roles,
    })
}

/// Another key has the name.
#[derive(Debug)]
pub(crate) struct NameTaken {
    name: HostName,
}

impl std::fmt::Display for NameTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "another key has the name {} here; `nuncio key list` shows it",
            self.name
        )
    }
}

impl std::error::Error for NameTaken {}
