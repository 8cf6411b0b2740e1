//! `bag convert`: recordings of ROS 2 into bags, and bags into what other programs read.

use std::path::PathBuf;

use nuncio::clock::{now_ms, now_ns};
use nuncio::{Keystore, NodeName};
use nuncio_bridge::bag::rosbag2_export::Rosbag2Export;
use nuncio_bridge::bag::rosbag2_import::{IMPORT_NODE, Imported, import};
use nuncio_bridge::bag::table_export::{TableExport, TableFormat};
use nuncio_bridge::bag::{
    BagItem, BagPart, BagSettings, Compression, ConvertError, ProvenMessage, ProvenReader, SealSigner,
};

use super::{CommandError, Outcome};
use crate::answers::bag::{BagExported, BagImported};
use crate::cli::{BagConvert, ConvertTo, GlobalArgs};
use crate::render::{Progress, Render, count};

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &BagConvert) -> Result<Outcome, CommandError> {
    let part = args.part.part();
    let target = match args.to {
        ConvertTo::Nuncio => return take_over(render, global, args, &part),
        ConvertTo::Rosbag2 => Target::Rosbag2(Box::new(Rosbag2Export::create(&args.output, Compression::Zstd)?)),
        ConvertTo::Csv => Target::Tables(TableExport::create(&args.output, TableFormat::Csv)?),
        ConvertTo::Jsonl => Target::Tables(TableExport::create(&args.output, TableFormat::JsonLines)?),
        ConvertTo::Parquet => Target::Tables(TableExport::create(&args.output, TableFormat::Parquet)?),
    };
    export(render, args, &part, target)
}

/// Where messages go.
#[derive(Debug)]
enum Target {
    Rosbag2(Box<Rosbag2Export>),
    Tables(TableExport),
}

impl Target {
    fn add(&mut self, message: &ProvenMessage) -> Result<bool, ConvertError> {
        match self {
            Self::Rosbag2(bag) => bag.add(message),
            Self::Tables(tables) => tables.add(message),
        }
    }

    fn finish(self) -> Result<Vec<(PathBuf, u64)>, ConvertError> {
        match self {
            Self::Rosbag2(bag) => bag.finish().map(|file| vec![file]),
            Self::Tables(tables) => tables.finish(),
        }
    }
}

fn export(render: &Render, args: &BagConvert, part: &BagPart, mut target: Target) -> Result<Outcome, CommandError> {
    let mut reader = ProvenReader::open(&args.part.bag)?;
    let (mut refused, mut untyped, mut plain, mut begin) = (0_u64, 0_u64, 0_u64, None);
    let mut progress = Progress::new(render, "converting");
    loop {
        progress.tell(reader.bag().bytes_read(), reader.bag().bytes());
        match reader.next_item() {
            Ok(Some(BagItem::Proven(message))) => {
                let after = message
                    .received_ns
                    .saturating_sub(*begin.get_or_insert(message.received_ns));
                if part.has_time(after) && part.has_topic(message.topic()) {
                    untyped += u64::from(!target.add(&message)?);
                }
            }
            Ok(Some(BagItem::Plain { .. })) => plain += 1,
            Ok(Some(BagItem::Refused(problem))) => {
                if refused == 0 {
                    render.warning(problem);
                }
                refused += 1;
            }
            Ok(Some(BagItem::Seal { .. })) => {}
            Ok(None) => break,
            Err(error) => {
                render.warning(error);
                refused += 1;
                reader.skip_file();
            }
        }
    }
    drop(progress);
    let written = target.finish()?;
    let messages: u64 = written.iter().map(|(_, rows)| rows).sum();
    for (path, rows) in &written {
        match render.is_json() {
            true => render.answer(&BagExported {
                file: path.display().to_string(),
                messages: *rows,
            })?,
            false => render.line(None, &format!("{}: {rows} messages", path.display()))?,
        }
    }
    if untyped > 0 {
        render.warning(format!("{untyped} messages are none of a known type and were left out"));
    }
    if refused > 0 {
        render.warning(format!("{refused} parts prove nothing and were left out"));
    }
    if messages == 0 && plain > 0 {
        let bag = args.part.bag.display();
        render.warning(format!(
            "what is in {bag} is not signed, and only what is proved is exported; `nuncio bag convert {bag} -o DIR` signs it \
             with this user's key first, as its importer"
        ));
        return Ok(Outcome::Refused);
    }
    Ok(match (refused + untyped, messages) {
        (0, 0) => Outcome::Nothing,
        (0, _) => Outcome::Found,
        _ => Outcome::Refused,
    })
}

fn take_over(render: &Render, global: &GlobalArgs, args: &BagConvert, part: &BagPart) -> Result<Outcome, CommandError> {
    let has_sqlite = |dir: &PathBuf| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .any(|path| path.extension().is_some_and(|extension| extension == "db3"))
    };
    if args.part.bag.extension().is_some_and(|extension| extension == "db3") || has_sqlite(&args.part.bag) {
        let problem = "expected a recording in MCAP, found one in SQLite; `ros2 bag convert` makes MCAP of it, and so does \
                       `rosbags-convert` from PyPI";
        return Err(std::io::Error::other(problem).into());
    }
    let signer = SealSigner {
        identity: Keystore::open(global.keystore_dir()?)?.identity()?,
        domain: global.domain.clone(),
        node: NodeName::parse(IMPORT_NODE)?,
        epoch: now_ms(),
    };
    let mut progress = Progress::new(render, "converting");
    let settings = BagSettings::new(&args.output, signer);
    let imported = import(&args.part.bag, part, settings, now_ns(), |read, total| {
        progress.tell(read, total)
    })?;
    drop(progress);
    tell(render, args, &imported)
}

fn tell(render: &Render, args: &BagConvert, imported: &Imported) -> Result<Outcome, CommandError> {
    let messages = imported.summary.messages;
    for damage in &imported.damage {
        render.warning(damage);
    }
    for (topic, problem) in &imported.left_out {
        render.warning(format!("{topic} is left out: {problem}"));
    }
    if imported.undecodable > 0 {
        let undecodable = imported.undecodable;
        render.warning(format!(
            "{undecodable} messages are none of their type and are left out"
        ));
    }
    if render.is_json() {
        render.answer(&BagImported {
            bag: args.output.display().to_string(),
            messages,
            undecodable: imported.undecodable,
            left_out: imported.left_out.iter().map(|(topic, _)| topic.as_str()).collect(),
        })?;
    } else {
        let messages = count(usize::try_from(messages).unwrap_or(usize::MAX), "message");
        let bag = args.output.display();
        render.line(
            None,
            &format!("{bag}: {messages}, signed by this user as their importer; who sent them at first is not known"),
        )?;
    }
    let is_whole = imported.damage.is_empty() && imported.left_out.is_empty() && imported.undecodable == 0;
    Ok(match (is_whole, messages) {
        (false, _) => Outcome::Refused,
        (true, 0) => Outcome::Nothing,
        (true, _) => Outcome::Found,
    })
}
