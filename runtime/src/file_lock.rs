//! A lock file: one holder at a time, in this process or in another.
//!
//! Invariant: when its holder lets go of it, it is free at once. Closing the file alone does not do that: a child that
//! another thread is starting has the same open file for a moment, and the lock with it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A lock that is held until it is dropped.
#[derive(Debug)]
#[must_use = "the lock is free again when this is dropped"]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Waits for the lock file at `path`, which is made if need be.
    ///
    /// # Errors
    ///
    /// What the operating system says when it refuses.
    pub(crate) fn wait(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Self(file))
    }

    /// Takes the lock file at `path`, which is made if need be; `None` when somebody has it.
    ///
    /// # Errors
    ///
    /// What the operating system says when it refuses.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The file that is locked.
    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked when the last process that has the file open closes it.
        let _ = self.0.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = FileLock::take(&path).unwrap();
        assert!(held.is_some());
        assert!(FileLock::take(&path).unwrap().is_none());
        drop(held);
        assert!(FileLock::take(&path).unwrap().is_some());
    }

    #[test]
    fn it_is_free_at_once_although_a_child_still_has_the_file_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = FileLock::wait(&path).unwrap();
        // As a child between fork and exec has it: another descriptor of the same open file.
        let of_child = held.0.try_clone().unwrap();
        drop(held);
        assert!(FileLock::take(&path).unwrap().is_some());
        drop(of_child);
    }
}
