//! Exports what a recording proves: a file for each topic, as CSV, JSON Lines or Parquet.
//!
//! A file is named after its topic, `/robot/odom` is `robot__odom.csv`. A second type on one topic has its hash in the name, too.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nuncio::{TopicName, TypeHash};
use serde_json::{Value, json};

use super::convert_error::ConvertError;
use super::parquet_table::ParquetTable;
use super::proven_reader::ProvenMessage;
use super::table::{Cell, Column, columns, csv_line, row};

/// What is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TableFormat {
    /// Rows of text, with the columns' names first.
    Csv,
    /// A JSON object on each line: the message as it is, with what is known of it.
    JsonLines,
    /// Typed columns.
    Parquet,
}

/// Files that are being written.
#[derive(Debug)]
pub struct TableExport {
    dir: PathBuf,
    format: TableFormat,
    tables: HashMap<(TopicName, TypeHash), Table>,
}

/// One file.
#[derive(Debug)]
struct Table {
    path: PathBuf,
    rows: u64,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Csv(BufWriter<File>, Vec<Column>),
    JsonLines(BufWriter<File>),
    Parquet(Box<ParquetTable>),
}

impl TableExport {
    /// Makes the folder.
    ///
    /// # Errors
    ///
    /// [`ConvertError::Exists`] when something of this name is there.
    pub fn create(dir: &Path, format: TableFormat) -> Result<Self, ConvertError> {
        ConvertError::make_dir(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            format,
            tables: HashMap::new(),
        })
    }

    /// Writes a message. `false`: it is of no known type, or none of its type.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when a file cannot be written.
    pub fn add(&mut self, message: &ProvenMessage) -> Result<bool, ConvertError> {
        let Ok(ty) = message.place.ty() else { return Ok(false) };
        let Ok(json) = ty.codec().to_json(&message.payload) else {
            return Ok(false);
        };
        let key = (message.topic().clone(), message.place.place.type_hash);
        let table = match self.tables.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let columns = columns(ty.codec().description());
                new.insert(Table::create(&self.dir, self.format, message, columns)?)
            }
        };
        table.rows += 1;
        let written = match &mut table.sink {
            Sink::Csv(file, columns) => file.write_all(csv_line(&row(message, &json, columns)).as_bytes()),
            Sink::JsonLines(file) => writeln!(file, "{}", line(message, json)),
            Sink::Parquet(parquet) => {
                let row = row(message, &json, parquet.columns());
                parquet.add(row).map_err(std::io::Error::other)
            }
        };
        written.map_err(|error| ConvertError::file(&table.path, error))?;
        Ok(true)
    }

    /// Ends the files. Gives their paths and how many rows each has.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when a file cannot be written.
    pub fn finish(self) -> Result<Vec<(PathBuf, u64)>, ConvertError> {
        let mut written = Vec::new();
        for table in self.tables.into_values() {
            let ended = match table.sink {
                Sink::Csv(mut file, _) | Sink::JsonLines(mut file) => file.flush(),
                Sink::Parquet(parquet) => parquet.finish().map_err(std::io::Error::other),
            };
            ended.map_err(|error| ConvertError::file(&table.path, error))?;
            written.push((table.path, table.rows));
        }
        written.sort();
        Ok(written)
    }
}

impl Table {
    fn create(
        dir: &Path,
        format: TableFormat,
        message: &ProvenMessage,
        columns: Vec<Column>,
    ) -> Result<Self, ConvertError> {
        let name = message.topic().as_str().trim_start_matches('/').replace('/', "__");
        let mut path = dir.join(format!("{name}.{format}"));
        if path.exists() {
            let hash = message.place.place.type_hash.to_string();
            let short: String = hash.trim_start_matches("RIHS01_").chars().take(8).collect();
            path = dir.join(format!("{name}.{short}.{format}"));
        }
        let failed = |error| ConvertError::file(&path, error);
        let file = File::create_new(&path).map_err(failed)?;
        let sink = match format {
            TableFormat::Csv => {
                let mut file = BufWriter::new(file);
                let names: Vec<Cell> = columns.iter().map(|column| Cell::Text(column.name.clone())).collect();
                file.write_all(csv_line(&names).as_bytes()).map_err(failed)?;
                Sink::Csv(file, columns)
            }
            TableFormat::JsonLines => Sink::JsonLines(BufWriter::new(file)),
            TableFormat::Parquet => {
                let parquet = ParquetTable::new(file, columns);
                Sink::Parquet(Box::new(parquet.map_err(std::io::Error::other).map_err(failed)?))
            }
        };
        Ok(Self { path, rows: 0, sink })
    }
}

fn line(message: &ProvenMessage, json: Value) -> Value {
    json!({
        "topic": message.topic().as_str(),
        "type": message.place.place.type_name,
        "received_ns": message.received_ns,
        "stamp_ns": message.source_ns,
        "signer": message.key.to_string(),
        "node": message.node.as_deref(),
        "number": message.number,
        "message": json,
    })
}

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        })
    }
}

impl FromStr for TableFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = [Self::Csv, Self::JsonLines, Self::Parquet].into_iter();
        all.find(|format| format.to_string() == text)
            .ok_or_else(|| "expected csv, jsonl or parquet".to_owned())
    }
}
