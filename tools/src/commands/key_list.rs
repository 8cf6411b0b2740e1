//! `key list`: the own key and all others that have a name here.

use nuncio::PublicKey;
use nuncio::security::time_text::utc_text;

use super::{CommandError, Outcome};
use crate::acquaintances::{ME, Name};
use crate::answers::key::{KeyListed, KeyName};
use crate::cli::GlobalArgs;
use crate::render::{Render, Table, Tone};
use crate::trust_home::TrustHome;

pub(super) fn run(render: &Render, global: &GlobalArgs) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let keys = keys(&home);
    if keys.is_empty() {
        render.note("no keys; `nuncio key new` makes one, and others are pinned when their nodes are first seen");
        return Ok(Outcome::Nothing);
    }
    let mut table = Table::new(["KEY", "NAMES", ""]);
    for key in keys {
        let names: Vec<&Name> = home
            .acquaintances
            .names()
            .iter()
            .filter(|name| name.key == key)
            .collect();
        let is_own = home.acquaintances.own() == Some(key);
        let revoked = home.policy.revoked_at(key).map(utc_text);
        if render.is_json() {
            let names = names.iter().map(|name| KeyName {
                name: &name.text,
                source: name.source.as_str(),
            });
            render.answer(&KeyListed {
                key: key.to_string(),
                own: is_own,
                names: names.collect(),
                revoked_since: revoked,
            })?;
            continue;
        }
        let mut said: Vec<String> = is_own.then(|| ME.to_owned()).into_iter().collect();
        said.extend(
            names
                .iter()
                .map(|name| format!("{} ({})", name.text, name.source.as_str())),
        );
        table.row([
            key.to_string(),
            said.join(", "),
            revoked
                .map(|since| format!("REVOKED since {since}"))
                .unwrap_or_default(),
        ]);
    }
    if !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    Ok(Outcome::Found)
}

/// Each key once: the own one, those with names, those that are revoked and have none.
fn keys(home: &TrustHome) -> Vec<PublicKey> {
    let named = home.acquaintances.names().iter().map(|name| name.key);
    let revoked = home.policy.revocations().map(|(key, _)| key);
    let mut keys = Vec::new();
    for key in home.acquaintances.own().into_iter().chain(named).chain(revoked) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
