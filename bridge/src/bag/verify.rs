//! Verifies a bag with public keys only: nothing in it was altered, added, left out, reordered or dated back since it was
//! recorded, or where it was.
//!
//! One thread reads and hashes, one per core checks signatures and messages, and this one puts together what they find, in
//! order. Memory is bounded, whatever the files claim.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use nuncio::{PublicKey, TrustPolicy};

use super::bag_reader::{BagReader, ReadError};
use super::fault::FaultKind;
use super::frame_check::{CheckedFrame, Finding, FrameCheck};
use super::rosbag2_import::IMPORT_NODE;
use super::seal_check::{At, SealCheck};
use super::signer_text::SignerText;
use super::verify_batch::{Batch, Batcher};
use super::verify_report::{SignerReport, VerifyReport};

/// How many batches wait to be checked, or to be put together.
const BATCHES_MAX: usize = 8;

/// What is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Names of keys, and which are revoked. Without it every key is unknown.
    pub policy: Option<TrustPolicy>,
    /// Who has to have recorded it.
    pub recorder: Option<PublicKey>,
}

/// Verifies a bag's folder, or one file. `progress` is told how many bytes of how many were read.
///
/// # Errors
///
/// [`ReadError`] when there is no bag. A bag that is damaged is no error: the report says what is wrong.
pub fn verify(path: &Path, options: &VerifyOptions, progress: impl FnMut(u64, u64)) -> Result<VerifyReport, ReadError> {
    let reader = BagReader::open(path)?;
    let mut ledger = Ledger::new(&reader, options, path.is_dir());
    let (check, total) = (FrameCheck::default(), reader.bytes());
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (to_workers, batches) = sync_channel::<(u64, Batch)>(BATCHES_MAX);
    let (tell, told) = sync_channel::<(u64, u64, Vec<Finding>)>(BATCHES_MAX);
    let batches = Mutex::new(batches);
    let read = &AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut batcher = Batcher::new(reader);
            let mut number = 0;
            while let Some(batch) = batcher.next() {
                read.store(batcher.bytes_read(), Ordering::Relaxed);
                if to_workers.send((number, batch)).is_err() {
                    return;
                }
                number += 1;
            }
        });
        for _ in 0..workers {
            let (tell, batches, check) = (tell.clone(), &batches, &check);
            scope.spawn(move || work(batches, check, &tell, read));
        }
        drop(tell);
        ledger.put_together(&told, &check, total, progress);
    });
    Ok(ledger.finish())
}

fn work(
    batches: &Mutex<Receiver<(u64, Batch)>>,
    check: &FrameCheck,
    tell: &SyncSender<(u64, u64, Vec<Finding>)>,
    read: &AtomicU64,
) {
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, batch)) = next else { return };
        let read = read.load(Ordering::Relaxed);
        if tell.send((number, read, check.check(batch))).is_err() {
            return;
        }
    }
}

/// What was found so far, in the order of the bag.
struct Ledger<'a> {
    options: &'a VerifyOptions,
    files: Vec<String>,
    is_folder: bool,
    /// The texts of keys.
    keys: HashMap<PublicKey, String>,
    seals: SealCheck,
    report: VerifyReport,
}

impl<'a> Ledger<'a> {
    fn new(reader: &BagReader, options: &'a VerifyOptions, is_folder: bool) -> Self {
        let name = |path: &std::path::PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            options,
            files: reader.files().iter().map(name).collect(),
            is_folder,
            keys: HashMap::new(),
            seals: SealCheck::default(),
            report: VerifyReport::default(),
        }
    }

    fn put_together(
        &mut self,
        told: &Receiver<(u64, u64, Vec<Finding>)>,
        check: &FrameCheck,
        total: u64,
        mut progress: impl FnMut(u64, u64),
    ) {
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (number, read, findings) in told {
            early.insert(number, findings);
            while let Some(findings) = early.remove(&next) {
                findings.into_iter().for_each(|finding| self.take(finding, check));
                next += 1;
            }
            progress(read, total);
        }
    }

    fn take(&mut self, finding: Finding, check: &FrameCheck) {
        match finding {
            Finding::Frame(frame) => self.frame(&frame),
            Finding::Fault {
                kind,
                topic,
                number,
                file,
                log_time,
                detail,
            } => {
                let fault = at(&self.files, file, log_time).fault(kind, &topic, number, detail);
                self.report.add(fault);
            }
            Finding::Signer { file, log_time, data } => self.signer(file, log_time, &data),
            Finding::Seal {
                record,
                domain,
                data,
                records,
                count,
            } => {
                let at = at(&self.files, record.file, record.log_time);
                let sealed = (records, count);
                self.seals
                    .seal((&domain, &data), sealed, check.examiner(), at, &mut self.report);
                self.report.unsealed = 0;
            }
            Finding::FileEnd { file, unsealed } => {
                let is_last = file + 1 == self.files.len();
                self.seals.end_file(is_last, at(&self.files, file, 0), &mut self.report);
                self.report.files += 1;
                if unsealed > 0 && is_last {
                    let note =
                        format!("{unsealed} records behind the last seal, which nobody can prove to be complete");
                    self.report.notes.push(note);
                }
            }
            Finding::Damage { file, error } => {
                let at = at(&self.files, file, 0);
                self.report.add(at.fault(FaultKind::Damaged, "", 0, error.to_string()));
            }
        }
    }

    fn frame(&mut self, frame: &CheckedFrame) {
        let at = at(&self.files, frame.file, frame.log_time);
        let new = self.seals.frame(frame, at, &mut self.report);
        let report = &mut self.report;
        report.messages += new.messages;
        report.unsealed += new.messages;
        let policy = self.options.policy.as_ref();
        let key = frame.key;
        let text = self.keys.entry(key).or_insert_with(|| key.to_string());
        if !report.signers.contains_key(text.as_str()) {
            report.signers.insert(text.clone(), new_signer(key, policy));
        }
        let Some(signer) = report.signers.get_mut(text.as_str()) else {
            return;
        };
        signer.messages += new.messages;
        let is_first = match signer.topics.get_mut(&*frame.topic) {
            Some(messages) => {
                *messages += new.messages;
                false
            }
            None => signer.topics.insert(frame.topic.to_string(), new.messages).is_none(),
        };
        if is_first && signer.trust == "revoked" {
            let detail = format!("{key} was revoked, so nobody knows who has signed this");
            report.add(at.fault(FaultKind::Revoked, &frame.topic, frame.first, detail));
        }
    }

    /// The writer proves the node's name, because it is derived from it.
    fn signer(&mut self, file: usize, log_time: u64, data: &[u8]) {
        let at = at(&self.files, file, log_time);
        self.seals.begin(at, &mut self.report);
        let proved = SignerText::read(data).ok().and_then(SignerText::proved);
        let Some(((_, key, ..), node)) = proved else {
            let detail = "a signer whose node's name is not the one that it has signed for";
            return self
                .report
                .add(at.fault(FaultKind::Altered, super::SIGNER_TOPIC, 0, detail));
        };
        let policy = self.options.policy.as_ref();
        let signer = self.report.signers.entry(key.to_string());
        signer.or_insert_with(|| new_signer(key, policy)).nodes.insert(node);
    }

    fn finish(mut self) -> VerifyReport {
        let report = &mut self.report;
        for (name, lost) in self.seals.unsealed_gaps() {
            report.gaps = report.gaps.saturating_add(lost);
            if let Some(signer) = report.signers.get_mut(&name.key) {
                signer.gaps = signer.gaps.saturating_add(lost);
            }
        }
        if let Some(first) = &self.seals.first {
            let file = self.files.first().map_or("", String::as_str);
            let at = At { file, log_time: 0 };
            if first.number > 0 && self.is_folder && self.seals.first_file != first.file {
                let detail = format!(
                    "the bag begins with seal {}: what was before it is not here",
                    first.number
                );
                report.add(at.fault(FaultKind::Cut, "", first.number, detail));
            } else if first.number > 0 {
                report
                    .notes
                    .push(format!("what was recorded before file {} is not here", first.file));
            }
            report.bag.clone_from(&first.bag);
            report.recorder_node.clone_from(&first.recorder);
            report.extract_of.clone_from(&first.extract_of);
        }
        let recorder = self.seals.recorder();
        report.recorder = recorder.map(|key| key.to_string()).unwrap_or_default();
        report.recorder_nickname = recorder.and_then(|key| nickname(key, self.options.policy.as_ref()));
        if let Some(due) = self.options.recorder {
            report.recorder_pinned = recorder == Some(due);
            if !report.recorder_pinned {
                let file = self.files.last().map_or("", String::as_str);
                let found = recorder.map_or_else(|| "nobody".to_owned(), |key| key.to_string());
                let detail = format!("sealed by {found} where {due} has to have recorded it");
                report.add(At { file, log_time: 0 }.fault(FaultKind::Recorder, "", 0, detail));
            }
        }
        if report.signers.values().any(|signer| signer.nodes.contains(IMPORT_NODE)) {
            let note = "imported: who has imported it has signed it; who sent its messages at first is not known";
            report.notes.push(note.to_owned());
        }
        if !report.closed {
            let note = "the bag is not closed: its recorder was killed, or its end was cut off";
            report.notes.push(note.to_owned());
        }
        report.ok = report.fault_count == 0;
        self.report
    }
}

fn at(files: &[String], file: usize, log_time: u64) -> At<'_> {
    At {
        file: files.get(file).map_or("", String::as_str),
        log_time,
    }
}

/// What people call a key.
fn nickname(key: PublicKey, policy: Option<&TrustPolicy>) -> Option<String> {
    let policy = policy?;
    let grant = policy.grants().find(|grant| grant.key == key);
    let anchor = policy.anchors().find(|(_, anchor)| *anchor == key);
    let nickname = grant.map(|grant| grant.nickname.to_string());
    nickname.or_else(|| anchor.map(|(name, _)| name.to_string()))
}

fn new_signer(key: PublicKey, policy: Option<&TrustPolicy>) -> SignerReport {
    let nickname = nickname(key, policy);
    let is_revoked = policy.is_some_and(|policy| policy.revoked_at(key).is_some());
    let trust = match (is_revoked, &nickname) {
        (true, _) => "revoked",
        (false, Some(_)) => "known",
        (false, None) => "unknown",
    };
    SignerReport {
        nickname,
        trust,
        ..SignerReport::default()
    }
}
