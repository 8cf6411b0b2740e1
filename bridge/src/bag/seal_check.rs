//! The numbers of all streams and the chain of seals, as they stand in a bag from its beginning to its end. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nuncio::security::frame::Writer;
use nuncio::security::shown_frame::Examiner;
use nuncio::{Domain, PublicKey};

use super::fault::{Fault, FaultKind};
use super::frame_check::CheckedFrame;
use super::number_tally::{NumberRange, NumberTally, count, difference};
use super::record_hash::{Hash, hex};
use super::seal::{self, Seal, SealEvent, SealedStream, StreamName};
use super::verify_report::VerifyReport;

/// How far behind the last seal a message may have been received: it waits while the recorder is busy.
const WAITING_NS_MAX: u64 = 600_000_000_000;
/// How far the recorder's clock may be set back between a message's receipt and its seal.
const CLOCK_STEP_NS_MAX: u64 = 1_000_000_000;

/// Where in the bag something is.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub(super) file: &'a str,
    pub(super) log_time: u64,
}

impl At<'_> {
    /// A fault here.
    pub(super) fn fault(self, kind: FaultKind, topic: &str, number: u64, detail: impl Into<String>) -> Fault {
        Fault {
            kind,
            topic: topic.to_owned(),
            number,
            file: self.file.to_owned(),
            log_time: self.log_time,
            detail: detail.into(),
        }
    }
}

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct SealCheck {
    names: HashMap<(PublicKey, Writer, u64, Arc<str>), StreamName>,
    streams: BTreeMap<StreamName, NumberTally>,
    /// The newest epoch of each topic, key and writer.
    epochs: BTreeMap<(String, String, String), u64>,
    last: Option<Last>,
    /// Whether this file has had a seal, and how the last one says that the file goes on.
    event: Option<SealEvent>,
    has_begun: bool,
    messages: u64,
    log_times: Option<(u64, u64)>,
    faults_before: u64,
    /// The highest number of a file that a seal says was deleted to make room, and one.
    pub(super) first_file: u64,
    pub(super) first: Option<Seal>,
}

#[derive(Debug)]
struct Last {
    seal: Seal,
    hash: String,
    key: PublicKey,
}

/// What of a frame is new.
#[derive(Debug, Default)]
pub(super) struct New {
    pub(super) messages: u64,
}

impl SealCheck {
    /// Takes a frame whose signature holds.
    pub(super) fn frame(&mut self, frame: &CheckedFrame, at: At<'_>, report: &mut VerifyReport) -> New {
        self.begin(at, report);
        let stream = (frame.key, frame.writer, frame.epoch, Arc::clone(&frame.topic));
        // Writing a key as text takes longer than all else here.
        let name = self.names.entry(stream).or_insert_with(|| StreamName {
            topic: frame.topic.to_string(),
            key: frame.key.to_string(),
            writer: format!("{:016x}", frame.writer.0),
            epoch: frame.epoch,
        });
        let name = name.clone();
        self.epoch(&name, frame.first, at, report);
        let tally = self
            .streams
            .entry(name)
            .or_insert_with(|| NumberTally::new(frame.first.saturating_sub(1)));
        let mut new = New::default();
        let mut repeated = None;
        for number in frame.first..=frame.last {
            let is_without = frame.without_cdr.contains(&number);
            if tally.record(number) {
                new.messages += 1;
                if is_without {
                    let detail = "a message that its frame has and that is not here";
                    report.add(at.fault(FaultKind::Removed, &frame.topic, number, detail));
                }
            } else if !is_without || frame.without_cdr.len() as u64 == frame.last - frame.first + 1 {
                repeated.get_or_insert(number);
            }
        }
        if let Some(number) = repeated.filter(|_| frame.cdr > new.messages || new.messages == 0) {
            let detail = "a message that is here for the second time";
            report.add(at.fault(FaultKind::Added, &frame.topic, number, detail));
        }
        self.messages += frame.cdr;
        let (first, last) = self.log_times.unwrap_or((at.log_time, at.log_time));
        self.log_times = Some((first.min(at.log_time), last.max(at.log_time)));
        new
    }

    fn epoch(&mut self, name: &StreamName, number: u64, at: At<'_>, report: &mut VerifyReport) {
        let writer = (name.topic.clone(), name.key.clone(), name.writer.clone());
        let newest = self.epochs.entry(writer).or_insert(name.epoch);
        if name.epoch < *newest {
            let detail = format!("epoch {} after epoch {newest}: its node had started again", name.epoch);
            report.add(at.fault(FaultKind::Reordered, &name.topic, number, detail));
        }
        *newest = name.epoch.max(*newest);
    }

    /// Something that no seal covers is there.
    pub(super) fn begin(&mut self, at: At<'_>, report: &mut VerifyReport) {
        if !self.has_begun {
            self.has_begun = true;
            let detail = "the file does not begin with a seal: its beginning is not here";
            report.add(at.fault(FaultKind::Cut, "", 0, detail));
        }
    }

    /// Takes a seal; `records` and `count` are those of what stands before it.
    pub(super) fn seal(
        &mut self,
        (domain, bytes): (&str, &[u8]),
        (records, count): (Hash, u64),
        examiner: &Examiner,
        at: At<'_>,
        report: &mut VerifyReport,
    ) {
        let domain = Domain::parse(domain).map_err(|error| error.to_string());
        let opened = domain.and_then(|domain| seal::open(examiner, &domain, bytes));
        let (seal, layout) = match opened {
            Ok(opened) => opened,
            Err(problem) => {
                self.has_begun = true;
                report.add(at.fault(FaultKind::Seal, "", self.next_number(), problem));
                return;
            }
        };
        report.seals += 1;
        let key = layout.header.key;
        match self.chain(&seal, key, at, report) {
            true => self.compare_streams(&seal, at, report),
            // What is between is not here, so there is nothing to compare with.
            false => self.streams.values_mut().for_each(|tally| drop(tally.seal())),
        }
        let covers = (hex(&records), count, std::mem::take(&mut self.messages));
        let says = (seal.records.clone(), seal.count, seal.messages);
        // What is wrong between two seals is told where it is; only if nothing else is found there, the seal itself tells.
        if covers != says && report.fault_count == self.faults_before {
            let detail = format!(
                "{count} records that are not those which were sealed as seal {}",
                seal.number
            );
            report.add(at.fault(FaultKind::Seal, "", seal.number, detail));
        }
        self.times(&seal, at, report);
        self.faults_before = report.fault_count;
        self.first_file = self.first_file.max(seal.first_file);
        (self.has_begun, self.event) = (true, Some(seal.event));
        self.first.get_or_insert_with(|| seal.clone());
        let hash = blake3::hash(bytes).to_hex().to_string();
        self.last = Some(Last { seal, hash, key });
    }

    /// The file ends.
    pub(super) fn end_file(&mut self, is_last: bool, at: At<'_>, report: &mut VerifyReport) {
        self.begin(at, report);
        if !is_last && self.event != Some(SealEvent::Split) {
            let detail = "the file ends without the seal that ends it, and another one follows";
            report.add(at.fault(FaultKind::Cut, "", self.next_number(), detail));
        }
        report.closed = self.event == Some(SealEvent::Close);
        (self.has_begun, self.event) = (false, None);
    }

    /// Gaps of messages behind the last seal.
    pub(super) fn unsealed_gaps(&mut self) -> impl Iterator<Item = (StreamName, u64)> {
        let news = self.streams.iter_mut().filter(|(_, tally)| tally.has_news());
        news.map(|(name, tally)| (name.clone(), count(&tally.seal().lost)))
    }

    /// The key that seals.
    pub(super) fn recorder(&self) -> Option<PublicKey> {
        self.last.as_ref().map(|last| last.key)
    }

    /// Whether the bag says of itself that it is an extract, which is sealed long after it was recorded.
    fn is_extract(&self) -> bool {
        self.first.as_ref().is_some_and(|first| !first.extract_of.is_empty())
    }

    fn next_number(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.seal.number.saturating_add(1))
    }

    /// Whether nothing is cut out between this seal and the one before it.
    fn chain(&mut self, seal: &Seal, key: PublicKey, at: At<'_>, report: &mut VerifyReport) -> bool {
        let mut cut = |detail: String| report.add(at.fault(FaultKind::Cut, "", seal.number, detail));
        if !self.has_begun && seal.event != SealEvent::Open {
            cut("the file does not begin with the seal that opens it: its beginning is not here".to_owned());
            return false;
        }
        let Some(last) = &self.last else {
            let known = seal.known.iter();
            let known = known.map(|known| (known.stream.clone(), NumberTally::new(known.last)));
            self.streams.extend(known);
            return true;
        };
        if (&seal.bag, key) != (&last.seal.bag, last.key) {
            let detail = "a seal of another bag, or of another recorder, than the one before";
            report.add(at.fault(FaultKind::Seal, "", seal.number, detail));
        } else if seal.number != last.seal.number.saturating_add(1) {
            let (found, due) = (seal.number, last.seal.number.saturating_add(1));
            cut(format!(
                "seal {found} where seal {due} comes next: what is between is not here"
            ));
            return false;
        } else if seal.previous != last.hash {
            let detail = "a seal that does not follow the one before it";
            report.add(at.fault(FaultKind::Seal, "", seal.number, detail));
        }
        true
    }

    fn times(&mut self, seal: &Seal, at: At<'_>, report: &mut VerifyReport) {
        let ns = |time: i64| u64::try_from(time).unwrap_or(0);
        let before = self.last.as_ref().map_or(0, |last| ns(last.seal.time_ns));
        let number = seal.number;
        let mut backdated = |detail: &str| report.add(at.fault(FaultKind::Backdated, "", number, detail));
        if ns(seal.time_ns) < before {
            backdated("a seal that is older than the one before it");
        }
        let Some((first, last)) = self.log_times.take() else {
            return;
        };
        if last > ns(seal.time_ns).saturating_add(CLOCK_STEP_NS_MAX) {
            backdated("messages that were received after they were sealed");
        } else if first.saturating_add(WAITING_NS_MAX) < before
            && seal.event != SealEvent::Snapshot
            && !self.is_extract()
        {
            backdated("messages that are said to have been received long before they were sealed");
        }
    }

    fn compare_streams(&mut self, seal: &Seal, at: At<'_>, report: &mut VerifyReport) {
        for sealed in &seal.streams {
            let tally = self
                .streams
                .entry(sealed.stream.clone())
                .or_insert_with(|| NumberTally::new(sealed.after));
            compare(tally, sealed, at, report);
            let lost = count(&sealed.lost);
            // What an earlier seal called lost and has come after all.
            let late: u64 = sealed
                .late
                .iter()
                .filter(|(first, _)| *first <= sealed.after)
                .map(|range| count(&[*range]))
                .sum();
            report.gaps = report.gaps.saturating_add(lost).saturating_sub(late);
            if let Some(signer) = report.signers.get_mut(&sealed.stream.key) {
                signer.gaps = signer.gaps.saturating_add(lost).saturating_sub(late);
            }
            report.skipped = report.skipped.saturating_add(count(&sealed.skipped));
        }
        let unsealed = self.streams.iter_mut().filter(|(_, tally)| tally.has_news());
        for (name, tally) in unsealed {
            let numbers = tally.seal();
            let detail = "messages of a stream that the seal does not have";
            report.add(at.fault(FaultKind::Added, &name.topic, numbers.last, detail));
        }
    }
}

/// Compares what is there of a stream with what the seal says.
fn compare(tally: &mut NumberTally, sealed: &SealedStream, at: At<'_>, report: &mut VerifyReport) {
    let topic = &sealed.stream.topic;
    let mut fault = |kind, number, detail: &str| report.add(at.fault(kind, topic, number, detail));
    tally.begin_after(sealed.after);
    for range in &sealed.skipped {
        tally.skip(*range);
    }
    tally.lose_until(sealed.last);
    let found = tally.seal();
    let mut first_of = |ranges: Vec<NumberRange>, kind, detail: &str| {
        ranges.iter().for_each(|(first, _)| fault(kind, *first, detail));
    };
    let gone = difference(&found.lost, &sealed.lost);
    first_of(gone, FaultKind::Removed, "messages that were recorded and are not here");
    let come = difference(&sealed.lost, &found.lost);
    first_of(
        come,
        FaultKind::Added,
        "messages that never came, by the seal, and are here",
    );
    if found.late != sealed.late {
        let differs = difference(&found.late, &sealed.late);
        let differs = if differs.is_empty() {
            difference(&sealed.late, &found.late)
        } else {
            differs
        };
        first_of(
            differs,
            FaultKind::Reordered,
            "messages that were recorded in another order",
        );
    }
    if found.last > sealed.last {
        fault(
            FaultKind::Added,
            sealed.last + 1,
            "messages that came after the seal, and stand before it",
        );
    }
    if found.after > sealed.after {
        fault(
            FaultKind::Removed,
            sealed.after + 1,
            "messages that were recorded and are not here",
        );
    } else if found.after < sealed.after {
        fault(
            FaultKind::Added,
            found.after + 1,
            "messages that were not recorded here",
        );
    }
}
