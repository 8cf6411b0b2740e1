//! `key import`: a private key from a file into the keystore.

use super::key_new::{store, tell_new_key};
use super::{CommandError, Outcome};
use crate::cli::{GlobalArgs, KeyImport};
use crate::passphrase::read_any_key;
use crate::render::Render;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: KeyImport) -> Result<Outcome, CommandError> {
    let identity = read_any_key(&args.file, &args.passphrase)?;
    let (path, moved) = store(&identity, global, args.force)?;
    let outcome = tell_new_key(render, &identity, &path, moved.as_deref())?;
    if !render.is_json() {
        render.note("the key in the keystore is not encrypted: its file can be read by this user alone");
    }
    Ok(outcome)
}
