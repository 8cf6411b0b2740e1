//! `trust add` and `trust remove`: direct grants in trust.toml.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use nuncio::clock;
use nuncio::security::revocation::SignedRevocations;
use nuncio::security::role::Nickname;
use nuncio::security::topic_pattern::TopicPattern;
use nuncio::security::trust_file::TrustFile;
use nuncio::security::trust_policy::Grant;

use super::{CommandError, Outcome};
use crate::acquaintances::ME;
use crate::answers::trust::{GrantAdded, TrustRemoved};
use crate::cli::{GlobalArgs, TrustAdd, TrustRemove};
use crate::policy_words::{grant_words, list};
use crate::render::{Render, count};
use crate::trust_home::{NoNickname, ReservedNickname, TrustHome, check_roles};

pub(super) fn add(render: &Render, global: &GlobalArgs, args: &TrustAdd) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let key = home.find(&args.whom)?;
    let known_as = home.acquaintances.nickname(key);
    let nickname = args.given.name.clone().or(known_as).ok_or(NoNickname { key })?;
    if nickname.as_str() == ME {
        return Err(ReservedNickname.into());
    }
    let now_ns = clock::now_ns();
    let everything = TopicPattern::parse("**")?;
    let wanted = Grant {
        nickname,
        key,
        roles: args.given.roles.iter().cloned().collect(),
        scope: match args.scope.as_slice() {
            [] => BTreeSet::from([everything]),
            scope => scope.iter().cloned().collect(),
        },
        not_before_ns: args.given.from.map(|from| from.at_ns(now_ns)),
        expires_ns: args.until.map(|until| until.at_ns(now_ns)),
    };
    let mut granted = wanted.clone();
    home.change_file(|file| {
        check_roles(file.policy(), &wanted.roles)?;
        granted = match args.replace {
            true => wanted.clone(),
            false => joined(file, &wanted)?,
        };
        Ok(file.put_grant(&granted)?)
    })?;
    if render.is_json() {
        render.answer(&GrantAdded {
            nickname: granted.nickname.as_str(),
            key: key.to_string(),
            roles: list(&granted.roles),
            scope: list(&granted.scope),
        })?;
    } else {
        render.line(None, &grant_words(&granted, now_ns))?;
    }
    if granted.expires_ns.is_some_and(|expires_ns| expires_ns <= now_ns) {
        render.warning("this grant has expired already, so it permits nothing");
    }
    Ok(Outcome::Found)
}

/// The wanted grant, and the roles that one by the same name has.
fn joined(file: &TrustFile, wanted: &Grant) -> Result<Grant, GrantError> {
    let policy = file.policy();
    let there = policy.grants().find(|grant| grant.nickname == wanted.nickname).cloned();
    let Some(there) = there else {
        return Ok(wanted.clone());
    };
    if there.key != wanted.key {
        return Err(GrantError::OtherKey { there: Box::new(there) });
    }
    // `put_grant` writes whole seconds.
    let seconds = |time_ns: Option<i64>| time_ns.map(|time_ns| time_ns.div_euclid(1_000_000_000));
    let is_same_time = seconds(there.not_before_ns) == seconds(wanted.not_before_ns)
        && seconds(there.expires_ns) == seconds(wanted.expires_ns);
    if there.scope != wanted.scope || !is_same_time {
        return Err(GrantError::OtherTerms { there: Box::new(there) });
    }
    let roles = there.roles.union(&wanted.roles).cloned().collect();
    Ok(Grant { roles, ..there })
}

pub(super) fn remove(render: &Render, global: &GlobalArgs, args: &TrustRemove) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let by_name = Nickname::parse(&args.whom).ok();
    let key = home.find(&args.whom).ok();
    let (mut removed, mut kept) = (Vec::new(), 0);
    home.change_file(|file| {
        let policy = file.policy();
        let anchor = policy.anchors().find(|(name, _)| Some(*name) == by_name.as_ref());
        let anchor = anchor.map(|(name, key)| (name.clone(), key));
        let grants = policy.grants().filter(|grant| match &by_name {
            Some(name) if policy.grants().any(|grant| grant.nickname == *name) => grant.nickname == *name,
            _ => Some(grant.key) == key && anchor.is_none(),
        });
        let grants: Vec<Nickname> = grants.map(|grant| grant.nickname.clone()).collect();
        for nickname in grants {
            file.remove_grant(&nickname)?;
            removed.push(("grant", nickname));
        }
        if let Some((nickname, key)) = anchor {
            // What was revoked once stays so, whatever becomes of the anchor.
            let list = home.keystore.revocations(&home.domain, key)?;
            for revoked in list.iter().flat_map(SignedRevocations::revoked) {
                file.revoke(revoked.key, revoked.since_ns)?;
                kept += 1;
            }
            file.remove_anchor(&nickname)?;
            removed.push(("anchor", nickname));
        }
        Ok(())
    })?;
    if removed.is_empty() {
        // A name of nobody is told with what may be meant.
        home.find(&args.whom)?;
        render.note(format!("trust.toml has no grant and no anchor {}", args.whom));
        return Ok(Outcome::Nothing);
    }
    for (kind, nickname) in removed {
        match render.is_json() {
            true => render.answer(&TrustRemoved {
                removed: kind,
                nickname: nickname.as_str(),
            })?,
            false => render.line(None, &format!("removed the {kind} {nickname}"))?,
        }
    }
    if kept > 0 {
        render.note(format!(
            "{} that it has revoked stay so, in [revoked]",
            count(kept, "key")
        ));
    }
    Ok(Outcome::Found)
}

/// Why a grant cannot be added to the one of the same name.
#[derive(Debug)]
enum GrantError {
    /// The name is another key's.
    OtherKey { there: Box<Grant> },
    /// The grant has another scope or another time.
    OtherTerms { there: Box<Grant> },
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKey { there } => write!(
                f,
                "{} is the nickname of {} already; choose another --name, or put this in its place with --replace",
                there.nickname, there.key
            ),
            Self::OtherTerms { there } => write!(
                f,
                "the grant {} has another scope or time: {}; put this in its place with --replace, or give the key a second \
                 grant under another --name",
                there.nickname,
                grant_words(there, 0)
            ),
        }
    }
}

impl Error for GrantError {}
