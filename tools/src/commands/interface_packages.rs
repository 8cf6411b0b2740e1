//! `interface packages` and `interface package`: which packages there are, and what one of them holds.

use std::collections::BTreeSet;

use super::{CommandError, Outcome};
use crate::answers::interface::{InterfaceListed, PackageListed};
use crate::catalog::Catalog;
use crate::cli::InterfacePackage;
use crate::render::Render;

pub(super) fn names(render: &Render, catalog: &Catalog) -> Result<Outcome, CommandError> {
    let packages: BTreeSet<&str> = catalog.asked_names().map(|name| name.package.as_str()).collect();
    for package in packages {
        match render.is_json() {
            true => render.answer(&PackageListed { package })?,
            false => render.line(None, package)?,
        }
    }
    Ok(Outcome::Found)
}

pub(super) fn interfaces(render: &Render, catalog: &Catalog, args: InterfacePackage) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::Nothing;
    for name in catalog.asked_names().filter(|name| name.package == args.package) {
        outcome = Outcome::Found;
        match render.is_json() {
            true => render.answer(&InterfaceListed {
                type_name: name.to_string(),
                kind: name.kind.as_str(),
            })?,
            false => render.line(None, &name.to_string())?,
        }
    }
    if outcome == Outcome::Nothing {
        render.note(format!(
            "no package is called {:?}; `nuncio interface packages` shows all, --path DIR looks at your own",
            args.package
        ));
    }
    Ok(outcome)
}
