//! `trust list` and `trust export`: trust.toml as it is.

use nuncio::clock;

use super::{CommandError, Outcome};
use crate::answers::trust::{TrustText, TrustWritten};
use crate::cli::{GlobalArgs, TrustExport};
use crate::passphrase::write_new;
use crate::policy_words::policy_entries;
use crate::render::{Render, Table, Tone};
use crate::trust_home::{NoTrustFile, TrustHome};

pub(super) fn list(render: &Render, global: &GlobalArgs) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let entries = policy_entries(&home.policy, clock::now_ns());
    let path = home.keystore.trust_path().unwrap_or_default();
    if home.file.is_none() {
        render.note(format!(
            "there is no {}, so the mode is {}; `nuncio trust init` makes it",
            path.display(),
            home.policy.mode
        ));
    } else {
        render.note(format!("{}: mode {}", path.display(), home.policy.mode));
    }
    let mut table = Table::new(["KIND", "NAME", "WHAT"]);
    for entry in &entries {
        match render.is_json() {
            true => render.answer(&entry.row)?,
            false => table.row([entry.kind.to_owned(), entry.name.clone(), entry.words.clone()]),
        }
    }
    if entries.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    Ok(Outcome::Found)
}

/// Prints the text of trust.toml, with what its anchors have revoked by signed lists as lines of `[revoked]`.
pub(super) fn export(render: &Render, global: &GlobalArgs, args: &TrustExport) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let Some(mut file) = home.file.clone() else {
        let path = home.keystore.trust_path().unwrap_or_default();
        return Err(NoTrustFile { path }.into());
    };
    for (key, at_ns) in home.policy.revocations() {
        file.revoke(key, at_ns)?;
    }
    let text = file.to_string();
    match &args.out {
        Some(path) => {
            write_new(path, &text, false)?;
            let path = path.display().to_string();
            match render.is_json() {
                true => render.answer(&TrustWritten { path })?,
                false => render.line(None, &format!("file   {path}"))?,
            }
        }
        None if render.is_json() => render.answer(&TrustText { text })?,
        None => render.lines(&text)?,
    }
    Ok(Outcome::Found)
}
