//! `key show`: the key of this user's nodes.

use nuncio::Keystore;

use super::{CommandError, Outcome};
use crate::answers::key::KeyShown;
use crate::cli::GlobalArgs;
use crate::render::{Render, short_key};

pub(super) fn run(render: &Render, global: &GlobalArgs) -> Result<Outcome, CommandError> {
    let keystore = Keystore::open(global.keystore_dir()?)?;
    let is_new = keystore.stored_identity()?.is_none();
    let key = keystore.identity()?.public_key();
    let path = keystore
        .path()
        .map(|dir| dir.join("identity.key").display().to_string());
    if render.is_json() {
        render.answer(&KeyShown {
            key: key.to_string(),
            short: short_key(&key),
            path,
            made_now: is_new,
        })?;
        return Ok(Outcome::Found);
    }
    render.line(None, &key.to_string())?;
    render.line(None, &format!("short  {}", short_key(&key)))?;
    if let Some(path) = path {
        render.line(None, &format!("file   {path}"))?;
    }
    if is_new {
        render.note("there was no key, so it was made just now");
    }
    Ok(Outcome::Found)
}
