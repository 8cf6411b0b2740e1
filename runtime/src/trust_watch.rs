//! The watch over a keystore's trust files: trust.toml and identity.cert are read again when they change.
//!
//! The kernel tells of changes; nothing is polled, and a node whose keystore is in memory has no thread for it. The
//! directory is watched and not the files, because editors put a new file in the place of the old one. What cannot be used
//! changes nothing: the node goes on with what it had, and says why.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::contact::Note;
use crate::node::NodeCore;
use crate::security::certificate_chain::CertificateChain;
use crate::security::key::PublicKey;
use crate::security::trust_policy::TrustMode;
use crate::security::trust_source::{CERTIFICATE_FILE, TRUST_FILE, TrustSource, TrustSourceError, read_certificates};

/// What has changed in whom a node believes, or has not although somebody tried.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TrustEvent {
    /// A changed trust.toml has taken effect.
    PolicyChanged {
        /// The mode from now on.
        mode: TrustMode,
    },
    /// The node shows other certificates, or none any more.
    CertificatesChanged,
    /// A trust file changed and cannot be used. The node goes on with what it had.
    Kept {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Somebody published two contents under one number: a key was copied. The proof was kept.
    Equivocated {
        /// Where it is, or why it could not be stored.
        stored: Result<PathBuf, String>,
    },
    /// An anchor has revoked keys.
    Revoked {
        /// The anchor.
        anchor: PublicKey,
        /// The serial of its list.
        serial: u64,
        /// How many keys are on it.
        keys: usize,
    },
}

impl fmt::Display for TrustEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PolicyChanged { mode } => write!(f, "trust.toml was read again, the mode is {mode}"),
            Self::CertificatesChanged => f.write_str("identity.cert was read again and is shown from now on"),
            Self::Kept { problem } => write!(f, "what was in force stays in force: {problem}"),
            Self::Equivocated { stored: Ok(path) } => write!(f, "a key was copied; the proof is in {}", path.display()),
            Self::Equivocated { stored: Err(problem) } => {
                write!(f, "a key was copied, and the proof cannot be stored: {problem}")
            }
            Self::Revoked { anchor, serial, keys } => {
                write!(f, "the anchor {anchor} has revoked {keys} keys (list {serial})")
            }
        }
    }
}

/// What the node knows of its trust files, and the watch over them.
#[derive(Debug)]
pub(crate) struct TrustWatch {
    source: TrustSource,
    files: Mutex<Files>,
    watcher: Mutex<Option<RecommendedWatcher>>,
}

#[derive(Debug, Default)]
struct Files {
    /// The text of the chain that the node shows; empty: none.
    certificates: Arc<str>,
    /// There was a trust file. That it is gone is then no reason to believe otherwise.
    had_policy: bool,
    policy_problem: Option<String>,
    certificate_problem: Option<String>,
    watch_problem: Option<String>,
}

impl TrustWatch {
    /// Knows what the node began with. Nothing is watched yet.
    pub(crate) fn new(source: TrustSource, certificates: Option<&CertificateChain>) -> Self {
        let files = Files {
            certificates: text_of(certificates),
            ..Files::default()
        };
        Self {
            source,
            files: Mutex::new(files),
            watcher: Mutex::default(),
        }
    }

    /// The certificates that the node shows.
    pub(crate) fn certificates(&self) -> Arc<str> {
        Arc::clone(&self.lock().certificates)
    }

    /// Why trust files that have changed are not in force, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        let files = self.lock();
        let problems = [&files.policy_problem, &files.certificate_problem, &files.watch_problem];
        let said: Vec<_> = problems.into_iter().flatten().map(String::as_str).collect();
        (!said.is_empty()).then(|| said.join("\n"))
    }

    /// Begins to watch, and reads what changed since the node read the files.
    pub(crate) fn begin(&self, node: &Arc<NodeCore>) {
        let Some(dir) = self.source.watched_dir() else { return };
        let weak = Arc::downgrade(node);
        let watching = notify::recommended_watcher(move |event| attend(&weak, &event))
            .and_then(|mut watcher| watcher.watch(dir, RecursiveMode::NonRecursive).map(|()| watcher));
        match watching {
            Ok(watcher) => *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher),
            Err(error) => {
                let problem = format!(
                    "{} cannot be watched, so changes of {TRUST_FILE} are seen at the next start only: {error}",
                    dir.display()
                );
                self.lock().watch_problem = Some(problem);
            }
        }
        self.read_again(node);
    }

    /// Watches no more. Closing does so: what is dropped last may be dropped by the thread that watches.
    pub(crate) fn end(&self) {
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads the files and puts in force what has changed.
    fn read_again(&self, node: &NodeCore) {
        // Held to the end, so that of two readers the later one has read the later content.
        let mut files = self.lock();
        let had_policy = files.had_policy;
        let read = self
            .source
            .policy()
            .and_then(|policy| match (policy, &self.source.dir) {
                (None, Some(dir)) if had_policy => Err(TrustSourceError::Gone {
                    path: dir.join(TRUST_FILE),
                }),
                (policy, _) => Ok(policy),
            });
        let problem = match read {
            Ok(Some(policy)) => {
                files.had_policy = true;
                let mode = policy.mode;
                if node.trust.replace(policy) {
                    node.tell_trust(TrustEvent::PolicyChanged { mode });
                    node.contact.leave(Note::PolicyChanged);
                }
                None
            }
            Ok(None) => None,
            Err(error) => Some(error.to_string()),
        };
        note_problem(node, &mut files.policy_problem, problem);
        let Some(dir) = self.source.watched_dir() else { return };
        let problem = match read_certificates(dir, node.public_key()) {
            Ok(chain) => {
                let text = text_of(chain.as_ref());
                let changed = text != files.certificates;
                files.certificates = text;
                if changed {
                    node.tell_trust(TrustEvent::CertificatesChanged);
                }
                note_problem(node, &mut files.certificate_problem, None);
                drop(files);
                if changed {
                    node.card_changed();
                }
                return;
            }
            Err(error) => Some(error.to_string()),
        };
        note_problem(node, &mut files.certificate_problem, problem);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text_of(chain: Option<&CertificateChain>) -> Arc<str> {
    chain.map(CertificateChain::to_text).unwrap_or_default().into()
}

/// Replaces what is known to be wrong, and tells of it once.
fn note_problem(node: &NodeCore, place: &mut Option<String>, problem: Option<String>) {
    if *place == problem {
        return;
    }
    if let Some(problem) = &problem {
        let problem = problem.clone();
        node.tell_trust(TrustEvent::Kept { problem });
    }
    *place = problem;
}

/// Runs in the thread of the watcher.
fn attend(node: &Weak<NodeCore>, event: &notify::Result<Event>) {
    let concerns_us = match event {
        // Reading a file is an event too: to attend to that would never end.
        Ok(event) => {
            let is_change =
                !matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
            let is_ours = |path: &Path| {
                path.file_name()
                    .is_some_and(|name| name == TRUST_FILE || name == CERTIFICATE_FILE)
            };
            is_change && (event.need_rescan() || event.paths.iter().any(|path| is_ours(path)))
        }
        Err(_) => true,
    };
    if concerns_us && let Some(node) = node.upgrade() {
        node.trust_watch.read_again(&node);
    }
}
