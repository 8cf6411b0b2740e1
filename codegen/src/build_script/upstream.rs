//! The crates whose schemas and types a build script can refer to.
//!
//! Cargo hands the metadata of a crate to its direct dependents only. So each crate also tells where the list of
//! *its* upstream crates is: their schemas are needed to hash types, even when nobody names them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::BuildError;
use super::packages_off::PackagesOff;
use crate::source::{Folder, read_folder};

/// A crate with schemas.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// Where its types are, such as `::nuncio_msgs`.
    pub(super) rust_path: String,
    /// Where its schemas are.
    pub(super) place: PathBuf,
    pub(super) folder: Folder,
    /// The packages that it makes no types of.
    off: PackagesOff,
}

impl Upstream {
    /// The packages whose feature is off, and what turns them on.
    pub(super) fn off(&self) -> impl Iterator<Item = (String, String)> {
        self.off.switches()
    }
}

/// Reads the schemas of all crates that `DEP_*_NUNCIO_*` variables lead to, each once.
pub(super) fn upstreams(variables: &BTreeMap<String, OsString>) -> Result<Vec<Upstream>, BuildError> {
    let mut places: BTreeMap<PathBuf, (String, String)> = BTreeMap::new();
    let mut further: BTreeMap<PathBuf, (String, String)> = BTreeMap::new();
    for (name, place) in variables {
        let Some(crate_prefix) = name
            .strip_suffix("_NUNCIO_SCHEMAS")
            .filter(|name| name.starts_with("DEP_"))
        else {
            continue;
        };
        let of_crate = |what: &str| variables.get(&format!("{crate_prefix}_NUNCIO_{what}"));
        let text_of = |what| {
            of_crate(what)
                .and_then(|text| text.to_str())
                .unwrap_or_default()
                .to_owned()
        };
        places.insert(PathBuf::from(place), (text_of("RUST_PATH"), text_of("OFF")));
        let Some(list) = of_crate("UPSTREAM").map(PathBuf::from) else {
            continue;
        };
        let text = fs::read_to_string(&list).map_err(|error| BuildError::File { path: list, error })?;
        further.extend(text.lines().filter_map(|line| {
            let (rust_path, rest) = line.split_once('\t')?;
            let (off, place) = rest.split_once('\t')?;
            Some((PathBuf::from(place), (rust_path.to_owned(), off.to_owned())))
        }));
    }
    for (place, known) in further {
        places.entry(place).or_insert(known);
    }
    places
        .into_iter()
        .map(|(place, (rust_path, off))| {
            Ok(Upstream {
                rust_path,
                off: PackagesOff::read(&off),
                folder: read_folder(&place)?,
                place,
            })
        })
        .collect()
}

/// The list that this crate leaves for its dependents.
pub(super) fn list(upstreams: &[Upstream]) -> String {
    upstreams
        .iter()
        .map(|upstream| {
            format!(
                "{}\t{}\t{}\n",
                upstream.rust_path,
                upstream.off,
                upstream.place.display()
            )
        })
        .collect()
}
