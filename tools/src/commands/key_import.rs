//! `key import`: a private key from a file into the keystore.

use serde_json::json;

use super::key_new::{store, tell_moved};
use super::{CommandError, Outcome};
use crate::cli::KeyImport;
use crate::passphrase::read_any_key;
use crate::render::{Render, short_key};

pub(super) fn run(render: &Render, args: KeyImport) -> Result<Outcome, CommandError> {
    let identity = read_any_key(&args.file, &args.passphrase)?;
    let (path, moved) = store(&identity, args.force)?;
    let key = identity.public_key();
    if render.is_json() {
        render.json(&json!({
            "key": key.to_string(),
            "short": short_key(&key),
            "path": path.display().to_string(),
            "old_key_moved_to": moved.map(|moved| moved.display().to_string()),
        }))?;
        return Ok(Outcome::Found);
    }
    render.line(None, &key.to_string())?;
    render.line(None, &format!("file   {}", path.display()))?;
    tell_moved(render, moved.as_deref());
    render.note("the key in the keystore is not encrypted: its file can be read by this user alone");
    Ok(Outcome::Found)
}
