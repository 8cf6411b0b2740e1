//! Bags: recordings that every MCAP reader plays and that prove who said what.
//!
//! ```text
//! record   Verified -> Recorder (bounded by bytes) -> BagWriter -> frame, messages made of it, seals -> MCAP
//! read     MCAP -> BagReader -> BagRecord
//! verify   BagRecord -> signature, place, transcoding (all cores) -> numbers -> seals -> VerifyReport
//! extract  BagReader -> filter -> BagWriter, sealed anew, with the hashes of the seals that it comes from
//! show     BagReader -> ProvenReader (signature, place) -> ProvenMessage -> cat, PlayOrder, tables, rosbag2
//! ```
//!
//! # The format, version 1
//!
//! A bag is a folder `NAME` as rosbag2 has it: `metadata.yaml` (version 9) and `NAME_0.mcap`, `NAME_1.mcap`, … Each file is an
//! ordinary MCAP file with profile `ros2`; each message of a topic is there in CDR, on a channel with the topic's name and the
//! schema encoding `ros2msg`. `log_time` is when it was received, `publish_time` when it was published, `sequence` the low 32
//! bits of its number. Whoever knows nothing of Nuncio reads these, and skips the rest.
//!
//! The rest is the proof, on channels without a schema:
//!
//! | topic | encoding | message |
//! |---|---|---|
//! | `nuncio/frame/<topic>` | `nuncio-frame` | a frame exactly as it was signed ([`nuncio::security::frame`]) |
//! | `nuncio/signer` | `json` | who a writer is: node, key, certificates; once for each writer in each file |
//! | `nuncio/seal` | `nuncio-frame` | a seal |
//!
//! The metadata of a frame channel says the place for which its frames are signed: `domain`, `topic`, `type_name`, `type_hash`
//! (RIHS01). `cdr` is `yes` when the messages of its frames are in the bag in CDR, `no` when nobody told what the type is. For
//! the parts of services and actions, whose definition no `.msg` text holds, `sources` has the schema files, as a JSON list of
//! pairs of name and text.
//!
//! A frame comes directly before the messages that are made of it, in one chunk with them: the messages of the frame in order,
//! those left out that were in the bag already and those whose payload is not one of their type. Frame and messages have the
//! same `log_time`. The type hash in the frame's context proves the schema; the node's name is proved by the writer, which is
//! derived from it.
//!
//! ## Seals
//!
//! A seal is a frame of kind 5 (attestation) with one message, whose payload is a JSON object, [`seal::Seal`]. It is signed by
//! the recorder's key in the context of the bag's domain, the place `nuncio/seal`, the type name `nuncio bag seal`, the hash
//! BLAKE3 of `nuncio bag seal v1`, and the 16 bytes of the bag's id as request id. The first record of each file is a seal, then
//! follows one each second in which something was recorded, and one is the last record of each file that was ended in order.
//!
//! Each seal has the next number, the BLAKE3 hash of the frame of the seal before it (across files), and in `records` the
//! BLAKE3 hash over all messages of the file since the seal before it, seals left out. For each message is hashed, numbers little
//! endian: the channel's hash (32 bytes), `log_time` (8), `publish_time` (8), `sequence` (4), the length of the data (8), the
//! data. The channel's hash is BLAKE3 of its topic, encoding, schema name, schema encoding, schema data and each key and value of
//! its metadata in the order of their bytes, each behind its length (4 bytes).
//!
//! For each stream (topic, key, writer, epoch) of which something was recorded since the seal before, it says: the highest
//! number before (`after`), the highest now (`last`), how many messages (`messages`), which of the numbers between are `lost`,
//! which were left out on purpose (`skipped`: a pause, a snapshot, an extract), and which came `late`, after a higher one.
//!
//! ## What is on the disk, and when
//!
//! A file is a valid MCAP file after each write, [`committed_file`] says how. Killing the recorder at any moment loses what was
//! recorded since the last write, a second at most, and a seal with it; no repair step is needed. The same order holds for a
//! power cut when the recorder is told to wait for the disk (`--sync`); without it the system decides what reaches the disk
//! first, and the end of the file may be torn: what is before it is still read and verified.
//!
//! # What is promised, and what is not
//!
//! **Promised.** Nobody but the signer can alter a message, invent one, or move it to another topic; nobody but the recorder can
//! leave one out, repeat, reorder or date back without its being noticed, except for what lies behind the last seal. A cut at
//! the end is told as a bag that is not closed.
//!
//! **Not promised.** Who the recorder is: whoever has a bag can seal anew, with a key of his own, what he chooses to keep
//! of it. `bag verify` says whose seals they are, and with `--recorder KEY` it refuses those of anybody else. That the recorder is honest
//! about what it did not write: what it claims to be lost may have been left out. That its clock was right: a recording
//! cannot be dated before the source times that others have signed, give or take a minute, but it can be dated after them.

pub mod bag_info;
pub mod bag_part;
pub mod bag_player;
pub mod bag_reader;
pub mod bag_settings;
pub mod bag_writer;
pub mod committed_file;
mod convert_error;
pub mod extract;
pub mod fault;
pub mod frame_channel;
mod frame_check;
mod intake;
mod mcap_file;
mod metadata;
pub mod number_tally;
mod parquet_table;
pub mod play_order;
pub mod proven_reader;
mod read_error;
pub mod record_hash;
pub mod recorded_frame;
pub mod recorder;
mod recording;
mod ring;
mod room;
pub mod rosbag2_export;
pub mod rosbag2_import;
pub mod seal;
mod seal_check;
pub mod selection;
mod signer_text;
pub mod table;
pub mod table_export;
mod taking;
pub mod verify;
mod verify_batch;
pub mod verify_report;
mod write_error;

pub use bag_info::{BagInfo, SealInfo, SignerInfo, TopicInfo};
pub use bag_part::BagPart;
pub use bag_player::{BagPlayer, PlayError, PlayOptions, PlayProgress, PlayWish, Played};
pub use bag_reader::{BagReader, BagRecord, Channel, ReadError, Role};
pub use bag_settings::{BagSettings, BagSummary, Compression};
pub use bag_writer::BagWriter;
pub use convert_error::ConvertError;
pub use fault::{Fault, FaultKind};
pub use play_order::PlayOrder;
pub use proven_reader::{BagItem, ProvenMessage, ProvenPlace, ProvenReader};
pub use recorded_frame::{RecordedFrame, Signer};
pub use recorder::{Ended, Recorder, RecorderCommand, RecorderOptions, RecorderStatus, Snapshots};
pub use seal::{Seal, SealEvent, SealSigner};
pub use selection::Selection;
pub use verify::{VerifyOptions, verify};
pub use verify_report::VerifyReport;
pub use write_error::WriteError;

/// Before the topic's name in the name of its frame channel.
pub const FRAME_TOPIC_PREFIX: &str = "nuncio/frame";
/// The channel that says who a writer is.
pub const SIGNER_TOPIC: &str = "nuncio/signer";
/// The channel of seals.
pub const SEAL_TOPIC: &str = "nuncio/seal";
/// The message encoding of frames and seals.
pub const FRAME_ENCODING: &str = "nuncio-frame";
