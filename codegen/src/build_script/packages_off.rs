//! The packages whose Cargo feature is off, and the text that tells a crate's dependents about them.

use std::collections::BTreeSet;
use std::fmt;

/// Packages that a crate has schemas of, and no types.
///
/// Invariant: the text form is `crate:package,package`, which [`Self::read`] reads again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct PackagesOff {
    /// The crate, as manifests name it.
    pub(super) crate_name: String,
    pub(super) packages: BTreeSet<String>,
}

impl PackagesOff {
    /// Reads what another crate's build script wrote; a text of another form names no package.
    pub(super) fn read(text: &str) -> Self {
        let (crate_name, packages) = text.split_once(':').unwrap_or_default();
        Self {
            crate_name: crate_name.to_owned(),
            packages: packages
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Each package, and what turns it on.
    pub(super) fn switches(&self) -> impl Iterator<Item = (String, String)> {
        self.packages.iter().map(|package| {
            let switch = format!(
                "turn on the feature of the same name: `{} = {{ …, features = [\"{package}\"] }}` in Cargo.toml",
                self.crate_name
            );
            (package.clone(), switch)
        })
    }
}

impl fmt::Display for PackagesOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.crate_name)?;
        for (index, package) in self.packages.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{package}")?;
        }
        Ok(())
    }
}
