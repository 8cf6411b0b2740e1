//! How much room a recording may take, and has: of its own share, and of the disk.

use std::path::PathBuf;

use super::recorder::RecorderOptions;

/// How much is written between two looks at the disk, at most.
const LOOK_EVERY: u64 = 1 << 20;

/// The bounds, and when the disk was looked at.
#[derive(Debug)]
pub(super) struct Room {
    dir: PathBuf,
    bytes_max: Option<u64>,
    free_min: u64,
    seen_at: Option<u64>,
}

impl Room {
    pub(super) fn new(options: &RecorderOptions) -> Self {
        Self {
            dir: options.settings.dir.clone(),
            bytes_max: options.bytes_max,
            free_min: options.bytes_free_min,
            seen_at: None,
        }
    }

    /// Why the recording ends now that the bag has so many bytes, if it does.
    pub(super) fn ends(&mut self, bytes: u64) -> Option<String> {
        if self.bytes_max.is_some_and(|max| bytes >= max) {
            return Some("the bag is as large as --max-disk allows".to_owned());
        }
        if self.free_min == 0 || self.seen_at.is_some_and(|seen| bytes.abs_diff(seen) < LOOK_EVERY) {
            return None;
        }
        self.seen_at = Some(bytes);
        // A system that does not tell how much is free says so when nothing is.
        let disk = rustix::fs::statvfs(&self.dir).ok()?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        (free < self.free_min).then(|| {
            format!(
                "{} MB are free on the disk of {}, and --min-free keeps {} MB of it: make room, or record elsewhere",
                free / 1_000_000,
                self.dir.display(),
                self.free_min.div_ceil(1_000_000)
            )
        })
    }
}
