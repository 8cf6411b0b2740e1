//! A table in Parquet: one row group for each so many rows, no compression, no nested columns.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::table::{Cell, CellKind, Column};

/// How many rows, and about how many bytes of text, are gathered before they are written.
const ROWS_MAX: usize = 65_536;
const TEXT_MAX: usize = 32 << 20;

/// A table that is being written.
pub(crate) struct ParquetTable {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    text: usize,
}

impl std::fmt::Debug for ParquetTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetTable")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl ParquetTable {
    pub(crate) fn new(file: File, columns: Vec<Column>) -> Result<Self, ParquetError> {
        let fields = columns.iter().map(|column| {
            let (physical, logical) = match column.kind {
                CellKind::Bool => (Physical::BOOLEAN, None),
                CellKind::Signed => (Physical::INT64, Some(LogicalType::integer(64, true))),
                CellKind::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false))),
                CellKind::Single => (Physical::FLOAT, None),
                CellKind::Double => (Physical::DOUBLE, None),
                CellKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let field = Type::primitive_type_builder(&column.name, physical)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(logical);
            field.build().map(Arc::new)
        });
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let schema = Type::group_type_builder("message").with_fields(fields).build()?;
        let properties = Arc::new(WriterProperties::builder().build());
        Ok(Self {
            writer: SerializedFileWriter::new(file, Arc::new(schema), properties)?,
            columns,
            rows: Vec::new(),
            text: 0,
        })
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn add(&mut self, row: Vec<Cell>) -> Result<(), ParquetError> {
        let texts = row.iter().map(|cell| match cell {
            Cell::Text(text) => text.len(),
            _ => 8,
        });
        self.text += texts.sum::<usize>();
        self.rows.push(row);
        match self.rows.len() >= ROWS_MAX || self.text >= TEXT_MAX {
            true => self.write(),
            false => Ok(()),
        }
    }

    pub(crate) fn finish(mut self) -> Result<(), ParquetError> {
        if !self.rows.is_empty() {
            self.write()?;
        }
        self.writer.close().map(|_| ())
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        self.text = 0;
        let mut group = self.writer.next_row_group()?;
        for (index, column) in self.columns.iter().enumerate() {
            let Some(mut writer) = group.next_column()? else { break };
            let cells = rows.iter().filter_map(|row| row.get(index));
            match column.kind {
                CellKind::Bool => {
                    let values: Vec<bool> = cells.map(|cell| matches!(cell, Cell::Bool(true))).collect();
                    writer.typed::<BoolType>().write_batch(&values, None, None)?;
                }
                CellKind::Signed | CellKind::Unsigned => {
                    let values: Vec<i64> = cells.map(integer).collect();
                    writer.typed::<Int64Type>().write_batch(&values, None, None)?;
                }
                CellKind::Single => {
                    let values: Vec<f32> = cells.map(|cell| float(cell) as f32).collect();
                    writer.typed::<FloatType>().write_batch(&values, None, None)?;
                }
                CellKind::Double => {
                    let values: Vec<f64> = cells.map(float).collect();
                    writer.typed::<DoubleType>().write_batch(&values, None, None)?;
                }
                CellKind::Text => {
                    let values: Vec<ByteArray> = cells.map(text).collect();
                    writer.typed::<ByteArrayType>().write_batch(&values, None, None)?;
                }
            }
            writer.close()?;
        }
        group.close().map(|_| ())
    }
}

/// Integers without a sign have the same bits in a column that says so.
fn integer(cell: &Cell) -> i64 {
    match cell {
        Cell::Signed(value) => *value,
        Cell::Unsigned(value) => value.cast_signed(),
        _ => 0,
    }
}

fn float(cell: &Cell) -> f64 {
    match cell {
        Cell::Float(value) => *value,
        _ => f64::NAN,
    }
}

fn text(cell: &Cell) -> ByteArray {
    match cell {
        Cell::Text(text) => ByteArray::from(text.as_bytes().to_vec()),
        _ => ByteArray::default(),
    }
}
