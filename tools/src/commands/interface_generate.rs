//! `interface generate`: a crate with the Rust types of ROS packages.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use nuncio_codegen::{CrateOptions, Dependency, Generated, generate_crate, scan_folder};

use super::{CommandError, Outcome};
use crate::answers::interface::CrateGenerated;
use crate::catalog::shipped_files;
use crate::cli::InterfaceGenerate;
use crate::render::Render;

/// Where ROS 2 says what is installed: folders, the overlay first.
const AMENT_PREFIX_PATH: &str = "AMENT_PREFIX_PATH";

pub(super) fn run(render: &Render, args: InterfaceGenerate) -> Result<Outcome, CommandError> {
    let folders = match args.folders.is_empty() {
        true => prefixes(env::var_os(AMENT_PREFIX_PATH).as_deref())?,
        false => args.folders,
    };
    let nuncio = dependency(args.nuncio)?;
    let options = CrateOptions {
        name: args.name,
        nuncio,
        upstream: shipped_files().collect(),
        packages: args.packages,
    };
    let generated = generate_crate(&folders, &args.output, &options)?;
    print(render, &generated, &args.output)?;
    Ok(Outcome::Found)
}

/// Where the crate finds Nuncio: where the user says, else where this program was built, while that is there.
fn dependency(asked: Option<PathBuf>) -> Result<Dependency, GenerateError> {
    let has_sources = |folder: &Path| folder.join("msgs").is_dir() && folder.join("codegen/Cargo.toml").is_file();
    match asked {
        Some(folder) if has_sources(&folder) => Ok(Dependency::Workspace(folder)),
        Some(folder) => Err(GenerateError::NotNuncio { folder }),
        None => Ok(match Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
            Some(built_from) if has_sources(built_from) => Dependency::Workspace(built_from.to_owned()),
            _ => Dependency::Version(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

fn print(render: &Render, generated: &Generated, output: &Path) -> Result<(), CommandError> {
    let texts = |paths: &[PathBuf]| -> Vec<String> { paths.iter().map(|path| path.display().to_string()).collect() };
    let differing: Vec<String> = generated.differing.iter().map(ToString::to_string).collect();
    if !differing.is_empty() {
        render.warning(format!(
            "nuncio-msgs has other versions of {}; its own are used",
            differing.join(", ")
        ));
    }
    if render.is_json() {
        render.answer(&CrateGenerated {
            crate_name: &generated.crate_name,
            folder: output.display().to_string(),
            packages: &generated.packages,
            features: &generated.features,
            differing,
            files: texts(&generated.files),
        })?;
        return Ok(());
    }
    for file in &generated.files {
        render.line(None, &output.join(file).display().to_string())?;
    }
    render.note(format!(
        "the crate {} has the types of {}",
        generated.crate_name,
        generated.packages.join(", ")
    ));
    Ok(())
}

/// The folders of `AMENT_PREFIX_PATH` that have interfaces. A prefix without any is nothing unusual.
fn prefixes(variable: Option<&OsStr>) -> Result<Vec<PathBuf>, GenerateError> {
    let Some(variable) = variable.filter(|variable| !variable.is_empty()) else {
        return Err(GenerateError::NoFolder);
    };
    let listed: Vec<PathBuf> = env::split_paths(variable)
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect();
    let has_any = |folder: &PathBuf| folder.is_dir() && !scan_folder(&folder.join("share")).0.packages.is_empty();
    let found: Vec<PathBuf> = listed.iter().filter(|folder| has_any(folder)).cloned().collect();
    match found.is_empty() {
        true => Err(GenerateError::Empty { listed }),
        false => Ok(found),
    }
}

/// Why there is nothing to generate a crate from, or for.
#[derive(Debug)]
enum GenerateError {
    NoFolder,
    Empty { listed: Vec<PathBuf> },
    NotNuncio { folder: PathBuf },
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder => write!(
                f,
                "no folder is given and {AMENT_PREFIX_PATH} is not set; give the folder of the packages, or source \
                 ROS 2's setup.bash"
            ),
            Self::Empty { listed } => {
                let listed: Vec<String> = listed.iter().map(|folder| folder.display().to_string()).collect();
                write!(
                    f,
                    "no folder of {AMENT_PREFIX_PATH} has `share/<package>/msg/<Name>.msg` (or srv, action): {}",
                    listed.join(", ")
                )
            }
            Self::NotNuncio { folder } => write!(
                f,
                "expected Nuncio's sources, with msgs and codegen, in {}; give the folder of its workspace",
                folder.display()
            ),
        }
    }
}

impl Error for GenerateError {}
