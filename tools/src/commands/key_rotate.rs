//! `key rotate`: a new key that follows the old one by a statement that both have signed.
//!
//! In `tofu` the statement moves pins. In `enforce` it grants nothing, so grants in this user's own trust.toml are given to
//! the new key, and those of the old one end with the overlap.

use nuncio::clock;
use nuncio::security::role::Nickname;
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_file::TrustFile;
use nuncio::security::trust_policy::Grant;
use nuncio::{PublicKey, TrustMode};

use super::{CommandError, Outcome};
use crate::answers::key::KeyRotated;
use crate::cli::{GlobalArgs, KeyRotate};
use crate::policy_words::grant_words;
use crate::render::{Render, short_key};
use crate::trust_home::TrustHome;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &KeyRotate) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let now_ns = clock::now_ns();
    let overlap_ns = i64::try_from(args.overlap.as_nanos()).unwrap_or(i64::MAX);
    // Asked before: afterwards the certificates are another key's.
    let has_certificate = home.identity.is_some() && home.keystore.certificate_path().is_some_and(|path| path.exists());
    let succession = home.keystore.rotate(&global.domain, now_ns, overlap_ns)?;
    let terms = succession.terms();
    let mut granted = Vec::new();
    if home.file.is_some() {
        home.change_file(|file| {
            granted = follow(file, terms.old, terms.new, now_ns, terms.until_ns)?;
            Ok(())
        })?;
    }
    if render.is_json() {
        let granted: Vec<_> = granted.iter().map(|grant| grant.nickname.as_str()).collect();
        render.answer(&KeyRotated {
            old: terms.old.to_string(),
            key: terms.new.to_string(),
            from: utc_text(terms.from_ns),
            old_until: utc_text(terms.until_ns),
            grants: granted,
        })?;
    } else {
        render.line(None, &terms.new.to_string())?;
        let old = short_key(&terms.old);
        render.line(
            None,
            &format!("follows {old}, which is accepted until {}", utc_text(terms.until_ns)),
        )?;
        for grant in &granted {
            render.line(None, &format!("grant   {}", grant_words(grant, now_ns)))?;
        }
    }
    render.note("nodes that run go on with the old key until they are started again");
    if has_certificate {
        render.warning(format!(
            "identity.cert is for the old key, and no node starts with it; have it issued anew: \
             `nuncio trust sign {} …`, and put that in its place",
            terms.new
        ));
    }
    if home.policy.mode == TrustMode::Enforce {
        render.note("others in mode enforce need a grant or a certificate for the new key as well");
    }
    Ok(Outcome::Found)
}

/// Gives the grants of the old key to the new one; the old one keeps them until the overlap ends.
fn follow(
    file: &mut TrustFile,
    old: PublicKey,
    new: PublicKey,
    now_ns: i64,
    until_ns: i64,
) -> Result<Vec<Grant>, CommandError> {
    let of_old: Vec<Grant> = file
        .policy()
        .grants()
        .filter(|grant| grant.key == old)
        .cloned()
        .collect();
    let is_over = |grant: &Grant| grant.expires_ns.is_some_and(|expires_ns| expires_ns <= now_ns);
    let mut given = Vec::new();
    for grant in of_old.into_iter().filter(|grant| !is_over(grant)) {
        let ending = Grant {
            nickname: aside(file, &grant.nickname, now_ns)?,
            expires_ns: Some(grant.expires_ns.map_or(until_ns, |expires_ns| expires_ns.min(until_ns))),
            ..grant.clone()
        };
        let following = Grant { key: new, ..grant };
        // A grant that begins after the overlap never was the old key's.
        if ending
            .not_before_ns
            .is_none_or(|begins_ns| Some(begins_ns) < ending.expires_ns)
        {
            file.put_grant(&ending)?;
        }
        file.put_grant(&following)?;
        given.push(following);
    }
    Ok(given)
}

/// A nickname for the old key: `NAME-old`, or the first one with a number that nobody needs.
fn aside(file: &TrustFile, nickname: &Nickname, now_ns: i64) -> Result<Nickname, CommandError> {
    let short: String = nickname.as_str().chars().take(48).collect();
    let is_free = |name: &Nickname| {
        let mut grants = file.policy().grants().filter(|grant| grant.nickname == *name);
        grants.all(|grant| grant.expires_ns.is_some_and(|expires_ns| expires_ns <= now_ns))
    };
    let mut number = 1_u64;
    loop {
        let suffix = if number == 1 { String::new() } else { number.to_string() };
        let name = Nickname::parse(&format!("{short}-old{suffix}"))?;
        if is_free(&name) {
            return Ok(name);
        }
        number += 1;
    }
}
