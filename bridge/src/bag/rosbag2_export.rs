//! Exports what a recording proves as a plain rosbag2 folder: `metadata.yaml` and one MCAP file, without the proof.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use mcap::records::MessageHeader;
use nuncio::{TopicName, TypeHash};

use super::bag_settings::Compression;
use super::convert_error::ConvertError;
use super::metadata::{FileFacts, TopicFacts, metadata_text};
use super::proven_reader::ProvenMessage;
use super::write_error::WriteError;

/// A rosbag2 folder that is being written.
pub struct Rosbag2Export {
    dir: PathBuf,
    path: PathBuf,
    writer: mcap::Writer<BufWriter<File>>,
    channels: HashMap<(TopicName, TypeHash), u16>,
    topics: BTreeMap<String, TopicFacts>,
    file: FileFacts,
    cdr: Vec<u8>,
}

impl std::fmt::Debug for Rosbag2Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rosbag2Export")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Rosbag2Export {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// [`ConvertError::Exists`] when something of this name is there.
    pub fn create(dir: &Path, compression: Compression) -> Result<Self, ConvertError> {
        ConvertError::make_dir(dir)?;
        let name = format!("{}_0.mcap", dir.file_name().unwrap_or_default().to_string_lossy());
        let path = dir.join(&name);
        let file = File::create_new(&path).map_err(|error| ConvertError::file(&path, error))?;
        let options = mcap::WriteOptions::new()
            .profile("ros2")
            .library("nuncio")
            .compression(compression.of_mcap());
        Ok(Self {
            dir: dir.to_owned(),
            writer: options.create(BufWriter::new(file)).map_err(WriteError::from)?,
            path,
            channels: HashMap::new(),
            topics: BTreeMap::new(),
            file: FileFacts {
                name,
                ..FileFacts::default()
            },
            cdr: Vec::new(),
        })
    }

    /// Writes a message. `false`: it is of no known type, or none of its type.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when the file cannot be written.
    pub fn add(&mut self, message: &ProvenMessage) -> Result<bool, ConvertError> {
        let Ok(ty) = message.place.ty() else { return Ok(false) };
        self.cdr.clear();
        if ty.codec().payload_to_cdr(&message.payload, &mut self.cdr).is_err() {
            return Ok(false);
        }
        let place = &message.place.place;
        let key = (place.topic.clone(), place.type_hash);
        let qos = message.place.qos();
        let channel_id = match self.channels.get(&key) {
            Some(known) => *known,
            None => {
                let schema = self.writer.add_schema(ty.name(), "ros2msg", ty.ros2msg().as_bytes());
                let metadata = BTreeMap::from([
                    ("offered_qos_profiles".to_owned(), qos.to_owned()),
                    ("topic_type_hash".to_owned(), place.type_hash.to_string()),
                ]);
                let schema = schema.map_err(WriteError::from)?;
                let made = self.writer.add_channel(schema, place.topic.as_str(), "cdr", &metadata);
                *self.channels.entry(key).or_insert(made.map_err(WriteError::from)?)
            }
        };
        let header = MessageHeader {
            channel_id,
            sequence: (message.number & u64::from(u32::MAX)) as u32,
            log_time: message.received_ns,
            publish_time: u64::try_from(message.source_ns).unwrap_or(0),
        };
        let written = self.writer.write_to_known_channel(&header, &self.cdr);
        written.map_err(WriteError::from)?;
        self.file.note(message.received_ns);
        let facts = self.topics.entry(place.topic.to_string());
        let facts = facts.or_insert_with(|| TopicFacts {
            type_name: place.type_name.clone(),
            type_hash: place.type_hash.to_string(),
            messages: 0,
            qos: qos.to_owned(),
        });
        facts.messages += 1;
        Ok(true)
    }

    /// Writes the summary and `metadata.yaml`. Gives the file and how many messages it has.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when the files cannot be written.
    pub fn finish(mut self) -> Result<(PathBuf, u64), ConvertError> {
        self.writer.finish().map_err(WriteError::from)?;
        let path = self.dir.join("metadata.yaml");
        let text = metadata_text(std::slice::from_ref(&self.file), &self.topics);
        std::fs::write(&path, text).map_err(|error| ConvertError::file(&path, error))?;
        Ok((self.path, self.file.messages))
    }
}
