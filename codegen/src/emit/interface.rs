//! What messages, services and actions say about themselves alike, and the marker types of services and actions.

use super::docs::{docs, paragraphs};
use super::writer::Writer;
use super::{Emitter, ident};
use crate::model::{Action, InterfaceKind, Service, TypeName};
use crate::{type_description_json, type_hash};

impl Emitter<'_> {
    pub(super) fn service(&self, writer: &mut Writer, service: &Service) {
        let root = &self.target.crate_path;
        self.marker(writer, &service.type_name, &service.comment, "service");
        writer.open(&format!(
            "impl {root}::Service for {} {{",
            ident::upper(&service.type_name)
        ));
        writer.line(&format!("type Request = {};", ident::upper(&service.request.type_name)));
        writer.line(&format!(
            "type Response = {};",
            ident::upper(&service.response.type_name)
        ));
        self.identity(writer, &service.type_name);
        writer.close("}");
    }

    pub(super) fn action(&self, writer: &mut Writer, action: &Action) {
        let root = &self.target.crate_path;
        self.marker(writer, &action.type_name, &action.comment, "action");
        writer.open(&format!(
            "impl {root}::Action for {} {{",
            ident::upper(&action.type_name)
        ));
        for (part, name) in [
            ("Goal", &action.goal.type_name),
            ("Result", &action.result.type_name),
            ("Feedback", &action.feedback.type_name),
            ("SendGoal", &action.send_goal.type_name),
            ("GetResult", &action.get_result.type_name),
            ("FeedbackMessage", &action.feedback_message.type_name),
        ] {
            writer.line(&format!("type {part} = {};", ident::upper(name)));
        }
        self.identity(writer, &action.type_name);
        writer.close("}");
    }

    /// A type without values, which names a service or an action.
    fn marker(&self, writer: &mut Writer, name: &TypeName, comment: &str, what: &str) {
        docs(writer, &paragraphs([comment.to_owned()]));
        if !comment.is_empty() {
            writer.line("///");
        }
        writer.line(&format!(
            "/// The ROS 2 {what} `{name}`. The type has no values; it stands for the {what} as a parameter."
        ));
        writer.line("#[derive(Clone, Copy, Debug, Eq, PartialEq)]");
        writer.line(&format!("pub enum {} {{}}", ident::upper(name)));
        writer.line("");
    }

    /// The associated constants that messages, services and actions have in common.
    pub(super) fn identity(&self, writer: &mut Writer, name: &TypeName) {
        let root = &self.target.crate_path;
        let Some(description) = self.interfaces.describe(name) else {
            return;
        };
        let hash = type_hash(&description);
        writer.line(&format!("const TYPE_NAME: &'static str = \"{name}\";"));
        writer.open(&format!(
            "const TYPE_HASH: {root}::TypeHash = {root}::TypeHash::from_bytes(["
        ));
        for half in hash.chunks(16) {
            writer.line(
                &half
                    .iter()
                    .map(|byte| format!("0x{byte:02x},"))
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        }
        writer.close("]);");
        self.definitions(writer, name);
        writer.line(&format!(
            "const TYPE_DESCRIPTION: &'static str = {:?};",
            type_description_json(&description)
        ));
    }

    fn definitions(&self, writer: &mut Writer, name: &TypeName) {
        let root = &self.target.crate_path;
        let definitions = self.interfaces.definitions(name).unwrap_or_default();
        let Some(((own, text), referenced)) = definitions.split_first() else {
            return;
        };
        if *own == name {
            writer.open(&format!("const DEFINITION: {root}::Definition = {root}::Definition {{"));
            writer.line(&format!("type_name: \"{own}\","));
            writer.line(&format!("text: {text:?},"));
            writer.close("};");
        } else {
            let definition = self.definition_of(name, own);
            writer.line(&format!("const DEFINITION: {root}::Definition = {definition};"));
        }
        writer.open(&format!("const DEFINITIONS: &'static [{root}::Definition] = &["));
        writer.line(&format!("{},", self.definition_of(name, own)));
        for (other, _) in referenced {
            writer.line(&format!("{},", self.definition_of(name, other)));
        }
        writer.close("];");
    }

    /// The expression for the definition of a file, as code in the module of `from` writes it.
    fn definition_of(&self, from: &TypeName, file: &TypeName) -> String {
        let root = &self.target.crate_path;
        let role = match file.kind {
            InterfaceKind::Msg => "Message",
            InterfaceKind::Srv => "Service",
            InterfaceKind::Action => "Action",
        };
        let path = if from == file {
            "Self".to_owned()
        } else {
            self.path(from, file)
        };
        format!("<{path} as {root}::{role}>::DEFINITION")
    }
}
