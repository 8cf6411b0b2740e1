//! `interface hash`: RIHS01 type hashes.

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{type_hash, type_hash_text};

use super::{CommandError, Outcome};
use crate::answers::interface::InterfaceHashed;
use crate::catalog::Catalog;
use crate::cli::InterfaceHash;
use crate::render::Render;

pub(super) fn run(render: &Render, catalog: &Catalog, args: InterfaceHash) -> Result<Outcome, CommandError> {
    let interfaces = catalog.compiled()?;
    let names: Vec<TypeName> = match args.type_names.as_slice() {
        // Of a folder, everything that has a hash: the parts of services and actions as well.
        [] if catalog.is_about_folders() => {
            let names = interfaces.names().into_iter();
            names.filter(|name| catalog.is_asked(name)).cloned().collect()
        }
        [] => catalog.names().cloned().collect(),
        asked => match asked
            .iter()
            .map(|text| catalog.find_any(&interfaces, text))
            .collect::<Result<_, _>>()
        {
            Ok(names) => names,
            Err(unknown) => {
                render.note(unknown);
                return Ok(Outcome::Nothing);
            }
        },
    };
    for name in names {
        let Some(description) = interfaces.describe(&name) else {
            continue;
        };
        let hash = type_hash_text(&type_hash(&description));
        match render.is_json() {
            true => render.answer(&InterfaceHashed {
                type_name: name.to_string(),
                hash,
            })?,
            false => render.line(None, &format!("{hash}  {name}"))?,
        }
    }
    Ok(Outcome::Found)
}
