//! `key new`: a new key, in the keystore or in a file. An old one is moved aside at most, never overwritten.
//!
//! Certificates are for one key, so `identity.cert` is moved aside with the old one.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nuncio::{Identity, Keystore, clock};

use super::{CommandError, Outcome};
use crate::answers::key::KeyMade;
use crate::cli::{GlobalArgs, KeyNew};
use crate::passphrase::write_new;
use crate::render::{Render, short_key};

pub(super) fn run(render: &Render, global: &GlobalArgs, args: KeyNew) -> Result<Outcome, CommandError> {
    let identity = Identity::generate()?;
    let (path, moved) = match &args.out {
        Some(file) => {
            let moved = make_room(file, args.force)?;
            write_new(file, &identity.to_pkcs8_pem(), true)?;
            (file.clone(), moved)
        }
        None => store(&identity, global, args.force)?,
    };
    tell_new_key(render, &identity, &path, moved.as_deref())
}

/// Says which key is in which file now.
pub(super) fn tell_new_key(
    render: &Render,
    identity: &Identity,
    path: &Path,
    moved: Option<&Path>,
) -> Result<Outcome, CommandError> {
    let key = identity.public_key();
    if render.is_json() {
        render.answer(&KeyMade {
            key: key.to_string(),
            short: short_key(&key),
            path: path.display().to_string(),
            old_key_moved_to: moved.map(|moved| moved.display().to_string()),
        })?;
        return Ok(Outcome::Found);
    }
    render.line(None, &key.to_string())?;
    render.line(None, &format!("file   {}", path.display()))?;
    tell_moved(render, moved);
    Ok(Outcome::Found)
}

/// Says where the old key went.
fn tell_moved(render: &Render, moved: Option<&Path>) {
    if let Some(moved) = moved {
        render.note(format!(
            "the old key is in {}; nodes that pinned it refuse the new one",
            moved.display()
        ));
    }
}

/// Puts the key into the keystore; gives its file, and where an old one went. The key that is there already is left alone.
pub(super) fn store(
    identity: &Identity,
    global: &GlobalArgs,
    force: bool,
) -> Result<(PathBuf, Option<PathBuf>), CommandError> {
    let dir = global.keystore_dir()?;
    let keystore = Keystore::open(&dir)?;
    let path = dir.join("identity.key");
    // What cannot be read is another key for sure.
    let there = keystore.stored_identity().ok().flatten();
    if there.is_some_and(|there| there.public_key() == identity.public_key()) {
        return Ok((path, None));
    }
    let moved = make_room(&path, force)?;
    if let Some(certificates) = keystore.certificate_path().filter(|_| moved.is_some()) {
        make_room(&certificates, true)?;
    }
    keystore.store_identity(identity)?;
    Ok((path, moved))
}

/// Moves what is in the place of a new key aside, if that is wanted.
fn make_room(path: &Path, force: bool) -> Result<Option<PathBuf>, KeyNewError> {
    let wrong = |error| KeyNewError::Io {
        path: path.to_owned(),
        error,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error)),
        Ok(found) if !found.is_file() => return Err(wrong(io::Error::other("it is no file"))),
        Ok(_) if !force => return Err(KeyNewError::AlreadyThere { path: path.to_owned() }),
        Ok(_) => {}
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".old-{}", clock::now_ms()));
    let aside = PathBuf::from(aside);
    // A link is made only where nothing is yet, so an older key that was moved aside stays, too.
    fs::hard_link(path, &aside)
        .and_then(|()| fs::remove_file(path))
        .map_err(wrong)?;
    Ok(Some(aside))
}

/// Why there is no new key.
#[derive(Debug)]
enum KeyNewError {
    /// There is one already.
    AlreadyThere { path: PathBuf },
    /// An old file cannot be moved.
    Io { path: PathBuf, error: io::Error },
}

impl fmt::Display for KeyNewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyThere { path } => write!(
                f,
                "{} is there already; --force moves it aside, --out FILE writes the new key elsewhere",
                path.display()
            ),
            Self::Io { path, error } => write!(f, "no key can be put into {}: {error}", path.display()),
        }
    }
}

impl Error for KeyNewError {}
