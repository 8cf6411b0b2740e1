//! The crates whose schemas and types a build script can refer to.
//!
//! Cargo hands the metadata of a crate to its direct dependents only. So each crate also tells where the list of
//! *its* upstream crates is: their schemas are needed to hash types, even when nobody names them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::BuildError;
use crate::source::{Folder, read_folder};

/// A crate with schemas.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// Where its types are, such as `::nuncio_msgs`.
    pub(super) rust_path: String,
    /// Where its schemas are.
    pub(super) place: PathBuf,
    pub(super) folder: Folder,
}

/// Reads the schemas of all crates that `DEP_*_NUNCIO_*` variables lead to, each once.
pub(super) fn upstreams(variables: &BTreeMap<String, OsString>) -> Result<Vec<Upstream>, BuildError> {
    let mut places: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut further: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (name, place) in variables {
        let Some(crate_prefix) = name
            .strip_suffix("_NUNCIO_SCHEMAS")
            .filter(|name| name.starts_with("DEP_"))
        else {
            continue;
        };
        let of_crate = |what: &str| variables.get(&format!("{crate_prefix}_NUNCIO_{what}"));
        let rust_path = of_crate("RUST_PATH").and_then(|path| path.to_str()).unwrap_or_default();
        places.insert(PathBuf::from(place), rust_path.to_owned());
        let Some(list) = of_crate("UPSTREAM").map(PathBuf::from) else {
            continue;
        };
        let text = fs::read_to_string(&list).map_err(|error| BuildError::File { path: list, error })?;
        further.extend(
            text.lines()
                .filter_map(|line| line.split_once('\t'))
                .map(|(rust_path, place)| (PathBuf::from(place), rust_path.to_owned())),
        );
    }
    for (place, rust_path) in further {
        places.entry(place).or_insert(rust_path);
    }
    places
        .into_iter()
        .map(|(place, rust_path)| {
            Ok(Upstream {
                rust_path,
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
        .map(|upstream| format!("{}\t{}\n", upstream.rust_path, upstream.place.display()))
        .collect()
}
