//! `key export`: the own key as PEM.

use std::error::Error;
use std::fmt;

use nuncio::Keystore;

use super::{CommandError, Outcome};
use crate::answers::key::KeyExported;
use crate::cli::{GlobalArgs, KeyExport};
use crate::passphrase::{new_passphrase, write_new};
use crate::render::Render;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: KeyExport) -> Result<Outcome, CommandError> {
    let keystore = Keystore::open(global.keystore_dir()?)?;
    let identity = keystore.stored_identity()?.ok_or(NoKey)?;
    let (form, pem) = if args.public {
        ("public", identity.public_key().to_pem().into())
    } else if args.encrypt {
        let passphrase = new_passphrase(&args.passphrase)?;
        ("encrypted", identity.to_encrypted_pkcs8_pem(&passphrase)?)
    } else {
        ("private", identity.to_pkcs8_pem())
    };
    if form == "private" {
        render.warning("this private key is not encrypted: whoever reads it can sign as you; --encrypt protects it");
    }
    let path = args.out.as_ref().map(|path| path.display().to_string());
    if let Some(path) = &args.out {
        write_new(path, &pem, !args.public)?;
    }
    if render.is_json() {
        render.answer(&KeyExported {
            key: identity.public_key().to_string(),
            form,
            path: path.as_deref(),
            pem: path.is_none().then_some(pem.as_str()),
        })?;
    } else if let Some(path) = path {
        render.line(None, &format!("file   {path}"))?;
    } else {
        render.lines(&pem)?;
    }
    Ok(Outcome::Found)
}

/// There is nothing to export.
#[derive(Debug)]
struct NoKey;

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no key of this user's own yet; make it with `nuncio key new`")
    }
}

impl Error for NoKey {}
