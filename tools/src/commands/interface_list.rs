//! `interface list`: the interfaces that this program knows.

use nuncio_codegen::model::InterfaceKind;

use super::{CommandError, Outcome};
use crate::answers::interface::InterfaceListed;
use crate::catalog::Catalog;
use crate::cli::InterfaceList;
use crate::render::Render;

pub(super) fn run(render: &Render, catalog: &Catalog, args: InterfaceList) -> Result<Outcome, CommandError> {
    let only = match (args.only_msgs, args.only_srvs, args.only_actions) {
        (true, _, _) => Some(InterfaceKind::Msg),
        (_, true, _) => Some(InterfaceKind::Srv),
        (_, _, true) => Some(InterfaceKind::Action),
        _ => None,
    };
    for name in catalog.asked_names() {
        if only.is_some_and(|kind| kind != name.kind) {
            continue;
        }
        match render.is_json() {
            true => render.answer(&InterfaceListed {
                type_name: name.to_string(),
                kind: name.kind.as_str(),
            })?,
            false => render.line(None, &name.to_string())?,
        }
    }
    Ok(Outcome::Found)
}
