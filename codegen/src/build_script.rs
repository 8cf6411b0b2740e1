//! The door for build scripts: a folder of schemas in, `OUT_DIR/interfaces.rs` out.
//!
//! Schemas of other crates are found through Cargo's `links` metadata: a crate that has `links = "name"` in its
//! manifest and calls [`build`] tells its dependents, in variables `DEP_NAME_NUNCIO_…`, where its schemas are and what
//! their Rust path is. Types that those crates have are referred to, never copied.

mod packages_off;
mod upstream;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io, process};

use self::packages_off::PackagesOff;
use self::upstream::{Upstream, upstreams};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::emit::{Target, emit};
use crate::source::{Folder, read_folder};

/// Compiles the interfaces in `folder` for `nuncio_msgs::include_interfaces!()`.
///
/// `folder` is relative to the package's root. It holds ROS packages, `<package>/msg/<Name>.msg`, or is itself one.
/// A whole `build.rs` is a `main` with this one line:
///
/// ```no_run
/// nuncio_codegen::build("interfaces");
/// ```
///
/// When something is wrong, this prints every problem with its file, line and column, and ends the process with
/// exit code 1, which is how a build script fails.
pub fn build(folder: impl AsRef<Path>) {
    Build::new(folder).run();
}

/// [`build`] with choices.
#[derive(Clone, Debug)]
#[must_use]
pub struct Build {
    folder: PathBuf,
    crate_path: String,
    module: String,
    package_features: bool,
    service_events: bool,
}

impl Build {
    /// Compiles the interfaces in `folder`, which is relative to the package's root.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
            crate_path: "::nuncio_msgs".to_owned(),
            module: String::new(),
            package_features: false,
            service_events: false,
        }
    }

    /// The path of the crate `nuncio-msgs` in the generated text, where it is not `::nuncio_msgs`.
    pub fn crate_path(mut self, path: impl Into<String>) -> Self {
        self.crate_path = path.into();
        self
    }

    /// The module that has `include_interfaces!()`, where it is not the crate's root, such as `interfaces`.
    pub fn module(mut self, module: impl Into<String>) -> Self {
        self.module = module.into();
        self
    }

    /// Makes types of those packages only whose Cargo feature is on; a package's feature has the package's name.
    ///
    /// The schemas of all packages stay available, as text and for crates that depend on this one.
    pub fn package_features(mut self) -> Self {
        self.package_features = true;
        self
    }

    /// Makes types of the events of services, too: `SetBoolEvent`, which ROS 2's service introspection sends.
    ///
    /// They are left out otherwise: most programs never see one, and each costs as much to build as another message.
    /// The schemas need the package `service_msgs`, which is a feature of `nuncio-msgs`. Hashes and run-time types of
    /// events are there in any case.
    pub fn service_events(mut self) -> Self {
        self.service_events = true;
        self
    }

    /// Compiles, and ends the process with exit code 1 when something is wrong.
    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "Cargo reads the output of build scripts"
    )]
    pub fn run(self) {
        match self.compile(env::vars_os()) {
            Ok(instructions) => instructions.iter().for_each(|instruction| println!("{instruction}")),
            Err(error) => {
                eprintln!("{error}");
                process::exit(1);
            }
        }
    }

    /// Compiles with these environment variables and returns what Cargo must be told.
    fn compile(&self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Vec<String>, BuildError> {
        let variables: BTreeMap<String, OsString> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let required = |name: &'static str| {
            variables
                .get(name)
                .map(PathBuf::from)
                .ok_or(BuildError::NotABuildScript { variable: name })
        };
        let out_dir = required("OUT_DIR")?;
        let root = required("CARGO_MANIFEST_DIR")?.join(&self.folder);
        let own = read_folder(&root)?;
        let upstreams = upstreams(&variables)?;

        let (files, packages) = gather(&own, &upstreams)?;
        let interfaces = crate::compile(&files)?;
        let off = self.packages_off(&own, &variables);
        let target = Target {
            crate_path: self.crate_path.clone(),
            module: self.module.clone(),
            upstream: packages,
            off: upstreams.iter().flat_map(Upstream::off).chain(off.switches()).collect(),
            service_events: self.service_events,
        };
        let text = emit(&interfaces, &target)?;
        write(&out_dir.join("interfaces.rs"), &text)?;

        let mut instructions = vec![format!("cargo::rerun-if-changed={}", root.display())];
        for file in &own.files {
            instructions.push(format!("cargo::rerun-if-changed={}", file.path));
        }
        if variables.contains_key("CARGO_MANIFEST_LINKS") {
            let list = out_dir.join("nuncio_upstream.txt");
            write(&list, &upstream::list(&upstreams))?;
            instructions.push(format!("cargo::metadata=NUNCIO_SCHEMAS={}", root.display()));
            instructions.push(format!(
                "cargo::metadata=NUNCIO_RUST_PATH={}",
                self.rust_path(&variables)
            ));
            instructions.push(format!("cargo::metadata=NUNCIO_UPSTREAM={}", list.display()));
            instructions.push(format!("cargo::metadata=NUNCIO_OFF={off}"));
        }
        Ok(instructions)
    }

    /// The packages of this crate whose feature is off.
    fn packages_off(&self, own: &Folder, variables: &BTreeMap<String, OsString>) -> PackagesOff {
        let is_off = |package: &&String| {
            self.package_features && !variables.contains_key(&format!("CARGO_FEATURE_{}", package.to_uppercase()))
        };
        let name = variables.get("CARGO_PKG_NAME").and_then(|name| name.to_str());
        PackagesOff {
            crate_name: name.unwrap_or_default().to_owned(),
            packages: own.packages.keys().filter(is_off).cloned().collect(),
        }
    }

    /// Where other crates find the types of this one.
    fn rust_path(&self, variables: &BTreeMap<String, OsString>) -> String {
        let name = variables
            .get("CARGO_PKG_NAME")
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let path = format!("::{}", name.replace('-', "_"));
        match self.module.as_str() {
            "" => path,
            module => format!("{path}::{module}"),
        }
    }
}

/// The files of a compilation, and the Rust path of each package that is upstream.
type Gathered = (Vec<crate::SourceFile>, BTreeMap<String, String>);

/// All files together; each package may be in one place only.
fn gather(own: &Folder, upstreams: &[Upstream]) -> Result<Gathered, Diagnostics> {
    let mut files = own.files.clone();
    let mut places: BTreeMap<&str, &Path> = own
        .packages
        .iter()
        .map(|(name, folder)| (name.as_str(), folder.as_path()))
        .collect();
    let mut paths = BTreeMap::new();
    let mut problems = Vec::new();
    for upstream in upstreams {
        for (name, folder) in &upstream.folder.packages {
            if let Some(other) = places.insert(name, folder) {
                problems.push(Diagnostic::about(
                    other.display().to_string(),
                    format!("the package `{name}` is also in {}", folder.display()),
                    "remove one of them; a package of a crate that you depend on is used from there",
                ));
            }
            paths.insert(name.clone(), upstream.rust_path.clone());
        }
        files.extend(upstream.folder.files.iter().cloned());
    }
    if problems.is_empty() {
        Ok((files, paths))
    } else {
        Err(Diagnostics::new(problems, 0))
    }
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    // An equal file keeps its time, and nothing that includes it is compiled again.
    if fs::read(path).is_ok_and(|present| present == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).map_err(|error| BuildError::File {
        path: path.to_owned(),
        error,
    })
}

/// Why a build script cannot compile its interfaces.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// Cargo sets this variable for build scripts, and it is not there.
    NotABuildScript {
        /// The variable.
        variable: &'static str,
    },
    /// A file that is not a schema cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The schemas are wrong.
    Schemas(Diagnostics),
}

impl From<Diagnostics> for BuildError {
    fn from(problems: Diagnostics) -> Self {
        Self::Schemas(problems)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABuildScript { variable } => {
                write!(
                    f,
                    "{variable} is not set; call this from a build script that Cargo runs"
                )
            }
            Self::File { path, error } => write!(f, "cannot use {}: {error}", path.display()),
            Self::Schemas(problems) => problems.fmt(f),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotABuildScript { .. } | Self::Schemas(_) => None,
            Self::File { error, .. } => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
