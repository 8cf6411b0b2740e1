//! `interface check`: everything that is wrong with schemas, at once.

use std::collections::BTreeSet;

use nuncio_codegen::{Diagnostic, scan_folder};

use super::{CommandError, Outcome};
use crate::answers::interface::InterfaceProblem;
use crate::catalog::Catalog;
use crate::cli::{GlobalArgs, InterfaceCheck};
use crate::render::{Render, count};

pub(super) fn run(render: &Render, global: &GlobalArgs, args: InterfaceCheck) -> Result<Outcome, CommandError> {
    let mut catalog = Catalog::shipped();
    let mut problems: Vec<Diagnostic> = Vec::new();
    let folders = args.own.path.iter().map(|folder| (folder, true));
    for (folder, is_asked) in folders.chain(global.interfaces.iter().map(|folder| (folder, false))) {
        let (found, wrong) = scan_folder(folder);
        problems.extend(wrong);
        for (package, first) in catalog.add(found, is_asked) {
            render.note(format!(
                "the package {package} in {} is not looked at: {} has it, and the first one counts",
                folder.display(),
                first.display()
            ));
        }
    }
    let mut unreported = 0;
    if let Err(wrong) = catalog.compiled() {
        problems.extend_from_slice(wrong.problems());
        unreported = wrong.unreported();
    }
    problems.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    for (index, problem) in problems.iter().enumerate() {
        print(render, problem, index > 0)?;
    }
    if unreported > 0 {
        render.note(format!("and {unreported} more, which show when these are put right"));
    }
    if !problems.is_empty() {
        render.note(format!("found {}", count(problems.len() + unreported, "problem")));
        return Ok(Outcome::Wrong);
    }
    let packages: BTreeSet<&str> = catalog.asked_names().map(|name| name.package.as_str()).collect();
    let fine = format!(
        "{} in {}: nothing is wrong",
        count(catalog.asked_names().count(), "interface"),
        count(packages.len(), "package")
    );
    match render.is_json() {
        // A script that counts lines counts problems.
        true => render.note(fine),
        false => render.line(None, &fine)?,
    }
    Ok(Outcome::Found)
}

fn print(render: &Render, problem: &Diagnostic, follows_another: bool) -> Result<(), CommandError> {
    if render.is_json() {
        render.answer(&InterfaceProblem {
            file: problem.path.clone(),
            line: problem.line,
            column: problem.column,
            message: &problem.message,
            help: &problem.help,
        })?;
        return Ok(());
    }
    if follows_another {
        render.line(None, "")?;
    }
    Ok(render.lines(&problem.to_string())?)
}
