//! How nodes of one user on one machine find each other when multicast is not to be had.
//!
//! Each node keeps one small file in a directory of its domain, with the TCP locators it listens on, and holds a lock
//! on that file as long as it lives. Routers do the same, and the nodes that are their clients. The operating system drops the lock with the process, however that ends, so a
//! file that can be locked is what a dead node left behind, and is removed.
//!
//! Two nodes that start at once always meet: each reads the others and writes its own file in one step under the
//! directory's lock, so the later of the two sees the earlier.
//!
//! What is found here is only where to knock. Nobody is believed for being listed.
//!
//! Unix only: owners and mode bits say whose directory it is.

use std::env;
use std::fmt;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use rustix::io::FdFlags;
use rustix::net::{AddressFamily, SocketType};

mod entry;

pub use self::entry::{Entry, Members, Part};
use self::entry::{MAX_LOCATORS_PER_NODE, is_locator};
use crate::file_lock::FileLock;
use crate::private_file::{self, FileError, Others};

/// The most members of each part that are returned to one caller, the newest. Whoever is in the registry calls all peers and
/// routers, so that more nodes than this do not all meet by it.
pub const MAX_LOCATORS: usize = 1024;

/// The nodes of one domain that run on this machine for this user.
#[derive(Debug)]
pub struct LocalRegistry {
    dir: PathBuf,
}

impl LocalRegistry {
    /// Opens the registry of `domain`, in `$XDG_RUNTIME_DIR/nuncio` when that directory is this user's, else in
    /// `/tmp/nuncio-<uid>`.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] when the directory belongs to another user, is a symbolic link, is open to others, or cannot
    /// be made.
    pub fn open(domain: &str) -> Result<Self, RegistryError> {
        Self::open_in(&base_dir(env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)), domain)
    }

    /// Opens the registry of `domain` below the directory `base`, which is made with mode 0700 if need be.
    ///
    /// # Errors
    ///
    /// As [`LocalRegistry::open`].
    pub fn open_in(base: &Path, domain: &str) -> Result<Self, RegistryError> {
        let dir = base.join(dir_name(domain)?);
        for dir in [base, &dir] {
            private_file::refuse_symlink(dir).map_err(RegistryError::File)?;
            private_file::create_dir(dir, Others::Nothing).map_err(RegistryError::File)?;
            // Somebody may have been faster than the making, but not than this: the parent is ours or sticky.
            private_file::refuse_symlink(dir).map_err(RegistryError::File)?;
        }
        Ok(Self { dir })
    }

    /// The domains in which nodes of this user run on this machine.
    ///
    /// # Errors
    ///
    /// As [`LocalRegistry::open`].
    pub fn domains() -> Result<Vec<String>, RegistryError> {
        Self::domains_in(&base_dir(env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)))
    }

    /// The same, below the directory `base`.
    ///
    /// # Errors
    ///
    /// As [`LocalRegistry::open`].
    pub fn domains_in(base: &Path) -> Result<Vec<String>, RegistryError> {
        let found = match fs::read_dir(base) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RegistryError::file(base, error)),
        };
        let mut domains = Vec::new();
        for entry in found.take(MAX_FILES).flatten() {
            // A domain that its directory's name does not spell is none that a node can have.
            let Some(domain) = entry.file_name().to_str().map(ToOwned::to_owned) else {
                continue;
            };
            let spells = dir_name(&domain).is_ok_and(|name| name == domain);
            if spells && Self::open_in(base, &domain)?.members()? != Members::default() {
                domains.push(domain);
            }
        }
        domains.sort_unstable();
        Ok(domains)
    }

    /// Adds this process with the entry that `enter` makes of who is there, newest first, and returns both; nothing is added
    /// when it makes none.
    ///
    /// `enter` runs while every other node that joins waits, so it should only reserve ports.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] when `enter` fails or gives something else than TCP locators, or when the directory cannot
    /// be used. Nothing is left in it then.
    pub fn join(
        &self,
        enter: impl FnOnce(&Members) -> io::Result<Option<Entry>>,
    ) -> Result<(Option<Membership>, Members), RegistryError> {
        let _lock = self.lock()?;
        let others = self.live_members()?;
        let Some(entry) = enter(&others).map_err(RegistryError::Reserve)? else {
            return Ok((None, others));
        };
        if let Some(locator) = entry.all_locators().find(|locator| !is_locator(locator)) {
            return Err(RegistryError::NotALocator { found: locator.clone() });
        }
        if entry.locators.len() > MAX_LOCATORS_PER_NODE {
            return Err(RegistryError::TooManyLocators {
                found: entry.locators.len(),
            });
        }
        Ok((Some(self.write_entry(&entry)?), others))
    }

    /// Who is there, newest first, [`MAX_LOCATORS`] of each part at most, for a program that only looks.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] when the directory cannot be used.
    pub fn members(&self) -> Result<Members, RegistryError> {
        let _lock = self.lock()?;
        self.live_members()
    }

    fn lock(&self) -> Result<FileLock, RegistryError> {
        let path = self.dir.join("lock");
        let lock = private_file::lock(&path).map_err(RegistryError::File)?;
        keep_from_sweepers(lock.file());
        Ok(lock)
    }

    /// Reads the entries of live nodes and removes those of dead ones. The caller holds the lock.
    fn live_members(&self) -> Result<Members, RegistryError> {
        let failed = |error| RegistryError::file(&self.dir, error);
        let mut entries: Vec<(SystemTime, Entry)> = Vec::new();
        for found in fs::read_dir(&self.dir).map_err(failed)?.take(MAX_FILES) {
            let found = found.map_err(failed)?;
            let path = found.path();
            // Nothing but plain files, so that opening cannot wait.
            let is_entry = path.extension().is_some_and(|extension| extension == ENTRY_EXTENSION)
                && found.file_type().is_ok_and(|kind| kind.is_file());
            if is_entry && let Some(entry) = live_entry(&path) {
                entries.push(entry);
            }
        }
        Ok(newest_first(entries, MAX_LOCATORS))
    }

    /// Writes the entry of this node, locked from before it has content. The caller holds the directory's lock.
    fn write_entry(&self, entry: &Entry) -> Result<Membership, RegistryError> {
        let random = getrandom::u64().map_err(|error| RegistryError::file(&self.dir, error.into()))?;
        let path = self
            .dir
            .join(format!("{}-{random:016x}.{ENTRY_EXTENSION}", process::id()));
        let failed = |error| RegistryError::file(&path, error);
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        // From here on the membership removes the file, also when a step below fails.
        let membership = Membership {
            path: path.clone(),
            file,
        };
        membership.file.lock().map_err(failed)?;
        keep_from_sweepers(&membership.file);
        let text = entry.to_text(process::id());
        (&membership.file).write_all(text.as_bytes()).map_err(failed)?;
        Ok(membership)
    }
}

/// A node's place in the registry, which it leaves when this is dropped or the process ends.
#[derive(Debug)]
#[must_use = "the node leaves the registry when its membership is dropped"]
pub struct Membership {
    path: PathBuf,
    /// Open, because its lock says that this node lives.
    file: File,
}

impl Drop for Membership {
    fn drop(&mut self) {
        // When this fails, the lock still ends here, and the next node that joins removes the file.
        let _ = fs::remove_file(&self.path);
    }
}

/// Reserves a TCP port on 127.0.0.1 that this process can listen on while the reservation stands.
///
/// # Errors
///
/// The operating system's own, when it has no port to give.
pub fn reserve_loopback_port() -> io::Result<ReservedPort> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    let bound = SocketAddr::try_from(rustix::net::getsockname(&socket)?)?;
    Ok(ReservedPort {
        port: bound.port(),
        // Elsewhere than on Linux, a bound socket keeps out its own process too.
        _held: cfg!(target_os = "linux").then_some(socket),
    })
}

/// A TCP port on 127.0.0.1 that the operating system gives to nobody who asks for any free port.
///
/// Keep it until the listener listens. A listener that allows address reuse, as those of std, Tokio and Zenoh do, is
/// not hindered by it, because it is bound but not listened on. Elsewhere than on Linux it is only a port that was
/// free a moment ago.
#[derive(Debug)]
pub struct ReservedPort {
    port: u16,
    _held: Option<OwnedFd>,
}

impl ReservedPort {
    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The locator to listen on, `tcp/127.0.0.1:<port>`.
    pub fn locator(&self) -> String {
        format!("tcp/{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

const ENTRY_EXTENSION: &str = "node";

/// The most files of a directory that are looked at.
const MAX_FILES: usize = 4096;

/// An entry is some 30 bytes per locator; what is longer is none of ours.
const MAX_ENTRY_BYTES: u64 = 1024;

/// Those who made these entries, the newest first, and no more than `max` of each part.
fn newest_first(mut entries: Vec<(SystemTime, Entry)>, max: usize) -> Members {
    entries.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
    let mut members = Members::default();
    entries.into_iter().for_each(|(_, entry)| members.add(entry, max));
    members
}

/// When the process of the entry at `path` joined, and what it says; `None` when it is dead or the entry is no good.
fn live_entry(path: &Path) -> Option<(SystemTime, Entry)> {
    // An entry that cannot be opened is gone, or not ours to judge: either way there is nobody to call.
    let file = File::options().read(true).open(path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) => {
            let _ = fs::remove_file(path);
            return None;
        }
        Err(TryLockError::Error(_)) => return None,
    }
    let about = file.metadata().ok()?;
    if about.uid() != private_file::our_uid() {
        return None;
    }
    let mut text = String::new();
    file.take(MAX_ENTRY_BYTES + 1).read_to_string(&mut text).ok()?;
    if u64::try_from(text.len()).ok()? > MAX_ENTRY_BYTES {
        return None;
    }
    Some((about.modified().ok()?, Entry::parse(&text)))
}

/// Sets the sticky bit, by which the XDG rules ask that a file is left alone when old files are swept away. Where the
/// file system has no such bit, nobody sweeps by it.
fn keep_from_sweepers(file: &File) {
    let _ = file.set_permissions(Permissions::from_mode(0o1600));
}

/// `$XDG_RUNTIME_DIR/nuncio` when the variable names a directory of this user (after `su` it may name another's), else
/// `/tmp/nuncio-<uid>`, without regard to `$TMPDIR`, because all processes must come to the same answer.
fn base_dir(runtime_dir: Option<PathBuf>) -> PathBuf {
    let our_uid = private_file::our_uid();
    runtime_dir
        .filter(|dir| {
            dir.is_absolute() && fs::metadata(dir).is_ok_and(|found| found.is_dir() && found.uid() == our_uid)
        })
        .map_or_else(
            || PathBuf::from(format!("/tmp/nuncio-{our_uid}")),
            |dir| dir.join("nuncio"),
        )
}

/// A domain as the name of a directory: letters, digits, `_` and `-` stand for themselves, other bytes are `%` and
/// two digits. No domain leaves the base directory, and no two domains share one.
fn dir_name(domain: &str) -> Result<String, RegistryError> {
    let mut name = String::new();
    for byte in domain.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            byte => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.is_empty() || name.len() > 255 {
        return Err(RegistryError::Domain {
            found_bytes: domain.len(),
        });
    }
    Ok(name)
}

/// Why the local registry cannot be used. Nodes can still be joined by giving their locators.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// The directory, its lock or this node's entry cannot be used.
    File(FileError),
    /// The domain is empty, or too long for the name of a directory.
    Domain {
        /// Its length in bytes.
        found_bytes: usize,
    },
    /// No locator could be reserved.
    Reserve(io::Error),
    /// What was reserved is no TCP locator that others can call.
    NotALocator {
        /// The text.
        found: String,
    },
    /// More locators than one node may have.
    TooManyLocators {
        /// How many.
        found: usize,
    },
}

impl RegistryError {
    fn file(path: &Path, error: io::Error) -> Self {
        Self::File(FileError {
            path: path.to_owned(),
            problem: private_file::FileProblem::Io(error),
        })
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "cannot look for nodes on this machine: {error}"),
            Self::Domain { found_bytes } => {
                write!(
                    f,
                    "a domain needs at least 1 and at most 85 bytes, found {found_bytes}; choose another name"
                )
            }
            Self::Reserve(error) => write!(f, "cannot reserve a port for nodes on this machine: {error}"),
            Self::NotALocator { found } => {
                write!(f, "expected a locator such as `tcp/127.0.0.1:40123`, found {found:?}")
            }
            Self::TooManyLocators { found } => {
                write!(
                    f,
                    "a node may have {MAX_LOCATORS_PER_NODE} local locators, found {found}; listen on fewer"
                )
            }
        }
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Reserve(error) => Some(error),
            Self::Domain { .. } | Self::NotALocator { .. } | Self::TooManyLocators { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
