//! Files and directories that must belong to this user alone, and replacing them so that a crash loses nothing.
//!
//! Whoever can change such a file can change whom this machine believes, so owner, mode and kind are checked on the
//! open file before a byte of it is used. Unix only: mode bits and numeric owners are what is checked.

use std::fmt;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::file_lock::FileLock;

/// What other users of the machine may do with a file or directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Others {
    /// Nothing: it holds a secret, or a way into this process.
    Nothing,
    /// Read it: it must be right, but is no secret.
    Read,
}

impl Others {
    /// The mode bits that must not be set.
    const fn forbidden(self) -> u32 {
        match self {
            Self::Nothing => 0o077,
            Self::Read => 0o022,
        }
    }
}

/// Reads the whole file at `path`, or gives `None` when there is none.
///
/// # Errors
///
/// [`FileError`] when it is not a plain file of this user, when others may do more than `others`, when it has more
/// than `max_bytes`, or when the operating system refuses.
pub(crate) fn read(path: &Path, others: Others, max_bytes: u64) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let failed = |problem| FileError {
        path: path.to_owned(),
        problem,
    };
    let named = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        named => named.map_err(|error| failed(FileProblem::Io(error)))?,
    };
    if named.is_symlink() {
        return Err(failed(FileProblem::Symlink));
    }
    // Asked before opening, because opening a pipe or a device can wait for ever.
    if !named.is_file() {
        return Err(failed(FileProblem::NotAFile));
    }
    let file = File::open(path).map_err(|error| failed(FileProblem::Io(error)))?;
    let opened = file.metadata().map_err(|error| failed(FileProblem::Io(error)))?;
    if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return Err(failed(FileProblem::Io(io::Error::other(
            "the file was replaced while it was opened",
        ))));
    }
    check_owner_and_mode(path, &opened, others)?;
    if opened.len() > max_bytes {
        return Err(failed(FileProblem::TooLarge { max_bytes }));
    }
    // Room for all of it at once: a buffer that grows would leave copies of a secret behind.
    let room = usize::try_from(opened.len().saturating_add(1)).unwrap_or(usize::MAX);
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| failed(FileProblem::Io(error)))?;
    if u64::try_from(content.len()).is_ok_and(|len| len > max_bytes) {
        return Err(failed(FileProblem::TooLarge { max_bytes }));
    }
    Ok(Some(content))
}

/// Makes the directory `path`, mode 0700, with its parents unless they exist, and checks whose it is.
///
/// # Errors
///
/// [`FileError`] when it is not a directory of this user, when others may do more than `others`, or when the
/// operating system refuses.
pub(crate) fn create_dir(path: &Path, others: Others) -> Result<(), FileError> {
    let failed = |problem| FileError {
        path: path.to_owned(),
        problem,
    };
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(path)
        && !(error.kind() == io::ErrorKind::AlreadyExists && path.exists())
    {
        return Err(failed(FileProblem::Io(error)));
    }
    let found = fs::metadata(path).map_err(|error| failed(FileProblem::Io(error)))?;
    if !found.is_dir() {
        return Err(failed(FileProblem::NotADirectory));
    }
    check_owner_and_mode(path, &found, others)
}

/// Refuses a symbolic link at `path`, for directories in places where others may write, such as `/tmp`.
pub(crate) fn refuse_symlink(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(FileError {
            path: path.to_owned(),
            problem: FileProblem::Symlink,
        }),
        _ => Ok(()),
    }
}

/// The number of the user this process acts for.
pub(crate) fn our_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn check_owner_and_mode(path: &Path, found: &Metadata, others: Others) -> Result<(), FileError> {
    let failed = |problem| FileError {
        path: path.to_owned(),
        problem,
    };
    let our_uid = our_uid();
    if found.uid() != our_uid {
        return Err(failed(FileProblem::Owner {
            found_uid: found.uid(),
            our_uid,
        }));
    }
    let mode = found.mode() & 0o7777;
    if mode & others.forbidden() != 0 {
        let wanted = if found.is_dir() { 0o700 } else { 0o600 };
        return Err(failed(FileProblem::Mode { found: mode, wanted }));
    }
    Ok(())
}

/// Waits for the lock file at `path`, which is made if need be.
pub(crate) fn lock(path: &Path) -> Result<FileLock, FileError> {
    FileLock::wait(path).map_err(|error| FileError {
        path: path.to_owned(),
        problem: FileProblem::Io(error),
    })
}

/// Puts `content` in place of the file at `path`, mode 0600. After a crash, the old or the new content is there,
/// never a part. The caller holds the lock of the directory.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = write_beside(path, content)?;
    if let Err(error) = fs::rename(&new, path) {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    sync_dir_of(path)
}

/// Makes the file at `path` with `content`, mode 0600, unless there is one: then it answers `false` and changes
/// nothing. The file appears complete or not at all. The caller holds the lock of the directory.
pub(crate) fn create_once(path: &Path, content: &[u8]) -> io::Result<bool> {
    let new = write_beside(path, content)?;
    // Unlike a rename, a link never replaces what somebody else has put there meanwhile.
    let linked = fs::hard_link(&new, path);
    let removed = fs::remove_file(&new);
    match linked {
        Ok(()) => removed.and_then(|()| sync_dir_of(path)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes `content` to a new file next to `path` and waits until it is on the disk.
fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // One may be left from a crash; the lock says that nobody else is writing it.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
    match file.write_all(content).and_then(|()| file.sync_all()) {
        Ok(()) => Ok(new),
        Err(error) => {
            let _ = fs::remove_file(&new);
            Err(error)
        }
    }
}

fn sync_dir_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// A file or directory that cannot be used as it is.
#[derive(Debug)]
pub struct FileError {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
}

/// What is wrong with a file or directory.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileProblem {
    /// A symbolic link stands in its place.
    Symlink,
    /// A directory, pipe, socket or device stands in its place.
    NotAFile,
    /// Something else than a directory stands in its place.
    NotADirectory,
    /// It belongs to another user.
    Owner {
        /// Its owner's number.
        found_uid: u32,
        /// The number of the user this process acts for.
        our_uid: u32,
    },
    /// Other users may do too much with it.
    Mode {
        /// Its mode bits.
        found: u32,
        /// The mode bits it should have.
        wanted: u32,
    },
    /// It is larger than any good one.
    TooLarge {
        /// The most bytes that are read.
        max_bytes: u64,
    },
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            FileProblem::Symlink => {
                write!(
                    f,
                    "{path} must not be a symbolic link; put the real file or directory in its place"
                )
            }
            FileProblem::NotAFile => write!(f, "{path} must be a plain file; move away what stands there"),
            FileProblem::NotADirectory => write!(f, "{path} must be a directory; move away what stands there"),
            FileProblem::Owner { found_uid, our_uid } => write!(
                f,
                "{path} belongs to user {found_uid}, but this process runs as user {our_uid}; \
                 run it as the owner, or make it yours with `chown {our_uid} {path}`"
            ),
            FileProblem::Mode { found, wanted } => write!(
                f,
                "{path} has mode {found:04o}, which lets other users in; close it with `chmod {wanted:o} {path}`"
            ),
            FileProblem::TooLarge { max_bytes } => {
                write!(
                    f,
                    "{path} is larger than {max_bytes} bytes, so it cannot be what its name says; look into it"
                )
            }
            FileProblem::Io(error) => write!(f, "cannot use {path}: {error}"),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            FileProblem::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::os::unix::net::UnixListener;

    fn reason(path: &Path, others: Others) -> String {
        let error = read(path, others, 8).unwrap_err().to_string();
        error.replace(&path.display().to_string(), "FILE")
    }

    #[test]
    fn a_file_that_others_may_use_is_refused_with_its_mode_and_the_command() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "x").unwrap();
        for (mode, secret, trusted) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o640, false, true),
            (0o604, false, true),
            (0o660, false, false),
            (0o602, false, false),
            (0o777, false, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, Others::Nothing, 8).is_ok(), secret, "{mode:o}");
            assert_eq!(read(&path, Others::Read, 8).is_ok(), trusted, "{mode:o}");
        }
        assert_eq!(
            reason(&path, Others::Nothing),
            "FILE has mode 0777, which lets other users in; close it with `chmod 600 FILE`"
        );
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        // Only the administrator can give files away; for everyone else this file is another's already.
        let path = if our_uid() == 0 {
            chown(&path, Some(65_534), None).unwrap();
            path
        } else {
            PathBuf::from("/etc/passwd")
        };
        let refused = read(&path, Others::Read, 1 << 20).unwrap_err();
        assert!(
            matches!(refused.problem, FileProblem::Owner { our_uid: ours, .. } if ours == our_uid()),
            "{refused}"
        );
        assert!(refused.to_string().contains("chown"), "{refused}");
    }

    #[test]
    fn what_is_no_plain_file_is_refused_without_waiting_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("target"), "x").unwrap();
        symlink(path("target"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::create_dir(path("dir")).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();

        let link = "FILE must not be a symbolic link; put the real file or directory in its place";
        assert_eq!(reason(&path("link"), Others::Nothing), link);
        assert_eq!(reason(&path("dangling"), Others::Nothing), link);
        let other = "FILE must be a plain file; move away what stands there";
        assert_eq!(reason(&path("dir"), Others::Nothing), other);
        assert_eq!(reason(&path("socket"), Others::Nothing), other);
        assert_eq!(reason(Path::new("/dev/zero"), Others::Nothing), other);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_not_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        assert!(read(&path, Others::Nothing, 8).unwrap().is_none());
        assert!(create_once(&path, b"12345678").unwrap());
        assert_eq!(
            read(&path, Others::Nothing, 8).unwrap().unwrap().as_slice(),
            b"12345678"
        );
        replace(&path, b"123456789").unwrap();
        assert!(reason(&path, Others::Nothing).starts_with("FILE is larger than 8 bytes"));
    }

    #[test]
    fn a_file_that_is_there_is_never_created_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        assert!(create_once(&path, b"first").unwrap());
        assert!(!create_once(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_a_crash_left_behind_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(dir.path().join("f.new"), "half of a secr").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        fs::write(dir.path().join("f.new"), "half of a secr").unwrap();
        assert!(!create_once(&path, b"other").unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_is_made_for_its_owner_alone_and_checked_when_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        create_dir(&path, Others::Nothing).unwrap();
        for made in [dir.path().join("a"), path.clone()] {
            assert_eq!(fs::metadata(made).unwrap().mode() & 0o777, 0o700);
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        create_dir(&path, Others::Read).unwrap();
        let refused = create_dir(&path, Others::Nothing).unwrap_err().to_string();
        assert!(refused.contains("`chmod 700 "), "{refused}");

        fs::write(dir.path().join("f"), "").unwrap();
        let refused = create_dir(&dir.path().join("f"), Others::Read).unwrap_err();
        assert!(matches!(refused.problem, FileProblem::NotADirectory), "{refused}");
        let refused = create_dir(&dir.path().join("f/g"), Others::Read).unwrap_err();
        assert!(matches!(refused.problem, FileProblem::Io(_)), "{refused}");
    }
}
